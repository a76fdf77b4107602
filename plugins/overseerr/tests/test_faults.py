"""The fault table: what Overseerr can do wrong, at each route. People get words or what is kept, never a 500."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pydantic import BaseModel

from medianest_hub.plugin_api.errors import HubError, NotFound
from medianest_overseerr.client import calling as client_calling
from medianest_overseerr.client import pictures, service
from medianest_overseerr.images import poster
from medianest_overseerr.requests import looking

from . import calling
from .conftest import FILM, OTHER_FILM, SERIES, Ctx, linked, manager

FAULTS = (
    *("hang", "reset", "empty", "cut", "endless", "html", "html_401", "html_404", "not_json", "other_shape", "nothing"),
    *(
        "redirect",
        "429",
        "500",
        "502",
        "503",
        "504",
        "json_401",
        "json_403",
        "json_429",
        "json_500",
        "half_json",
        "huge",
    ),
)
"""Nothing usable comes of these."""

ODD = ("slow", "half", "giant", "twice", "empty_page", "csrf")
"""Of these something may: then it must be right, else there are words."""

ALLOWED = {502, 503, 504}
Call = Callable[[Ctx, Any, Any], Awaitable[Any]]

ASKS: dict[str, Call] = {
    "GET /search": lambda ctx, mia, ada: calling.search(ctx, mia, "something new"),
    "GET /trending": lambda ctx, mia, ada: calling.trending(ctx, mia),
    "GET /movies": lambda ctx, mia, ada: calling.movie(ctx, mia, OTHER_FILM),
    "GET /series": lambda ctx, mia, ada: calling.series(ctx, mia, 210002),
    "GET /quota": lambda ctx, mia, ada: calling.quota(ctx, mia),
    "POST /requests": lambda ctx, mia, ada: calling.ask(ctx, mia, 910010),
    "DELETE /requests": lambda ctx, mia, ada: calling.cancel(ctx, mia, 1),
    "POST approve": lambda ctx, mia, ada: calling.approve(ctx, ada, 1),
    "POST decline": lambda ctx, mia, ada: calling.decline(ctx, ada, 1),
    "POST retry": lambda ctx, mia, ada: calling.retry(ctx, ada, 3),
    "GET /issues": lambda ctx, mia, ada: calling.my_issues(ctx, mia),
    "GET /manage/issues": lambda ctx, mia, ada: calling.all_issues(ctx, ada),
    "POST /issues": lambda ctx, mia, ada: calling.report(ctx, mia, FILM),
    "GET /issues/id": lambda ctx, mia, ada: calling.issue(ctx, mia, 1),
    "POST comments": lambda ctx, mia, ada: calling.comment(ctx, mia, 1),
    "POST close": lambda ctx, mia, ada: calling.close(ctx, ada, 1),
    "GET /people": lambda ctx, mia, ada: calling.people(ctx, ada),
    "PUT /people": lambda ctx, mia, ada: calling.match(ctx, ada, ada.id, 3),
}
"""What cannot be had without Overseerr."""

KEPT: dict[str, Call] = {
    "GET /requests": lambda ctx, mia, ada: calling.mine(ctx, mia),
    "GET /requests/counts": lambda ctx, mia, ada: calling.my_counts(ctx, mia),
    "GET /requests/id": lambda ctx, mia, ada: calling.one(ctx, mia, 1),
    "GET /manage/requests": lambda ctx, mia, ada: calling.everybodys(ctx, ada),
    "GET /manage/requests/counts": lambda ctx, mia, ada: calling.all_counts(ctx, ada),
}
"""What is answered from what is kept, however Overseerr is."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Pauses between attempts, and deadlines, short enough to wait for."""
    monkeypatch.setattr("medianest_hub.infrastructure.http_client.client._FIRST_PAUSE", 0.01)
    monkeypatch.setattr(client_calling, "_DEADLINE", 0.7)
    monkeypatch.setattr(client_calling, "_CHANGE_DEADLINE", 0.7)
    monkeypatch.setattr(service, "_QUICK", 0.7)
    monkeypatch.setattr(pictures, "_DEADLINE", 0.7)
    monkeypatch.setattr(looking, "_PATIENCE", 2.0)


