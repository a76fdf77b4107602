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

    One that the settings do not want goes at once, with all that is in it. One the server does not name any more goes when
    it is still not named after `SECOND_LOOK`.
    """
    now = ctx.clock.now()
    there = {one.key: one for one in found}
    wanted = {one.key: one for one in found if is_wanted(one, here(ctx))}
    async with ctx.db.transaction() as tx:
        gone = missing = 0
        for known in await read_sections(tx, ctx.instance):
            if known.key in wanted and wanted[known.key].kind == known.kind:
                continue
            if known.key not in there and (known.missing_since is None or now - known.missing_since < SECOND_LOOK):
                await tx.execute(
                    """UPDATE plugin_plex.section SET missing_since = coalesce(missing_since, $3)
                        WHERE instance = $1 AND section_key = $2""",
                    *(ctx.instance, known.key, now),
                )
                missing += 1
                continue
            ctx.log.info("plex_section_removed", server=ctx.instance, section=known.title)
            await remove(tx, ctx.instance, known.key)
            gone += 1
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


async def remove(tx: Queries, instance: str, key: int) -> None:
    """Let go of a section and all that is in it."""
    here = (instance, key)
    keys = "SELECT rating_key FROM plugin_plex.item WHERE instance = $1 AND section_key = $2"
    for table in ("arrival", "seen", "grouped"):
        await tx.execute(
            f"DELETE FROM plugin_plex.{table} WHERE instance = $1 AND rating_key IN ({keys})",  # nosec B608 # noqa: S608 - names of tables written here
            *here,
        )
    for table in ("item", "grouping", "section"):
        await tx.execute(
            f"DELETE FROM plugin_plex.{table} WHERE instance = $1 AND section_key = $2",  # nosec B608 # noqa: S608 - likewise
            *here,
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
