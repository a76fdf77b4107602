"""The rows of messages to be sent: claim, settle, give up. A message is claimed before it is sent, and never claimed twice
once it may have got through; sends none itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final
from uuid import UUID, uuid4

from medianest_hub.accounts.people import People
from medianest_hub.infrastructure.database import Database
from medianest_hub.notifications.choices import HOURS_COLUMNS, Defaults
from medianest_hub.notifications.kinds import Kinds
from medianest_hub.notifications.ways import Way
from medianest_hub.notifications.wording import Happened, happened
from medianest_hub.plugin_api.people import Person
from medianest_hub.plugin_api.services import Queries

GIVEN_UP_AFTER: Final = timedelta(days=1)
"""What could not be sent this long after it was due is dropped."""

_HOUR: Final = timedelta(hours=1)
_SLACK: Final = timedelta(seconds=60)
"""Beyond a notifier's time, until an attempt nobody settled counts as lost."""

_LOOK_AT: Final = 200
_LOCK: Final = 7_236_441_182_027_001
"""Claims take turns over all workers, so that limits hold exactly."""

_COLUMNS: Final = f"""
d.person_id, d.attempts, d.due_at, h.id, h.kind, h.params, h.href, h.image, h.at, h.permission,
h.person_id IS NOT NULL AS own, {HOURS_COLUMNS}
FROM medianest.deliveries d
JOIN medianest.happenings h ON h.id = d.happening_id
JOIN medianest.users u ON u.id = d.person_id
LEFT JOIN medianest.notification_settings s ON s.person_id = d.person_id
"""
_DUE: Final = f"""
SELECT {_COLUMNS} WHERE d.state = 'waiting' AND d.next_at <= $1 AND d.way = $2
ORDER BY d.next_at, d.happening_id, d.person_id LIMIT $3
"""  # nosec B608 # constants of ours
_GATHERED: Final = f"""
SELECT {_COLUMNS} WHERE d.state = 'gathering' AND d.way = $2 AND d.person_id IN (
    SELECT g.person_id FROM medianest.deliveries g WHERE g.state = 'gathering' AND g.way = $2
    GROUP BY g.person_id HAVING min(g.next_at) <= $1 ORDER BY min(g.next_at) LIMIT 20)
ORDER BY d.person_id, d.happening_id LIMIT $3
"""  # nosec B608 # noqa: S608 - as above
# A digest is one message, however many rows.
_LATELY: Final = """
SELECT person_id, count(DISTINCT coalesce(attempt_token, happening_id)) AS count FROM medianest.deliveries
WHERE way = $1 AND person_id = ANY($2)
  AND ((state IN ('sent', 'uncertain') AND ended_at > $3) OR state = 'sending')
GROUP BY person_id
"""
_CLAIM: Final = """
UPDATE medianest.deliveries SET state = 'sending', attempts = attempts + 1, attempt_token = $1, next_at = $2
WHERE person_id = $3 AND way = $4 AND happening_id = ANY($5) AND state IN ('waiting', 'gathering')
"""
_PUT_OFF: Final = """
UPDATE medianest.deliveries SET state = $1, next_at = $2, due_at = $2
WHERE person_id = $3 AND way = $4 AND happening_id = ANY($5) AND state IN ('waiting', 'gathering')
"""
_END: Final = """
UPDATE medianest.deliveries SET state = $1, error = CASE WHEN error = '' THEN $2 ELSE error END, ended_at = $3
WHERE person_id = $4 AND way = $5 AND happening_id = ANY($6) AND state IN ('waiting', 'gathering')
"""
_SETTLE: Final = """
UPDATE medianest.deliveries SET state = $2, error = $3, ended_at = $4 WHERE attempt_token = $1 AND state = 'sending'
"""
_AGAIN: Final = """
UPDATE medianest.deliveries
SET state = $2, next_at = $3, error = $4, attempts = attempts - CASE WHEN $5 THEN 0 ELSE 1 END
WHERE attempt_token = $1 AND state = 'sending'
"""
_LOST: Final = """
UPDATE medianest.deliveries SET state = 'uncertain', ended_at = $1, error = $2 WHERE state = 'sending' AND next_at < $1
"""
_LATE: Final = """
UPDATE medianest.deliveries SET state = 'dropped', ended_at = $1,
    error = CASE WHEN error = '' THEN $2 ELSE error END
WHERE state IN ('waiting', 'gathering') AND next_at < $1 AND due_at < $1 - make_interval(secs => $3)
"""
_NEXT: Final = """
SELECT min(next_at) FROM medianest.deliveries WHERE state IN ('waiting', 'gathering', 'sending') AND next_at > $1
"""

_LOST_WORDS: Final = "The worker that was sending it ended; it may have got through, so it is not sent again."
_LATE_WORDS: Final = "It could not be sent within a day, for what sends it was not running."


@dataclass(frozen=True, slots=True)
class Claimed:
    """One message to send now: one thing that happened, or several in a digest. `token` names this attempt, the `attempt`th."""

    token: UUID
    way: Way
    person: Person
    language: str
    happened: Sequence[Happened]
    attempt: int
    due_at: datetime
    is_digest: bool