@pytest.fixture
async def stage(make, seerr):
    """Mia has three requests and an issue, all of which the hub has seen."""
    ctx = await make(seerr)
    mia, ada = linked(ctx, "mia", 1002), manager(ctx)
    seerr.change_user("mia", permissions=32 + 4194304)
    seerr.request("mia", ("movie", FILM))
    seerr.request("mia", ("tv", SERIES), seasons=(1,))
    seerr.fail(seerr.approve(seerr.request("mia", ("movie", 910012))))
    seerr.open_issue("mia", ("movie", FILM), "It is too dark.")
    await calling.mine(ctx, mia)
    await calling.everybodys(ctx, ada)
    return ctx, mia, ada


async def outcome(ctx: Ctx, call: Call, mia: Any, ada: Any, fault: str) -> HubError | BaseModel | None:
    # Late enough that nothing remembered, nor a look a moment ago, can answer.
    ctx.clock.advance(3600)
    try:
        found: BaseModel | None = await call(ctx, mia, ada)
    except HubError as error:
        return error
    return found


def check(name: str, error: HubError, key: str) -> None:
    assert error.status in ALLOWED, (name, error.status, error.message)
    assert "Overseerr" in error.message, (name, error.message)
    assert error.message.endswith("."), (name, error.message)
    assert key not in error.message, name


@pytest.mark.parametrize("fault", FAULTS)
async def test_each_route_has_words_for_it(stage, seerr, fault):
    ctx, mia, ada = stage
    seerr.faults.set("every", fault)
    for name, call in ASKS.items():
        found = await outcome(ctx, call, mia, ada, fault)
        assert isinstance(found, HubError), name
        check(name, found, seerr.api_key)
    for name, call in KEPT.items():
        found = await outcome(ctx, call, mia, ada, fault)
        assert isinstance(found, BaseModel), (name, found)
    page = await calling.mine(ctx, mia)
    assert [one.id for one in page.items] == [3, 2, 1]
    assert page.freshness.stale
    assert page.freshness.reason.endswith(".")
    assert len([line for line in ctx.log.lines if line.event == "overseerr_down"]) == 1


@pytest.mark.parametrize("fault", ODD)
async def test_what_is_odd_breaks_nothing(stage, seerr, fault):
    ctx, mia, ada = stage
    seerr.faults.set("every", fault)
    for name, call in {**ASKS, **KEPT}.items():
        found = await outcome(ctx, call, mia, ada, fault)
        if isinstance(found, HubError) and not isinstance(found, NotFound):
            assert found.status in {*ALLOWED, 409}, (name, found.message)
            assert seerr.api_key not in found.message
    assert {one.id for one in (await calling.mine(ctx, mia)).items} >= {2, 3}


@pytest.mark.parametrize("fault", ["504", "html_404"])
async def test_a_passing_fault_of_one_route_leaves_the_others_be(stage, seerr, fault):
    ctx, mia, _ = stage
    seerr.faults.set("search", fault)
    assert isinstance(await outcome(ctx, ASKS["GET /search"], mia, None, fault), HubError)
    assert (await calling.movie(ctx, mia)).title
    seerr.faults.clear()
    assert (await calling.search(ctx, mia, "salt")).items


async def test_first_look_that_fails_says_why_and_shows_nothing(make, seerr):
    ctx = await make(seerr)
    mia = linked(ctx, "mia", 1002)
    assert (await calling.quota(ctx, mia)).movie.limit is None
    seerr.faults.set("requests", "503")
    with pytest.raises(HubError) as caught:
        await calling.mine(ctx, mia)
    check("GET /requests", caught.value, seerr.api_key)


