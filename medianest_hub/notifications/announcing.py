"""Takes what was told: open pages hear of it, and the deliveries of other ways are made. Sends by none of them itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from medianest_hub.accounts.people import People
from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.realtime_log import RealtimeLog
from medianest_hub.notifications.choices import HOURS_COLUMNS, Defaults
from medianest_hub.notifications.kinds import Kinds
from medianest_hub.notifications.listing import NotificationList
from medianest_hub.notifications.ways import Ways
from medianest_hub.notifications.wording import Wording, happened
from medianest_hub.plugin_api.services import Clock

BATCH: Final = 500
"""Notifications taken at once."""

_TAKE: Final = f"""
SELECT n.person_id, n.choice, n.removed_at, h.id, h.kind, h.params, h.href, h.image, h.at, h.told_at, {HOURS_COLUMNS}
FROM medianest.notifications n
JOIN medianest.happenings h ON h.id = n.happening_id
JOIN medianest.users u ON u.id = n.person_id
LEFT JOIN medianest.notification_settings s ON s.person_id = n.person_id
WHERE NOT n.announced ORDER BY n.happening_id, n.person_id LIMIT $1 FOR UPDATE OF n SKIP LOCKED
"""  # nosec B608 # noqa: S608 - constants of ours
_TAKEN: Final = """
UPDATE medianest.notifications n SET announced = true
FROM unnest($1::uuid[], $2::uuid[]) AS t (person_id, happening_id)
WHERE n.person_id = t.person_id AND n.happening_id = t.happening_id
"""
_DELIVER: Final = """
INSERT INTO medianest.deliveries (person_id, happening_id, way, state, next_at, due_at)
SELECT t.person_id, t.happening_id, w.way,
       CASE wanted.choice WHEN 'digest' THEN 'gathering' ELSE 'waiting' END,
       CASE wanted.choice WHEN 'digest' THEN t.digest_at ELSE $7 END,
       CASE wanted.choice WHEN 'digest' THEN t.digest_at ELSE t.told_at END
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[])
     AS t (person_id, happening_id, kind, by_default, digest_at, told_at)
CROSS JOIN unnest($8::text[]) AS w (way)
LEFT JOIN medianest.notification_choices c ON c.person_id = t.person_id AND c.kind = t.kind AND c.way = w.way
CROSS JOIN LATERAL (SELECT coalesce(c.choice, t.by_default) AS choice) AS wanted
WHERE wanted.choice <> 'off'
ON CONFLICT DO NOTHING
"""
# A digest that has grown large is not waited for.
_ENOUGH: Final = """
UPDATE medianest.deliveries d SET next_at = $1 FROM (
    SELECT person_id, way FROM medianest.deliveries WHERE state = 'gathering' AND person_id = ANY($2)
    GROUP BY person_id, way HAVING count(*) > $3
) AS large
WHERE d.person_id = large.person_id AND d.way = large.way AND d.state = 'gathering' AND d.next_at > $1
"""


class Announcing:
    """Runs in every worker; each notification is taken by one of them, once."""

    def __init__(
        self,
        people: People,
        realtime: RealtimeLog,
        kinds: Kinds,
        ways: Ways,
        listed: NotificationList,
        wording: Wording,
        defaults: Defaults,
        clock: Clock,
        digest_most: int,
    ) -> None:
        self._people = people
        self._realtime = realtime
        self._kinds = kinds
        self._ways = ways
        self._list = listed
        self._wording = wording
        self._defaults = defaults
        self._clock = clock
        self._digest_most = digest_most

    async def take(self, db: Database) -> int:
        """Announce one batch, which is written in one transaction; returns how many notifications that were."""
        async with db.transaction() as tx:
            rows = await tx.fetch(_TAKE, BATCH)
            if not rows:
                return 0
            await tx.execute(_TAKEN, [row["person_id"] for row in rows], [row["id"] for row in rows])
            await self._make_deliveries(tx, rows)
            events = await self._realtime.keep("notification:new", await self._announcements(tx, rows), tx)
        for event in events:
            await self._realtime.publish(event)
        return len(rows)

    async def _make_deliveries(self, tx: Any, rows: Sequence[Any]) -> None:
        now, ways = self._clock.now(), list(self._ways.all())
        known = [(row, found) for row in rows if (found := self._kinds.find(row["kind"])) is not None]
        if not ways or not known:
            return
        await tx.execute(
            _DELIVER,
            [row["person_id"] for row, _ in known],
            [row["id"] for row, _ in known],
            [row["kind"] for row, _ in known],
            [found.kind.default for _, found in known],
            [self._defaults.hours(row).next_digest(now) for row, _ in known],
            [row["told_at"] for row, _ in known],
            now,
            ways,
        )
        await tx.execute(_ENOUGH, now, list({row["person_id"] for row, _ in known}), self._digest_most)

    async def _announcements(self, tx: Any, rows: Sequence[Any]) -> list[tuple[Any, Mapping[str, Any]]]:
        """Whom to tell what."""
        shown = [row for row in rows if row["choice"] == "on" and row["removed_at"] is None]
        people = await self._people.get_many({row["person_id"] for row in shown})
        unread = await self._list.unread_of(people.values(), tx)
        now = self._clock.now()
        return [
            (row["person_id"], self._announcement(row, now, unread[row["person_id"]]))
            for row in shown
            if row["person_id"] in people
        ]

    def _announcement(self, row: Any, now: datetime, unread: int) -> dict[str, Any]:
        one = happened(row)
        words = self._kinds.words(one.kind, self._defaults.language(row), one.params)
        return {
            "id": str(one.id),
            "kind": one.kind,
            "title": words.title,
            "body": words.body,
            "href": one.href,
            "image": self._wording.picture(one),
            "params": dict(one.params),
            "at": one.at.isoformat(),
            "unread": unread,
            "quiet": self._defaults.hours(row).quiet_until(now) is not None,
        }
