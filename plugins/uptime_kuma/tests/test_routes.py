"""What the routes and tiles say to a member and to an admin, and that nothing an operator hides is seen by anybody else."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from medianest_hub.plugin_api import Viewer, errors
from medianest_hub.testing import make_call
from medianest_uptime_kuma import routes, widgets
from medianest_uptime_kuma.client.status_page import KumaMaintenance, PageIncident
from medianest_uptime_kuma.history.rolling import roll_up
from medianest_uptime_kuma.history.series import Step
from medianest_uptime_kuma.models import Monitor, Status

from .conftest import Ctx
from .household import ADMIN, MEMBER, SEEN, found, furnish, with_settings

FORBIDDEN = ("plex.home", "192.0.2.1", "it is up", "it is down")
"""Addresses and messages: for admins."""


@pytest.fixture
async def ctx(make) -> Ctx:
    return await make("http://kuma.test:3001", status_pages=["main"])


async def listed(ctx: Ctx, person, **query) -> list[Monitor]:
    return (await routes.monitors(ctx, make_call(person=person, query=routes.MonitorsQuery(**query)))).items


async def names(ctx: Ctx, person, **query) -> list[str]:
    return [one.name for one in await listed(ctx, person, **query)]


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({}, []),
        ({"members_see": "everything"}, ["Media", "Plex", "Sonarr", "Router"]),
        ({"members_see": "chosen"}, []),
        ({"members_see": "chosen", "members_see_groups": ["MEDIA "]}, ["Plex", "Sonarr"]),
        ({"members_see": "chosen", "members_see_tags": ["Family"]}, ["Plex"]),
        ({"members_see": "chosen", "members_see_tags": ["area"]}, ["Plex"]),
        ({"members_see": "chosen", "members_see_tags": ["area:media", "network"]}, ["Plex", "Router"]),
        ({"members_see": "chosen", "members_see_tags": ["area:other"]}, []),
        ({"members_see": "nothing", "members_see_groups": ["media"]}, []),
    ],
)
async def test_members_see_what_the_operator_says_and_admins_everything(ctx, fields, shown):
    ledger, numbers = await furnish(ctx)
    ctx = with_settings(ctx, **fields)
    ledger.ctx = ctx
    await ledger.incidents("main", [PageIncident(id=1, title="Disk swap", content="soon", style="danger")])
    await ledger.maintenance([KumaMaintenance(id=1, title="Work", status="under-maintenance")])

    assert await names(ctx, MEMBER) == shown
    assert await names(ctx, ADMIN) == [one.name for one in SEEN]

    tile = await widgets.status(ctx, Viewer())
    assert [cell.title for cell in tile.cells] == shown
    summary = await routes.summary(ctx, make_call(person=MEMBER))
    assert (summary.total, summary.up, summary.way, summary.version) == (len(shown), len(shown), None, None)
    for one in await listed(ctx, ADMIN):
        call = make_call(person=MEMBER, path=routes.MonitorPath(id=one.id))
        if one.name in shown:
            assert (await routes.monitor(ctx, call)).name == one.name
        else:
            with pytest.raises(errors.NotFound):
                await routes.monitor(ctx, call)
            with pytest.raises(errors.NotFound):
                await routes.history(ctx, make_call(person=MEMBER, path=call.path, query=routes.HistoryQuery()))

    sees_any = fields.get("members_see", "nothing") != "nothing"
    assert summary.open_incidents == int(sees_any)
    assert len((await routes.incidents(ctx, make_call(person=MEMBER, query=routes.IncidentsQuery()))).items) == sees_any
    assert len((await routes.maintenance(ctx, make_call(person=MEMBER))).items) == sees_any
    assert len((await widgets.incidents(ctx, Viewer(person=MEMBER, role=MEMBER.role))).items) == 2 * sees_any
    assert len((await widgets.incidents(ctx, Viewer(person=ADMIN, role=ADMIN.role))).items) == 2

    await ledger.record([(number, found(ctx, Status.DOWN)) for number in numbers])
    heard = {one.data["name"]: one.permission for one in ctx.realtime.sent if one.event == "monitor.changed"}
    assert heard == {one.name: "read" if one.name in shown else "details" for one in SEEN}


async def test_addresses_and_messages_are_for_admins(ctx):
    ledger, numbers = await furnish(ctx)
    ctx = ledger.ctx = with_settings(ctx, members_see="everything")
    await ledger.record([(numbers[1], found(ctx, Status.DOWN))])
    (plex,) = await listed(ctx, ADMIN, q="plex")
    assert (plex.details.address, plex.details.message) == ("http://plex.home:32400/identity", "it is down")
    assert next(c for c in (await widgets.monitors(ctx, Viewer())).cells if c.title == "Plex").detail == "it is down"

    path = routes.MonitorPath(id=plex.id)
    answers = [
        await routes.monitors(ctx, make_call(person=MEMBER, query=routes.MonitorsQuery())),
        await routes.monitor(ctx, make_call(person=MEMBER, path=path)),
        await routes.history(ctx, make_call(person=MEMBER, path=path, query=routes.HistoryQuery())),
        await routes.summary(ctx, make_call(person=MEMBER)),
        await widgets.status(ctx, Viewer()),
        await widgets.response(ctx, Viewer(person=MEMBER, role=MEMBER.role)),
        *(one.data for one in ctx.realtime.sent),
        *(data for data, _ in ctx.events.emitted),
    ]
    for answer in answers:
        text = str(answer)
        assert not any(word in text for word in FORBIDDEN), text


async def test_lists_are_filtered_and_paged_in_uptime_kumas_order(ctx):
    ledger, numbers = await furnish(ctx)
    await ledger.record([(numbers[2], found(ctx, Status.DOWN))])
    assert await names(ctx, ADMIN, group="media") == ["Plex", "Sonarr"]
    assert await names(ctx, ADMIN, tag="AREA") == ["Plex"]
    assert await names(ctx, ADMIN, status=Status.DOWN) == ["Sonarr"]
    assert await names(ctx, ADMIN, q="ROUT") == ["Router"]
    assert await names(ctx, ADMIN, q="%") == []
    seen, cursor = [], None
    while True:
        page = await routes.monitors(ctx, make_call(person=ADMIN, query=routes.MonitorsQuery(limit=3, cursor=cursor)))
        seen += [one.name for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [one.name for one in SEEN]
    for strange in ("x", "bm9wZQ==", "W10=", "eyJwb3NpdGlvbiI6MX0="):
        with pytest.raises(errors.BadInput):
            await names(ctx, ADMIN, cursor=strange)


async def test_a_summary_counts_over_all_and_by_group(ctx):
    ledger, numbers = await furnish(ctx)
    await ledger.record([(numbers[1], found(ctx, Status.DOWN)), (numbers[3], found(ctx, Status.MAINTENANCE))])
    summary = await routes.summary(ctx, make_call(person=ADMIN))
    assert (summary.total, summary.up, summary.down, summary.maintenance, summary.worst) == (4, 2, 1, 1, Status.DOWN)
    assert {one.name: (one.total, one.down, one.worst) for one in summary.groups} == {
        "": (1, 0, Status.UP),
        "Media": (2, 1, Status.DOWN),
        "Network": (1, 0, Status.MAINTENANCE),
    }
    assert (summary.way, summary.version, summary.freshness.stale) == ("live", "2.5.3", False)


async def test_while_uptime_kuma_is_away_all_is_unknown_since_then_and_still_shown(ctx):
    ledger, _ = await furnish(ctx)
    ctx = ledger.ctx = with_settings(ctx, members_see="everything")
    heard_at = ctx.clock.now()
    ctx.clock.ahead += 3600
    page = await routes.monitors(ctx, make_call(person=ADMIN, query=routes.MonitorsQuery()))
    assert {one.status for one in page.items} == {Status.UNKNOWN}
    assert {one.details.last_status for one in page.items} == {Status.UP}
    assert all(timedelta(0) < one.since - heard_at < timedelta(seconds=61) for one in page.items)
    assert await names(ctx, ADMIN, status=Status.UNKNOWN) == [one.name for one in SEEN]
    summary = await routes.summary(ctx, make_call(person=ADMIN))
    assert (summary.unknown, summary.freshness.stale, summary.worst) == (4, True, Status.UNKNOWN)
    assert {cell.status for cell in (await widgets.status(ctx, Viewer())).cells} == {"unknown"}


async def test_before_uptime_kuma_was_ever_heard_there_is_nothing(ctx):
    summary = await routes.summary(ctx, make_call(person=ADMIN))
    assert (summary.total, summary.freshness.as_of, summary.freshness.stale) == (0, None, True)
    assert (await widgets.monitors(ctx, Viewer())).cells == []
    assert (await widgets.response(ctx, Viewer(person=ADMIN, role=ADMIN.role))).series == []


async def test_one_monitor_comes_with_its_day_and_gaps_are_gaps(ctx):
    ledger, numbers = await furnish(ctx, ago=7200)
    await ledger.record([(numbers[1], found(ctx, Status.UP, ago=60))])
    await roll_up(ctx.db, ctx.clock.now())
    (plex,) = await listed(ctx, ADMIN, q="plex")
    one = await routes.monitor(ctx, make_call(person=ADMIN, path=routes.MonitorPath(id=plex.id)))
    known = [point for point in one.history if point.uptime is not None]
    assert 24 <= len(one.history) <= 25
    assert 2 <= len(known) <= 4
    assert {point.uptime for point in known} == {1.0}
    assert all(point.response_ms is None for point in one.history if point.uptime is None)
    by_day = routes.HistoryQuery(**{"from": ctx.clock.now() - timedelta(days=7), "step": Step.DAY})
    days = await routes.history(ctx, make_call(person=ADMIN, path=routes.MonitorPath(id=plex.id), query=by_day))
    assert 7 <= len(days.points) <= 9


async def test_a_monitor_that_is_not_there_and_times_that_are_none_are_refused_with_words(ctx):
    await furnish(ctx)
    with pytest.raises(errors.NotFound):
        await routes.monitor(ctx, make_call(person=ADMIN, path=routes.MonitorPath(id=uuid4())))
    (plex,) = await listed(ctx, ADMIN, q="plex")
    path = routes.MonitorPath(id=plex.id)
    for query in (
        {"from": "2026-01-01T00:00:00"},
        {"from": "0001-01-01T00:00:00Z"},
        {"to": "9999-12-31T23:59:59Z"},
        {"from": "2000-01-01T00:00:00Z", "step": "hour"},
    ):
        with pytest.raises(errors.BadInput) as refused:
            await routes.history(ctx, make_call(person=ADMIN, path=path, query=routes.HistoryQuery(**query)))
        assert refused.value.fields[0].field.startswith("query.")


async def test_the_chart_shows_the_slowest_and_nothing_where_nothing_is_known(ctx):
    ledger, numbers = await furnish(ctx, ago=300)
    await ledger.record([(numbers[3], found(ctx, Status.UP, ago=10, ping=900.0))])
    await roll_up(ctx.db, ctx.clock.now())
    ctx = with_settings(ctx, members_see="chosen", members_see_groups=["Network"])
    chart = await widgets.response(ctx, Viewer(person=ADMIN, role=ADMIN.role))
    assert chart.series[0].name == "Router"
    assert len(chart.series) == 4
    for line in chart.series:
        values = [point.value for point in line.points]
        assert None in values
        assert any(value is not None for value in values)
    mine = await widgets.response(ctx, Viewer(person=MEMBER, role=MEMBER.role))
    assert [one.name for one in mine.series] == ["Router"]
