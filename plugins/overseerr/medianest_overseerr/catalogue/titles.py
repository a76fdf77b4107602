"""Titles and posters, kept in Postgres: what is not there is asked for, a few at once, and never one by one for a list."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from medianest_hub.plugin_api.errors import HubError, NotFound
from medianest_overseerr.client import Overseerr, answers
from medianest_overseerr.client.answers import Kind
from medianest_overseerr.connection import Ctx, service

GOOD_FOR: Final = timedelta(days=30)
"""How long a title is shown without asking again; older ones are shown, and asked about anew by the worker."""

MISSING_FOR: Final = timedelta(hours=6)
"""How long a number counts as unknown after TMDB did not know it."""

AT_ONCE: Final = 4
WAIT_SECONDS: Final = 4.0
"""How long a list waits for titles that are not kept yet; those that come later are there the next time."""

RENEWED_AT_ONCE: Final = 20
RENEW_SECONDS: Final = 30.0
"""How long the worker waits for those."""

Key = tuple[Kind, int]

_READ: Final = """
SELECT t.kind, t.tmdb_id, t.title, t.year, t.poster, t.backdrop, t.fetched_at FROM plugin_overseerr.title t
JOIN unnest($2::text[], $3::integer[]) AS wanted(kind, tmdb_id) USING (kind, tmdb_id) WHERE t.instance = $1
"""
_OLD: Final = """
SELECT t.kind, t.tmdb_id FROM plugin_overseerr.title t WHERE t.instance = $1 AND t.title <> '' AND t.fetched_at < $2
    AND EXISTS (SELECT 1 FROM plugin_overseerr.request r
        WHERE r.instance = t.instance AND r.kind = t.kind AND r.tmdb_id = t.tmdb_id)
ORDER BY t.fetched_at, t.kind, t.tmdb_id LIMIT $3
"""
_WRITE: Final = """
INSERT INTO plugin_overseerr.title (instance, kind, tmdb_id, title, year, poster, backdrop, fetched_at)
SELECT $1, kind, tmdb_id, title, year, poster, backdrop, $8
FROM unnest($2::text[], $3::integer[], $4::text[], $5::integer[], $6::text[], $7::text[])
    AS given(kind, tmdb_id, title, year, poster, backdrop)
ORDER BY kind, tmdb_id
ON CONFLICT (instance, kind, tmdb_id) DO UPDATE SET fetched_at = EXCLUDED.fetched_at,
    title = CASE WHEN EXCLUDED.title = '' THEN title.title ELSE EXCLUDED.title END,
    year = CASE WHEN EXCLUDED.title = '' THEN title.year ELSE EXCLUDED.year END,
    poster = CASE WHEN EXCLUDED.title = '' THEN title.poster ELSE EXCLUDED.poster END,
    backdrop = CASE WHEN EXCLUDED.title = '' THEN title.backdrop ELSE EXCLUDED.backdrop END
"""


@dataclass(frozen=True, slots=True)
class Title:
    """What a film or series is called. `title` is empty where TMDB knows none of that number."""

    kind: Kind
    tmdb_id: int
    title: str
    year: int | None = None
    poster: str = ""
    backdrop: str = ""

    @property
    def key(self) -> Key:
        """By what it is found."""
        return self.kind, self.tmdb_id


async def titles(ctx: Ctx, wanted: Iterable[Key], *, wait: float | None = None) -> dict[Key, Title]:
    """What these are called, as far as it is known or can be found out in `wait` seconds. Raises nothing for lack of it.

    `wait` 0: what is kept, and nobody is asked.
    """
    keys = sorted(set(wanted))
    found, missing = await _kept(ctx, keys)
    if missing and wait != 0:
        fetched = await _ask(ctx, missing, WAIT_SECONDS if wait is None else wait)
        await keep(ctx, fetched)
        found |= {one.key: one for one in fetched if one.title}
    return found


async def renew(ctx: Ctx) -> None:
    """Ask anew, a few each time, for the oldest titles of what was asked for. Raises nothing for lack of an answer."""
    rows = await ctx.db.fetch(_OLD, ctx.instance, ctx.clock.now() - GOOD_FOR, RENEWED_AT_ONCE)
    if rows:
        await keep(ctx, await _ask(ctx, [(row["kind"], row["tmdb_id"]) for row in rows], RENEW_SECONDS))


async def keep(ctx: Ctx, given: Sequence[Title]) -> None:
    """Keep what was found out, or seen on the way; an empty title is kept only where none was."""
    rows = list({one.key: one for one in given}.values())
    if rows:
        await ctx.db.execute(
            _WRITE,
            ctx.instance,
            [one.kind for one in rows],
            [one.tmdb_id for one in rows],
            [one.title for one in rows],
            [one.year for one in rows],
            [one.poster for one in rows],
            [one.backdrop for one in rows],
            ctx.clock.now(),
        )


async def _kept(ctx: Ctx, keys: Sequence[Key]) -> tuple[dict[Key, Title], list[Key]]:
    """What is kept, however old, and what is to be asked for: what is not there, and what was unknown a while ago."""
    now, found, known = ctx.clock.now(), {}, set()
    rows = await ctx.db.fetch(_READ, ctx.instance, [kind for kind, _ in keys], [number for _, number in keys])
    for row in rows:
        one = Title(row["kind"], row["tmdb_id"], row["title"], row["year"], row["poster"], row["backdrop"])
        if one.title:
            found[one.key] = one
        if one.title or now - row["fetched_at"] < MISSING_FOR:
            known.add(one.key)
    return found, [key for key in keys if key not in known]


async def _ask(ctx: Ctx, keys: Sequence[Key], wait: float) -> list[Title]:
    asked, slots, fetched = service(ctx), asyncio.Semaphore(AT_ONCE), []
    troubled: list[HubError] = []

    async def one(key: Key) -> None:
        async with slots:
            if troubled:
                return
            try:
                fetched.append(await _title(asked, key))
            except NotFound:
                fetched.append(Title(*key, title=""))
            except HubError as error:
                troubled.append(error)  # whatever ails the service ails the others' questions too

    try:
        async with asyncio.timeout(wait), asyncio.TaskGroup() as group:
            for key in keys:
                group.create_task(one(key))
    except TimeoutError:
        ctx.log.debug("overseerr_titles_late", missing=len(keys) - len(fetched))
    for error in troubled[:1]:
        ctx.log.debug("overseerr_titles_not_asked", reason=error.message)
    return fetched


async def _title(asked: Overseerr, key: Key) -> Title:
    kind, number = key
    return title_of(kind, await asked.movie(number) if kind == "movie" else await asked.series(number))


def title_of(kind: Kind, found: answers.Movie | answers.Series) -> Title:
    """What details say of a title."""
    return Title(kind, found.id, found.title, found.year, found.poster, found.backdrop)
