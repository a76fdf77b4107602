"""The tiles: what is up and down, what is announced, how long answers take. They ask Postgres only."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from medianest_hub.plugin_api import (
    EVERYONE,
    PERSON,
    Chart,
    ChartPoint,
    ChartSeries,
    Context,
    ItemList,
    ListItem,
    StatusCell,
    StatusGrid,
    Tone,
    Viewer,
    errors,
    widget,
)
from medianest_uptime_kuma import announced, store
from medianest_uptime_kuma.history.series import response_chart
from medianest_uptime_kuma.models import Monitor
from medianest_uptime_kuma.privacy import DETAILS, READ
from medianest_uptime_kuma.settings import UptimeKumaSettings

MOST_CELLS: Final = 600
MOST_LINES: Final = 6
_DAY: Final = timedelta(days=1)
_TONES: Final = {"danger": Tone.BAD, "warning": Tone.WARN, "info": Tone.NEUTRAL, "primary": Tone.NEUTRAL}


@widget("status", title="Services", scope=EVERYONE, ttl=20, permission=READ, size="large")
async def status(ctx: Context[UptimeKumaSettings], viewer: Viewer) -> StatusGrid:
    """The monitors members are shown."""
    return await _grid(ctx, everything=False)


@widget("monitors", title="All monitors", scope=EVERYONE, ttl=20, permission=DETAILS, size="large")
async def monitors(ctx: Context[UptimeKumaSettings], viewer: Viewer) -> StatusGrid:
    """Every monitor, with what Uptime Kuma said of it last."""
    return await _grid(ctx, everything=True)


async def _grid(ctx: Context[UptimeKumaSettings], *, everything: bool) -> StatusGrid:
    seen = await store.sight(ctx, everything=everything)
    return StatusGrid(cells=[_cell(one) for one in await store.everything(ctx, seen, MOST_CELLS)])


def _cell(one: Monitor) -> StatusCell:
    detail = one.details.message if one.details is not None else ""
    return StatusCell(
        id=str(one.id), title=one.name, group=one.group, status=one.status.value, detail=detail, since=one.since
    )


@widget("incidents", title="Announcements", scope=PERSON, ttl=60, permission=READ)
async def incidents(ctx: Context[UptimeKumaSettings], viewer: Viewer) -> ItemList:
    """Incidents that stand on status pages, and maintenance under way or to come."""
    empty = "Nothing is announced."
    if not announced.may_see(ctx, details=_sees_all(ctx, viewer)):
        return ItemList(items=[], empty=empty)
    found, _ = await announced.incidents(ctx, "open", None, 20)
    items = [
        ListItem(
            id=str(one.id),
            title=one.title,
            subtitle=one.content[:300],
            at=one.opened_at,
            tone=_TONES.get(one.style, Tone.WARN),
        )
        for one in found
    ]
    for work in await announced.maintenance(ctx):
        if work.state in ("under-maintenance", "scheduled"):
            tone = Tone.WARN if work.state == "under-maintenance" else Tone.NEUTRAL
            items.append(
                ListItem(
                    id=f"maintenance-{work.id}",
                    title=work.title,
                    subtitle=work.description[:300],
                    at=work.starts_at,
                    tone=tone,
                )
            )
    return ItemList(items=items[:50], empty=empty)


@widget("response", title="Response times", scope=PERSON, ttl=300, permission=READ, size="wide")
async def response(ctx: Context[UptimeKumaSettings], viewer: Viewer) -> Chart:
    """The last day of those monitors that take longest to answer; gaps are gaps."""
    seen = await store.sight(ctx, everything=_sees_all(ctx, viewer))
    now = ctx.clock.now()
    lines = await store.slowest(ctx, seen, now - _DAY, MOST_LINES)
    points = await response_chart(ctx.db, [number for number, _ in lines], now)
    return Chart(
        series=[
            ChartSeries(
                name=name, unit="ms", points=[ChartPoint(at=at, value=value) for at, value in points.get(number, [])]
            )
            for number, name in lines
        ]
    )


def _sees_all(ctx: Context[UptimeKumaSettings], viewer: Viewer) -> bool:
    if viewer.person is None:
        raise errors.Forbidden("This tile belongs to a person.")
    return viewer.person.can(f"{ctx.plugin}.{DETAILS}")
