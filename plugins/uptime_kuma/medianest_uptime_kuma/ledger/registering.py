"""Keeps the list of monitors as a way in shows it: new ones, renamed ones, those that went. Knows no beats."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from uuid_utils.compat import uuid7

from medianest_hub.plugin_api import Queries
from medianest_uptime_kuma.client.seen import Seen
from medianest_uptime_kuma.ledger.matching import Known, match
from medianest_uptime_kuma.models import Status

MISSING_DAYS: Final = 30
"""A monitor that only ever was left out, never said to be deleted, is let go after this."""

_COLUMNS: Final = """number integer, id uuid, kuma_id integer, name text, kind text, group_name text, groups text[],
    tags text[], address text, position integer, certificate_days integer, certificate_valid boolean,
    given_day double precision, given_month double precision"""

_INSERT: Final = f"""
    INSERT INTO plugin_uptime_kuma.monitor (id, instance, kuma_id, name, kind, group_name, groups, tags, address, position,
           certificate_days, certificate_valid, given_day, given_month, status, since, seen_at, created_at)
    SELECT id, $2, kuma_id, name, kind, coalesce(group_name, ''), coalesce(groups, '{{}}'), coalesce(tags, '{{}}'),
           coalesce(address, ''), coalesce(position, 0), certificate_days, certificate_valid, given_day, given_month,
           {Status.UNKNOWN.number}, $3, $3, $3
      FROM jsonb_to_recordset($1::jsonb) AS x({_COLUMNS})
    RETURNING id, number
"""  # nosec B608 # noqa: S608 - every part is written here
_UPDATE: Final = f"""
    UPDATE plugin_uptime_kuma.monitor m
       SET kuma_id = coalesce(x.kuma_id, m.kuma_id), name = x.name, kind = coalesce(nullif(x.kind, ''), m.kind),
           group_name = coalesce(x.group_name, m.group_name), groups = coalesce(x.groups, m.groups),
           tags = coalesce(x.tags, m.tags), address = coalesce(x.address, m.address),
           position = coalesce(x.position, m.position),
           certificate_days = coalesce(x.certificate_days, m.certificate_days),
           certificate_valid = coalesce(x.certificate_valid, m.certificate_valid),
           given_day = x.given_day, given_month = x.given_month, missing_since = NULL
      FROM jsonb_to_recordset($1::jsonb) AS x({_COLUMNS})
     WHERE m.number = x.number
