"""Keeps what Uptime Kuma announces: incidents on its status pages, and maintenance. Tells open pages nothing itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from uuid_utils.compat import uuid7

from medianest_hub.plugin_api import Context, EventData, Queries
from medianest_uptime_kuma.client.status_page import KumaMaintenance, PageIncident
from medianest_uptime_kuma.models import IncidentClosed, IncidentOpened
from medianest_uptime_kuma.settings import UptimeKumaSettings


async def bring_incidents(
    ctx: Context[UptimeKumaSettings], tx: Queries, page: str, found: Sequence[PageIncident], now: datetime
) -> list[tuple[str, EventData]]:
    """What open pages are to be told: the event's name and what it says. Call it in a transaction."""
    rows = await tx.fetch(
        """SELECT id, kuma_id, title, content, style FROM plugin_uptime_kuma.incident
            WHERE instance = $1 AND page = $2 AND closed_at IS NULL FOR UPDATE""",
        *(ctx.instance, page),
    )
    open_ones = {row["kuma_id"]: row for row in rows}
    news: list[tuple[str, EventData]] = []
    for one in found:
        known = open_ones.pop(one.id, None)
        if known is None:
            news.append(("incident.opened", await _open(ctx, tx, page, one, now)))
        elif (known["title"], known["content"], known["style"]) != (one.title, one.content, one.style):
            await tx.execute(
                """UPDATE plugin_uptime_kuma.incident SET title = $2, content = $3, style = $4, updated_at = $5
                    WHERE id = $1""",
                *(known["id"], one.title, one.content, one.style, one.updated or now),
            )
    for row in open_ones.values():
        await tx.execute("UPDATE plugin_uptime_kuma.incident SET closed_at = $2 WHERE id = $1", row["id"], now)
        closed = IncidentClosed(incident_id=row["id"], page=page, title=row["title"], style=row["style"], at=now)
        await ctx.events.emit(closed, tx=tx)
        news.append(("incident.closed", closed))
    return news


async def _open(
    ctx: Context[UptimeKumaSettings], tx: Queries, page: str, one: PageIncident, now: datetime
) -> IncidentOpened:
    incident_id, at = uuid7(), min(one.created or now, now)
    await tx.execute(
        """INSERT INTO plugin_uptime_kuma.incident
               (id, instance, page, kuma_id, title, content, style, opened_at, updated_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
        *(incident_id, ctx.instance, page, one.id, one.title, one.content, one.style, at, one.updated or at),
    )
    opened = IncidentOpened(incident_id=incident_id, page=page, title=one.title, style=one.style, at=at)
    await ctx.events.emit(opened, tx=tx)
    return opened


async def bring_maintenance(ctx: Context[UptimeKumaSettings], tx: Queries, items: Sequence[KumaMaintenance]) -> bool:
    """Whether anything is another way now. Call it in a transaction."""
    wanted = {one.id: _row(one) for one in items}
    changed = await tx.fetch(
        """INSERT INTO plugin_uptime_kuma.maintenance AS m
               (instance, kuma_id, title, description, state, starts_at, ends_at)
           SELECT $2, x.* FROM jsonb_to_recordset($1::jsonb)
                  AS x(kuma_id integer, title text, description text, state text, starts_at timestamptz, ends_at timestamptz)
           ON CONFLICT (instance, kuma_id) DO UPDATE
              SET title = excluded.title, description = excluded.description, state = excluded.state,
                  starts_at = excluded.starts_at, ends_at = excluded.ends_at
            WHERE (m.title, m.description, m.state, m.starts_at, m.ends_at) IS DISTINCT FROM
                  (excluded.title, excluded.description, excluded.state, excluded.starts_at, excluded.ends_at)
           RETURNING kuma_id""",
        *(json.dumps(list(wanted.values())), ctx.instance),
    )
    gone = await tx.fetch(
        "DELETE FROM plugin_uptime_kuma.maintenance WHERE instance = $1 AND kuma_id <> ALL($2) RETURNING kuma_id",
        *(ctx.instance, list(wanted)),
    )
    return bool(changed or gone)


def _row(one: KumaMaintenance) -> dict[str, Any]:
    starts_at, ends_at = one.span
    return {
        "kuma_id": one.id,
        "title": one.title,
        "description": one.description,
        "state": one.status,
        "starts_at": starts_at.isoformat() if starts_at else None,
        "ends_at": ends_at.isoformat() if ends_at else None,
    }
