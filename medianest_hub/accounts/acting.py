"""Whether whoever acts on people still may, asked with a lock in the transaction of what they do; knows no permission.

The verdict at the gate is of a moment before: an admin who is being thrown out must not undo it, or leave a way in behind.
Rows are locked in the order of their ids, so that two who act on each other take turns.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from medianest_hub.plugin_api.errors import Forbidden
from medianest_hub.plugin_api.services import Queries

_SHARED: Final = "SELECT id, role, status FROM medianest.users WHERE id = $1 FOR SHARE"
_ALONE: Final = "SELECT id, role, status FROM medianest.users WHERE id = $1 FOR UPDATE"
_WITH_ADMINS: Final = """
SELECT id, role, status FROM medianest.users WHERE id = $1 OR (role = 'admin' AND status = 'active') ORDER BY id FOR UPDATE
"""


async def still_admin(tx: Queries, by: UUID | None) -> None:
    """`by` is an active admin, and stays one until `tx` ends. None: the hub itself, or its operator. Raises `Forbidden`."""
    if by is not None:
        _check_admin(await tx.fetchrow(_SHARED, by))


async def still_active(tx: Queries, by: UUID) -> None:
    """The same of somebody who acts on their own account, whose row is locked alone. Raises `Forbidden`."""
    row = await tx.fetchrow(_ALONE, by)
    if row is None or row["status"] != "active":
        raise _no_longer()


async def lock_person(tx: Queries, person_id: UUID, by: UUID | None) -> Any:
    """Lock somebody's row (`id`, `role`, `status`; None for nobody) for what an admin does to it. Raises as `still_admin`."""
    rows = {}
    for one in sorted({person_id} | ({by} if by is not None else set())):
        rows[one] = await tx.fetchrow(_ALONE if one == person_id else _SHARED, one)
    if by is not None:
        _check_admin(rows[by])
    return rows[person_id]


async def lock_with_admins(tx: Queries, person_id: UUID, by: UUID | None) -> list[UUID]:
    """As `lock_person`, and all active admins, whose ids it answers: for what may leave none."""
    rows = {row["id"]: row for row in await tx.fetch(_WITH_ADMINS, person_id)}
    if by is not None:
        _check_admin(rows.get(by))
    return [row["id"] for row in rows.values() if _is_admin(row)]


def _check_admin(row: Any) -> None:
    if row is None or not _is_admin(row):
        raise _no_longer()


def _is_admin(row: Any) -> bool:
    return bool(row["role"] == "admin" and row["status"] == "active")


def _no_longer() -> Forbidden:
    return Forbidden("You may not do this any more.")
