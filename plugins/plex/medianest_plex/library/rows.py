"""Writes items as a page of the server's answers has them, in one statement however many there are. Decides nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from uuid_utils.compat import uuid7

from medianest_hub.plugin_api import Queries
from medianest_plex.library.folding import fold, words_of
from medianest_plex.library.sections import Section
from medianest_plex.library_models import PlexItem

_TYPES: Final = {
    "id": "uuid",
    "section_key": "integer",
    "rating_key": "bigint",
    "kind": "text",
    "guid": "text",
    "parent_key": "bigint",
    "grandparent_key": "bigint",
    "number": "integer",
    "parent_number": "integer",
    "title": "text",
    "sort_title": "text",
    "original_title": "text",
    "parent_title": "text",
    "grandparent_title": "text",
    "year": "integer",
    "summary": "text",
    "rating": "real",
    "content_rating": "text",
    "studio": "text",
    "duration_ms": "bigint",
    "genres": "text[]",
    "resolution": "text",
    "tmdb": "text",
    "tvdb": "text",
    "imdb": "text",
    "musicbrainz": "text",
    "thumb": "text",
    "art": "text",
    "leaves": "integer",
    "added_at": "timestamptz",
    "changed_at": "timestamptz",
    "words": "text",
    "run": "bigint",
}
_NAMES: Final = ", ".join(_TYPES)
_UPSERT: Final = f"""
    INSERT INTO plugin_plex.item (instance, first_seen_at, {_NAMES})
    SELECT $2, $3, {_NAMES}
      FROM jsonb_to_recordset($1::jsonb) AS x({", ".join(f"{name} {kind}" for name, kind in _TYPES.items())})
    ON CONFLICT (instance, rating_key)
    DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _TYPES if name != "id")}
"""  # nosec B608 # noqa: S608 - every part is written here
_KNOWN: Final = """
    SELECT rating_key, changed_at, section_key FROM plugin_plex.item WHERE instance = $1 AND rating_key = ANY($2)
"""
_ARRIVE: Final = """
    INSERT INTO plugin_plex.arrival (instance, rating_key, at, held)
    SELECT i.instance, i.rating_key, $3, EXISTS (
               SELECT FROM plugin_plex.item o
                WHERE o.instance = i.instance AND o.guid = i.guid AND o.guid <> '' AND o.kind = i.kind AND o.id <> i.id)
      FROM plugin_plex.item i WHERE i.instance = $1 AND i.rating_key = ANY($2)
    ON CONFLICT DO NOTHING
"""
_UNSEE: Final = """
    DELETE FROM plugin_plex.seen s
     USING plugin_plex.arrival a JOIN plugin_plex.item e ON e.instance = a.instance AND e.rating_key = a.rating_key
     WHERE a.instance = $1 AND a.rating_key = ANY($2) AND NOT a.held AND e.kind = 'episode'
       AND s.instance = $1 AND s.rating_key IN (e.parent_key, e.grandparent_key)
"""


@dataclass(frozen=True, slots=True)
class Written:
    """How many items a page held, how many of them are new, and how many of the others have changed."""

    items: int = 0
    fresh: int = 0
    changed: int = 0


async def write(
    tx: Queries, instance: str, sections: Iterable[Section], items: Sequence[PlexItem], now: datetime
) -> Written:
    """Bring in these items, each twice or more if need be; those of other kinds or other sections are passed over.

    What is new in a section that was read whole before is noted as come in. Call it in a transaction.
    """
    by_key = {one.key: one for one in sections}
    rows: dict[int, dict[str, Any]] = {}
    for one in items:
        section = by_key.get(one.section_key or 0)
        if section is not None and one.kind in section.kinds:
            rows[one.rating_key] = _row(one, section)
    if not rows:
        return Written()
    known = {row["rating_key"]: row for row in await tx.fetch(_KNOWN, instance, list(rows))}
    await tx.execute(_UPSERT, json.dumps(list(rows.values()), ensure_ascii=False), instance, now)
    fresh = [key for key in rows if key not in known]
    arrived = [key for key in fresh if by_key[rows[key]["section_key"]].was_read]
    if arrived:
        await tx.execute(_ARRIVE, instance, arrived, now)
        await tx.execute(_UNSEE, instance, arrived)  # nobody has seen all of a season that goes on
    changed = sum(
        1
        for key, row in known.items()
        if (row["changed_at"].isoformat(), row["section_key"]) != (rows[key]["changed_at"], rows[key]["section_key"])
    )
    return Written(len(rows), len(fresh), changed)


def _row(one: PlexItem, section: Section) -> dict[str, Any]:
    external = one.external_ids
    episode = one.kind == "episode"
    return {
        "id": str(uuid7()),
        "section_key": section.key,
        "rating_key": one.rating_key,
        "kind": one.kind,
        "guid": one.guid,
        "parent_key": one.parent_key,
        "grandparent_key": one.grandparent_key,
        "number": one.number,
        "parent_number": one.parent_number,
        "title": one.title,
        "sort_title": sort_title(one),
        "original_title": one.original_title,
        "parent_title": one.parent_title,
        "grandparent_title": one.grandparent_title,
        "year": one.year,
        "summary": one.summary,
        "rating": one.rating,
        "content_rating": one.content_rating,
        "studio": one.studio,
        "duration_ms": one.duration,
        "genres": one.tags,
        "resolution": one.resolution,
        "tmdb": external.get("tmdb"),
        "tvdb": external.get("tvdb"),
        "imdb": external.get("imdb"),
        "musicbrainz": external.get("musicbrainz"),
        "thumb": one.thumb,
        "art": one.art,
        "leaves": one.leaves,
        "added_at": moment(one.added_at or one.updated_at).isoformat(),
        "changed_at": moment(one.updated_at or one.added_at).isoformat(),
        "words": words_of(one.title, one.original_title, one.grandparent_title if episode else ""),
        "run": section.run,
    }


def sort_title(one: PlexItem) -> str:
    """What it is sorted by: the server's word on that, else the title, folded."""
    return fold(one.sort_title or one.title) or one.title.casefold()


def moment(seconds: int | None) -> datetime:
    """That time; long ago where it is not known."""
    return datetime.fromtimestamp(seconds or 0, UTC)
