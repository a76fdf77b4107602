"""Reads and writes the guest book; the only module with SQL in it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from medianest_hello.models import Greeting
from medianest_hub.plugin_api import Queries, Record

_COLUMNS = "id, author_id, author_name, text, left_at, answer"


def _greeting(row: Record) -> Greeting:
    return Greeting.model_validate({name: row[name] for name in Greeting.model_fields})


async def page(db: Queries, limit: int, before: int | None) -> list[Greeting]:
    """At most `limit` greetings older than `before`, newest first."""
    rows = await db.fetch(
        f"SELECT {_COLUMNS} FROM plugin_hello.greeting"  # nosec B608 # noqa: S608 - our own column names
        " WHERE $1::bigint IS NULL OR id < $1 ORDER BY id DESC LIMIT $2",
        before,
        limit,
    )
    return [_greeting(row) for row in rows]


async def one(db: Queries, greeting_id: int) -> Greeting | None:
    """The greeting with that id, or None."""
    row = await db.fetchrow(
        f"SELECT {_COLUMNS} FROM plugin_hello.greeting WHERE id = $1",  # nosec B608 # noqa: S608 - our own column names
        greeting_id,
    )
    return None if row is None else _greeting(row)


async def add(db: Queries, author_id: UUID, author_name: str, text: str, now: datetime) -> Greeting:
    """Write a greeting into the book."""
    greeting_id = await db.fetchval(
        "INSERT INTO plugin_hello.greeting (author_id, author_name, text, left_at) VALUES ($1, $2, $3, $4) RETURNING id",
        author_id,
        author_name,
        text,
        now,
    )
    return Greeting(id=greeting_id, author_id=author_id, author_name=author_name, text=text, left_at=now)


async def remove(db: Queries, greeting_id: int) -> None:
    """Remove a greeting; removing one that is gone already is no error."""
    await db.execute("DELETE FROM plugin_hello.greeting WHERE id = $1", greeting_id)


async def remove_older(db: Queries, than: datetime) -> int:
    """Remove what was left before `than`; returns how many."""
    tag = await db.execute("DELETE FROM plugin_hello.greeting WHERE left_at < $1", than)
    return int(tag.rpartition(" ")[2])


async def write_answer(db: Queries, greeting_id: int, answer: str) -> bool:
    """Set the answer once; False if there is one already, or no such greeting."""
    tag = await db.execute(
        "UPDATE plugin_hello.greeting SET answer = $2 WHERE id = $1 AND answer IS NULL", greeting_id, answer
    )
    return tag == "UPDATE 1"


async def beat(db: Queries, fence: int, now: datetime) -> bool:
    """Count one beat of the stream; False if a later holder of the lease has written since."""
    tag = await db.execute(
        "INSERT INTO plugin_hello.pulse (name, fence, beats, beat_at) VALUES ('pulse', $1, 1, $2)"
        " ON CONFLICT (name) DO UPDATE SET fence = $1, beats = pulse.beats + 1, beat_at = $2 WHERE pulse.fence <= $1",
        fence,
        now,
    )
    return tag == "INSERT 0 1"


async def pulse(db: Queries) -> tuple[int, int]:
    """How many beats there were, and the fence of who wrote the last."""
    row = await db.fetchrow("SELECT beats, fence FROM plugin_hello.pulse WHERE name = 'pulse'")
    return (0, 0) if row is None else (row["beats"], row["fence"])
