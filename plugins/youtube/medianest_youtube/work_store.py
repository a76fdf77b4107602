"""The worker's side of the tables: one attempt at fetching one file, fenced by its token. SQL only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from medianest_hub.plugin_api import Queries, Record
from medianest_hub.plugin_api.services import Database
from medianest_youtube import store
from medianest_youtube.failures import DownloadFailed
from medianest_youtube.links import address_key
from medianest_youtube.models import ACTIVE, DownloadState
from medianest_youtube.runner import Finished
from medianest_youtube.video import Progress, VideoInfo

_ACTIVE = ", ".join(f"'{state}'" for state in ACTIVE)
_MINE = f"id = $1 AND attempt_token = $2 AND state IN ({_ACTIVE})"


Queue: TypeAlias = Callable[[Queries, UUID, UUID], Awaitable[None]]
"""Queues the fetching of a file for a person, in a transaction."""


class NotMine(Exception):
    """The file is no longer this attempt's: cancelled, removed, or another attempt has it."""


def _must(tag: str) -> None:
    if tag.endswith(" 0"):
        raise NotMine


async def begin(q: Queries, file_id: UUID, token: UUID, now: datetime) -> Record | None:
    """Take the file for this attempt; None when there is nothing left to do."""
    return await q.fetchrow(
        f"""UPDATE plugin_youtube.media_file
               SET state = 'fetching_info', attempt_token = $2, updated_at = $3, speed = NULL, eta = NULL
             WHERE id = $1 AND state IN ({_ACTIVE})
         RETURNING id, instance, media_key, url, quality, container, subtitles, title, duration""",  # nosec B608 # noqa: S608 - names are constants of ours
        *(file_id, token, now),
    )


async def describe(
    db: Database, file_id: UUID, token: UUID, info: VideoInfo, now: datetime, queue: Queue
) -> UUID | None:
    """Write down what the video is. If another file is the same video, every wish moves there: its id, else None.

    If it is not the video its key spoke of, wishes by another address part from it; `queue` is called for their files.
    Raises `NotMine`.
    """
    async with db.transaction() as tx:
        row = await tx.fetchrow(
            f"""SELECT id, instance, media_key, url, quality, container, subtitles
                  FROM plugin_youtube.media_file WHERE {_MINE}""",  # nosec B608 # noqa: S608 - names are constants of ours
            *(file_id, token),
        )
        if row is None:
            raise NotMine
        if row["media_key"] != info.key:
            for key in sorted({row["media_key"], info.key}):
                await store.hold_key(tx, key)
            await _part(tx, row, now, queue)
            form = (row["quality"], row["container"], row["subtitles"])
            other = await store.living_file(tx, row["instance"], info.key, form)
            if other is not None and other["id"] != file_id:
                await _join(tx, file_id, other["id"])
                return UUID(str(other["id"]))
        tag = await tx.execute(
            f"""UPDATE plugin_youtube.media_file
                   SET media_key = $3, title = $4, uploader = $5, duration = $6, thumbnail = $7, total = $8,
                       state = 'downloading', failure = NULL, failure_detail = NULL, updated_at = $9
                 WHERE {_MINE}""",  # nosec B608 # noqa: S608 - every part is written here
            *(file_id, token, info.key, info.title, info.uploader, info.duration, info.thumbnail, info.size, now),
        )
        _must(tag)
    return None


async def _part(tx: Queries, file: Record, now: datetime, queue: Queue) -> None:
    """Give those who sent another address a file of their own: theirs may lead to another video."""
    form = (file["quality"], file["container"], file["subtitles"])
    rows = await tx.fetch(
        """SELECT id, person_id, url, cancelled_at FROM plugin_youtube.download
            WHERE file_id = $1 AND url <> $2 ORDER BY id FOR UPDATE""",
        *(file["id"], file["url"]),
    )
    for row in rows:
        if row["cancelled_at"] is not None:
            # Kept, it would show and retry a video its person never asked for.
            await tx.execute("DELETE FROM plugin_youtube.download WHERE id = $1", row["id"])
            continue
        key = address_key(row["url"])
        await store.hold_key(tx, key)
        living = await store.living_file(tx, file["instance"], key, form)
        if living is None:
            own = await store.add_file(tx, file["instance"], key, form, row["url"], now)
            await queue(tx, own, row["person_id"])
        else:
            own = living["id"]
        await store.move_wish(tx, row["id"], own)


