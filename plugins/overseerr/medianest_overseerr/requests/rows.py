"""Requests as they are kept: written under one lock, so that each change is seen once, and read for lists and marks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter

from medianest_hub.plugin_api import Queries, Record
from medianest_overseerr.client import answers
from medianest_overseerr.client.answers import Kind
from medianest_overseerr.states import RequestState, media_state, state_of

COLUMNS: Final = (
    "request_id, user_id, kind, tmdb_id, media_id, is4k, state, seasons, reason, created_at, updated_at, changed_at, "
    "media_at, asked_at"
)

_WRITE: Final = """
INSERT INTO plugin_overseerr.request (instance, request_id, user_id, kind, tmdb_id, media_id, is4k, state, seasons, reason,
    created_at, updated_at, changed_at, media_at, asked_at)
SELECT $1, g.* FROM jsonb_to_recordset($2::text::jsonb) AS g(request_id integer, user_id integer, kind text,
    tmdb_id integer, media_id integer, is4k boolean, state text, seasons integer[], reason text, created_at timestamptz,
    updated_at timestamptz, changed_at timestamptz, media_at timestamptz, asked_at timestamptz)
ON CONFLICT (instance, request_id) DO UPDATE SET user_id = EXCLUDED.user_id, kind = EXCLUDED.kind,
    tmdb_id = EXCLUDED.tmdb_id, media_id = EXCLUDED.media_id, is4k = EXCLUDED.is4k, state = EXCLUDED.state,
    seasons = EXCLUDED.seasons, reason = EXCLUDED.reason, created_at = EXCLUDED.created_at,
    updated_at = EXCLUDED.updated_at, changed_at = EXCLUDED.changed_at, media_at = EXCLUDED.media_at,
    asked_at = EXCLUDED.asked_at
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A request. `seasons` are numbers, none for films; `reason` is why it was declined, as written here."""

    request_id: int
    user_id: int | None
    kind: Kind
    tmdb_id: int
    media_id: int
    is4k: bool
    state: RequestState
    seasons: list[int]
    reason: str
    created_at: datetime
    updated_at: datetime
    changed_at: datetime
    media_at: datetime | None
    asked_at: datetime


_ROWS: Final = TypeAdapter(list[Row])


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a request: `before` is None for one that is new here, `after` for one that is gone."""

    before: Row | None
    after: Row | None

    @property
    def row(self) -> Row:
        """The request, as it is or was last."""
        found = self.after or self.before
        if found is None:
            raise ValueError("a change is of something")
        return found


def row_of(record: Record) -> Row:
    """A row with `COLUMNS`."""
    return Row(
        record["request_id"],
        record["user_id"],
        record["kind"],
        record["tmdb_id"],
        record["media_id"],
        record["is4k"],
        RequestState(record["state"]),
        list(record["seasons"]),
        record["reason"],
        record["created_at"],
        record["updated_at"],
        record["changed_at"],
        record["media_at"],
        record["asked_at"],
    )


def state_in(found: answers.Request) -> RequestState:
    """How the request stands, as the answer has it."""
    asked = {one.number for one in found.seasons}
    seasons = found.media.seasons if found.kind == "tv" else None
    of_seasons = None
    if seasons:
        known = {one.number: one.status_4k if found.is4k else one.status for one in seasons}
        of_seasons = [media_state(known.get(number)) for number in sorted(asked)]
    media = media_state(found.media.status_4k if found.is4k else found.media.status)
    return state_of(found.status, media, of_seasons)


def is_vague(found: answers.Request) -> bool:
    """Whether a list's entry leaves it open how the request stands: the series is there in part, but which part?"""
    status = found.media.status_4k if found.is4k else found.media.status
    return found.kind == "tv" and found.status == 2 and status == 4 and found.media.seasons is None


