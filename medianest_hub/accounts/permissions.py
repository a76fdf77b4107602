"""Which permissions somebody has: those of their role, with what they were granted or denied by hand; stores nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from medianest_hub.plugin_api.people import ACCOUNT, ADMIN, PEOPLE, SIGNED_IN, Role

CORE: Final[Mapping[str, Role]] = {
    SIGNED_IN: Role.GUEST,
    ACCOUNT: Role.GUEST,
    ADMIN: Role.ADMIN,
    PEOPLE: Role.ADMIN,
}
"""The core's own permissions, each with the least role that has it. The role alone decides about these."""

NOT_FOR_KEYS: Final = frozenset({ACCOUNT, PEOPLE})
"""What only a person may who signed in: by these an API key could become a way in that outlives it."""

_TITLES: Final = {
    SIGNED_IN: "Be signed in",
    ACCOUNT: "Manage one's own account",
    ADMIN: "Run the hub",
    PEOPLE: "Manage others' accounts",
}


@dataclass(frozen=True, slots=True)
class Declared:
    """One permission there is: its title and the least role that has it without being granted it."""

    title: str
    least: Role


class RolePermissions:
    """All permissions there are. Immutable: a new one is made when plugins change."""

    def __init__(self, declared: Mapping[str, Declared] | None = None) -> None:
        """`declared`: by full name (`youtube.download`); the core's cannot be redefined."""
        core = {name: Declared(_TITLES[name], least) for name, least in CORE.items()}
        self.declared: Mapping[str, Declared] = {**(declared or {}), **core}
        self._of = {
            role: frozenset(name for name, one in self.declared.items() if role.includes(one.least)) for role in Role
        }

    def of(self, role: Role) -> frozenset[str]:
        """What that role may."""
        return self._of[role]

    def in_force(self, role: Role, granted: Collection[str], denied: Collection[str]) -> frozenset[str]:
        """What somebody of that role may with these grants and denials; those of nothing that is declared do nothing."""
        if not granted and not denied:
            return self._of[role]
        more = {name for name in granted if name in self.declared and name not in CORE}
        return frozenset((self._of[role] | more) - {name for name in denied if name not in CORE})
