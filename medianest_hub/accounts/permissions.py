"""Which permissions each role has: the core's and those the plugins declare; stores nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from medianest_hub.plugin_api.people import ACCOUNT, ADMIN, SIGNED_IN, Role

CORE: Final[Mapping[str, Role]] = {SIGNED_IN: Role.GUEST, ACCOUNT: Role.GUEST, ADMIN: Role.ADMIN}
"""The core's own permissions, each with the least role that has it."""


class RolePermissions:
    """All permissions in force, by role. Immutable: a new one is made when plugins change."""

    def __init__(self, declared: Mapping[str, Role] | None = None) -> None:
        """`declared`: full names (`youtube.download`) with the least role that has each; the core's cannot be redefined."""
        self.declared: Mapping[str, Role] = {**(declared or {}), **CORE}
        self._of = {
            role: frozenset(name for name, least in self.declared.items() if role.includes(least)) for role in Role
        }

    def of(self, role: Role) -> frozenset[str]:
        """What that role may."""
        return self._of[role]
