"""Everybody who may call a route, for the authorization matrix: people, and what is left of them, and their keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from medianest_hub.plugin_api import Role
from medianest_hub.plugin_api.people import ACCOUNT, ADMIN, PEOPLE, SIGNED_IN
from medianest_hub.web.mounted import Mounted

from .conftest import Site

IN, UNKNOWN, FORBIDDEN, OPEN = "let in", "401", "403", "served"
"""Verdicts of the gate. What a handler says after it is not looked at, except that it is no fault of the server."""

GATE_CODES = {
    **dict.fromkeys(("unauthorized", "token_invalid", "token_expired", "session_ended"), UNKNOWN),
    **dict.fromkeys(("api_key_invalid", "api_key_expired"), UNKNOWN),
    "forbidden": FORBIDDEN,
}


def may(one: Mounted, role: Role, site: Site) -> bool:
    """Whether the declaration lets that role in, worked out here anew."""
    if one.permission in (SIGNED_IN, ACCOUNT):
        return True
    if one.permission in (ADMIN, PEOPLE):
        return role is Role.ADMIN
    source, _, name = str(one.permission).partition(".")
    permission = next(p for p in site.hub.host.plugins[source].info.permissions if p.name == name)
    return role.includes(permission.default)


def other_than(permission: str | None) -> str:
    """A permission that is another one, and that everybody but guests has."""
    return "matrix.change" if permission == "matrix.use" else "matrix.use"


@dataclass
class Callers:
    """Tokens and keys, made on first use. Whoever calls a route that ends their session comes with a fresh one."""

    site: Site
    keys: dict[tuple[str, str], str] = field(default_factory=dict)

    async def nobody(self, _: Mounted) -> str:
        return ""

    async def guest(self, _: Mounted) -> str:
        return (await self.site.person("guest", Role.GUEST)).token

    async def member(self, _: Mounted) -> str:
        return (await self.site.person("member")).token

    async def admin(self, _: Mounted) -> str:
        return (await self.site.person("admin", Role.ADMIN)).token

    async def disabled(self, _: Mounted) -> str:
        """An admin who was thrown out, with a token that has not expired and a session nobody ended."""
        parts = self.site.parts
        if (known := await parts.people.by_username("disabled")) is not None:  # only somebody active begins a session
            await parts.people.change(known.id, status="active")
        somebody = await self.site.person("disabled", Role.ADMIN)
        await parts.people.change(somebody.id, status="disabled")
        return somebody.token

    async def ended(self, _: Mounted) -> str:
        """An admin's token whose session has ended."""
        somebody = await self.site.person("admin", Role.ADMIN)
        await self.site.parts.sessions.end(somebody.session_id)
        return somebody.token

    async def key_without(self, one: Mounted) -> str:
        """A member's key for something else."""
        return await self.key("member", Role.MEMBER, other_than(one.permission))

    async def narrowed_admin_key(self, one: Mounted) -> str:
        """An admin's key for something else: whose it is opens nothing."""
        return await self.key("admin", Role.ADMIN, other_than(one.permission))

    async def key_with(self, one: Mounted) -> str:
        """An admin's key for just this; for managing accounts there can be none, so for as much as there can be."""
        instead = {None: SIGNED_IN, ACCOUNT: SIGNED_IN, PEOPLE: ADMIN}
        return await self.key("admin", Role.ADMIN, instead.get(one.permission) or str(one.permission))

    async def revoked_key(self, _: Mounted) -> str:
        if ("revoked", "") not in self.keys:
            key, token = await self._create("admin", Role.ADMIN, ADMIN)
            await self.site.parts.api_keys.revoke(key)
            self.keys["revoked", ""] = token
        return self.keys["revoked", ""]

    async def expired_key(self, _: Mounted) -> str:
        if ("expired", "") not in self.keys:
            key, token = await self._create("admin", Role.ADMIN, ADMIN)
            past = "UPDATE medianest.api_keys SET expires_at = now() - interval '1 s' WHERE id = $1"
            await self.site.parts.db.execute(past, key)
            self.keys["expired", ""] = token
        return self.keys["expired", ""]

    async def key(self, username: str, role: Role, permission: str) -> str:
        if (username, permission) not in self.keys:
            self.keys[username, permission] = (await self._create(username, role, permission))[1]
        return self.keys[username, permission]

    async def _create(self, username: str, role: Role, permission: str) -> tuple[UUID, str]:
        somebody = await self.site.parts.people.get((await self.site.person(username, role)).id)
        assert somebody is not None
        until = datetime.now(UTC) + timedelta(days=1)
        key, token = await self.site.parts.api_keys.create(somebody, "matrix", [permission], until)
        return key.id, token


@dataclass(frozen=True)
class Column:
    """Somebody who calls, and the verdict the declaration of a route with a permission holds for them."""

    name: str
    token: Callable[[Callers, Mounted], Awaitable[str]]
    expected: Callable[[Mounted, Site], str]


def _role(role: Role) -> Callable[[Mounted, Site], str]:
    return lambda one, site: IN if may(one, role, site) else FORBIDDEN


COLUMNS = (
    Column("nobody", Callers.nobody, lambda one, site: UNKNOWN),
    Column("guest", Callers.guest, _role(Role.GUEST)),
    Column("member", Callers.member, _role(Role.MEMBER)),
    Column("admin", Callers.admin, _role(Role.ADMIN)),
    Column("disabled", Callers.disabled, lambda one, site: UNKNOWN),
    Column("ended session", Callers.ended, lambda one, site: UNKNOWN),
    Column("API key without the scope", Callers.key_without, lambda one, site: FORBIDDEN),
    Column("narrowed admin key", Callers.narrowed_admin_key, lambda one, site: FORBIDDEN),
    Column(
        "API key with it", Callers.key_with, lambda one, site: FORBIDDEN if one.permission in (ACCOUNT, PEOPLE) else IN
    ),
    Column("revoked API key", Callers.revoked_key, lambda one, site: UNKNOWN),
    Column("expired API key", Callers.expired_key, lambda one, site: UNKNOWN),
)
