"""Each way the Plex server can fail at each question of a sync: words for it, nothing lost, and the next sync goes on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from medianest_hub.testing import ContextMaker
from medianest_plex.client import library, server
from medianest_plex.events import ItemAdded, ServerDown, ServerUp
from medianest_plex.library import removing
from medianest_plex.library.hints import hint
from medianest_plex.library.sections import SECOND_LOOK
from medianest_plex.library.state import read_server
from medianest_plex.tasks import SyncResult
from tests.simulators.plex.server import PlexSimulator

from .conftest import Make
from .syncing import Ctx, in_the_index, index, later, on_the_server, running, section, synced, well_synced

BROKEN = {
    "hang": "did not answer within",
    "reset": "",
    "empty": "",
    "cut": "",
    "endless": "more than",
    "html": "web page",
    "html_401": "token",
    "json_403": "token",
    "invalid_token": "422",
    "half_json": "JSON was expected",
    "xml": "answered XML",
    "not_json": "JSON was expected",
    "other_shape": "MediaContainer",
    "nothing": "nothing where JSON was expected",
    "redirect": "redirect",
    "429": "429",
    "500": "500",
    "503": "503",
    "504": "504",
}
"""What is wrong, and a part of the words for it."""
OF_STRANGERS = {"html_401": "credentials", "json_403": "credentials", "xml": "JSON was expected"}
"""The words where the server is asked without the token."""
BEARABLE = ("slow", "repeats", "skips", "empty_list", "html_404")
"""What a sync goes through with, or refuses, depending on the question; nothing may be lost in any case."""
ROUTES = ("identity", "root", "sections", "all", "metadata", "collections", "members", "playlists", "playlist_items")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medianest_hub.infrastructure.http_client.client._FIRST_PAUSE", 0.01)
    monkeypatch.setattr("tests.simulators.faults.SLOW_SECONDS", 0.05)
    monkeypatch.setattr(library, "_PAGE_CAP", 4 * 1024 * 1024)


def hurry(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    """Deadlines that can be waited for where nothing answers, and those of a household otherwise."""
    for module, name in ((library, "_DEADLINE"), (library, "_QUICK"), (server, "_DEADLINE")):
        monkeypatch.setattr(module, name, 0.4 if fault == "hang" else 20.0)


@pytest.fixture
async def ctx(make: Make, plex: PlexSimulator) -> Ctx:
    return running(await make(token=plex.token(), page_size=50))


@pytest.fixture
def furnished(plex: PlexSimulator) -> PlexSimulator:
    plex.fill(movies=130, shows=2, seasons=2, episodes=3)
    films = [film for key in range(1, 60) if (film := plex.pms.library.get(key)) is not None]
    plex.add_collection("Many", films)
    plex.add_playlist("Evening", films)
    return plex


async def groups(ctx: Ctx) -> list[tuple[str, int]]:
    rows = await ctx.db.fetch(
        """SELECT g.title, count(*) FROM plugin_plex.grouping g
             JOIN plugin_plex.grouped m ON m.instance = g.instance AND m.grouping_key = g.rating_key
            GROUP BY 1 ORDER BY 1"""
    )
    return [(row[0], row[1]) for row in rows]


async def with_new_calls(ctx: Ctx, context: ContextMaker) -> Ctx:
    """The same, without what the breaker learned."""
    fresh = await context(ctx.settings)
    return replace(ctx, http=fresh.http, state={})


async def tried(ctx: Ctx, plex: PlexSimulator, round_of: int) -> SyncResult:
    """A sync that has a reason for each of its questions."""
    later(ctx, plex, 3600)
    for key in (3, 4):
        plex.change(key, title=f"Edition {round_of}")
    for group in ("Many", "Evening"):
        (found,) = [one for one in plex.pms.library.items.values() if one.title == group]
        plex.change(found.rating_key, summary=str(round_of))
    await hint(ctx, [5, 6])
    return await synced(ctx)


@pytest.mark.parametrize("route", ROUTES)
async def test_whatever_goes_wrong_nothing_is_lost_and_the_next_sync_goes_on(
    ctx: Ctx, furnished: PlexSimulator, route: str, context: ContextMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await well_synced(ctx)
    everything = (await in_the_index(ctx)).keys()
    for round_of, fault in enumerate([*BROKEN, *BEARABLE]):
        ctx = await with_new_calls(ctx, context)
        furnished.faults.set(route, fault)
        hurry(monkeypatch, fault)
        result = await tried(ctx, furnished, round_of)
        if fault in BROKEN:
            words = OF_STRANGERS.get(fault, BROKEN[fault]) if route == "identity" else BROKEN[fault]
            assert words in result.trouble, fault
            assert result.trouble.endswith("."), fault
            assert "Plex server" in result.trouble, fault
            kept = await read_server(ctx.db, ctx.instance)
            assert kept.trouble != "", fault
            assert kept.connected == (route != "identity"), fault
        assert (await in_the_index(ctx)).keys() == everything, fault
        assert await groups(ctx) == [("Evening", 59), ("Many", 59)], fault
        furnished.faults.clear()
        hurry(monkeypatch, "")
        ctx = await with_new_calls(ctx, context)
        await well_synced(ctx)
        assert (await read_server(ctx.db, ctx.instance)).trouble == ""
    later(ctx, furnished, SECOND_LOOK.total_seconds() + 1)
    await well_synced(ctx)
    assert await in_the_index(ctx) == on_the_server(furnished)
    assert not any(isinstance(data, ItemAdded) for data, _ in ctx.events.emitted)


@pytest.mark.parametrize(
    "fault", ["hang", "cut", "html", "html_401", "half_json", "500", "empty_list", "skips", "repeats"]
)
async def test_a_first_sync_that_fails_is_still_a_first_sync_when_it_goes_on(
    ctx: Ctx, furnished: PlexSimulator, fault: str, context: ContextMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch, fault)
    seen = 0

    def count() -> None:
        nonlocal seen
        seen += 1
        if seen == 6:
            furnished.faults.set("all", fault)
        else:
            furnished.after("all", count)

    furnished.after("all", count)
    await synced(ctx)
    furnished.faults.clear()
    hurry(monkeypatch, "")
    ctx = await with_new_calls(ctx, context)
    later(ctx, furnished, 300)
    await well_synced(ctx)
    later(ctx, furnished, 300)
    await well_synced(ctx)
    assert await in_the_index(ctx) == on_the_server(furnished)
    assert await ctx.db.fetchval("SELECT count(*) FROM plugin_plex.arrival") == 0


async def test_a_server_that_stops_is_away_and_its_library_stays(
    ctx: Ctx, furnished: PlexSimulator, context: ContextMaker
) -> None:
    await well_synced(ctx)
    kept = await in_the_index(ctx)
    furnished.stop()
    result = await synced(ctx)
    assert result.trouble
    away = await read_server(ctx.db, ctx.instance)
    assert (away.connected, away.synced_at is not None) == (False, True)
    assert await in_the_index(ctx) == kept
    furnished.restart()
    ctx = await with_new_calls(ctx, context)
    later(ctx, furnished, 60)
    await well_synced(ctx)
    assert [type(data) for data, _ in ctx.events.emitted] == [ServerDown, ServerUp]


async def test_another_server_at_the_address_is_shown_no_token_and_changes_nothing(
    ctx: Ctx, furnished: PlexSimulator
) -> None:
    await well_synced(ctx)
    kept = await in_the_index(ctx)
    furnished.move_server(port=False, machine=True)
    furnished.asked.clear()
    result = await synced(ctx)
    assert "Another Plex server" in result.trouble
    assert all("X-Plex-Token" not in asked.headers for asked in furnished.asked)
    assert await in_the_index(ctx) == kept
    assert (await read_server(ctx.db, ctx.instance)).connected is False


async def test_a_token_taken_back_is_said_and_changes_nothing(ctx: Ctx, furnished: PlexSimulator) -> None:
    await well_synced(ctx)
    kept = await in_the_index(ctx)
    furnished.faults.set("root", "html_401")
    result = await synced(ctx)
    assert "Enter a new one in the settings" in result.trouble
    server = await read_server(ctx.db, ctx.instance)
    assert (server.connected, server.trouble) == (True, result.trouble)
    assert await in_the_index(ctx) == kept


@pytest.mark.parametrize("full", [False, True])
async def test_a_library_that_is_empty_once_is_kept_and_one_that_stays_empty_is_not(
    ctx: Ctx, furnished: PlexSimulator, full: bool
) -> None:
    await well_synced(ctx)
    kept = await in_the_index(ctx)
    furnished.faults.set("all", "empty_list")
    furnished.faults.set("metadata", "html_404")
    assert (await synced(ctx, full=full)).removed == 0
    assert (await section(ctx))["doubt_since"] is not None
    assert await in_the_index(ctx) == kept
    assert [one.delay for one in ctx.jobs.queued][-1] >= SECOND_LOOK.total_seconds()
    # A second look too soon is none.
    await synced(ctx)
    assert await in_the_index(ctx) == kept
    later(ctx, furnished, SECOND_LOOK.total_seconds() + 1)
    await synced(ctx)
    assert await in_the_index(ctx) == {}


async def test_a_library_that_was_empty_once_is_whole_after_the_second_look(ctx: Ctx, furnished: PlexSimulator) -> None:
    await well_synced(ctx)
    furnished.faults.set("all", "empty_list")
    await synced(ctx)
    furnished.faults.clear()
    later(ctx, furnished, SECOND_LOOK.total_seconds() + 1)
    result = await well_synced(ctx)
    assert (result.fresh, result.removed) == (0, 0)
    assert await in_the_index(ctx) == on_the_server(furnished)
    assert (await section(ctx))["doubt_since"] is None


@pytest.mark.parametrize("full", [False, True])
async def test_a_short_answer_costs_a_large_library_nothing(
    ctx: Ctx, furnished: PlexSimulator, full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removing, "_TOO_MANY", 40)
    furnished.fill(movies=270)
    await well_synced(ctx)
    kept = await index(ctx)
    furnished.faults.set("all", "short")
    result = await synced(ctx, full=full)
    assert (result.removed, (await section(ctx))["doubt_since"] is not None) == (0, True)
    later(ctx, furnished, SECOND_LOOK.total_seconds() + 1)
    assert (await synced(ctx)).removed == 0  # asked for one by one, they are there
    furnished.faults.clear()
    later(ctx, furnished, SECOND_LOOK.total_seconds() + 1)
    await well_synced(ctx)
    assert {key: row["id"] for key, row in (await index(ctx)).items()} == {key: row["id"] for key, row in kept.items()}
    assert (await section(ctx))["doubt_since"] is None


async def test_many_that_are_gone_are_let_go_of_at_the_second_look(
    ctx: Ctx, furnished: PlexSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removing, "_TOO_MANY", 40)
    await well_synced(ctx)
    for key in list(furnished.pms.library.keys(1, "movie"))[:60]:
        furnished.delete(key)
    assert (await well_synced(ctx)).removed == 0
    later(ctx, furnished, SECOND_LOOK.total_seconds() + 1)
    assert (await well_synced(ctx)).removed == 60
    assert await in_the_index(ctx) == on_the_server(furnished)


async def test_a_library_the_server_does_not_name_once_is_kept_and_later_is_not(
    ctx: Ctx, furnished: PlexSimulator
) -> None:
    await well_synced(ctx)
    kept = await in_the_index(ctx)
    furnished.faults.set("sections", "empty_list")
    await synced(ctx)
    assert await in_the_index(ctx) == kept
    later(ctx, furnished, SECOND_LOOK.total_seconds() + 1)
    await synced(ctx)
    assert await in_the_index(ctx) == {}
    assert await ctx.db.fetchval("SELECT count(*) FROM plugin_plex.section") == 0
    assert await ctx.db.fetchval("SELECT count(*) FROM plugin_plex.grouping WHERE kind = 'collection'") == 0


@pytest.fixture
def some_odd(plex: PlexSimulator) -> PlexSimulator:
    """Of 60 films there are 6 of which the server does not say what they are."""
    plex.fill(movies=60)
    plex.faults.set("all", "odd")
    plex.faults.set("metadata", "odd")
    return plex


async def test_items_that_do_not_fit_are_left_out_and_hold_up_nothing(ctx: Ctx, some_odd: PlexSimulator) -> None:
    good = {key: value for key, value in on_the_server(some_odd).items() if key % 10 != 7}
    await well_synced(ctx)
    assert await in_the_index(ctx) == good
    for _ in range(2):
        some_odd.change(3, title="Changed")
        later(ctx, some_odd, 7200)
        hints = len(ctx.jobs.queued)
        await well_synced(ctx)
        assert (await index(ctx))[3]["title"] == "Changed"
        assert len(ctx.jobs.queued) == hints + 1  # nothing is read again for the sake of them
        assert (await section(ctx))["full_at"] > ctx.clock.now() - timedelta(days=1)
    some_odd.faults.clear()
    await well_synced(ctx)
    assert await in_the_index(ctx) == on_the_server(some_odd)


async def test_where_many_do_not_fit_nothing_is_let_go_of_and_it_is_said(ctx: Ctx, plex: PlexSimulator) -> None:
    plex.fill(movies=130)
    ctx = replace(ctx, settings=ctx.settings.model_copy(update={"page_size": 130}))
    await well_synced(ctx)
    plex.faults.set("all", "odd")
    later(ctx, plex, 90_000)
    assert "MediaContainer.Metadata" in (await synced(ctx)).trouble
    assert await in_the_index(ctx) == on_the_server(plex)


async def test_a_page_that_takes_too_long_is_asked_for_in_smaller_parts(
    ctx: Ctx, furnished: PlexSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "_DEADLINE", 0.3)
    kinds = 4
    seen = 0

    def count() -> None:
        nonlocal seen
        seen += 1
        if seen == kinds:
            furnished.faults.set("all", "hang", times=1)
        else:
            furnished.after("all", count)

    furnished.after("all", count)
    await well_synced(ctx)
    assert {asked.query["X-Plex-Container-Size"] for asked in furnished.asked_of("all")} >= {"50", "25"}
    assert await in_the_index(ctx) == on_the_server(furnished)
