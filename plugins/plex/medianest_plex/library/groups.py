"""Keeps collections and playlists with what is in them, in its order. Knows no item."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from uuid_utils.compat import uuid7

from medianest_hub.plugin_api import Queries, Record
from medianest_plex.client.library import KEYS_AT_ONCE, Part
from medianest_plex.library.rows import moment, sort_title
from medianest_plex.library.run import Run, chunks
from medianest_plex.library.sections import Section
from medianest_plex.library.walking import OVERLAP
from medianest_plex.library_models import PlexItem, PlexMember

COLLECTION, PLAYLIST = "collection", "playlist"
MOST_MEMBERS: Final = 20_000
"""What is beyond these is not kept of one playlist: all its keys are in memory for a moment."""

_UPSERT: Final = """
    INSERT INTO plugin_plex.grouping (id, instance, kind, section_key, rating_key, title, sort_title, summary, thumb, size,
                                      changed_at, run)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    ON CONFLICT (instance, rating_key)
    DO UPDATE SET kind = $3, section_key = $4, title = $6, sort_title = $7, summary = $8, thumb = $9, size = $10,
                  changed_at = $11, run = $12
"""
_MEMBERS: Final = """
    INSERT INTO plugin_plex.grouped (instance, grouping_key, rating_key, position)
    SELECT $1, $2, key, position FROM unnest($3::bigint[]) WITH ORDINALITY AS x(key, position)
"""


async def bring_collections(run: Run, section: Section, *, every: bool) -> None:
    """The collections of the section; `every`: look into those as well that do not seem to have changed."""
    await _bring(run, COLLECTION, section.key, section.run, partial(run.client.collections, section.key), every=every)


async def bring_playlists(run: Run, number: int, *, every: bool) -> None:
    """The owner's playlists; `number` is the run that looks into all of them, where `every` wants that."""
    await _bring(run, PLAYLIST, None, number, run.client.playlists, every=every)


async def _bring(
    run: Run,
    kind: str,
    section: int | None,
    number: int,
    listed: Callable[[int, int], Awaitable[Part[PlexItem]]],
    *,
    every: bool,
) -> None:
    rows = await run.ctx.db.fetch(
        """SELECT rating_key, changed_at, size, run, title FROM plugin_plex.grouping
            WHERE instance = $1 AND kind = $2 AND section_key IS NOT DISTINCT FROM $3""",
        *(run.ctx.instance, kind, section),
    )
    known = {row["rating_key"]: row for row in rows}
    found: set[int] = set()
    start, part = 0, None
    while part is None or (part.sent and start < part.total):
        begins = max(start - OVERLAP, 0)
        part = await run.ask_page(partial(listed, begins))
        for one in part.entries:
            if one.rating_key not in found and one.kind == kind:
                found.add(one.rating_key)
                if _differs(one, known.get(one.rating_key), number, every=every):
                    await _keep(run, one, section, number)
        run.left_out += part.left_out
        start = max(begins + part.sent, start + 1)
    for some in chunks(known.keys() - found, KEYS_AT_ONCE):
        # Nothing goes because one answer did not name it.
        still = {one.rating_key for one in await run.ask(partial(run.client.items, some))}
        gone = [key for key in some if key not in still]
        await run.ctx.db.execute(
            "DELETE FROM plugin_plex.grouping WHERE instance = $1 AND rating_key = ANY($2)", run.ctx.instance, gone
        )
        run.removed += len(gone)


def _differs(one: PlexItem, row: Record | None, number: int, *, every: bool) -> bool:
    if row is None:
        return True
    if every and row["run"] < number:
        return True
    return (row["changed_at"], row["size"], row["title"]) != (_changed_at(one), _size(one), one.title)


def _size(one: PlexItem) -> int:
    return (one.children if one.kind == COLLECTION else one.leaves) or 0


def _changed_at(one: PlexItem) -> datetime:
    return moment(one.updated_at or one.added_at)


async def _keep(run: Run, one: PlexItem, section: int | None, number: int) -> None:
    """Write it down with its members, or not at all."""
    members: list[int] | None = []
    if one.kind == COLLECTION or one.playlist_type in ("", "video"):  # tracks and photos are not kept
        ask = run.client.collection_members if one.kind == COLLECTION else run.client.playlist_members
        members = await _members(run, partial(ask, one.rating_key))
        if not members and (members is None or _size(one)):
            return  # deleted since it was listed, or an answer not to be believed: the next sync asks again
    run.changed += 1
    async with run.ctx.db.transaction() as tx:
        await _write(tx, run.ctx.instance, one, section, number, members or [])


async def _write(
    tx: Queries, instance: str, one: PlexItem, section: int | None, number: int, members: Sequence[int]
) -> None:
    await tx.execute(
        _UPSERT,
        *(uuid7(), instance, one.kind, section, one.rating_key, one.title, sort_title(one), one.summary),
        *(one.thumb or one.composite, _size(one), _changed_at(one), number),
    )
    await tx.execute(
        "DELETE FROM plugin_plex.grouped WHERE instance = $1 AND grouping_key = $2", instance, one.rating_key
    )
    await tx.execute(_MEMBERS, instance, one.rating_key, members)


async def _members(run: Run, listed: Callable[[int, int], Awaitable[Part[PlexMember] | None]]) -> list[int] | None:
    """Their keys, each once: a playlist may hold something twice. None where there is no such thing (any more)."""
    found: dict[int, None] = {}
    start, part = 0, None
    while part is None or (part.sent and start < part.total and len(found) < MOST_MEMBERS):
        begins = max(start - OVERLAP, 0)
        part = await run.ask_page(partial(listed, begins))
        if part is None:
            return None
        found |= dict.fromkeys(one.rating_key for one in part.entries if one.rating_key is not None)
        start = max(begins + part.sent, start + 1)
    return list(found)[:MOST_MEMBERS]