async def test_when_it_is_back_lists_are_fresh_again_and_the_log_says_so_once(stage, seerr):
    ctx, mia, _ = stage
    seerr.stop()
    for _ in range(3):
        ctx.clock.advance(3600)
        assert (await calling.mine(ctx, mia)).freshness.stale
    seerr.restart()
    seerr.request("mia", ("movie", OTHER_FILM))
    async with asyncio.timeout(60):
        while (page := await calling.mine(ctx, mia)).freshness.stale:
            await asyncio.sleep(0.1)  # until it is tried again
            ctx.clock.advance(3600)
    assert len(page.items) == 4
    assert [line.event for line in ctx.log.lines if line.event in ("overseerr_down", "overseerr_up")] == [
        "overseerr_down",
        "overseerr_up",
    ]


async def test_a_request_that_was_cut_off_may_have_been_taken_and_it_is_said_so(stage, seerr):
    ctx, mia, _ = stage
    seerr.faults.set("ask", "hang")
    with pytest.raises(HubError) as caught:
        await calling.ask(ctx, mia, 910010)
    assert caught.value.status == 504
    assert "may have taken the request all the same" in caught.value.message
    assert len(seerr.asked_of("ask")) == 1  # never repeated by itself


@pytest.mark.parametrize(
    ("fault", "in_doubt"),
    [
        *((fault, True) for fault in ("reset", "half_json", "other_shape", "502", "500", "cut")),
        *((fault, False) for fault in ("503", "429", "html_401", "html_404", "json_401")),
    ],
)
async def test_what_was_sent_and_not_answered_may_have_been_done_and_what_was_turned_away_was_not(
    stage, seerr, fault, in_doubt
):
    ctx, mia, ada = stage
    for route, call in (
        ("ask", calling.ask(ctx, mia, 910010)),
        ("decide", calling.decline(ctx, ada, 1, "We have it on disc.")),
        ("delete_request", calling.cancel(ctx, ada, 1)),
    ):
        seerr.faults.set(route, fault)
        if route == "delete_request" and fault in ("half_json", "other_shape"):
            await call  # its answer has nothing in it that anybody would read
            continue
        with pytest.raises(HubError) as caught:
            await call
        assert ("all the same" in caught.value.message) is in_doubt, (route, caught.value.message)
        if route == "decide":  # it may be declined, and then its maker is to know why
            reason = await ctx.db.fetchval("SELECT reason FROM plugin_overseerr.request WHERE request_id = 1")
            assert bool(reason) is in_doubt
        assert len(seerr.asked_of(route)) == 1 or route == "delete_request"


async def test_csrf_protection_is_named_where_something_is_to_change(stage, seerr):
    ctx, mia, ada = stage
    seerr.world.settings.csrf_protection = True
    for call in (calling.ask(ctx, mia, 910010), calling.approve(ctx, ada, 1), calling.cancel(ctx, mia, 1)):
        with pytest.raises(HubError) as caught:
            await call
        assert (caught.value.error_code, caught.value.status) == ("overseerr_csrf", 502)
        assert "CSRF protection" in caught.value.message


async def test_a_key_that_was_renewed_is_named(stage, seerr):
    ctx, mia, ada = stage
    seerr.new_api_key()
    for call in (calling.ask(ctx, mia, 910010), calling.quota(ctx, mia), calling.approve(ctx, ada, 1)):
        with pytest.raises(HubError) as caught:
            await call
        assert (caught.value.error_code, caught.value.status) == ("auth_failed", 502)
        assert [field.field for field in caught.value.fields] == ["api_key"]


@pytest.mark.parametrize("fault", ["hang", "reset", "500", "cut", "redirect"])
async def test_a_poster_that_cannot_be_had(stage, seerr, fault):
    ctx, *_ = stage
    seerr.faults.set("picture", fault)
    with pytest.raises(HubError) as caught:
        await poster(ctx, "/pm910001.jpg", 342, 0)
    assert caught.value.status in ALLOWED
