"""The people's side of the tables: wishes for files, as they make, see, cancel and remove them. SQL and no rules of HTTP."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from uuid_utils.compat import uuid7

from medianest_hub.plugin_api import Queries, Record, errors
from medianest_youtube.failures import MEANINGS, Failure
from medianest_youtube.models import ACTIVE, Download, DownloadState, FailureView, ProgressView
from medianest_youtube.options import Choice

_SHOWN = "CASE WHEN d.cancelled_at IS NOT NULL THEN 'cancelled' ELSE f.state END"
_ACTIVE = ", ".join(f"'{state}'" for state in ACTIVE)
LIVE: Final = f"{_ACTIVE}, '{DownloadState.DONE}'"
"""States of a file others may join, as SQL."""

_VIEW = f"""
    SELECT d.id, d.url, d.created_at, {_SHOWN} AS state, d.cancelled_at, f.title, f.uploader, f.duration, f.thumbnail,
           f.quality, f.container, f.subtitles, f.height, f.size, f.fraction, f.downloaded, f.total, f.speed, f.eta,
           f.failure, f.job_id, f.updated_at, f.finished_at,
           EXISTS (SELECT FROM plugin_youtube.download o
                   WHERE o.file_id = f.id AND o.id <> d.id AND o.cancelled_at IS NULL) AS shared
      FROM plugin_youtube.download d JOIN plugin_youtube.media_file f ON f.id = d.file_id
"""  # nosec B608 # noqa: S608 - every part is written here


def shown(row: Record) -> Download:
    """A row of the view as a person sees it."""
    state = DownloadState(row["state"])
    code = Failure.CANCELLED if state is DownloadState.CANCELLED else row["failure"] and Failure(row["failure"])
    return Download(
        id=row["id"],
        url=row["url"],
        state=state,
        title=row["title"],
        uploader=row["uploader"],
        duration=row["duration"],
        thumbnail=row["thumbnail"],
        quality=row["quality"],
        container=row["container"],
        subtitles=row["subtitles"].split(",") if row["subtitles"] else [],
        height=row["height"],
        size=row["size"],
        progress=ProgressView(
            fraction=row["fraction"],
            downloaded_bytes=row["downloaded"],
            total_bytes=row["total"],
            speed=row["speed"],
            eta=row["eta"],
        ),
        failure=FailureView(code=code, message=MEANINGS[code].words) if code else None,
        shared=row["shared"],
        job_id=row["job_id"] if row["cancelled_at"] is None else None,
        created_at=row["created_at"],
        updated_at=max(row["updated_at"], row["cancelled_at"] or row["updated_at"]),
        finished_at=row["finished_at"],
    )


async def one(q: Queries, download_id: UUID) -> Download | None:
    """One wish as its person sees it."""
    row = await q.fetchrow(f"{_VIEW} WHERE d.id = $1", download_id)
    return None if row is None else shown(row)


async def page(
    q: Queries, person_id: UUID, state: DownloadState | None, cursor: str | None, limit: int
) -> tuple[list[Download], str | None]:
    """A person's wishes, newest first, and the cursor of the next page. Raises `BadInput` for a cursor not from here."""
    at, last = _read_cursor(cursor) if cursor else (None, None)
    rows = await q.fetch(
        f"""{_VIEW} WHERE d.person_id = $1 AND ($2::text IS NULL OR {_SHOWN} = $2)
              AND ($3::timestamptz IS NULL OR (d.created_at, d.id) < ($3, $4::uuid))
            ORDER BY d.created_at DESC, d.id DESC LIMIT $5""",
        *(person_id, None if state is None else state.value, at, last, limit + 1),
    )
    items = [shown(row) for row in rows[:limit]]
    return items, _cursor(items[-1]) if len(rows) > limit else None


async def lately(q: Queries, person_id: UUID, since: datetime, limit: int) -> list[Download]:
    """What is under way for a person, and what ended after `since`; what is under way comes first."""
    rows = await q.fetch(
        f"""{_VIEW} WHERE d.person_id = $1 AND d.cancelled_at IS NULL AND (f.state IN ({_ACTIVE}) OR f.updated_at > $2)
            ORDER BY f.state NOT IN ({_ACTIVE}), d.created_at DESC LIMIT $3""",
        *(person_id, since, limit),
    )
    return [shown(row) for row in rows]


