"""Somebody's row in `users`, as the parts of this room read it; holds no secret and asks nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from medianest_hub.plugin_api.errors import Forbidden, Unauthorized
from medianest_hub.plugin_api.people import Role

Status = Literal["active", "disabled", "invited"]

COLUMNS: Final = """id, username, display_name, email, email_verified, avatar, role, status,
                    password_hash IS NOT NULL AS has_password, created_at, last_seen_at"""

WITH_OVERRIDES: Final = f"""{COLUMNS},
    ARRAY(SELECT o.permission FROM medianest.permission_overrides o WHERE o.user_id = users.id AND o.allowed) AS granted,
    ARRAY(SELECT o.permission FROM medianest.permission_overrides o WHERE o.user_id = users.id AND NOT o.allowed) AS denied"""  # nosec B608 # noqa: S608 - constants of ours
"""Enough to say in one question what somebody may do. `users` must be called so in the statement."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody's row. Only `active` people may do anything; `email_verified`: by a provider or an admin."""

    id: UUID
    username: str
    display_name: str
    email: str | None
    email_verified: bool
    avatar: str | None
    role: Role
    status: Status
    has_password: bool
    created_at: datetime
    last_seen_at: datetime | None


def account_of(row: Any) -> Account:
    """A row with `COLUMNS`."""
    return Account(
        id=row["id"],
        username=row["username"],
        display_name=row["display_name"],
        email=row["email"],
        email_verified=row["email_verified"],
        avatar=row["avatar"],
        role=Role(row["role"]),
        status=row["status"],
        has_password=row["has_password"],
        created_at=row["created_at"],
        last_seen_at=row["last_seen_at"],
    )


def wrong_credentials() -> Unauthorized:
    """The one refusal of unknown names and wrong passwords."""
    return Unauthorized("The username or the password is wrong.", code="wrong_credentials")


def account_inactive() -> Forbidden:
    """The refusal of somebody who has proven who they are, and is not let in."""
    return Forbidden("This account is not active; ask an admin.", code="account_inactive")
