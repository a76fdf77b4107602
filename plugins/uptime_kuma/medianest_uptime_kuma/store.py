"""Reads monitors, incidents and what they add up to, as one person may see them; writes nothing, asks only Postgres."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, Field

from medianest_hub.plugin_api import Context, Record, errors
from medianest_uptime_kuma.ledger.source import Source, read
from medianest_uptime_kuma.models import Monitor, MonitorDetails, Status, Uptime
from medianest_uptime_kuma.privacy import shown_args, shown_sql
from medianest_uptime_kuma.settings import UptimeKumaSettings

_UNKNOWN: Final = Status.UNKNOWN.number

# $1 instance, $2-$4 what members see, $5 whether to show all the same, $6 whether nothing is believed, $7 since when.
_VIEW: Final = f"""
    SELECT * FROM (
        SELECT m.id, m.number, m.instance, m.kuma_id, m.name, m.kind, m.group_name, m.groups, m.tags, m.address, m.position,
               CASE WHEN $6 THEN {_UNKNOWN} ELSE m.status END AS status, m.status AS last_status,
               CASE WHEN $6 THEN greatest(m.since, $7::timestamptz) ELSE m.since END AS since,
               m.seen_at, m.ping, m.message, m.certificate_days, m.certificate_valid,
               coalesce(m.given_day, m.own_day) AS day, m.own_week AS week, coalesce(m.given_month, m.own_month) AS month,
               {shown_sql(2)} AS shown
          FROM plugin_uptime_kuma.monitor m WHERE m.instance = $1 AND m.gone_at IS NULL
    ) v WHERE ($5 OR v.shown)
"""  # nosec B608 # noqa: S608 - every part is written here


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody may see (`everything`, or what is shown to members), and how it stands with Uptime Kuma."""

    everything: bool
    source: Source
    stale: bool

    def args(self, ctx: Context[UptimeKumaSettings]) -> tuple[Any, ...]:
        """The parameters of the view."""
        return (
            ctx.instance,
            *shown_args(ctx.settings),
            self.everything,
            self.stale,
            self.source.believed_until or ctx.clock.now(),
        )


async def sight(ctx: Context[UptimeKumaSettings], *, everything: bool) -> Sight:
    """For somebody with, or without, the right to details."""
    source = await read(ctx.db, ctx.instance)
    return Sight(everything, source, source.is_stale(ctx.clock.now()))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which monitors to list; None and empty are no condition. Texts are compared without regard to capitals."""

    group: str = ""
    tag: str = ""
    status: Status | None = None
    text: str = ""


async def page(
    ctx: Context[UptimeKumaSettings], seen: Sight, wanted: Wanted, cursor: str | None, limit: int
) -> tuple[list[Monitor], str | None]:
    """Monitors in Uptime Kuma's own order, and the cursor of the next page. Raises `BadInput` for a cursor not from here."""
    after = _read_cursor(cursor) if cursor else (None, None, None)
    rows = await ctx.db.fetch(
        f"""{_VIEW}
              AND ($8 = '' OR EXISTS (SELECT FROM unnest(v.groups) AS g WHERE lower(g) = lower($8)))
              AND ($9 = '' OR EXISTS (SELECT FROM unnest(v.tags) AS t
                                       WHERE lower(t) = lower($9) OR lower(split_part(t, ':', 1)) = lower($9)))
              AND ($10::smallint IS NULL OR v.status = $10)
              AND ($11 = '' OR position(lower($11) IN lower(v.name)) > 0)
              AND ($12::integer IS NULL OR (v.position, v.name, v.id) > ($12, $13::text, $14::uuid))
            ORDER BY v.position, v.name, v.id LIMIT $15""",  # nosec B608 # noqa: S608 - every part is written here
        *seen.args(ctx),
        *(wanted.group, wanted.tag, wanted.status.number if wanted.status else None, wanted.text, *after, limit + 1),
    )
    items = [shown(row, seen) for row in rows[:limit]]
    return items, _cursor(rows[limit - 1]) if len(rows) > limit else None


async def everything(ctx: Context[UptimeKumaSettings], seen: Sight, most: int) -> list[Monitor]:
    """All of them, `most` at most."""
    rows = await ctx.db.fetch(f"{_VIEW} ORDER BY v.position, v.name, v.id LIMIT $8", *seen.args(ctx), most)
    return [shown(row, seen) for row in rows]


async def one(ctx: Context[UptimeKumaSettings], seen: Sight, monitor_id: UUID) -> tuple[Monitor, int] | None:
    """A monitor and what its beats are kept under, or None for one that is not there or not to be seen."""
    row = await ctx.db.fetchrow(f"{_VIEW} AND v.id = $8", *seen.args(ctx), monitor_id)
    return None if row is None else (shown(row, seen), row["number"])


async def slowest(ctx: Context[UptimeKumaSettings], seen: Sight, since: datetime, most: int) -> list[tuple[int, str]]:
    """Number and name of those that took longest to answer on average since then."""
    rows = await ctx.db.fetch(
        f"""SELECT w.number, w.name FROM ({_VIEW}) w
              JOIN plugin_uptime_kuma.hourly h ON h.number = w.number AND h.starts_at >= $8
             GROUP BY w.number, w.name HAVING sum(h.pings) > 0
             ORDER BY sum(h.ping_sum) / sum(h.pings) DESC, w.name LIMIT $9""",  # nosec B608 # noqa: S608 - every part is written here
        *seen.args(ctx),
        *(since, most),
    )
    return [(row["number"], row["name"]) for row in rows]


def shown(row: Record, seen: Sight) -> Monitor:
    """A row of the view, with details only for those who may have them."""
    return Monitor(
        id=row["id"],
        instance=row["instance"],
        name=row["name"],
        group=row["group_name"],
        type=row["kind"],
        tags=row["tags"],
        status=Status.of(row["status"]),
        since=row["since"],
        checked_at=row["seen_at"],
        response_ms=row["ping"],
        uptime=Uptime(day=row["day"], week=row["week"], month=row["month"]),
        certificate_days=row["certificate_days"],
        certificate_valid=row["certificate_valid"],
        details=_details(row) if seen.everything else None,
    )


def _details(row: Record) -> MonitorDetails:
    return MonitorDetails(
        kuma_id=row["kuma_id"],
        address=row["address"],
        message=row["message"],
        shown_to_members=row["shown"],
        last_status=Status.of(row["last_status"]),
    )


class _Last(BaseModel):
    """Where a page ended."""

    position: int = Field(ge=-(2**31), lt=2**31)
    name: str = Field(max_length=1000, pattern=r"^[^\x00]*$")
    id: UUID


def _cursor(row: Record) -> str:
    last = _Last(position=row["position"], name=row["name"], id=row["id"])
    return base64.urlsafe_b64encode(last.model_dump_json().encode()).decode()


def _read_cursor(cursor: str) -> tuple[int, str, UUID]:
    try:
        last = _Last.model_validate_json(base64.urlsafe_b64decode(cursor.encode()))
    except (binascii.Error, ValueError):
        raise bad_cursor() from None
    return last.position, last.name, last.id


def bad_cursor() -> errors.BadInput:
    """What to say of a cursor that was not made here."""
    message = "This cursor is not from this list. Begin again without one."
    return errors.BadInput(
        message, fields=[errors.FieldProblem(field="query.cursor", code="bad_cursor", message=message)]
    )
