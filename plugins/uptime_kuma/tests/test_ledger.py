"""What the ledger makes of what is seen: each change told once, whoever saw it, and monitors that stay who they are."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from medianest_uptime_kuma.client.seen import Seen
from medianest_uptime_kuma.client.status_page import KumaMaintenance, PageIncident
from medianest_uptime_kuma.ledger.ledger import GRACE_SECONDS, Ledger
from medianest_uptime_kuma.ledger.source import Overtaken, read
from medianest_uptime_kuma.models import (
    AlertKind,
    IncidentClosed,
    IncidentOpened,
    MonitorAlerted,
    MonitorChanged,
    Status,
)
from medianest_uptime_kuma.settings import Way

from .conftest import Ctx, sent
from .household import SEEN, found, furnish, with_settings


@pytest.fixture
async def ctx(make) -> Ctx:
    return await make("http://kuma.test:3001", status_pages=["main"], members_see="everything")


async def rows(ctx: Ctx) -> dict[str, tuple]:
    found = await ctx.db.fetch(
        "SELECT name, id, kuma_id, status, gone_at IS NOT NULL AS gone FROM plugin_uptime_kuma.monitor ORDER BY number"
    )
    return {row["name"]: (row["id"], row["kuma_id"], Status.of(row["status"]), row["gone"]) for row in found}


def changes(ctx: Ctx) -> list[tuple[str, str, str]]:
    return [
        (data.name, data.was.value, data.status.value)
        for data, _ in ctx.events.emitted
        if isinstance(data, MonitorChanged)
    ]


async def test_how_monitors_are_found_at_first_is_no_change(ctx):
    await furnish(ctx)
    assert changes(ctx) == []
    assert sent(ctx, "monitor.changed") == []
    assert {status for _, _, status, _ in (await rows(ctx)).values()} == {Status.UP}


async def test_a_change_is_an_event_and_told_to_pages_once_however_often_it_is_seen(ctx):
    ledger, numbers = await furnish(ctx)
    for _ in range(3):
        await ledger.record([(numbers[1], found(ctx, Status.DOWN))])
    assert changes(ctx) == [("Plex", "up", "down")]
    (told,) = sent(ctx, "monitor.changed")
    assert (told["name"], told["status"], told["shown_to_members"]) == ("Plex", "down", True)
    assert {"status", "monitors"} <= {tile for tile, _ in ctx.realtime.changed}


async def test_a_beat_that_comes_late_turns_nothing_back(ctx):
    ledger, numbers = await furnish(ctx)
    await ledger.record([(numbers[1], found(ctx, Status.DOWN))])
    await ledger.record([(numbers[1], found(ctx, Status.UP, ago=30))], live=False)
    assert (await rows(ctx))["Plex"][2] is Status.DOWN
    assert len(changes(ctx)) == 1


async def test_of_what_is_made_up_for_only_the_outcome_is_told_and_since_when(ctx):
    ledger, numbers = await furnish(ctx, ago=600)
    seen = ((Status.DOWN, 300), (Status.UP, 240), (Status.DOWN, 180), (Status.DOWN, 120))
    course = [found(ctx, status, ago=ago) for status, ago in seen]
    await ledger.record([(numbers[1], one) for one in course], live=False)
    assert changes(ctx) == [("Plex", "up", "down")]
    since = await ctx.db.fetchval("SELECT since FROM plugin_uptime_kuma.monitor WHERE name = 'Plex'")
    assert since == course[2].at
    assert await ctx.db.fetchval("SELECT count(*) FROM plugin_uptime_kuma.beat WHERE number = $1", numbers[1]) == 5


async def test_a_new_holder_tells_nothing_again_and_the_old_one_writes_nothing_more(ctx):
    old, numbers = await furnish(ctx)
    await old.record([(numbers[1], found(ctx, Status.DOWN))])
    new = await Ledger.claim(ctx, 2)
    await new.record([(numbers[1], found(ctx, Status.DOWN))])
    assert len(changes(ctx)) == 1
    for late in (
        old.record([(numbers[1], found(ctx, Status.UP))]),
        old.register(SEEN[:2], whole=True),
        old.heard(Way.LIVE, 60.0),
        old.incidents("main", []),
    ):
        with pytest.raises(Overtaken):
            await late
    assert (await rows(ctx))["Plex"][2] is Status.DOWN
    with pytest.raises(Overtaken):
        await Ledger.claim(ctx, 1)


async def test_two_who_see_the_same_change_at_once_tell_it_once(ctx):
    ledger, numbers = await furnish(ctx)
    again = Ledger(ctx, 1)
    await asyncio.gather(*(one.record([(numbers[1], found(ctx, Status.DOWN))]) for one in (ledger, again) * 3))
    assert len(changes(ctx)) == 1


async def test_a_monitor_keeps_its_history_under_another_name_and_gets_its_number_later(ctx):
    ledger = await Ledger.claim(ctx, 1)
    (number,) = await ledger.register([Seen("Plex", None, "http", address="http://plex.home/")])
    assert await ledger.register([Seen("Plex", 7, "http")]) == [number]
    assert await ledger.register([Seen("Plex at home", 7, "http")]) == [number]
    assert [(row[1], row[3]) for row in (await rows(ctx)).values()] == [(7, False)]


async def test_monitors_of_the_same_name_are_told_apart_by_what_they_watch(ctx):
    ledger = await Ledger.claim(ctx, 1)
    twins = [Seen("Web", None, "http", address="http://one/"), Seen("Web", None, "http", address="http://two/")]
    first, second = await ledger.register(twins)
    assert await ledger.register(list(reversed(twins))) == [second, first]


async def test_an_uptime_kuma_set_up_anew_does_not_inherit_the_history_of_its_numbers(ctx):
    ledger, numbers = await furnish(ctx)
    fresh = await ledger.register([Seen("Doorbell", 2, "mqtt")], whole=True)
    assert fresh[0] not in numbers
    assert (await rows(ctx))["Plex"][3], "the old one is gone"


async def test_two_monitors_that_swap_their_numbers_keep_their_names_and_histories(ctx):
    ledger, numbers = await furnish(ctx)
    swapped = [replace(SEEN[1], kuma_id=3), replace(SEEN[2], kuma_id=2)]
    ledger = await Ledger.claim(ctx, 2)
    found_numbers = await ledger.register(swapped, partly=True)
    assert sorted(found_numbers) == sorted(numbers[1:3])
    assert len(await rows(ctx)) == 4


async def test_what_is_left_out_for_a_while_is_unknown_and_what_was_deleted_is_gone(ctx):
    ledger, _ = await furnish(ctx)
    await ledger.register(SEEN[:3])
    assert (await rows(ctx))["Router"][2:] == (Status.UP, False)
    ctx.clock.ahead += GRACE_SECONDS + 120
    await ledger.register(SEEN[:3])
    assert (await rows(ctx))["Router"][2:] == (Status.UNKNOWN, False)
    await ledger.register(SEEN)
    await ledger.register(SEEN[:3], whole=True)
    assert (await rows(ctx))["Router"][3]


async def test_a_monitor_lost_sight_of_is_known_again_by_a_check_that_still_holds(ctx):
    ledger, numbers = await furnish(ctx, ago=3600)
    await ledger.record([(numbers[1], found(ctx, Status.UNKNOWN))])
    daily = replace(found(ctx, Status.UP, ago=1800), hold=86_400.0)
    await ledger.record([(numbers[1], daily)], live=False)
    assert (await rows(ctx))["Plex"][2] is Status.UP


async def test_people_are_told_after_a_while_also_by_the_next_holder(ctx):
    ledger, numbers = await furnish(ctx)
    await ledger.record([(numbers[1], found(ctx, Status.DOWN))])
    await ledger.tick()
    assert not any(isinstance(data, MonitorAlerted) for data, _ in ctx.events.emitted)
    ctx.clock.ahead += 31
    for _ in range(2):
        ledger = await Ledger.claim(ctx, 2)
        await ledger.heard(Way.LIVE, 60.0)
        await ledger.tick()
    alerts = [data for data, _ in ctx.events.emitted if isinstance(data, MonitorAlerted)]
    assert [(one.name, one.kind) for one in alerts] == [("Plex", AlertKind.DOWN)]
    assert [one["kind"] for one in sent(ctx, "monitor.alerted")] == ["down"]
    assert [(one.kind, one.title, one.permission) for one in ctx.notify.told] == [
        ("uptime_kuma.monitor_down", "Plex is down", None)
    ]


async def test_incidents_open_change_and_close_once(ctx):
    ledger = await Ledger.claim(ctx, 1)
    swap = PageIncident(id=1, title="Disk swap", content="**soon**", style="warning")
    for _ in range(2):
        await ledger.incidents("main", [swap])
    await ledger.incidents("main", [swap.model_copy(update={"content": "now"})])
    await ledger.incidents("other", [])
    await ledger.incidents("main", [])
    kinds = [type(data) for data, _ in ctx.events.emitted]
    assert kinds == [IncidentOpened, IncidentClosed]
    assert await ctx.db.fetchval("SELECT content FROM plugin_uptime_kuma.incident") == "now"
    await ledger.incidents("main", [swap])
    assert await ctx.db.fetchval("SELECT count(*) FROM plugin_uptime_kuma.incident") == 2


async def test_maintenance_is_what_uptime_kuma_says_now(ctx):
    ledger = await Ledger.claim(ctx, 1)
    work = KumaMaintenance(id=1, title="Planned work", description="disks", status="scheduled")
    await ledger.maintenance([work, work.model_copy(update={"id": 2})])
    await ledger.maintenance([work.model_copy(update={"status": "under-maintenance"})])
    kept = await ctx.db.fetch("SELECT kuma_id, state FROM plugin_uptime_kuma.maintenance")
    assert [tuple(row.values()) for row in kept] == [(1, "under-maintenance")]


async def test_that_uptime_kuma_is_away_and_back_is_logged_once_each(ctx):
    ledger, _ = await furnish(ctx)
    for _ in range(3):
        await ledger.lost("Uptime Kuma cannot be reached.")
    assert (await read(ctx.db, "main")).trouble == "Uptime Kuma cannot be reached."
    for _ in range(3):
        await ledger.heard(Way.LIVE, 60.0)
    assert [line.event for line in ctx.log.lines if line.event.startswith("uptime_kuma_")] == [
        "uptime_kuma_up",
        "uptime_kuma_down",
        "uptime_kuma_up",
    ]


async def test_while_uptime_kuma_is_away_nobody_is_told_that_anything_is_still_down(ctx):
    ledger, numbers = await furnish(ctx)
    await ledger.record([(numbers[1], found(ctx, Status.DOWN))])
    await ledger.lost("Uptime Kuma cannot be reached.")
    ctx.clock.ahead += 60
    await ledger.tick()
    assert sent(ctx, "monitor.alerted") == []
    await ledger.heard(Way.LIVE, 60.0)
    await ledger.tick()
    assert [one["kind"] for one in sent(ctx, "monitor.alerted")] == ["down"]


async def test_an_uptime_kuma_whose_clock_is_behind_has_nobody_told_too_soon(ctx):
    ledger, numbers = await furnish(ctx, ago=7200)
    await ledger.record([(numbers[1], found(ctx, Status.DOWN, ago=3600))])
    await ledger.tick()
    assert sent(ctx, "monitor.alerted") == []
    ctx.clock.ahead += 31
    await ledger.heard(Way.LIVE, 60.0)
    await ledger.tick()
    (alert,) = sent(ctx, "monitor.alerted")
    assert 30 <= alert["down_seconds"] < 60


async def test_what_members_are_not_shown_does_not_move_their_tile(ctx):
    ledger, numbers = await furnish(ctx)
    ledger.ctx = with_settings(ctx, members_see="chosen", members_see_groups=["Network"])
    ctx.realtime.changed.clear()
    await ledger.record([(numbers[1], found(ctx, Status.DOWN))])
    assert [tile for tile, _ in ctx.realtime.changed] == ["monitors"]
    await ledger.record([(numbers[3], found(ctx, Status.DOWN))])
    assert [tile for tile, _ in ctx.realtime.changed] == ["monitors", "status", "monitors"]
    assert not any(one.keep for one in ctx.realtime.sent), "a page that slept must not hear of what is hidden since"


async def test_what_a_page_announced_is_over_when_the_page_is_gone(ctx):
    ledger = await Ledger.claim(ctx, 1)
    swap = PageIncident(id=1, title="Disk swap", content="soon", style="warning")
    for page in ("main", "other"):
        await ledger.incidents(page, [swap])
    await ledger.only_pages(["main"])
    open_on = "SELECT array_agg(page) FROM plugin_uptime_kuma.incident WHERE closed_at IS NULL"
    assert await ctx.db.fetchval(open_on) == ["main"]
    await ledger.only_pages([])
    assert await ctx.db.fetchval(open_on) is None
    assert [type(data) for data, _ in ctx.events.emitted].count(IncidentClosed) == 2
