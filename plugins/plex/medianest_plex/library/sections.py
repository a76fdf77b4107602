"""The libraries that are kept, and how far a sync of each has come. Asks the server nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from uuid_utils.compat import uuid7

from medianest_hub.plugin_api import Context, Queries, Record
from medianest_hub.plugin_api.errors import Unavailable
from medianest_plex.library.hints import hint
from medianest_plex.library_models import PlexSection
from medianest_plex.servers import here
from medianest_plex.settings import PlexSettings, ServerSettings

KINDS: Final = {"movie": ("movie",), "show": ("show", "season", "episode"), "artist": ("artist", "album")}
"""The kinds of items that are kept of a section, by the section's kind, from the top down."""

SECOND_LOOK: Final = timedelta(seconds=60)
"""What seems to be gone on a large scale is believed when it still seems so after this."""

RENAMED_KEPT: Final = timedelta(days=1)
"""So long what is kept of a library stays, unseen, that was renamed to something the settings do not show."""


class Overtaken(Unavailable):
    """Another worker has gone on with this sync; whatever this one still has to say comes too late."""

    code = "overtaken"


@dataclass(frozen=True, slots=True)
class Section:
    """As it is kept. `part` is what of a sync under way is done next, "" when none is; `offset` how far that is."""

    key: int
    kind: str
    title: str
    locations: tuple[str, ...]
    run: int
    part: str
    offset: int
    changed_until: int
    until: int
    full_at: datetime | None
    synced_at: datetime | None
    missing_since: datetime | None
    doubt_since: datetime | None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of its items."""
        return KINDS.get(self.kind, ())

    @property
    def was_read(self) -> bool:
        """Whether it was once read to its end: what is new since has come in."""
        return self.full_at is not None


_SELECT: Final = """
    SELECT section_key, kind, title, locations, run, run_part, run_offset, changed_until, run_until, full_at, synced_at,
           missing_since, doubt_since
      FROM plugin_plex.section WHERE instance = $1 ORDER BY position, section_key
"""


def _section(row: Record) -> Section:
    return Section(row[0], row[1], row[2], tuple(row[3]), *(row[at] for at in range(4, 13)))


async def read_sections(q: Queries, instance: str) -> list[Section]:
    """Those that are kept, in the server's order."""
    return [_section(row) for row in await q.fetch(_SELECT, instance)]


def is_wanted(one: PlexSection, server: ServerSettings) -> bool:
    """Whether it is of a kind that is kept, and among those the settings show of the server."""
    return one.kind in KINDS and server.shows(one.title)


async def bring(ctx: Context[PlexSettings], found: Sequence[PlexSection]) -> tuple[list[Section], int]:
    """Keep the sections the server named, as far as the settings want them; those there are now, and how many went.

    One that the settings do not want goes, with all that is in it. One the server does not name any more goes when it is
    still not named after `SECOND_LOOK`; one that the server calls something else by now, which the settings do not want, is
    not shown any more and goes after `RENAMED_KEPT`.
    """
    now = ctx.clock.now()
    there = {one.key: one for one in found}
    wanted = {one.key: one for one in found if is_wanted(one, here(ctx))}
    gone = missing = 0
    for known in await read_sections(ctx.db, ctx.instance):
        if known.key in wanted and wanted[known.key].kind == known.kind:
            continue
        patience = _patience(known, there.get(known.key), here(ctx))
        if patience and (known.missing_since is None or now - known.missing_since < patience):
            await _miss(ctx, known, there.get(known.key), now)
            missing += known.key not in there
            continue
        ctx.log.info("plex_section_removed", server=ctx.instance, section=known.title)
        await remove(ctx, known.key)
        gone += 1
    async with ctx.db.transaction() as tx:
        for position, one in enumerate(wanted.values()):
            await tx.execute(
                """INSERT INTO plugin_plex.section (id, instance, section_key, kind, title, position, locations)
                   VALUES ($1, $2, $3, $4, $5, $6, $7)
                   ON CONFLICT (instance, section_key)
                   DO UPDATE SET title = $5, position = $6, locations = $7, missing_since = NULL""",
                *(uuid7(), ctx.instance, one.key, one.kind, one.title or str(one.key), position),
                [place.path for place in one.locations if place.path],
            )
        kept = [one for one in await read_sections(tx, ctx.instance) if one.missing_since is None]
    if missing:
        await hint(ctx, delay=SECOND_LOOK.total_seconds() + 5)
    return kept, gone


def _patience(known: Section, now: PlexSection | None, server: ServerSettings) -> timedelta:
    """How long to keep a section that is not wanted, or not there, any more."""
    if now is None:
        return RENAMED_KEPT if _is_renamed(known, server) else SECOND_LOOK
    was_shown = server.shows(known.title) or known.missing_since is not None
    return RENAMED_KEPT if now.kind == known.kind and was_shown else timedelta(0)