async def _join(tx: Queries, file_id: UUID, other: UUID) -> None:
    for row in await tx.fetch("SELECT id FROM plugin_youtube.download WHERE file_id = $1 FOR UPDATE", file_id):
        await store.move_wish(tx, row["id"], other)
    await tx.execute("DELETE FROM plugin_youtube.media_file WHERE id = $1", file_id)


async def report(q: Queries, file_id: UUID, token: UUID, progress: Progress, now: datetime) -> None:
    """How far it is. Raises `NotMine`."""
    tag = await q.execute(
        f"""UPDATE plugin_youtube.media_file
               SET state = $3, fraction = coalesce($4, fraction), downloaded = coalesce(nullif($5::bigint, 0), downloaded),
                   total = coalesce($6, total), speed = $7, eta = $8, updated_at = $9
             WHERE {_MINE}""",  # nosec B608 # noqa: S608 - every part is written here
        *(file_id, token, progress.stage.value, progress.fraction, progress.downloaded, progress.total),
        *(progress.speed, progress.eta, now),
    )
    _must(tag)


async def finish(q: Queries, file_id: UUID, token: UUID, finished: Finished, now: datetime) -> None:
    """It is there. Raises `NotMine`."""
    tag = await q.execute(
        f"""UPDATE plugin_youtube.media_file
               SET state = 'done', size = $3, duration = coalesce(duration, $4), height = $5, fraction = 1,
                   downloaded = greatest(downloaded, $3), speed = NULL, eta = NULL, failure = NULL, failure_detail = NULL,
                   finished_at = $6, updated_at = $6
             WHERE {_MINE}""",  # nosec B608 # noqa: S608 - every part is written here
        *(file_id, token, finished.size, finished.duration, finished.height, now),
    )
    _must(tag)


async def fail(q: Queries, file_id: UUID, token: UUID, error: DownloadFailed, now: datetime, *, final: bool) -> None:
    """This attempt failed; not `final`, it waits for the next. Raises `NotMine`."""
    state = DownloadState.FAILED if final else DownloadState.QUEUED
    tag = await q.execute(
        f"""UPDATE plugin_youtube.media_file
               SET state = $3, failure = $4, failure_detail = $5, speed = NULL, eta = NULL, updated_at = $6
             WHERE {_MINE}""",  # nosec B608 # noqa: S608 - every part is written here
        *(file_id, token, state.value, error.failure.value, error.detail[:2000], now),
    )
    _must(tag)


async def hand_back(q: Queries, file_id: UUID, token: UUID, now: datetime) -> None:
    """This attempt was stopped; the next goes on."""
    await q.execute(
        f"""UPDATE plugin_youtube.media_file SET state = 'queued', speed = NULL, eta = NULL, updated_at = $3
             WHERE {_MINE}""",  # nosec B608 # noqa: S608 - every part is written here
        *(file_id, token, now),
    )


async def active(q: Queries, before: datetime, limit: int) -> Sequence[Record]:
    """Some of the files something is still to be done for, untouched since `before`: `id`, `job_id`. Any of them in turn."""
    return await q.fetch(
        f"""SELECT id, job_id FROM plugin_youtube.media_file WHERE state IN ({_ACTIVE}) AND updated_at < $1
             ORDER BY random() LIMIT $2""",  # nosec B608 # noqa: S608 - every part is written here
        *(before, limit),
    )


async def states(q: Queries) -> dict[UUID, Record]:
    """Every file by id: `state`, `container`, `size`, `updated_at`."""
    rows = await q.fetch("SELECT id, state, container, size, updated_at FROM plugin_youtube.media_file")
    return {row["id"]: row for row in rows}


async def remove_unwished(q: Queries) -> Sequence[UUID]:
    """Remove files nobody has a wish for any more; returns their ids."""
    rows = await q.fetch(
        """DELETE FROM plugin_youtube.media_file f
            WHERE NOT EXISTS (SELECT FROM plugin_youtube.download d WHERE d.file_id = f.id) RETURNING id"""
    )
    return [row["id"] for row in rows]
