"""Searches all libraries one person may see: without regard to accents, from the first letters, and with a mistake in it.

First the words as they are typed, then, where that finds little, words like them. More than two thousand matches are not
all ranked: somebody who typed so little will type on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from pydantic import BaseModel, Field

from medianest_hub.plugin_api import Context, Queries, Record
from medianest_plex.browsing.keyset import Where
from medianest_plex.browsing.lists import ServerName, Word
from medianest_plex.browsing.models import Hit, Hits
from medianest_plex.browsing.rows import COLUMNS, fields, place, seen_sql
from medianest_plex.browsing.sight import Sight, visible_sql
from medianest_plex.browsing.twins import twins
from medianest_plex.browsing.words import likeness, patterns, swapped, words
from medianest_plex.events import Kind
from medianest_plex.library.folding import fold
from medianest_plex.settings import PlexSettings

MOST_LOOKED_AT: Final = 2000
ENOUGH: Final = 5
"""So many found by the words as typed, and nobody meant others."""

_MOST_RANKED: Final = 120
_LIKE_SWAPPED: Final = 0.75
_RANK: Final = "array_position(ARRAY['movie', 'show', 'artist', 'album', 'season', 'episode'], {row}.kind)"
_ORDER: Final = ("movie", "show", "artist", "album", "season", "episode")
_FOUND: Final = f"""
    WITH looked_at AS MATERIALIZED (
        (SELECT i.id, i.kind, i.words, i.rating, i.added_at FROM plugin_plex.item i WHERE {{common}} AND i.words = $3 LIMIT 50)
        UNION
        (SELECT i.id, i.kind, i.words, i.rating, i.added_at FROM plugin_plex.item i WHERE {{all}} LIMIT {MOST_LOOKED_AT})
    ), ranked AS (
        SELECT c.id, {{likeness}} AS likeness
          FROM looked_at c
         ORDER BY c.words = $3 DESC, starts_with(c.words, $3) DESC, likeness DESC, {_RANK.format(row="c")},
                  c.rating DESC NULLS LAST, c.added_at DESC, c.id LIMIT {_MOST_RANKED}
    )
    SELECT {COLUMNS}, {seen_sql("i", 2)} AS seen, r.likeness
      FROM ranked r JOIN plugin_plex.item i ON i.id = r.id
