"""The webhook: a hint to look, never believed; whoever it concerns is told once, whoever else is not."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import ValidationError

from medianest_hub.plugin_api.errors import BadInput
from medianest_overseerr import webhooks
from medianest_overseerr.hearing.hint import Hint
from medianest_overseerr.kinds import KINDS
from medianest_overseerr.states import RequestState as S
from medianest_overseerr.webhooks import notified
from tests.simulators.overseerr.notices import Kind

from . import calling
from .conftest import FILM, SERIES, linked, manager
from .hearing import changes, hear, look_again, poll, shown, told

FOR_MANAGERS = {f"overseerr.{kind.name}" for kind in KINDS if kind.permission == "manage"}


@pytest.fixture
async def ctx(make, sim):
    """After the first look, when all that was there is known."""
    ctx = await make(sim)
    await poll(ctx)
    return ctx


async def test_each_step_of_a_request_is_told_to_whose_it_is(ctx, sim):
    mia = linked(ctx, "mia", 1002).id
    request = sim.request("mia", ("movie", FILM))
    await hear(ctx, sim, Kind.MEDIA_PENDING, request=request)
    sim.approve(request)
    await hear(ctx, sim, Kind.MEDIA_APPROVED, request=request)
    sim.arrive(request)
    await hear(ctx, sim, Kind.MEDIA_AVAILABLE, request=request)
    assert told(ctx) == [
        ("requested", mia),
        ("request_pending", None),
        ("request_approved", mia),
        ("request_available", mia),
    ]
    there = S.COMPLETED if sim.world.seerr else S.AVAILABLE
    assert changes(ctx) == [(None, S.PENDING, mia), (S.PENDING, S.PROCESSING, mia), (S.PROCESSING, there, mia)]
    assert shown(ctx) == [("pending", mia), ("processing", mia), (there.value, mia)]
    titles = {one.title for one in ctx.notify.told if one.person == mia}
    name = sim.world.catalogue.get("movie", FILM).name
    assert all(name in title for title in titles)
    assert ("my_requests", mia) in ctx.realtime.changed
    assert ("waiting", None) in ctx.realtime.changed


async def test_the_template_the_services_bring_is_understood_too(ctx, sim):
    mia = linked(ctx, "mia", 1002).id
    request = sim.approve(sim.request("mia", ("tv", SERIES), seasons=[1]))
    await hear(ctx, sim, Kind.MEDIA_APPROVED, template=None, request=request)
    assert ("request_approved", mia) in told(ctx)
    assert ctx.notify.told[-1].title.endswith("· S1")


async def test_twice_or_many_at_once_is_told_once(ctx, sim):
    mia = linked(ctx, "mia", 1002).id
    request = sim.approve(sim.request("mia", ("movie", FILM)))
    await asyncio.gather(*(hear(ctx, sim, Kind.MEDIA_APPROVED, request=request) for _ in range(6)), poll(ctx))
    await hear(ctx, sim, Kind.MEDIA_APPROVED, request=request)
    await poll(ctx)
    assert changes(ctx) == [(None, S.PROCESSING, mia)]
    assert told(ctx) == [("requested", mia), ("request_approved", mia)]
    assert len(shown(ctx)) == 1


async def test_what_a_lying_body_claims_is_not_taken(ctx, sim):
    mia = linked(ctx, "mia", 1002).id
    request = sim.request("mia", ("movie", FILM))
    await hear(ctx, sim, Kind.MEDIA_AVAILABLE, request=request)
    assert changes(ctx) == [(None, S.PENDING, mia)]
    assert "request_available" not in [kind for kind, _ in told(ctx)]


async def test_what_is_told_of_before_it_is_written_down_is_looked_at_again(ctx, sim):
    mia = linked(ctx, "mia", 1002).id
    request = sim.approve(sim.request("mia", ("movie", FILM)))
    await hear(ctx, sim, Kind.MEDIA_AVAILABLE, request=request)
    assert "request_available" not in [kind for kind, _ in told(ctx)]
    sim.arrive(request)
    assert [args.tries for args in await look_again(ctx)] == [1]
    assert told(ctx)[-1] == ("request_available", mia)
    assert await look_again(ctx) == []


async def test_looking_again_comes_to_an_end(ctx, sim):
    linked(ctx, "mia", 1002)
    request = sim.request("mia", ("movie", FILM))
    await hear(ctx, sim, Kind.MEDIA_APPROVED, request=request)
    delays = []
    while again := [job.delay for job in ctx.jobs.queued if job.task == "look_again"]:
        delays += again
        await look_again(ctx)
    assert delays == [3.0, 20.0]


@pytest.mark.parametrize(
    "body",
    [
        {"notification_type": "MEDIA_APPROVED", "request_id": "999"},
        {"notification_type": "MEDIA_APPROVED", "request_id": 2**31},
        {"notification_type": "MEDIA_APPROVED", "request_id": "-1"},
        {"notification_type": "MEDIA_APPROVED", "request_id": "1; DROP TABLE request"},
        {"notification_type": "MEDIA_APPROVED", "request_id": None, "request": "no object"},
        {"notification_type": "MEDIA_AVAILABLE", "media": {"media_type": "movie", "tmdbId": "5"}},
        {"notification_type": "MEDIA_AVAILABLE", "media": {"media_type": "book", "tmdbId": "\u0665"}},
        {"notification_type": "ISSUE_RESOLVED", "issue_id": "999"},
        {"notification_type": "ISSUE_RESOLVED", "issue": {"issue_id": {"$gt": 0}}},
        {"notification_type": "ISSUE_RESOLVED"},
    ],
)
async def test_partial_and_hostile_bodies_tell_nobody_anything(ctx, sim, body):
    await notified(ctx, Hint.model_validate(body))
    assert (changes(ctx), told(ctx)) == ([], [])


async def test_a_body_that_names_only_the_title_has_its_requests_looked_at(ctx, sim):
    mia = linked(ctx, "mia", 1002).id
    request = sim.request("mia", ("movie", FILM))
    await poll(ctx)
    sim.approve(request)
    body = {"notification_type": "MEDIA_APPROVED", "media_type": "movie", "media_tmdbid": str(FILM), "request_id": ""}
    await notified(ctx, Hint.model_validate(body))
    assert told(ctx)[-1] == ("request_approved", mia)


async def test_a_body_without_a_type_is_refused_with_words_what_to_do(ctx, sim):
    for body in ({}, {"notification_type": ""}, {"notification_type": "{{notification_type}}"}, {"event": "x"}):
        with pytest.raises(BadInput, match="Paste that one into the JSON payload"):
            await notified(ctx, Hint.model_validate(body))


async def test_a_body_that_is_no_object_is_no_hint():
    for body in ([], "x", 1, None):
        with pytest.raises(ValidationError):
            Hint.model_validate(body)


async def test_tests_and_unknown_types_ask_overseerr_nothing(ctx, sim):
    before = len(sim.asked)
    await hear(ctx, sim, Kind.TEST_NOTIFICATION, user=sim.world.owner)
    await notified(ctx, Hint.model_validate({"notification_type": "MEDIA_EXPLODED", "request_id": "1"}))
    assert len(sim.asked) == before
    assert ctx.jobs.queued == []
    assert ctx.metrics.value("webhooks", type="other") == 1
    lines = [line for line in ctx.log.lines if line.event == "overseerr_webhook_passed_over"]
    assert [line.fields["type"] for line in lines] == ["MEDIA_EXPLODED"]


async def test_of_whom_nobody_here_is_known_only_those_who_manage_see_and_that_is_counted(ctx, sim):
    linked(ctx, "mia", 1002)
    request = sim.approve(sim.request("tom", ("movie", FILM)))
    await hear(ctx, sim, Kind.MEDIA_AUTO_APPROVED, request=request)
    assert changes(ctx) == [(None, S.PROCESSING, None)]
    assert (told(ctx), shown(ctx)) == ([("others_requested", None), ("others_request_approved", None)], [])
    assert all(one.params["who"] == "tom" for one in ctx.notify.told)
    assert ctx.metrics.value("untold") == 1


async def test_a_user_who_came_to_overseerr_just_now_is_found(ctx, sim):
    eve = linked(ctx, "eve", 1044).id
    ctx.clock.advance(60)
    sim.add_user("eve", plex_id=1044)
    request = sim.approve(sim.request("eve", ("movie", FILM)))
    await hear(ctx, sim, Kind.MEDIA_APPROVED, request=request)
    assert ("request_approved", eve) in told(ctx)


async def test_those_who_decide_are_told_who_asks_and_members_are_told_no_name(ctx, sim):
    linked(ctx, "mia", 1002)
    manager(ctx)
    request = sim.request("tom", ("movie", FILM))
    await hear(ctx, sim, Kind.MEDIA_PENDING, request=request)
    (pending,) = [one for one in ctx.notify.told if one.kind == "overseerr.request_pending"]
    assert (pending.kind, pending.person) == ("overseerr.request_pending", None)
    assert pending.title.startswith("tom asks for ")
    sim.decline(request)
    await hear(ctx, sim, Kind.MEDIA_DECLINED, request=request)
    mine = sim.approve(sim.request("mia", ("movie", 910002)))
    await hear(ctx, sim, Kind.MEDIA_APPROVED, request=mine)
    for one in ctx.notify.told:
        if one.kind not in FOR_MANAGERS:
            assert "tom" not in repr((one.params, one.title, one.body))
            assert "mia" not in repr((one.params, one.title, one.body))


async def test_the_reason_given_here_is_told_although_the_webhook_comes_first(ctx, sim):
    mia = linked(ctx, "mia", 1002)
    request = sim.request("mia", ("movie", FILM))
    await poll(ctx)
    asked = len(sim.asked_of("request"))
    # It looks afterwards, and this look takes long enough for the webhook to come in between.
    sim.after("decide", lambda: sim.faults.set("request", "slow", 1))
    deciding = asyncio.create_task(calling.decline(ctx, manager(ctx), request.id, "We have the longer cut."))
    await sim.reached(lambda: len(sim.asked_of("request")) == asked + 2)
    await hear(ctx, sim, Kind.MEDIA_DECLINED, request=request)
    await deciding
    (declined,) = [one for one in ctx.notify.told if one.kind == "overseerr.request_declined"]
    assert (declined.person, declined.body) == (mia.id, "We have the longer cut.")


async def test_a_request_that_failed_may_fail_again_and_that_is_told_again(ctx, sim):
    mia = linked(ctx, "mia", 1002).id
    request = sim.approve(sim.request("mia", ("movie", FILM)))
    for _ in range(2):
        sim.fail(request)
        await hear(ctx, sim, Kind.MEDIA_FAILED, request=request)
        await hear(ctx, sim, Kind.MEDIA_FAILED, request=request)
        await calling.retry(ctx, manager(ctx), request.id)
        sim.world.advance(90)
    assert [one for one in told(ctx) if one[0] == "request_failed"] == [("request_failed", mia)] * 2


async def test_what_is_taken_back_is_an_event_and_nothing_people_are_told_of(ctx, sim):
    mia = linked(ctx, "mia", 1002).id
    request = sim.request("mia", ("movie", FILM))
    await poll(ctx)
    before = told(ctx)
    sim.remove(request)
    await poll(ctx)
    assert changes(ctx)[-1] == (S.PENDING, None, mia)
    assert told(ctx) == before


async def test_overseerr_that_hangs_keeps_no_webhook_waiting(ctx, sim, monkeypatch):
    monkeypatch.setattr(webhooks, "_LOOK_SECONDS", 0.3)
    mia = linked(ctx, "mia", 1002).id
    request = sim.approve(sim.request("mia", ("movie", FILM)))
    sim.faults.set("request", "hang")
    for _ in range(3):
        await hear(ctx, sim, Kind.MEDIA_APPROVED, request=request)
    assert [(job.task, job.args.now) for job in ctx.jobs.queued] == [("poll", True)]
    sim.faults.clear()
    await poll(ctx)
    assert ("request_approved", mia) in told(ctx)
