"""What one person may beyond or short of their role: kept here; what follows from it is for `People` to say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from medianest_hub.accounts.acting import lock_person
from medianest_hub.accounts.people import People, no_such_person
from medianest_hub.accounts.permissions import CORE
from medianest_hub.infrastructure.database import Database
from medianest_hub.plugin_api.errors import BadInput, FieldProblem
from medianest_hub.plugin_api.services import Queries

_SELECT: Final = """
SELECT permission, allowed, set_by, set_at FROM medianest.permission_overrides WHERE user_id = $1 ORDER BY permission
"""
# One that stays as it was keeps who set it and when.
_SET: Final = """
INSERT INTO medianest.permission_overrides (user_id, permission, allowed, set_by)
SELECT $1, given.permission, given.allowed, $4 FROM unnest($2::text[], $3::boolean[]) AS given (permission, allowed)
ON CONFLICT (user_id, permission) DO UPDATE SET allowed = excluded.allowed, set_by = excluded.set_by, set_at = now()
WHERE permission_overrides.allowed <> excluded.allowed
"""


@dataclass(frozen=True, slots=True)
class Override:
    """One grant (`allowed`) or denial. `known` is false while no plugin declares the permission: then it does nothing."""

    permission: str
    allowed: bool
    known: bool
    set_by: UUID | None
    set_at: datetime


@dataclass(frozen=True, slots=True)
class Replaced:
    """All overrides of somebody, by name: as they were, and as they are."""

    before: list[Override]
    now: list[Override]


class Overrides:
    """Grants and denials by hand, by full permission name."""

    def __init__(self, db: Database, people: People) -> None:
        self._db = db
        self._people = people

    async def of_person(self, person_id: UUID, tx: Queries | None = None) -> list[Override]:
        """All of somebody's, by name."""
        rows = await (tx or self._db).fetch(_SELECT, person_id)
        declared = self._people.permissions.declared
        return [self._override(row, row["permission"] in declared) for row in rows]

    async def replace(self, person_id: UUID, wanted: Mapping[str, bool], by: UUID | None) -> Replaced:
        """From now on these and no others, here at once and in other processes within a second.

        Raises `NotFound`, `Forbidden` if `by` is no active admin any more, and `BadInput` for a permission the role alone
        decides about or nobody declares; one that is not declared any more may stay.
        """
        async with self._db.transaction() as tx:
            if await lock_person(tx, person_id, by) is None:
                raise no_such_person()
            before = await self.of_person(person_id, tx)
            self._check(wanted, {one.permission for one in before})
            await tx.execute(
                "DELETE FROM medianest.permission_overrides WHERE user_id = $1 AND permission <> ALL($2)",
                person_id,
                list(wanted),
            )
            await tx.execute(_SET, person_id, list(wanted), list(wanted.values()), by)
            now = await self.of_person(person_id, tx)
        await self._people.tell(person_id)
        return Replaced(before, now)

    def _check(self, wanted: Mapping[str, bool], kept: set[str]) -> None:
        problems = [
            FieldProblem(
                field=f"body.overrides.{name}",
                code="permission_fixed",
                message="The role decides about this one; change the role.",
            )
            for name in wanted
            if name in CORE
        ]
        declared = self._people.permissions.declared
        problems += [
            FieldProblem(
                field=f"body.overrides.{name}",
                code="permission_unknown",
                message="No plugin declares this permission; see /api/v1/users/permissions.",
            )
            for name in wanted
            if name not in declared and name not in kept
        ]
        if problems:
            raise BadInput("These permissions cannot be set for one person.", code="override_refused", fields=problems)

    @staticmethod
    def _override(row: Any, known: bool) -> Override:
        return Override(row["permission"], row["allowed"], known, row["set_by"], row["set_at"])
