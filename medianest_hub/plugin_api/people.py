"""Roles, permissions and the person behind a call, as a plugin sees them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

SIGNED_IN: Final = "hub.signed_in"
"""The permission everybody who is signed in has, guests too."""

ACCOUNT: Final = "hub.account"
"""The permission to manage one's own account (password, sessions, keys). Everybody who signed in has it, no API key can."""

ADMIN: Final = "hub.admin"
"""The permission only admins have."""

PEOPLE: Final = "hub.people"
"""The permission to make and change others' accounts and to invite. Every admin who signed in has it, no API key can: whoever
finds one must not be able to make themselves at home for good."""


class Role(StrEnum):
    """What a person is to the household; each role has all permissions of those after it."""

    ADMIN = "admin"
    MEMBER = "member"
    GUEST = "guest"

    def includes(self, other: Role) -> bool:
        """Whether this role has at least the rights of `other`."""
        order = (Role.GUEST, Role.MEMBER, Role.ADMIN)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class Permission:
    """A right a plugin defines. `name` is local (`download`); its full name is `<plugin>.<name>`.

    `default` is the least role that has it without being granted it by hand.
    """

    name: str
    title: str = ""
    default: Role = Role.ADMIN


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in. `permissions` holds full names (`youtube.download`)."""

    id: UUID
    username: str
    role: Role
    permissions: frozenset[str] = field(default_factory=frozenset)
    display_name: str = ""

    @property
    def is_admin(self) -> bool:
        """Whether this person runs the hub, and may so by what they signed in with."""
        return ADMIN in self.permissions

    def can(self, permission: str) -> bool:
        """Whether this person has the permission of that full name."""
        return permission in self.permissions


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whom a widget is loaded for. Exactly what the widget's scope allows it to depend on is filled in.

    `PERSON`: person and role. `ROLE`: role only. `EVERYONE`: neither.
    """

    person: Person | None = None
    role: Role | None = None
