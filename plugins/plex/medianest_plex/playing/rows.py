"""The table of what is being played, and that of what ended a moment ago: SQL only, within a transaction of the caller's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from medianest_hub.plugin_api import Queries, Record
from medianest_plex.playing.matching import Kept, Seen
from medianest_plex.playing.models import heading

LINGERS: Final = timedelta(seconds=60)
"""For so long a session that was said to have ended may go on being listed."""

_INSERT: Final = """
    INSERT INTO plugin_plex.playing
        (id, instance, session_key, account_id, account_name, player, player_id, product, address, is_local, state,
         rating_key, section_key, kind, title, parent_title, grandparent_title, number, parent_number, thumb, year,
         progress_ms, duration_ms, decision, resolution, bandwidth_kbps, started_at, seen_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, coalesce($11, 'playing'), $12, $13, $14, $15, $16, $17, $18, $19, $20,
            $21, $22, $23, $24, $25, $26, $27, $27)
"""
_UPDATE: Final = """
    UPDATE plugin_plex.playing
       SET session_key = $2, account_id = coalesce($3, account_id),
           account_name = coalesce(nullif($4, ''), account_name), player = coalesce(nullif($5, ''), player),
           player_id = coalesce(nullif($6, ''), player_id), product = coalesce(nullif($7, ''), product),
           address = coalesce(nullif($8, ''), address), is_local = coalesce($9, is_local),
           state = coalesce($10, state), progress_ms = $11, duration_ms = coalesce($12, duration_ms), decision = $13,
           resolution = $14, bandwidth_kbps = $15, seen_at = $16, missing_since = NULL
     WHERE id = $1
"""


async def kept_rows(q: Queries, instance: str) -> list[Kept]:
    """All that is kept, the oldest first."""
    rows = await q.fetch("SELECT * FROM plugin_plex.playing WHERE instance = $1 ORDER BY started_at, id", instance)
    return [kept_of(row) for row in rows]


def kept_of(row: Record) -> Kept:
    """A row, as far as it is needed to know it again."""
    return Kept(
        id=row["id"],
        session_key=row["session_key"],
        account=row["account_id"],
        player_id=row["player_id"],
        rating_key=row["rating_key"],
        kind=row["kind"],
        title=row["title"],
        heading=row_heading(row),
        year=row["year"],
        state=row["state"],
        progress_ms=row["progress_ms"],
        started_at=row["started_at"],
        seen_at=row["seen_at"],
        missing_since=row["missing_since"],
    )


def row_heading(row: Record) -> str:
    """How it is called in one line."""
    return heading(
        *(row["kind"], row["title"]),
        grandparent=row["grandparent_title"],
        number=row["number"],
        parent_number=row["parent_number"],
    )


async def insert(tx: Queries, instance: str, seen: Seen, now: datetime) -> UUID:
    """Keep a session that began; its id."""
    one, item, made = seen.playing, seen.playing.item, uuid4()
    await tx.execute(
        _INSERT,
        *(made, instance, one.session_key, seen.account, one.account_name, one.player, one.player_id, one.product),
        *(one.address, one.is_local, one.state, item.rating_key, item.section_key, item.kind, item.title),
        *(item.parent_title, item.grandparent_title, item.number, item.parent_number, item.thumb, item.year),
        *(one.progress_ms, item.duration_ms, one.decision, one.resolution, one.bandwidth_kbps, now),
    )
    return made


async def update(tx: Queries, known: Kept, seen: Seen, now: datetime) -> None:
    """Bring one that goes on to what is told of it; what is not said stays."""
    one = seen.playing
    await tx.execute(
        _UPDATE,
        *(
            known.id,
            one.session_key,
            seen.account,
            one.account_name,
            one.player,
            one.player_id,
            one.product,
            one.address,
        ),
        *(one.is_local, one.state, one.progress_ms, one.item.duration_ms, one.decision, one.resolution),
        *(one.bandwidth_kbps, now),
    )


async def free_keys(tx: Queries, ids: Sequence[UUID]) -> None:
    """Let these rows stand in no other's way while keys change hands."""
    if ids:
        await tx.execute(
            "UPDATE plugin_plex.playing SET session_key = 'was:' || id::text WHERE id = ANY($1)", list(ids)
        )


async def move(tx: Queries, known: Kept, state: str | None, offset_ms: int | None, now: datetime) -> None:
    """What a notification tells of one that goes on."""
    await tx.execute(
        """UPDATE plugin_plex.playing
              SET state = coalesce($2, state), progress_ms = coalesce($3, progress_ms), seen_at = $4, missing_since = NULL
            WHERE id = $1""",
        *(known.id, state, offset_ms, now),
    )


async def mark_missing(tx: Queries, ids: Sequence[UUID], now: datetime) -> None:
    """These were not in the list."""
    if ids:
        await tx.execute("UPDATE plugin_plex.playing SET missing_since = $2 WHERE id = ANY($1)", *(list(ids), now))


async def delete(tx: Queries, known: Kept) -> None:
    """It ended."""
    await tx.execute("DELETE FROM plugin_plex.playing WHERE id = $1", known.id)


async def note_ended(tx: Queries, instance: str, session_key: str, rating_key: int | None) -> None:
    """It was said that this session ended, whatever the list says in the next moments."""
    await tx.execute(
        """INSERT INTO plugin_plex.ended (instance, session_key, rating_key) VALUES ($1, $2, $3)
           ON CONFLICT (instance, session_key) DO UPDATE SET rating_key = $3, at = now()""",
        *(instance, session_key, rating_key),
    )


async def goes_on(tx: Queries, instance: str, session_key: str) -> None:
    """It was said that this session is going on."""
    await tx.execute("DELETE FROM plugin_plex.ended WHERE instance = $1 AND session_key = $2", *(instance, session_key))


async def just_ended(tx: Queries, instance: str) -> set[tuple[str, int | None]]:
    """Key and item of those that may still be listed; forgets the others."""
    await tx.execute(
        "DELETE FROM plugin_plex.ended WHERE instance = $1 AND at < now() - $2::interval", instance, LINGERS
    )
    rows = await tx.fetch("SELECT session_key, rating_key FROM plugin_plex.ended WHERE instance = $1", instance)
    return {(row["session_key"], row["rating_key"]) for row in rows}
