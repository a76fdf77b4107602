"""Reads the items of a section page by page, keeping after each how far it has come. Removes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from medianest_hub.plugin_api.errors import UpstreamError
from medianest_plex.client.library import Part
from medianest_plex.library.rows import write
from medianest_plex.library.run import Run
from medianest_plex.library.sections import SECOND_LOOK, Section, advance, begin
from medianest_plex.library_models import PlexItem
from medianest_plex.servers import here

OVERLAP: Final = 10
"""How many items of the page before are asked for again: what is deleted meanwhile moves the others up."""

OVERLAP_SECONDS: Final = 60
"""By how much changes are asked for again: the server may write down a time and be done a moment later."""

ALL, NEW, END = "all", "new", "end"
_LONGEST_PASSES: Final = 2


def steps(mode: str, section: Section) -> list[str]:
    """The parts of a sync of the section, in order. `mode` is `ALL` or `NEW`; the last part reads nothing."""
    if mode == ALL:
        return [*(f"{ALL}:{kind}" for kind in section.kinds), f"{ALL}:{END}"]
    asked = [f"{NEW}:{kind}:{field}" for kind in section.kinds for field in ("updatedAt", "addedAt")]
    return [*asked, f"{NEW}:{END}"]


def mode_of(section: Section) -> str:
    """How the sync under way goes; "" when none is."""
    return section.part.partition(":")[0]


async def start(run: Run, section: Section, mode: str) -> Section:
    """Begin a sync of the section, noting first up to when it will know of changes."""
    newest = [await _newest(run, section, kind) for kind in section.kinds]
    now = run.ctx.clock.now()
    async with run.ctx.db.transaction() as tx:
        number = section.run
        if mode == ALL:
            number = await tx.fetchval(
                "UPDATE plugin_plex.server SET run = run + 1 WHERE instance = $1 RETURNING run", run.ctx.instance
            )
        return await begin(
            *(tx, run.ctx.instance, section, steps(mode, section)[0]), run=number, until=max(newest, default=0), now=now
        )


async def _newest(run: Run, section: Section, kind: str) -> int:
    """When the item that changed last did, by the server's clock; by ours, with some leeway, where that cannot be."""
    part = await run.ask(partial(run.client.page, section.key, kind, 0, 1, sort="updatedAt:desc"))
    latest = max((one.updated_at or 0 for one in part.entries), default=0)
    now = run.ctx.clock.now()
    return latest if latest <= (now + timedelta(days=1)).timestamp() else int((now - timedelta(hours=1)).timestamp())


async def walk(run: Run, section: Section) -> Section:
    """Read all that the sync of this section is still to read."""
    every = steps(mode_of(section), section)
    while section.part in every[:-1]:
        section = await _walk_part(run, section, every[every.index(section.part) + 1])
    if section.part != every[-1]:
        # Parts of an older version of this plugin, or of a section that became another kind.
        async with run.ctx.db.transaction() as tx:
            section = await advance(tx, run.ctx.instance, section, every[0], 0)
        return await walk(run, section)
    return section


@dataclass(slots=True)
class _Walk:
    """One part of a section's sync. `last` is how far the items read so far reach in the order they are asked for in.

    `left_out`: how many did not fit, in the pass under way.
    """

    run: Run
    section: Section
    mode: str
    kind: str
    sort: str
    filters: Mapping[str, str | int]
    field: str
    overlap: int
    last: int
    left_out: int = 0

    def place(self, one: PlexItem) -> int:
        """Where the item stands in that order."""
        if self.mode == ALL:
            return one.rating_key
        return (one.updated_at if self.field == "updatedAt" else one.added_at) or 0


async def _walk_part(run: Run, section: Section, following: str) -> Section:
    walk = await _walk_of(run, section)
    for passes in range(1, _LONGEST_PASSES + 1):
        part: Part[PlexItem] | None = None
        while part is None or (part.sent and walk.section.offset < part.total):
            part = await _page(walk)
        if walk.section.offset and not part.total and walk.mode == ALL:
            await _begin_again(run, walk.section)
        read = await _seen(run, section, walk.kind) + walk.left_out
        if walk.mode == NEW or passes == _LONGEST_PASSES or read >= part.total:
            break
        # Some were passed over, by a server that keeps another order: once more, looking closer.
        walk.overlap, walk.last, walk.left_out = run.page_size // 2, 0, 0
        async with run.ctx.db.transaction() as tx:
            walk.section = await advance(tx, run.ctx.instance, walk.section, section.part, 0)
    async with run.ctx.db.transaction() as tx:
        return await advance(tx, run.ctx.instance, walk.section, following, 0)


