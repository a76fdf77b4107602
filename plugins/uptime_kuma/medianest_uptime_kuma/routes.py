"""The routes under `/api/v1/uptime_kuma`; everything they answer comes from Postgres, also while Uptime Kuma is away."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from medianest_hub.plugin_api import Call, Context, Empty, Page, Router, errors
from medianest_uptime_kuma import announced, store
from medianest_uptime_kuma.announced import Which
from medianest_uptime_kuma.history.series import Point, Step, series
from medianest_uptime_kuma.models import Freshness, GroupSummary, Incident, Maintenance, Monitor, Status, Summary
from medianest_uptime_kuma.privacy import DETAILS, READ
from medianest_uptime_kuma.settings import UptimeKumaSettings

router = Router()
MOST_COUNTED = 5000
_WORST_FIRST = (Status.DOWN, Status.PENDING, Status.UNKNOWN, Status.MAINTENANCE, Status.UP, Status.PAUSED)
Word = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")]
Cursor = Annotated[str, StringConstraints(max_length=4000)]


class MonitorsQuery(BaseModel):
    """Which monitors. Texts are compared without regard to capitals."""

    group: Word = Field(default="", description="only those in the group of that name, or in one within it")
    tag: Word = Field(default="", description="only those with that tag, by name or as name:value")
    status: Status | None = None
    q: Word = Field(default="", description="only those with this in their name")
    limit: int = Field(default=100, ge=1, le=500)
    cursor: Cursor | None = None


class MonitorPath(BaseModel):
    """Which monitor."""

    id: UUID


class HistoryQuery(BaseModel):
    """Which part of the past: the last day by hours unless said otherwise."""

    start: datetime | None = Field(default=None, alias="from")
    end: datetime | None = Field(default=None, alias="to")
    step: Step = Step.HOUR


class MonitorWithHistory(Monitor):
    """One monitor with its last 24 hours, hour by hour; a gap is a point of which nothing is known."""

    history: list[Point]


class History(BaseModel):
    """A monitor's past in points of one `step`, the oldest first; a gap is a point of which nothing is known."""

    monitor_id: UUID
    step: Step
    points: list[Point]


class IncidentsQuery(BaseModel):
    """Which incidents."""

    state: Which = "open"
    limit: int = Field(default=50, ge=1, le=200)
    cursor: Cursor | None = None


def _sees_all(ctx: Context[UptimeKumaSettings], call: Call[Any, Any, Any]) -> bool:
    return call.caller.can(f"{ctx.plugin}.{DETAILS}")


@router.get("/monitors", permission=READ)
async def monitors(ctx: Context[UptimeKumaSettings], call: Call[Empty, MonitorsQuery]) -> Page[Monitor]:
    """List the monitors you may see.

    In the order Uptime Kuma shows them. Those without `uptime_kuma.details` see what the operator chose, without
    addresses and messages.
    """
    query = call.query
    seen = await store.sight(ctx, everything=_sees_all(ctx, call))
    wanted = store.Wanted(query.group, query.tag, query.status, query.q)
    items, cursor = await store.page(ctx, seen, wanted, query.cursor, query.limit)
    return Page(items=items, next_cursor=cursor)


@router.get("/monitors/{id}", permission=READ)
async def monitor(ctx: Context[UptimeKumaSettings], call: Call[MonitorPath]) -> MonitorWithHistory:
    """Show one monitor with its last day.

    404 for one that is not there, and for one you may not see.
    """
    found, number = await _one(ctx, call)
    now = ctx.clock.now()
    points = await series(ctx.db, number, now - timedelta(hours=23), now, Step.HOUR, now=now)
    return MonitorWithHistory(**dict(found), history=points)


@router.get("/monitors/{id}/history", permission=READ)
async def history(ctx: Context[UptimeKumaSettings], call: Call[MonitorPath, HistoryQuery]) -> History:
    """Show a monitor's past.

    By single checks for as long as they are kept, by hours or by days. 2,000 points at most.
    """
    _, number = await _one(ctx, call)
    now = ctx.clock.now()
    end = call.query.end or now
    start = call.query.start or end - timedelta(days=1)
    for name, at in (("from", start), ("to", end)):
        if at.tzinfo is None or not 1970 < at.year < 9000:
            message = "Give the time with its zone, such as 2026-11-29T18:00:00Z."
            raise errors.BadInput(
                message, fields=[errors.FieldProblem(field=f"query.{name}", code="bad_time", message=message)]
            )
    step = call.query.step
    return History(monitor_id=call.path.id, step=step, points=await series(ctx.db, number, start, end, step, now=now))


@router.get("/summary", permission=READ)
async def summary(ctx: Context[UptimeKumaSettings], call: Call) -> Summary:
    """Count the monitors you may see, over all and by group.

    `freshness` tells how far it can be believed: while Uptime Kuma is away all are unknown.
    """
    everything = _sees_all(ctx, call)
    seen = await store.sight(ctx, everything=everything)
    found = await store.everything(ctx, seen, MOST_COUNTED)
    counts = Counter(one.status for one in found)
    groups: dict[str, list[Status]] = {}
    for one in found:
        groups.setdefault(one.group, []).append(one.status)
    return Summary(
        total=len(found),
        **{status.value: counts[status] for status in Status},
        worst=_worst(one.status for one in found),
        groups=[
            GroupSummary(name=name, total=len(group), down=group.count(Status.DOWN), worst=_worst(group))
            for name, group in groups.items()
        ],
        open_incidents=await announced.count_open(ctx) if announced.may_see(ctx, details=everything) else 0,
        freshness=Freshness(as_of=seen.source.heard_at, stale=seen.stale),
        way=seen.source.way if everything else None,
        version=seen.source.version if everything else None,
    )


@router.get("/incidents", permission=READ)
async def incidents(ctx: Context[UptimeKumaSettings], call: Call[Empty, IncidentsQuery]) -> Page[Incident]:
    """List incidents announced on Uptime Kuma's status pages.

    The newest first. Members see them where the operator shows them any monitors at all.
    """
    if not announced.may_see(ctx, details=_sees_all(ctx, call)):
        return Page(items=[])
    items, cursor = await announced.incidents(ctx, call.query.state, call.query.cursor, call.query.limit)
    return Page(items=items, next_cursor=cursor)


@router.get("/maintenance", permission=READ)
async def maintenance(ctx: Context[UptimeKumaSettings], call: Call) -> Page[Maintenance]:
    """List the maintenance Uptime Kuma knows of.

    What is under way first. Members see it where the operator shows them any monitors at all.
    """
    if not announced.may_see(ctx, details=_sees_all(ctx, call)):
        return Page(items=[])
    return Page(items=await announced.maintenance(ctx))


async def _one(ctx: Context[UptimeKumaSettings], call: Call[MonitorPath, Any, Any]) -> tuple[Monitor, int]:
    seen = await store.sight(ctx, everything=_sees_all(ctx, call))
    found = await store.one(ctx, seen, call.path.id)
    if found is None:
        raise errors.NotFound("There is no such monitor.", code="monitor_not_found")
    return found


def _worst(found: Any) -> Status:
    """What wants looking at first; `unknown` where there is nothing."""
    there = set(found)
    return next((status for status in _WORST_FIRST if status in there), Status.UNKNOWN)