class Deliveries:
    """SQL of the deliveries. `per_hour`: messages to one person by one way; what is beyond is gathered."""

    def __init__(self, people: People, kinds: Kinds, defaults: Defaults, per_hour: int) -> None:
        self._people = people
        self._kinds = kinds
        self._defaults = defaults
        self._per_hour = per_hour

    async def claim(self, db: Database, ways: Iterable[tuple[Way, int]], now: datetime) -> list[Claimed]:
        """What is to be sent now, at most that many by each way. What must not be sent now is put off or ended."""
        claimed: list[Claimed] = []
        async with db.transaction() as tx:
            await tx.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            for way, room in ways:
                claimed += await self._claim_of(tx, way, room, now)
        return claimed

    async def _claim_of(self, tx: Queries, way: Way, room: int, now: datetime) -> list[Claimed]:
        rows = list(await tx.fetch(_DUE, now, way.id, _LOOK_AT))
        gathered = await tx.fetch(_GATHERED, now, way.id, 10 * _LOOK_AT)
        messages = [
            *(([row], False) for row in rows),
            *((list(group), True) for _, group in groupby(gathered, lambda row: row["person_id"])),
        ]
        everybody = {message[0]["person_id"] for message, _ in messages}
        people = await self._people.get_many(everybody)
        sent = {row["person_id"]: row["count"] for row in await tx.fetch(_LATELY, way.id, list(everybody), now - _HOUR)}
        claimed: list[Claimed] = []
        for message, is_digest in messages:
            if len(claimed) == room:
                break
            one = await self._judge(tx, way, message, people, sent, now, is_digest=is_digest)
            if one is not None:
                claimed.append(one)
        return claimed

    async def _judge(
        self,
        tx: Queries,
        way: Way,
        rows: Sequence[Any],
        people: Mapping[UUID, Person],
        sent: dict[UUID, int],
        now: datetime,
        *,
        is_digest: bool,
    ) -> Claimed | None:
        """Claim it, or put it off, or end it where the person may not hear of it any more."""
        person_id = rows[0]["person_id"]
        person = people.get(person_id)
        late = [row for row in rows if row["due_at"] < now - GIVEN_UP_AFTER]
        seen = [row for row in rows if person is not None and row not in late and self._may_hear(person, row)]
        if late:
            await tx.execute(_END, "dropped", _LATE_WORDS, now, person_id, way.id, [row["id"] for row in late])
        if hidden := [row["id"] for row in rows if row not in seen and row not in late]:
            await tx.execute(_END, "skipped", "", now, person_id, way.id, hidden)
        if person is None or not seen:
            return None
        ids = [row["id"] for row in seen]
        quiet_until = self._defaults.hours(seen[0]).quiet_until(now)
        if quiet_until is not None:
            state = "gathering" if is_digest else "waiting"
            await tx.execute(_PUT_OFF, state, quiet_until, person_id, way.id, ids)
            return None
        if sent.get(person_id, 0) >= self._per_hour:
            await tx.execute(_PUT_OFF, "gathering", now + _HOUR, person_id, way.id, ids)
            return None
        sent[person_id] = sent.get(person_id, 0) + 1
        token, until = uuid4(), now + timedelta(seconds=way.notifier.timeout) + _SLACK
        await tx.execute(_CLAIM, token, until, person_id, way.id, ids)
        return Claimed(
            token=token,
            way=way,
            person=person,
            language=self._defaults.language(seen[0]),
            happened=[happened(row) for row in seen],
            attempt=max(row["attempts"] for row in seen) + 1,
            due_at=max(row["due_at"] for row in seen),
            is_digest=is_digest,
        )

    def _may_hear(self, person: Person, row: Any) -> bool:
        """Whether the person is active and still has the kind's permission. A kind that is gone cannot be put into words."""
        known = self._kinds.find(row["kind"])
        if known is None or not person.can(known.permission):
            return False
        return row["permission"] is None or person.can(row["permission"])

    async def settle(self, db: Database, token: UUID, state: str, now: datetime, error: str = "") -> None:
        """The attempt came to its end: `sent`, `failed`, `uncertain` or `skipped`."""
        await db.execute(_SETTLE, token, state, error, now)

    async def again(
        self, db: Database, claimed: Claimed, at: datetime, error: str = "", *, counted: bool = True
    ) -> None:
        """Nothing was sent; try again then. `counted`: it was an attempt."""
        state = "gathering" if claimed.is_digest else "waiting"
        await db.execute(_AGAIN, claimed.token, state, at, error, counted)

    async def tidy(self, db: Database, now: datetime) -> None:
        """Give up what nobody settled, and what waited too long."""
        await db.execute(_LOST, now, _LOST_WORDS)
        await db.execute(_LATE, now, _LATE_WORDS, GIVEN_UP_AFTER.total_seconds())

    async def next_at(self, db: Database, now: datetime) -> datetime | None:
        """When something is to be done next, after `now`."""
        at: datetime | None = await db.fetchval(_NEXT, now)
        return at
