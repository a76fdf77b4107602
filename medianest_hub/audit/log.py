"""The audit log as the rest of the hub uses it: record, list, export, forget what is old. Knows no request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Final
from uuid import UUID

import structlog

from medianest_hub.audit.entry import Entry
from medianest_hub.audit.flood import Flood
from medianest_hub.audit.reading import AuditEntry, Filter, Reader
from medianest_hub.audit.writing import Writer
from medianest_hub.infrastructure.database import Database

log = structlog.get_logger(__name__)

PRUNED_AT_ONCE: Final = 5000

_PRUNING: Final = 0x6D6E6175  # "mnau": the lock under which one process at a time forgets
_PRUNE: Final = """
WITH old AS (SELECT id FROM medianest.audit WHERE at < now() - make_interval(days => $1) ORDER BY at LIMIT $2)
DELETE FROM medianest.audit a USING old WHERE a.id = old.id
"""


class Audit:
    """One per process; `close` it before its database.

    What is recorded is in the database before the caller goes on, unless that takes longer than a second: then it is
    written beside, tried again while the database is away, and logged as an error when it has to be given up.
    """

    def __init__(self, db: Database, *, flood: Flood | None = None) -> None:
        self._db = db
        self._writer = Writer(db)
        self._reader = Reader(db)
        self._flood = flood or Flood()
        self._summing_up: asyncio.TimerHandle | None = None

    async def record(self, entry: Entry) -> None:
        """Write it down. Raises nothing; see the class."""
        await self.record_many((entry,))

    async def record_many(self, entries: Iterable[Entry]) -> None:
        """Write them down together."""
        if admitted := self._admitted(entries):
            await self._writer.write(admitted)

    def record_soon(self, entry: Entry) -> None:
        """Write it down beside: for whoever is being cancelled and cannot wait."""
        if admitted := self._admitted((entry,)):
            self._writer.soon(admitted)

    async def list(self, wanted: Filter, *, before: UUID | None = None, limit: int = 50) -> Sequence[AuditEntry]:
        """Entries older than the one with the id `before`, newest first."""
        return await self._reader.page(wanted, before, limit)

    def export(self, wanted: Filter) -> AsyncIterator[Sequence[AuditEntry]]:
        """All entries, newest first, some hundred at a time; no connection is held between the pieces."""
        return self._reader.pieces(wanted)

    async def actions(self) -> Sequence[str]:
        """Every action there is an entry of."""
        return await self._reader.actions()

    async def prune(self, days: int) -> int:
        """Forget what is older than `days`; how many entries. Several processes at once do it once."""
        removed = 0
        while (gone := await self._prune_some(days)) is not None:
            removed += gone
            if gone < PRUNED_AT_ONCE:
                break
        return removed

    async def close(self) -> None:
        """Write what is waiting, and how many were left out."""
        if self._summing_up is not None:
            self._summing_up.cancel()
        if summaries := self._flood.summaries(all_of_them=True):
            self._writer.soon(summaries)
        await self._writer.close()

    def _admitted(self, entries: Iterable[Entry]) -> Sequence[Entry]:
        admitted = [entry for entry in _cleaned(entries) if self._flood.admits(entry)]
        if self._summing_up is None and (due := self._flood.next_end()) is not None:
            self._summing_up = asyncio.get_running_loop().call_later(due, self._sum_up)
        return admitted

    def _sum_up(self) -> None:
        self._summing_up = None
        if summaries := self._flood.summaries():
            self._writer.soon(summaries)
        if (due := self._flood.next_end()) is not None:
            self._summing_up = asyncio.get_running_loop().call_later(due, self._sum_up)

    async def _prune_some(self, days: int) -> int | None:
        """None while somebody else is at it."""
        async with self._db.transaction() as tx:
            if not await tx.fetchval("SELECT pg_try_advisory_xact_lock($1)", _PRUNING):
                return None
            await tx.execute("SET LOCAL medianest.audit_retention = 'on'")
            done: str = await tx.execute(_PRUNE, days, PRUNED_AT_ONCE)
        return int(done.rpartition(" ")[2])


def _cleaned(entries: Iterable[Entry]) -> Iterator[Entry]:
    for entry in entries:
        try:
            yield entry.cleaned()
        except Exception:  # a mistake of whoever made it; what they did has been done
            log.exception("audit_entry_not_made", action=str(entry.action))