async def _walk_of(run: Run, section: Section) -> _Walk:
    mode, kind, *field = section.part.split(":")
    sort, filters = _asked(section)
    last = overlap = 0
    if mode == ALL:
        last = await run.ctx.db.fetchval(
            """SELECT coalesce(max(rating_key), 0) FROM plugin_plex.item
                WHERE instance = $1 AND section_key = $2 AND kind = $3 AND run = $4""",
            *(run.ctx.instance, section.key, kind, section.run),
        )
    elif section.offset:
        overlap = run.page_size // 2  # how far it had come is known by number only
    return _Walk(run, section, mode, kind, sort, filters, "".join(field), max(OVERLAP, overlap), last)


async def _begin_again(run: Run, section: Section) -> None:
    async with run.ctx.db.transaction() as tx:
        await advance(tx, run.ctx.instance, section, section.part, 0)
    service = here(run.ctx).service
    raise UpstreamError(
        f"{service} said in the middle of the library {section.title} that there is nothing in it. It is asked again.",
        service=service,
        field="MediaContainer.totalSize",
    )


async def _page(walk: _Walk) -> Part[PlexItem]:
    """Read the next page, and write down that it was read."""
    run, section = walk.run, walk.section
    start, part = await _next(walk)
    reached, last = start + part.sent, max((walk.place(one) for one in part.entries), default=0)
    if last <= walk.last and section.offset < part.total:
        reached = max(reached, section.offset + 1)  # whatever the server makes of where to begin, this comes to an end
    walk.last = max(last, walk.last)
    walk.left_out += part.left_out
    run.left_out += part.left_out
    async with run.ctx.db.transaction() as tx:
        run.note(await write(tx, run.ctx.instance, [section], placed(part.entries, section), run.ctx.clock.now()))
        walk.section = await advance(tx, run.ctx.instance, section, section.part, reached)
    fraction = min(reached / part.total, 1.0) if part.total else None
    await run.report(fraction, f"{section.title}: {walk.kind} {min(reached, part.total)} of {part.total}")
    return part


async def _next(walk: _Walk) -> tuple[int, Part[PlexItem]]:
    """The next page, from where on it is; further back where items went meanwhile, so that none is passed over."""
    section = walk.section
    start = max(section.offset - min(walk.overlap, walk.run.page_size // 2), 0)
    while True:
        part = await walk.run.ask_page(partial(_ask, walk, start))
        places = [walk.place(one) for one in part.entries]
        is_after = places[0] > walk.last if places else bool(part.total) and not part.sent
        if not start or not is_after or places != sorted(places):
            return start, part
        start = max(min(start, part.total) - walk.run.page_size, 0)


async def _ask(walk: _Walk, start: int, size: int) -> Part[PlexItem]:
    client, section = walk.run.client, walk.section
    return await client.page(section.key, walk.kind, start, size, sort=walk.sort, filters=walk.filters)


def placed(entries: Sequence[PlexItem], section: Section) -> list[PlexItem]:
    """The items of a list of the section, which it need not say of each."""
    return [
        one if one.section_key == section.key else one.model_copy(update={"section_key": section.key})
        for one in entries
    ]


def _asked(section: Section) -> tuple[str, Mapping[str, str | int]]:
    mode, kind, *field = section.part.split(":")
    if mode == ALL:
        return by_id(section, kind), {}
    since = max(section.changed_until - OVERLAP_SECONDS, 0)
    # The same name is filter and order, so that what changes meanwhile comes at the end.
    return f"{field[0]}:asc", {f"{field[0]}>": since}


def by_id(section: Section, kind: str) -> str:
    """The order in which new items come last and none ever changes place."""
    return f"{field_of(section, kind, 'id')}:asc"


def field_of(section: Section, kind: str, name: str) -> str:
    """The name of a field of that kind in Plex's queries (plexapi's source): movies' go without a prefix."""
    return name if section.kind == "movie" else f"{kind}.{name}"


async def _seen(run: Run, section: Section, kind: str) -> int:
    count: int = await run.ctx.db.fetchval(
        """SELECT count(*) FROM plugin_plex.item
            WHERE instance = $1 AND section_key = $2 AND kind = $3 AND run = $4""",
        *(run.ctx.instance, section.key, kind, section.run),
    )
    return count


def is_due(section: Section, now: datetime, every: timedelta) -> bool:
    """Whether everything in it is to be compared: it never was, not for so long, or it was doubted a while ago."""
    doubted = section.doubt_since is not None and now - section.doubt_since >= SECOND_LOOK
    return section.full_at is None or doubted or now - section.full_at >= every
