"""Reads incidents and maintenance; writes nothing, asks only Postgres."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from medianest_hub.plugin_api import Context
from medianest_uptime_kuma.models import Incident, Maintenance
from medianest_uptime_kuma.settings import UptimeKumaSettings
from medianest_uptime_kuma.store import bad_cursor

Which = Literal["open", "closed", "all"]
MOST_WORK = 200


def may_see(ctx: Context[UptimeKumaSettings], *, details: bool) -> bool:
    """Whether somebody with, or without, the right to details sees announcements: members do where they see anything."""
    return details or ctx.settings.members_see != "nothing"


async def incidents(
    ctx: Context[UptimeKumaSettings], which: Which, cursor: str | None, limit: int
) -> tuple[list[Incident], str | None]:
    """Incidents, the newest first, and the cursor of the next page. Raises `BadInput` for a cursor not from here."""
    at, last = _read_cursor(cursor) if cursor else (None, None)
    rows = await ctx.db.fetch(
        """SELECT id, instance, page, title, content, style, opened_at, updated_at, closed_at
             FROM plugin_uptime_kuma.incident
            WHERE instance = $1 AND ($2 = 'all' OR ($2 = 'open') = (closed_at IS NULL))
              AND ($3::timestamptz IS NULL OR (opened_at, id) < ($3, $4::uuid))
            ORDER BY opened_at DESC, id DESC LIMIT $5""",
        *(ctx.instance, which, at, last, limit + 1),
    )
    items = [Incident.model_validate(dict(row)) for row in rows[:limit]]
    return items, _cursor(items[-1]) if len(rows) > limit else None


async def count_open(ctx: Context[UptimeKumaSettings]) -> int:
    """How many incidents stand on status pages now."""
    return int(
        await ctx.db.fetchval(
            "SELECT count(*) FROM plugin_uptime_kuma.incident WHERE instance = $1 AND closed_at IS NULL", ctx.instance
        )
    )


async def maintenance(ctx: Context[UptimeKumaSettings]) -> list[Maintenance]:
    """The work Uptime Kuma knows of, what is under way first."""
    rows = await ctx.db.fetch(
        """SELECT kuma_id AS id, instance, title, description, state, starts_at, ends_at
             FROM plugin_uptime_kuma.maintenance WHERE instance = $1
            ORDER BY state <> 'under-maintenance', starts_at NULLS LAST, kuma_id LIMIT $2""",
        *(ctx.instance, MOST_WORK),
    )
    return [Maintenance.model_validate(dict(row)) for row in rows]


def _cursor(last: Incident) -> str:
    return base64.urlsafe_b64encode(f"{last.opened_at.isoformat()} {last.id}".encode()).decode()


def _read_cursor(cursor: str) -> tuple[datetime, UUID]:
    try:
        at, last = base64.urlsafe_b64decode(cursor.encode()).decode().split(" ")
        # In UTC, as they are written: the ends of the calendar do not fit into every zone.
        return datetime.fromisoformat(at).astimezone(UTC), UUID(last)
    except (binascii.Error, ValueError, OverflowError):
        raise bad_cursor() from None