async def lock(tx: Queries, instance: str) -> None:
    """Until the transaction ends nobody else writes requests."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended('plugin_overseerr.request' || $1, 0))", instance)


async def write(
    tx: Queries,
    instance: str,
    found: Iterable[answers.Request],
    asked_at: datetime,
    now: datetime,
    reasons: dict[int, str] | None = None,
) -> list[Change]:
    """Keep these answers to questions asked at `asked_at`; those that something newer is known of are passed over.

    Returns those that are new or came into another state. `reasons`: why they were declined; else what was kept stays.
    """
    await lock(tx, instance)
    given = {one.id: one for one in found}
    kept = await rows(tx, instance, sorted(given))
    changes, written = [], list[Row]()
    for number, one in sorted(given.items()):
        before = kept.get(number)
        if before is not None and before.asked_at > asked_at:
            continue
        after = _after(one, before, asked_at, now, (reasons or {}).get(number))
        written.append(after)
        if before is None or before.state is not after.state:
            changes.append(Change(before, after))
    if written:
        await tx.execute(_WRITE, instance, _ROWS.dump_json(written).decode())
    return changes


def _after(found: answers.Request, before: Row | None, asked_at: datetime, now: datetime, reason: str | None) -> Row:
    same_media = before is not None and before.media_at is not None and before.media_at == found.media.updated_at
    # Where it was looked at closely, and nothing has changed since, that holds.
    state = before.state if before is not None and is_vague(found) and same_media else state_in(found)
    if reason is None:
        may_have_one = state in (RequestState.PENDING, RequestState.DECLINED)
        reason = before.reason if before is not None and may_have_one else ""
    return Row(
        found.id,
        None if found.by is None else found.by.id,
        found.kind,
        found.media.tmdb_id,
        found.media.id,
        found.is4k,
        state,
        sorted(one.number for one in found.seasons),
        reason,
        found.created_at,
        found.updated_at,
        before.changed_at if before is not None and before.state is state else now,
        found.media.updated_at,
        asked_at,
    )


async def give_reason(db: Queries, instance: str, number: int, reason: str) -> None:
    """Why it is being declined; it counts as soon as it is."""
    await db.execute(
        "UPDATE plugin_overseerr.request SET reason = $3 WHERE instance = $1 AND request_id = $2",
        *(instance, number, reason),
    )


async def take_reason_back(db: Queries, instance: str, number: int) -> None:
    """It was not declined after all."""
    await db.execute(
        "UPDATE plugin_overseerr.request SET reason = '' WHERE instance = $1 AND request_id = $2 AND state <> 'declined'",
        *(instance, number),
    )


async def remove(tx: Queries, instance: str, numbers: Sequence[int], asked_at: datetime) -> list[Change]:
    """Those are gone, unless something newer is known of them."""
    await lock(tx, instance)
    gone = await tx.fetch(
        f"DELETE FROM plugin_overseerr.request WHERE instance = $1 AND request_id = ANY($2::integer[]) "  # nosec B608 # noqa: S608 - constants
        f"AND asked_at <= $3 RETURNING {COLUMNS}",
        instance,
        list(numbers),
        asked_at,
    )
    return [Change(row_of(record), None) for record in gone]


async def rows(db: Queries, instance: str, numbers: Sequence[int]) -> dict[int, Row]:
    """Those of these that are kept."""
    found = await db.fetch(
        f"SELECT {COLUMNS} FROM plugin_overseerr.request WHERE instance = $1 AND request_id = ANY($2::integer[])",  # nosec B608 # noqa: S608 - constants
        instance,
        list(numbers),
    )
    return {record["request_id"]: row_of(record) for record in found}


async def row(db: Queries, instance: str, number: int) -> Row | None:
    """That one."""
    return (await rows(db, instance, [number])).get(number)


async def of_titles(db: Queries, instance: str, keys: Sequence[tuple[Kind, int]]) -> dict[tuple[str, int], list[Row]]:
    """All requests for these titles, the oldest first."""
    found = await db.fetch(
        f"SELECT {COLUMNS} FROM plugin_overseerr.request JOIN unnest($2::text[], $3::integer[]) AS wanted(kind, tmdb_id) "  # nosec B608 # noqa: S608 - constants
        "USING (kind, tmdb_id) WHERE instance = $1 ORDER BY request_id",
        instance,
        [kind for kind, _ in keys],
        [number for _, number in keys],
    )
    by_title: dict[tuple[str, int], list[Row]] = {}
    for record in found:
        one = row_of(record)
        by_title.setdefault((one.kind, one.tmdb_id), []).append(one)
    return by_title


async def all_numbers(db: Queries, instance: str, before: datetime) -> set[int]:
    """Those kept that nothing newer than `before` is known of."""
    found: Sequence[Any] = await db.fetch(
        "SELECT request_id FROM plugin_overseerr.request WHERE instance = $1 AND asked_at < $2", instance, before
    )
    return {record["request_id"] for record in found}
