"""Writes what happened and whom it is told to, in one statement; announces, delivers and words nothing."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

from medianest_hub.accounts.people import People
from medianest_hub.accounts.permissions import CORE
from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.ids import new_id
from medianest_hub.notifications.kinds import HUB
from medianest_hub.notifications.pictures import Pictures
from medianest_hub.plugin_api.errors import BadInput
from medianest_hub.plugin_api.people import Role
from medianest_hub.plugin_api.services import Clock, Queries
from medianest_hub.plugin_host.notification_kinds import Telling

NOTIFY: Final = "mn_notifications"
"""Postgres channel that hints at new notifications when a transaction commits."""


def _holds(permission: str, roles: str, core: str) -> str:
    """SQL: whether the user `u` has that permission, as `RolePermissions.in_force` says it; all three are parameters."""
    given = (  # of parameters alone
        "EXISTS (SELECT FROM medianest.permission_overrides o "  # nosec B608
        f"WHERE o.user_id = u.id AND o.permission = {permission} AND o.allowed = "
    )
    return f"((u.role = ANY({roles}) AND ({core} OR NOT {given}false))) OR (NOT {core} AND {given}true)))"


# People are locked against being removed meanwhile, in the order everybody locks them in.
_TELL: Final = f"""
WITH readers AS (
    SELECT u.id FROM medianest.users u
    WHERE $11::boolean AND u.status = 'active' AND ($5::uuid IS NULL OR u.id = $5)
      AND {_holds("$12::text", "$13::text[]", "$14::boolean")}
      AND ($6::text IS NULL OR {_holds("$6", "$15::text[]", "$16::boolean")})
      AND u.id <> ALL($20::uuid[])
    ORDER BY u.id FOR KEY SHARE
),
about AS (SELECT u.id FROM medianest.users u WHERE u.id = $5 FOR KEY SHARE),
told AS (
    INSERT INTO medianest.happenings
        (id, kind, instance, key, person_id, permission, params, href, image, in_activity, at, told_at, hidden_from)
    SELECT $1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9::jsonb, $10, coalesce($17::timestamptz, $19), $19,
           nullif($20::uuid[], ARRAY[]::uuid[])
    WHERE $5::uuid IS NULL OR EXISTS (SELECT FROM about)
    ON CONFLICT DO NOTHING RETURNING id
),
made AS (
    INSERT INTO medianest.notifications (person_id, happening_id, choice)
    SELECT r.id, told.id, coalesce(c.choice, $18) FROM told CROSS JOIN readers r
    LEFT JOIN medianest.notification_choices c ON c.person_id = r.id AND c.kind = $2 AND c.way = '{HUB}'
    RETURNING 1
)
SELECT count(*), pg_notify('{NOTIFY}', '') FROM made HAVING count(*) > 0
"""  # nosec B608 # noqa: S608 - parameters, and constants of ours


class Tellings:
    """Where everything told is written; workers take it from there (`announcing.py`)."""

    def __init__(self, db: Database, people: People, pictures: Pictures, clock: Clock) -> None:
        self._db = db
        self._people = people
        self._pictures = pictures
        self._clock = clock

    async def tell(
        self,
        telling: Telling,
        instance: str,
        *,
        person: UUID | None = None,
        permission: str | None = None,
        hidden_from: Collection[UUID] = (),
        image: str | None = None,
        at: datetime | None = None,
        tx: Queries | None = None,
    ) -> None:
        """Keep it and whom it is for, unless it was told before.

        `permission`: a full name, beyond the kind's own. `hidden_from`: who is not to know of it.

        Raises `BadInput` for a permission nobody declares, a picture's link of somewhere else, and a time without zone.
        """
        if at is not None and at.tzinfo is None:
            raise BadInput("The time of a notification must have a zone.", code="bad_notification_time")
        kind = telling.kind
        wanted = self._full(telling, kind.permission)
        await (tx or self._db).execute(
            _TELL,
            *(new_id(), telling.name, instance, telling.key, person, permission),
            *(json.dumps(telling.params), telling.href, self._pictures.kept(image), kind.activity),
            *(kind.notify, wanted, self._roles(wanted), wanted in CORE),
            *(self._roles(permission), permission in CORE, at, kind.default, self._clock.now(), list(set(hidden_from))),
        )

    def _roles(self, permission: str | None) -> list[str]:
        """Who has it without being granted it."""
        if permission is None:
            return []
        declared = self._people.permissions.declared.get(permission)
        if declared is None:
            raise BadInput(f"No plugin declares the permission {permission!r}.", code="unknown_permission")
        return [role.value for role in Role if role.includes(declared.least)]

    @staticmethod
    def _full(telling: Telling, permission: str) -> str:
        return permission if "." in permission else f"{telling.name.partition('.')[0]}.{permission}"