def _cursor(last: Download) -> str:
    return base64.urlsafe_b64encode(f"{last.created_at.isoformat()} {last.id}".encode()).decode()


def _read_cursor(cursor: str) -> tuple[datetime, UUID]:
    try:
        at, last = base64.urlsafe_b64decode(cursor.encode()).decode().split(" ")
        # In UTC, as they are written: the ends of the calendar do not fit into every zone.
        return datetime.fromisoformat(at).astimezone(UTC), UUID(last)
    except (binascii.Error, ValueError, OverflowError):
        message = "This cursor is not from this list. Begin again without one."
        problem = errors.FieldProblem(field="query.cursor", code="bad_cursor", message=message)
        raise errors.BadInput(message, fields=[problem]) from None


async def person_of(q: Queries, download_id: UUID) -> UUID | None:
    """Whose wish it is, or None."""
    found: UUID | None = await q.fetchval("SELECT person_id FROM plugin_youtube.download WHERE id = $1", download_id)
    return found


@dataclass(frozen=True, slots=True)
class FileState:
    """A file behind a wish. `cancelled`: this wish was, whatever the file is. `others`: wishes that still stand."""

    id: UUID
    instance: str
    media_key: str
    url: str
    choice: tuple[str, str, str]
    state: DownloadState
    job_id: UUID | None
    size: int | None
    title: str | None
    cancelled: bool
    others: int


async def file_of(q: Queries, download_id: UUID, *, lock: bool = False) -> FileState | None:
    """The file behind a wish; with `lock` nobody else changes it before the transaction ends."""
    row = await q.fetchrow(
        f"""SELECT f.id, f.instance, f.media_key, f.url, f.quality, f.container, f.subtitles, f.state, f.job_id, f.size,
                   f.title, d.cancelled_at IS NOT NULL AS cancelled,
                   (SELECT count(*) FROM plugin_youtube.download o
                     WHERE o.file_id = f.id AND o.id <> d.id AND o.cancelled_at IS NULL) AS others
              FROM plugin_youtube.download d JOIN plugin_youtube.media_file f ON f.id = d.file_id
             WHERE d.id = $1 {"FOR UPDATE OF f" if lock else ""}""",  # nosec B608 # noqa: S608 - every part is written here
        download_id,
    )
    if row is None:
        return None
    choice = (row["quality"], row["container"], row["subtitles"])
    return FileState(
        *(row["id"], row["instance"], row["media_key"], row["url"], choice, DownloadState(row["state"]), row["job_id"]),
        *(row["size"], row["title"], row["cancelled"], row["others"]),
    )


async def hold_key(q: Queries, key: str) -> None:
    """Until the transaction ends nobody else decides who shares the file of this video."""
    await q.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 7))", f"plugin_youtube:{key}")


async def living_file(q: Queries, instance: str, key: str, choice: tuple[str, str, str]) -> Record | None:
    """The file of this video in this form that is done or on its way: `id`, `state`, `job_id`, `size`, `container`."""
    return await q.fetchrow(
        f"""SELECT id, state, job_id, size, container FROM plugin_youtube.media_file
             WHERE instance = $1 AND media_key = $2 AND quality = $3 AND container = $4 AND subtitles = $5
               AND state IN ({LIVE})""",  # nosec B608 # noqa: S608 - every part is written here
        *(instance, key, *choice),
    )


def form_of(choice: Choice) -> tuple[str, str, str]:
    """A choice as it stands in the table."""
    return choice.quality.value, choice.container.value, ",".join(choice.subtitles)


async def add_file(q: Queries, instance: str, key: str, choice: tuple[str, str, str], url: str, now: datetime) -> UUID:
    """A file to be fetched; hold its key."""
    file_id = uuid7()
    await q.execute(
        """INSERT INTO plugin_youtube.media_file
               (id, instance, media_key, quality, container, subtitles, url, state, created_at, updated_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, 'queued', $8, $8)""",
        *(file_id, instance, key, *choice, url, now),
    )
    return file_id


async def requeue_file(q: Queries, file_id: UUID, now: datetime) -> None:
    """Fetch it anew, or go on."""
    await q.execute(
        """UPDATE plugin_youtube.media_file
              SET state = 'queued', failure = NULL, failure_detail = NULL, attempt_token = NULL, finished_at = NULL,
                  speed = NULL, eta = NULL, updated_at = $2
            WHERE id = $1""",
        *(file_id, now),
    )


