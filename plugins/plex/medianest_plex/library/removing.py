"""Lets go of items the server no longer has, and knows moved ones again: they keep their id and who has seen them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from functools import partial
from typing import Final

from medianest_hub.plugin_api import Queries
from medianest_plex.client.library import KEYS_AT_ONCE
from medianest_plex.library.hints import hint
from medianest_plex.library.rows import write
from medianest_plex.library.run import Run, chunks
from medianest_plex.library.sections import SECOND_LOOK, Section, doubt

HEIR_DAYS: Final = 2
"""Something of the same guid that came in so lately is what went, moved: everything is compared once a day."""

_FEW: Final = 50
_SHARE: Final = 50
"""So many may go at once without being doubted, or one in so many of what a large library holds."""

_TOO_MANY: Final = 2000
"""Of more than this a sample alone is asked for one by one, once they were missing twice."""

_INHERIT: Final = """
    WITH gone AS (
        SELECT *, row_number() OVER (PARTITION BY guid, kind ORDER BY id) AS turn
          FROM unnest($2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::timestamptz[])
               AS x(id, rating_key, guid, kind, first_seen_at)
    ), heirs AS (
        SELECT i.id, i.rating_key, i.guid, i.kind,
               row_number() OVER (PARTITION BY i.guid, i.kind ORDER BY i.id) AS turn
          FROM plugin_plex.item i
         WHERE i.instance = $1 AND i.guid = ANY($4) AND i.first_seen_at > $7
    )
    UPDATE plugin_plex.item i SET id = gone.id, first_seen_at = gone.first_seen_at
      FROM gone JOIN heirs USING (guid, kind, turn)
     WHERE i.id = heirs.id AND gone.guid <> '' RETURNING gone.rating_key AS was, i.rating_key AS now
"""


async def missing(run: Run, sections: Sequence[Section], keys: Collection[int]) -> set[int]:
    """Those of the items the server does not have (any more); the others are brought in as they are now."""
    gone: set[int] = set()
    for some in chunks(keys, KEYS_AT_ONCE):
        found = await run.ask(partial(run.client.items, some))
        async with run.ctx.db.transaction() as tx:
            run.note(await write(tx, run.ctx.instance, sections, found, run.ctx.clock.now()))
        kept = {one.key for one in sections}
        # One that went to a section that is not kept is gone for us.
        gone |= set(some) - {one.rating_key for one in found if one.section_key is None or one.section_key in kept}
    return gone


async def remove(run: Run, keys: Collection[int]) -> None:
    """Let go of these items. What of them merely moved goes on under its new key."""
    for some in chunks(keys, 1000):
        async with run.ctx.db.transaction() as tx:
            run.removed += await _remove(run, tx, some)


async def _remove(run: Run, tx: Queries, keys: list[int]) -> int:
    instance = run.ctx.instance
    rows = await tx.fetch(
        """DELETE FROM plugin_plex.item WHERE instance = $1 AND rating_key = ANY($2)
           RETURNING id, rating_key, guid, kind, first_seen_at""",
        *(instance, keys),
    )
    columns = [[row[at] for row in rows] for at in range(5)]
    moved = await tx.fetch(_INHERIT, instance, *columns, run.ctx.clock.now() - timedelta(days=HEIR_DAYS))
    was, now = [row["was"] for row in moved], [row["now"] for row in moved]
    await tx.execute(
        """INSERT INTO plugin_plex.seen (instance, person_id, rating_key)
           SELECT s.instance, s.person_id, x.now FROM plugin_plex.seen s
             JOIN unnest($2::bigint[], $3::bigint[]) AS x(was, now) ON x.was = s.rating_key
            WHERE s.instance = $1 ON CONFLICT DO NOTHING""",
        *(instance, was, now),
    )
    await tx.execute(
        """INSERT INTO plugin_plex.grouped (instance, grouping_key, rating_key, position)
           SELECT g.instance, g.grouping_key, x.now, g.position FROM plugin_plex.grouped g
             JOIN unnest($2::bigint[], $3::bigint[]) AS x(was, now) ON x.was = g.rating_key
            WHERE g.instance = $1 ON CONFLICT DO NOTHING""",
        *(instance, was, now),
    )
    for table in ("seen", "grouped"):
        await tx.execute(
            f"DELETE FROM plugin_plex.{table} WHERE instance = $1 AND rating_key = ANY($2)",  # nosec B608 # noqa: S608 - names of tables written here
            *(instance, keys),
        )
    # What moved has not come in, and what is gone need not be told of.
    await tx.execute(
        "DELETE FROM plugin_plex.arrival WHERE instance = $1 AND rating_key = ANY($2)", instance, [*keys, *now]
    )
    return len(rows)


async def believed(run: Run, section: Section, missing_now: int, of: int) -> bool:
    """Whether that many of so many items can be gone. Of more than a few only once they still are after a while."""
    now = run.ctx.clock.now()
    if missing_now <= max(_FEW, of // _SHARE) and not 0 < missing_now == of:
        return True
    if section.doubt_since is not None and now - section.doubt_since >= SECOND_LOOK:
        return True
    if section.doubt_since is None:
        await doubt(run.ctx.db, run.ctx.instance, section, now)
        run.ctx.log.warning(
            "plex_section_doubted", server=run.ctx.instance, section=section.title, missing=missing_now, of=of
        )
    await hint(run.ctx, delay=SECOND_LOOK.total_seconds() + 5)
    return False


async def settle(run: Run, sections: Sequence[Section], section: Section) -> bool:
    """After everything in the section was read: let go of what was not seen. False when that is not believed yet."""
    instance = run.ctx.instance
    row = await run.ctx.db.fetchrow(
        """SELECT count(*) FILTER (WHERE run < $3) AS unseen, count(*) AS every FROM plugin_plex.item
            WHERE instance = $1 AND section_key = $2""",
        *(instance, section.key, section.run),
    )
    unseen, every = (row["unseen"], row["every"]) if row is not None else (0, 0)
    if not await believed(run, section, unseen, every):
        return False
    after = 0
    while True:
        keys = await run.ctx.db.fetch(
            """SELECT rating_key FROM plugin_plex.item
                WHERE instance = $1 AND section_key = $2 AND run < $3 AND rating_key > $4 ORDER BY rating_key LIMIT 1000""",
            *(instance, section.key, section.run, after),
        )
        if not keys:
            break
        some = [key["rating_key"] for key in keys]
        after = some[-1]
        await remove(run, await _gone(run, sections, some, is_sample=unseen > _TOO_MANY))
    if section.doubt_since is not None:
        await doubt(run.ctx.db, run.ctx.instance, section, None)
    return True


async def _gone(run: Run, sections: Sequence[Section], keys: list[int], *, is_sample: bool) -> Collection[int]:
    """Those of the keys that the server does not find; all of them where it finds none of a sample."""
    if is_sample:
        sample = keys[:: len(keys) // KEYS_AT_ONCE + 1]
        if len(await missing(run, sections, sample)) == len(sample):
            return keys
    return await missing(run, sections, keys)
