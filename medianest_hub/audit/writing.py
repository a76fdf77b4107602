"""Gets entries into the database whatever happens to it: tries at once, goes on trying beside, and logs what is given up."""

from __future__ import annotations

import asyncio
import json
import random
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

import structlog

from medianest_hub.audit.entry import Entry
from medianest_hub.infrastructure.database import Database, is_transient

log = structlog.get_logger(__name__)

PATIENCE: Final = 1.0
"""Seconds a request waits for its entry before it is answered all the same."""

CLOSE_SECONDS: Final = 1.5
"""How long closing may take to write what is still waiting."""

MOST_WAITING: Final = 2000
"""How many entries wait for a database that is away; of any further one only a log line is left."""

_AT_ONCE: Final = 100
_LONGEST_PAUSE: Final = 10.0

_INSERT: Final = """
INSERT INTO medianest.audit (id, at, actor_kind, actor_id, actor_name, action, target_kind, target_id, target_name,
                             address, result, code, request_id, details)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (id) DO NOTHING
"""  # written twice, when nobody knows whether the first time went through, it is there once


class Writer:
    """One per process. Takes entries that are clean; raises nothing."""

    def __init__(self, db: Database, patience: float = PATIENCE) -> None:
        self._db = db
        self._patience = patience
        self._waiting: deque[Entry] = deque()
        self._under_way: dict[asyncio.Task[None], Sequence[Entry]] = {}
        self._again: asyncio.Task[None] | None = None

    async def write(self, entries: Sequence[Entry]) -> None:
        """Returns once they are written, or after `PATIENCE` seconds while writing goes on beside."""
        await asyncio.wait((self.soon(entries),), timeout=self._patience)

    def soon(self, entries: Sequence[Entry]) -> asyncio.Task[None]:
        """Write them beside; whoever is being cancelled cannot wait for it."""
        task = asyncio.get_running_loop().create_task(self._write(entries), name="audit")
        self._under_way[task] = entries
        task.add_done_callback(lambda done: self._under_way.pop(done, None))
        return task

    async def close(self) -> None:
        """Write what is waiting, for a moment; what cannot be written is logged, each entry whole."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                if self._under_way:
                    await asyncio.wait(tuple(self._under_way))
                await self._stop_trying()  # two at once would take each other's entries off the list
                await self._drain()
        except Exception as error:
            log.warning("audit_not_written_at_the_end", error=type(error).__name__)
        await self._stop_trying()
        for task, entries in list(self._under_way.items()):
            task.cancel()
            self._waiting.extend(entries)
        while self._waiting:
            _lost(self._waiting.popleft(), "the process ended")

    async def _stop_trying(self) -> None:
        if self._again is not None:
            self._again.cancel()
            await asyncio.wait((self._again,))

    async def _write(self, entries: Sequence[Entry]) -> None:
        if self._again is not None and not self._again.done():
            self._later(entries)  # the database is away: one asks whether it is back, not everyone
            return
        try:
            await self._insert(entries)
        except Exception as error:
            words = f"{type(error).__name__}: {error}"
            log.error("audit_entry_not_written_yet", count=len(entries), error=words)  # noqa: TRY400 - needs no traceback
            self._later(entries)

    def _later(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if len(self._waiting) < MOST_WAITING:
                self._waiting.append(entry)
            else:
                _lost(entry, "too many are waiting")
        if self._again is None or self._again.done():
            self._again = asyncio.get_running_loop().create_task(self._keep_trying(), name="audit-again")

    async def _keep_trying(self) -> None:
        pause = 0.25
        while self._waiting:
            await asyncio.sleep(pause * (0.75 + 0.5 * random.random()))  # nosec B311 # noqa: S311 - jitter
            try:
                await self._drain()
            except Exception:  # said once already, and what is given up is said one by one
                pause = min(pause * 2, _LONGEST_PAUSE)

    async def _drain(self) -> None:
        """Write what is waiting. Raises what stands against it while the database is away."""
        while self._waiting:
            some = [self._waiting[index] for index in range(min(_AT_ONCE, len(self._waiting)))]
            try:
                await self._insert(some)
            except Exception as error:
                if is_transient(error):
                    raise
                await self._one_by_one(some)
            for _ in some:
                self._waiting.popleft()
            log.info("audit_entries_written_late", count=len(some))

    async def _one_by_one(self, entries: Sequence[Entry]) -> None:
        """One of them cannot be written at all; it must not keep the others out."""
        for entry in entries:
            try:
                await self._insert([entry])
            except Exception as error:
                if is_transient(error):
                    raise
                _lost(entry, f"{type(error).__name__}: {error}")

    async def _insert(self, entries: Sequence[Entry]) -> None:
        if len(entries) == 1:
            await self._db.execute(_INSERT, *_row(entries[0]))
        else:
            await self._db.executemany(_INSERT, [_row(entry) for entry in entries])


def _row(entry: Entry) -> tuple[Any, ...]:
    actor, target = entry.actor, entry.target
    return (
        *(entry.id, entry.at, actor.kind, actor.id, actor.name, entry.action, target.kind, target.id, target.name),
        *(entry.ip_address, entry.result, entry.code, entry.request_id, json.dumps(entry.details, ensure_ascii=False)),
    )


def _lost(entry: Entry, why: str) -> None:
    """The log is the last place it can go to."""
    log.error(
        "audit_entry_lost",
        why=why,
        entry=str(entry.id),
        at=entry.at.isoformat(),
        action=entry.action,
        actor=f"{entry.actor.kind} {entry.actor.id or ''} {entry.actor.name}",
        target=f"{entry.target.kind} {entry.target.id} {entry.target.name}",
        address=entry.address,
        result=entry.result,
        code=entry.code,
        request_id=entry.request_id,
        details=dict(entry.details),
    )