"""  # nosec B608 # noqa: S608 - every part is written here


@dataclass(frozen=True, slots=True)
class Registered:
    """The numbers of the monitors seen, in their order; whether a page would show anything else now."""

    numbers: list[int]
    missing: list[int]
    changed: bool


class Register:
    """The monitors of one instance that are not gone, as one holder of the stream knows them."""

    def __init__(self, instance: str) -> None:
        self._instance = instance
        self._known: dict[int, Known] = {}
        self._numbers: dict[int, int] = {}
        self._seen: dict[int, Seen] = {}
        self._missing: dict[int, datetime] = {}

    async def load(self, q: Queries) -> None:
        """Read those that are kept."""
        rows = await q.fetch(
            """SELECT number, kuma_id, name, kind, address, missing_since FROM plugin_uptime_kuma.monitor
                WHERE instance = $1 AND gone_at IS NULL""",
            self._instance,
        )
        self._known = {row["number"]: Known(*(row[at] for at in range(5))) for row in rows}
        self._missing = {row["number"]: row["missing_since"] for row in rows if row["missing_since"] is not None}
        self._seen = {}
        self._index()

    async def register(
        self, tx: Queries, seen: Sequence[Seen], *, whole: bool, partly: bool, now: datetime
    ) -> Registered:
        """Bring the list to what was seen. `whole`: those not seen were deleted; `partly`: nothing follows from not being seen.

        Otherwise those not seen are missing, and gone after `MISSING_DAYS`. Call `load` again if the transaction fails.
        """
        found = match(seen, self._known.values())
        if None in found:
            await self.load(tx)  # a notification may have told of it first
            found = match(seen, self._known.values())
        fresh = [at for at, known in enumerate(found) if known is None]
        await self._free(tx, [seen[at] for at in fresh])
        numbers = await self._insert(tx, [seen[at] for at in fresh], now)
        taken = dict(zip(fresh, numbers, strict=True))
        all_numbers = [taken[at] if known is None else known.number for at, known in enumerate(found)]
        changed = [
            (number, one)
            for number, one, known in zip(all_numbers, seen, found, strict=True)
            if known is not None and (self._seen.get(number) != one or number in self._missing)
        ]
        await self._update(tx, changed)
        for number, one in zip(all_numbers, seen, strict=True):
            known = self._known.get(number)
            kuma_id = one.kuma_id if one.kuma_id is not None else known.kuma_id if known else None
            self._known[number] = Known(number, kuma_id, one.name, one.kind, one.address or "")
            self._seen[number] = one
            self._missing.pop(number, None)
        absent = [] if partly else sorted(self._known.keys() - set(all_numbers))
        missing, gone = await self._leave_out(tx, absent, whole=whole, now=now)
        self._index()
        return Registered(all_numbers, missing, bool(fresh or changed or gone))

    async def remove(self, tx: Queries, kuma_id: int, now: datetime) -> bool:
        """It was deleted in Uptime Kuma; False if it is not known."""
        number = self.number_of(kuma_id)
        if number is None:
            return False
        await self._end(tx, [number], now)
        self._index()
        return True

    def find(self, seen: Seen) -> Known | None:
        """The monitor this one is taken for."""
        return match([seen], self._known.values())[0]

    def number_of(self, kuma_id: int) -> int | None:
        """What its beats are kept under."""
        return self._numbers.get(kuma_id)

    def _index(self) -> None:
        self._numbers = {one.kuma_id: one.number for one in self._known.values() if one.kuma_id is not None}

    async def _free(self, tx: Queries, fresh: Sequence[Seen]) -> None:
        """Take their numbers from those that had them before Uptime Kuma was set up anew."""
        taken = {one.kuma_id for one in fresh if one.kuma_id is not None} & self._numbers.keys()
        if not taken:
            return
        former = [self._numbers[kuma_id] for kuma_id in taken]
        await tx.execute("UPDATE plugin_uptime_kuma.monitor SET kuma_id = NULL WHERE number = ANY($1)", former)
        for number in former:
            self._known[number] = replace(self._known[number], kuma_id=None)

    async def _insert(self, tx: Queries, seen: Sequence[Seen], now: datetime) -> list[int]:
        if not seen:
            return []
        rows = [{**_row(one), "id": str(uuid7())} for one in seen]
        made = await tx.fetch(_INSERT, json.dumps(rows), self._instance, now)
        numbers = {str(row["id"]): row["number"] for row in made}
        return [numbers[row["id"]] for row in rows]

    async def _update(self, tx: Queries, changed: Sequence[tuple[int, Seen]]) -> None:
        if not changed:
            return
        # Two that swapped their numbers must not meet half-way.
        await tx.execute(
            "UPDATE plugin_uptime_kuma.monitor SET kuma_id = NULL WHERE number = ANY($1) AND kuma_id <> ALL($2)",
            [number for number, one in changed if one.kuma_id is not None],
            [one.kuma_id for _, one in changed if one.kuma_id is not None],
        )
        await tx.execute(_UPDATE, json.dumps([{**_row(one), "number": number} for number, one in changed]))

    async def _leave_out(
        self, tx: Queries, absent: Sequence[int], *, whole: bool, now: datetime
    ) -> tuple[list[int], list[int]]:
        """Those that are missing now, and those that are gone."""
        longest = now - timedelta(days=MISSING_DAYS)
        gone = [number for number in absent if whole or self._missing.get(number, now) < longest]
        await self._end(tx, gone, now)
        missing = [number for number in absent if number in self._known]
        fresh = [number for number in missing if number not in self._missing]
        if fresh:
            await tx.execute(
                "UPDATE plugin_uptime_kuma.monitor SET missing_since = $2 WHERE number = ANY($1)", fresh, now
            )
            self._missing |= dict.fromkeys(fresh, now)
        return missing, gone

    async def _end(self, tx: Queries, numbers: Sequence[int], now: datetime) -> None:
        if not numbers:
            return
        await tx.execute("UPDATE plugin_uptime_kuma.monitor SET gone_at = $2 WHERE number = ANY($1)", numbers, now)
        for number in numbers:
            self._known.pop(number, None)
            self._seen.pop(number, None)
            self._missing.pop(number, None)


def _row(seen: Seen) -> dict[str, Any]:
    return {
        "kuma_id": seen.kuma_id,
        "name": seen.name,
        "kind": seen.kind,
        "group_name": seen.group,
        "groups": None if seen.groups is None else list(seen.groups),
        "tags": None if seen.tags is None else list(seen.tags),
        "address": seen.address,
        "position": seen.position,
        "certificate_days": seen.certificate_days,
        "certificate_valid": seen.certificate_valid,
        "given_day": seen.given_day,
        "given_month": seen.given_month,
    }
