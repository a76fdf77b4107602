"""Finds what was deleted, or never came, by counting: where counts differ it halves the range of keys and counts again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Final

from medianest_plex.client.library import Part
from medianest_plex.library.hints import hint
from medianest_plex.library.removing import believed, missing, remove
from medianest_plex.library.rows import write
from medianest_plex.library.run import Run
from medianest_plex.library.sections import Section
from medianest_plex.library.walking import by_id, field_of, placed
from medianest_plex.library_models import PlexItem

MOST_COUNTS: Final = 300
"""More calls than this, and reading everything again is the gentler way."""

FULL_AT_MOST_EVERY: Final = timedelta(hours=1)
"""How often counts that cannot be explained make everything be read again."""

_HIGHEST: Final = 2**62


class _Puzzled(Exception):
    """The server's counts make no sense, or there would be too many of them."""


@dataclass(slots=True)
class _Comparison:
    """Of the items of one kind in one section."""

    run: Run
    sections: Sequence[Section]
    section: Section
    kind: str
    counts: int = 0
    candidates: set[int] = field(default_factory=set)
    left_out: int = 0
    """What the server counts and does not say well enough to be kept."""


async def compare(run: Run, sections: Sequence[Section], section: Section, kind: str) -> None:
    """Bring the section's items of that kind to what the server has, as far as counts tell of a difference."""
    one = _Comparison(run, sections, section, kind)
    total, ours = await _counted(one)
    if total == ours:
        return
    if total < ours:
        if not await believed(run, section, ours - total, ours):
            return
        gone = await _of_kind(one, run.hinted_gone)
        # Two say so: the server does not find it, and counts fewer than we do.
        if gone and len(gone) <= ours - total:
            await remove(run, gone)
            total, ours = await _counted(one)
    if total != ours:
        await _explain(one, total, ours)


async def _explain(one: _Comparison, total: int, ours: int) -> None:
    ctx = one.run.ctx
    try:
        await _halve(one, 0, _HIGHEST, total, ours)
        await remove(one.run, await missing(one.run, one.sections, one.candidates))
        total, ours = await _counted(one)
    except _Puzzled:
        pass
    if total != ours + one.left_out:
        # For everything to be read again, though not all the time.
        await ctx.db.execute(
            """UPDATE plugin_plex.section SET full_at = full_at - interval '10 years'
                WHERE instance = $1 AND section_key = $2 AND full_at < $3""",
            *(ctx.instance, one.section.key, ctx.clock.now() - FULL_AT_MOST_EVERY),
        )
        await hint(ctx)


async def _halve(one: _Comparison, low: int, high: int, total: int, ours: int) -> None:
    """Look into keys above `low` up to `high`, of which the server has `total` and we have `ours`."""
    if total == ours:
        return
    if ours <= one.run.page_size:
        await _read(one, low, high)
        return
    middle = await one.run.ctx.db.fetchval(
        """SELECT rating_key FROM plugin_plex.item
            WHERE instance = $1 AND section_key = $2 AND kind = $3 AND rating_key > $4 AND rating_key <= $5
            ORDER BY rating_key OFFSET $6 LIMIT 1""",
        *(one.run.ctx.instance, one.section.key, one.kind, low, high, ours // 2 - 1),
    )
    below = await _count(one, low, middle)
    if not 0 <= below <= total:
        raise _Puzzled
    await _halve(one, low, middle, below, ours // 2)
    await _halve(one, middle, high, total - below, ours - ours // 2)


async def _read(one: _Comparison, low: int, high: int) -> None:
    """Read what the server has of that range; what of ours it does not name may be gone."""
    run, section = one.run, one.section
    ours = {row["rating_key"] for row in await run.ctx.db.fetch(
        """SELECT rating_key FROM plugin_plex.item
            WHERE instance = $1 AND section_key = $2 AND kind = $3 AND rating_key > $4 AND rating_key <= $5""",
        *(run.ctx.instance, section.key, one.kind, low, high),
    )}  # fmt: skip
    start, part = 0, None
    while part is None or (part.sent and start < part.total):
        part = await _page(one, low, high, start)
        keys = {item.rating_key for item in part.entries}
        if any(not low < key <= high for key in keys):
            raise _Puzzled  # this server does not know how to filter so
        async with run.ctx.db.transaction() as tx:
            run.note(await write(tx, run.ctx.instance, [section], placed(part.entries, section), run.ctx.clock.now()))
        ours -= keys
        start += part.sent
        one.left_out += part.left_out
        run.left_out += part.left_out
    one.candidates |= ours


async def _page(one: _Comparison, low: int, high: int, start: int) -> Part[PlexItem]:
    section, filters = one.section, _between(one, low, high)
    return await one.run.ask_page(
        lambda size: one.run.client.page(
            section.key, one.kind, start, size, sort=by_id(section, one.kind), filters=filters
        )
    )


async def _count(one: _Comparison, low: int, high: int) -> int:
    one.counts += 1
    if one.counts > MOST_COUNTS:
        raise _Puzzled
    return await _ask(one, _between(one, low, high))


async def _ask(one: _Comparison, filters: dict[str, int]) -> int:
    count, sort = one.run.client.count, by_id(one.section, one.kind)
    return await one.run.ask(partial(count, one.section.key, one.kind, sort=sort, filters=filters))


def _between(one: _Comparison, low: int, high: int) -> dict[str, int]:
    name = field_of(one.section, one.kind, "id")
    return {f"{name}>>": low} | ({f"{name}<<": high + 1} if high < _HIGHEST else {})


async def _counted(one: _Comparison) -> tuple[int, int]:
    """How many the server has, and how many we have."""
    total = await _ask(one, {})
    ours: int = await one.run.ctx.db.fetchval(
        "SELECT count(*) FROM plugin_plex.item WHERE instance = $1 AND section_key = $2 AND kind = $3",
        *(one.run.ctx.instance, one.section.key, one.kind),
    )
    return total, ours


async def _of_kind(one: _Comparison, keys: set[int]) -> list[int]:
    rows = await one.run.ctx.db.fetch(
        """SELECT rating_key FROM plugin_plex.item
            WHERE instance = $1 AND section_key = $2 AND kind = $3 AND rating_key = ANY($4)""",
        *(one.run.ctx.instance, one.section.key, one.kind, list(keys)),
    )
    return [row["rating_key"] for row in rows]