"""  # nosec B608 # noqa: S608 - every part is written here


class SearchQuery(BaseModel):
    """What to look for."""

    q: Word = Field(description="words, or how they begin; accents, capitals and punctuation make no difference")
    kind: Kind | None = Field(default=None, description="only movies, shows and so on")
    server: ServerName | None = Field(default=None, description="only what is on that server; `places` are those there")
    limit: int = Field(default=20, ge=1, le=50)


@dataclass(frozen=True, slots=True)
class Found:
    """A row that was found, and how well: 1 it is called so, above 0.9 it begins so, below the words are more or less in it."""

    row: Record
    score: float

    @property
    def order(self) -> tuple[float, int, float, float, str]:
        """The best first; of equals what is liked most, then what came in last."""
        return (
            -self.score,
            _ORDER.index(self.row["kind"]) if self.row["kind"] in _ORDER else len(_ORDER),
            -(self.row["rating"] or 0.0),
            -self.row["added_at"].timestamp(),
            str(self.row["id"]),
        )


async def search(ctx: Context[PlexSettings], seen: Sight, query: SearchQuery) -> Hits:
    """The best of all servers. What is in several libraries or on several servers is one hit with several places."""
    typed = words(query.q)
    if not typed or not seen.sections:
        return Hits(items=[], freshness=seen.freshness)
    async with ctx.db.transaction() as tx:
        found = await _find(tx, seen, typed, query)
        elsewhere = await twins(tx, seen, [one.row["id"] for one in found])
    return Hits(items=_merged(ctx, seen, found, elsewhere, query.limit), freshness=seen.freshness)


async def _find(tx: Queries, seen: Sight, typed: list[str], query: SearchQuery) -> list[Found]:
    alike = [share for word in typed if (share := likeness(word)) is not None]
    # The words decide which index is quick, so the plan is made for them; reading everything never is.
    await tx.fetchval(
        """SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true),
                  set_config('pg_trgm.word_similarity_threshold', $1, true)""",
        str(min(alike, default=1.0)),
    )
    whole = " ".join(typed)
    found = {one.row["id"]: one for one in await _as_typed(tx, seen, typed, whole, query)}
    if len(found) < min(ENOUGH, query.limit) and (alike or any(swapped(word) for word in typed)):
        for one in await _like_typed(tx, seen, typed, whole, query):
            found.setdefault(one.row["id"], one)
    return sorted(found.values(), key=lambda one: one.order)[: 2 * query.limit]


async def _as_typed(tx: Queries, seen: Sight, typed: list[str], whole: str, query: SearchQuery) -> list[Found]:
    where = _common(seen, whole, query)
    common = where.also()
    for word in patterns(typed):
        where.add(f"i.words LIKE ANY({where.arg(word)}::text[])")
    rows = await tx.fetch(
        _FOUND.format(common=common, all=where.also(), likeness="word_similarity($3, c.words)"), *where.args
    )
    return [Found(row, _score(row, whole, 0.5 + 0.4 * _about(row))) for row in rows]


async def _like_typed(tx: Queries, seen: Sight, typed: list[str], whole: str, query: SearchQuery) -> list[Found]:
    """Each word as typed, or with neighbouring letters swapped, or one that is like it."""
    where = _common(seen, whole, query)
    common, shares = where.also(), []
    for word, as_typed in zip(typed, patterns(typed), strict=True):
        other = where.arg(swapped(word))
        asked, share = where.arg(word), likeness(word)
        ways = [f"i.words LIKE ANY({where.arg(as_typed)}::text[])", f"i.words LIKE ANY({other}::text[])"]
        if share is not None:
            ways.append(f"({asked} <% i.words AND word_similarity({asked}, i.words) >= {where.arg(share)}::real)")
        where.add(f"({' OR '.join(ways)})")
        shares.append(
            f"greatest(word_similarity({asked}::text, c.words),"
            f" CASE WHEN c.words LIKE ANY({other}::text[]) THEN {_LIKE_SWAPPED} ELSE 0 END)"
        )
    sql = _FOUND.format(common=common, all=where.also(), likeness=f"({' + '.join(shares)}) / {len(shares)}")
    rows = await tx.fetch(sql, *where.args)
    return [Found(row, 0.5 * _about(row)) for row in rows]


def _common(seen: Sight, whole: str, query: SearchQuery) -> Where:
    where = Where([seen.everywhere, seen.person_id, whole])
    where.add(visible_sql("i", 1))
    if query.kind is not None:
        where.add(f"i.kind = {where.arg(query.kind)}")
    return where


def _about(row: Record) -> float:
    """Roughly: what is liked more comes before what differs in a letter less."""
    return round(float(row["likeness"]) * 20) / 20


def _score(row: Record, whole: str, otherwise: float) -> float:
    titles = (fold(row["title"]), fold(row["original_title"]))
    if whole in titles:
        return 1.0
    if any(title.startswith(whole) for title in titles):
        return 0.95
    return otherwise


def _merged(
    ctx: Context[PlexSettings], seen: Sight, found: list[Found], elsewhere: dict[UUID, list[Record]], limit: int
) -> list[Hit]:
    """One hit for what is the same thing, by the first server's row where that was found, too."""
    by_id = {one.row["id"]: one for one in found}
    return [
        _hit(ctx, seen, _own(seen, one, places, by_id), one.score, places)
        for one, places in _joined(found, elsewhere)[:limit]
    ]


def _joined(found: list[Found], elsewhere: dict[UUID, list[Record]]) -> list[tuple[Found, list[Record]]]:
    """The best of what is the same thing, with all its places: what shares a place with it belongs to it.

    Two with different `tmdb` are never the same; a place that could be either's is that of the better one.
    """
    joined: list[tuple[Found, dict[UUID, Record], set[str]]] = []
    all_taken: set[UUID] = set()
    for one in found:
        places = {there["id"]: there for there in (one.row, *elsewhere.get(one.row["id"], ()))}
        ids = {there["tmdb"] for there in places.values() if there["tmdb"]}
        own = {key: there for key, there in places.items() if key not in all_taken}
        for _, taken, known in joined:
            if taken.keys() & places.keys() and len(known | ids) <= 1:
                taken.update(own)
                known |= ids
                break
        else:
            if one.row["id"] in own:
                joined.append((one, own, ids))
        all_taken |= own.keys()
    return [(one, list(places.values())) for one, places, _ in joined]


def _own(seen: Sight, one: Found, places: Sequence[Record], by_id: dict[UUID, Found]) -> Record:
    if one.row["instance"] == seen.instance:
        return one.row
    ours = (by_id[there["id"]].row for there in places if there["id"] in by_id)
    return next((row for row in ours if row["instance"] == seen.instance), one.row)


def _hit(ctx: Context[PlexSettings], seen: Sight, row: Record, score: float, places: Sequence[Record]) -> Hit:
    listed = sorted(places, key=lambda there: there["instance"] != seen.instance)
    return Hit(**fields(ctx, seen, row), score=round(score, 3), places=[place(ctx, seen, there) for there in listed])
