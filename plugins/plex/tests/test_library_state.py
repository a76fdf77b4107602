"""Whether the Plex server is there is kept in one row, and others hear of each change once."""

from __future__ import annotations

import asyncio
from typing import Any

from medianest_hub.testing import MemoryContext
from medianest_plex.events import ServerDown, ServerUp
from medianest_plex.library.state import NEVER, heard, lost, note_sync, read_server
from medianest_plex.settings import PlexSettings

Ctx = MemoryContext[PlexSettings]


def _told(ctx: Ctx, kind: type[Any]) -> list[Any]:
    return [data for data, _ in ctx.events.emitted if isinstance(data, kind)]


async def test_before_it_was_ever_asked_nothing_is_known_of_the_server(ctx: Ctx) -> None:
    assert await read_server(ctx.db, ctx.instance) == NEVER


async def test_the_first_time_it_is_heard_is_no_news_to_others(ctx: Ctx) -> None:
    assert await heard(ctx, name="Home", version="1.41", machine_identifier="abcdef123456")
    kept = await read_server(ctx.db, ctx.instance)
    assert (kept.connected, kept.name, kept.version, kept.since) == (True, "Home", "1.41", ctx.clock.now())
    assert ctx.events.emitted == []


async def test_a_server_that_goes_and_comes_is_told_of_once_each(ctx: Ctx) -> None:
    await heard(ctx, name="Home")
    ctx.clock.advance(10)
    assert [await lost(ctx, "It does not answer."), await lost(ctx, "It still does not.")] == [True, False]
    ctx.clock.advance(60)
    assert [await heard(ctx), await heard(ctx, version="1.42")] == [True, False]
    (down,), (up,) = _told(ctx, ServerDown), _told(ctx, ServerUp)
    assert (down.name, down.reason, up.name, up.seconds) == ("Home", "It does not answer.", "Home", 60)
    kept = await read_server(ctx.db, ctx.instance)
    assert (kept.trouble, kept.version) == ("", "1.42")


async def test_the_latest_words_are_kept_and_the_first_moment(ctx: Ctx) -> None:
    await lost(ctx, "first")
    began = ctx.clock.now()
    ctx.clock.advance(30)
    await lost(ctx, "then")
    kept = await read_server(ctx.db, ctx.instance)
    assert (kept.trouble, kept.since, kept.connected) == ("then", began, False)


async def test_a_remark_stays_until_all_is_well(ctx: Ctx) -> None:
    await heard(ctx, remark="It refuses the token.")
    assert (await read_server(ctx.db, ctx.instance)).trouble == "It refuses the token."
    await heard(ctx)
    assert (await read_server(ctx.db, ctx.instance)).trouble == "It refuses the token."
    await heard(ctx, remark="")
    assert (await read_server(ctx.db, ctx.instance)).trouble == ""


async def test_words_are_logged_once_for_as_long_as_they_stay_the_same(ctx: Ctx) -> None:
    for remark in ("odd", "odd", "", "odd", None):
        await heard(ctx, remark=remark)
    for _ in range(3):
        await lost(ctx, "gone")
    await heard(ctx)
    assert [one.event for one in ctx.log.lines] == [
        "plex_server_heard",
        "plex_server_troubled",
        "plex_server_troubled",
        "plex_server_lost",
        "plex_server_heard",
    ]


async def test_several_that_notice_at_once_tell_once(ctx: Ctx) -> None:
    await heard(ctx)
    assert sum(await asyncio.gather(*(lost(ctx, "gone") for _ in range(5)))) == 1
    assert sum(await asyncio.gather(*(heard(ctx) for _ in range(5)))) == 1
    assert len(ctx.events.emitted) == 2


async def test_what_keeps_a_sync_from_its_end_stays_though_the_server_is_heard(ctx: Ctx) -> None:
    await heard(ctx)
    for _ in range(2):
        await note_sync(ctx, "Odd answers.")
    await heard(ctx, remark="")
    assert (await read_server(ctx.db, ctx.instance)).trouble == "Odd answers."
    await heard(ctx, remark="No notifications.")
    assert (await read_server(ctx.db, ctx.instance)).trouble == "No notifications."
    await heard(ctx, remark="")
    await note_sync(ctx, "")
    assert (await read_server(ctx.db, ctx.instance)).trouble == ""
    assert [one.event for one in ctx.log.lines].count("plex_sync_troubled") == 1


async def test_of_two_who_notice_at_once_neither_loses_what_the_other_knows(ctx: Ctx) -> None:
    for number in range(10):
        await lost(ctx, "It does not answer.")
        await asyncio.gather(heard(ctx, version=f"1.{number}"), heard(ctx, name=f"Name {number}"))
        found = await read_server(ctx.db, "main")
        assert (found.name, found.version) == (f"Name {number}", f"1.{number}")