def _is_renamed(known: Section, server: ServerSettings) -> bool:
    return known.missing_since is not None and not server.shows(known.title)


async def _miss(ctx: Context[PlexSettings], known: Section, now: PlexSection | None, at: datetime) -> None:
    """Note since when it is missed, and what it is called by now: under a name the settings do not want nobody sees it."""
    title = known.title if now is None else now.title or str(now.key)
    await ctx.db.execute(
        """UPDATE plugin_plex.section SET missing_since = coalesce(missing_since, $3), title = $4
            WHERE instance = $1 AND section_key = $2""",
        *(ctx.instance, known.key, at, title),
    )
    if title != known.title:
        ctx.log.warning("plex_section_renamed", server=ctx.instance, section=known.title, now=title)


async def renamed(ctx: Context[PlexSettings]) -> str:
    """In words for an admin: which libraries are not shown any more since they were renamed; "" where none is."""
    names = [one.title for one in await read_sections(ctx.db, ctx.instance) if _is_renamed(one, here(ctx))]
    if not names:
        return ""
    field, listed = here(ctx).field("sections"), ", ".join(f"\u201c{name}\u201d" for name in names)
    return (
        f"The {here(ctx).service} has given another name to what is now called {listed}. The settings do not show that name, "
        f"so it is hidden, and let go of after a day. Enter the new name under {field}, or take the old one out."
    )


async def remove(ctx: Context[PlexSettings], key: int) -> None:
    """Let go of a section and all that is in it, a little at a time; the section last, so that it goes on when cut short."""
    after = 0
    while True:
        rows = await ctx.db.fetch(
            """SELECT rating_key FROM plugin_plex.item
                WHERE instance = $1 AND section_key = $2 AND rating_key > $3 ORDER BY rating_key LIMIT 2000""",
            *(ctx.instance, key, after),
        )
        if not rows:
            break
        keys = [row["rating_key"] for row in rows]
        after = keys[-1]
        async with ctx.db.transaction() as tx:
            for table in ("arrival", "seen", "grouped", "item"):
                await tx.execute(
                    f"DELETE FROM plugin_plex.{table} WHERE instance = $1 AND rating_key = ANY($2)",  # nosec B608 # noqa: S608 - names of tables written here
                    *(ctx.instance, keys),
                )
    async with ctx.db.transaction() as tx:
        for table in ("grouping", "section"):
            await tx.execute(
                f"DELETE FROM plugin_plex.{table} WHERE instance = $1 AND section_key = $2",  # nosec B608 # noqa: S608 - likewise
                *(ctx.instance, key),
            )


async def begin(
    tx: Queries, instance: str, section: Section, part: str, *, run: int, until: int, now: datetime
) -> Section:
    """A sync of the section begins with this part. Raises `Overtaken`."""
    done = await tx.execute(
        """UPDATE plugin_plex.section SET run = $4, run_part = $5, run_offset = 0, run_started_at = $6, run_until = $7
            WHERE instance = $1 AND section_key = $2 AND run = $3 AND run_part = ''""",
        *(instance, section.key, section.run, run, part, now, until),
    )
    return _held(done, replace(section, run=run, part=part, offset=0, until=until))


async def advance(tx: Queries, instance: str, section: Section, part: str, offset: int) -> Section:
    """The sync has come to there. Raises `Overtaken` when somebody else has brought it on."""
    done = await tx.execute(
        """UPDATE plugin_plex.section SET run_part = $6, run_offset = $7
            WHERE instance = $1 AND section_key = $2 AND run = $3 AND run_part = $4 AND run_offset = $5""",
        *(instance, section.key, section.run, section.part, section.offset, part, offset),
    )
    return _held(done, replace(section, part=part, offset=offset))


async def finish(tx: Queries, instance: str, section: Section, *, full: bool, now: datetime) -> None:
    """The sync is through. Raises `Overtaken`."""
    done = await tx.execute(
        """UPDATE plugin_plex.section
              SET run_part = '', run_offset = 0, changed_until = greatest(changed_until, run_until), synced_at = $5,
                  full_at = CASE WHEN $6 THEN $5 ELSE full_at END
            WHERE instance = $1 AND section_key = $2 AND run = $3 AND run_part = $4""",
        *(instance, section.key, section.run, section.part, now, full),
    )
    _held(done, section)


async def doubt(tx: Queries, instance: str, section: Section, since: datetime | None) -> None:
    """Note since when it seems too empty to be believed; None ends that."""
    await tx.execute(
        "UPDATE plugin_plex.section SET doubt_since = $3 WHERE instance = $1 AND section_key = $2",
        *(instance, section.key, since),
    )


def _held(done: str, section: Section) -> Section:
    if done == "UPDATE 0":
        raise Overtaken("Another worker has gone on with this sync of the Plex library.")
    return section