async def set_job(q: Queries, file_id: UUID, job_id: UUID) -> None:
    """Remember which job fetches it."""
    await q.execute("UPDATE plugin_youtube.media_file SET job_id = $2 WHERE id = $1", file_id, job_id)


async def add_wish(q: Queries, person_id: UUID, file_id: UUID, url: str, now: datetime) -> UUID:
    """A person's wish for the file; the one there already if there is one, standing again."""
    found: UUID = await q.fetchval(
        """INSERT INTO plugin_youtube.download (id, person_id, file_id, url, created_at) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (person_id, file_id) DO UPDATE SET cancelled_at = NULL RETURNING id""",
        *(uuid7(), person_id, file_id, url, now),
    )
    return found


async def cancel_wish(q: Queries, download_id: UUID, now: datetime) -> None:
    """The person no longer wants it; it stays in their list."""
    await q.execute(
        "UPDATE plugin_youtube.download SET cancelled_at = $2 WHERE id = $1 AND cancelled_at IS NULL", download_id, now
    )


async def remove_wish(q: Queries, download_id: UUID, file_id: UUID) -> bool:
    """Gone from the list; True when it was the last wish for the file, whose row is gone too."""
    await q.execute("DELETE FROM plugin_youtube.download WHERE id = $1", download_id)
    return bool(
        await q.fetchval(
            """DELETE FROM plugin_youtube.media_file f WHERE id = $1
                AND NOT EXISTS (SELECT FROM plugin_youtube.download d WHERE d.file_id = f.id) RETURNING true""",
            file_id,
        )
    )


async def move_wish(q: Queries, download_id: UUID, file_id: UUID) -> UUID:
    """Point a wish to another file; where its person has one for that already, that one stays. Returns which stayed."""
    kept: UUID | None = await q.fetchval(
        """SELECT o.id FROM plugin_youtube.download d JOIN plugin_youtube.download o ON o.person_id = d.person_id
            WHERE d.id = $1 AND o.file_id = $2 AND o.id <> d.id""",
        *(download_id, file_id),
    )
    if kept is not None:
        await q.execute("DELETE FROM plugin_youtube.download WHERE id = $1", download_id)
        await q.execute("UPDATE plugin_youtube.download SET cancelled_at = NULL WHERE id = $1", kept)
        return kept
    await q.execute(
        "UPDATE plugin_youtube.download SET file_id = $2, cancelled_at = NULL WHERE id = $1", download_id, file_id
    )
    return download_id


async def set_state(q: Queries, file_id: UUID, state: DownloadState, failure: Failure | None, now: datetime) -> None:
    """Put a file into a state without an attempt of one's own."""
    await q.execute(
        """UPDATE plugin_youtube.media_file
              SET state = $2, failure = $3, attempt_token = NULL, speed = NULL, eta = NULL, updated_at = $4
            WHERE id = $1""",
        *(file_id, state.value, None if failure is None else failure.value, now),
    )


async def bytes_kept(q: Queries) -> tuple[int, int]:
    """How many finished files there are, and their bytes."""
    row = await q.fetchrow(
        "SELECT count(*), coalesce(sum(size), 0)::bigint FROM plugin_youtube.media_file WHERE state = 'done'"
    )
    return (0, 0) if row is None else (row[0], row[1])


async def people_of(q: Queries, file_id: UUID) -> Sequence[tuple[UUID, UUID]]:
    """Whose wishes for a file stand: pairs of wish and person."""
    rows = await q.fetch(
        "SELECT id, person_id FROM plugin_youtube.download WHERE file_id = $1 AND cancelled_at IS NULL", file_id
    )
    return [(row["id"], row["person_id"]) for row in rows]


async def wishes_of(q: Queries, instance: str, person: UUID) -> Sequence[UUID]:
    """All wishes of somebody, also those they cancelled."""
    rows = await q.fetch(
        """SELECT d.id FROM plugin_youtube.download d JOIN plugin_youtube.media_file f ON f.id = d.file_id
            WHERE d.person_id = $1 AND f.instance = $2 ORDER BY d.id""",
        *(person, instance),
    )
    return [row["id"] for row in rows]
