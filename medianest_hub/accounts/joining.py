"""Whether an identity an outside provider has proven lets somebody in, and as whom; starts no session, asks no provider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import structlog

from medianest_hub.accounts.account import WITH_OVERRIDES
from medianest_hub.accounts.email_addresses import LONGEST, is_plain
from medianest_hub.accounts.identities import Identities
from medianest_hub.accounts.invites import Invites
from medianest_hub.accounts.newcomer_names import free_username
from medianest_hub.accounts.own_news import TellOwn
from medianest_hub.accounts.people import People
from medianest_hub.accounts.visible_text import without_unseen
from medianest_hub.infrastructure.database import Database
from medianest_hub.plugin_api.errors import Conflict, Forbidden, TooMany
from medianest_hub.plugin_api.people import Person, Role
from medianest_hub.plugin_api.services import Queries
from medianest_hub.plugin_api.sign_in import SIGN_IN_SECRET, Identity
from medianest_hub.settings import AuthSettings

log = structlog.get_logger(__name__)

MOST_AWAITING: Final = 100
"""Newcomers who may wait for approval at one time: strangers must not fill the list of people."""

_LONGEST_TEXT: Final = 200
_LONGEST_URL: Final = 1000

# Held by one transaction at a time over all processes, and only for somebody who is not known yet: what two newcomers find
# (a name that is free, an address that is nobody's) stays true until they are written down.
_ONE_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock(hashtext('medianest.joining'))"
_PERSON: Final = f"SELECT {WITH_OVERRIDES} FROM medianest.users WHERE id = $1"  # nosec B608 # noqa: S608 - constants of ours
# The first comparison finds them by the index; only the second is one of ASCII, to which the Kelvin sign is no `k`.
_BY_EMAIL: Final = f"""
SELECT {WITH_OVERRIDES}, EXISTS (SELECT FROM medianest.identities i WHERE i.user_id = users.id) AS has_identity
FROM medianest.users
WHERE lower(email) = lower($1) AND lower(email COLLATE "C") = lower($1 COLLATE "C") AND email_verified
ORDER BY id LIMIT 2 FOR UPDATE
"""  # nosec B608 # noqa: S608 - as above
_AWAITING: Final = """
SELECT count(*) FROM medianest.users u
WHERE u.status = 'invited' AND EXISTS (SELECT FROM medianest.identities i WHERE i.user_id = u.id)
"""


@dataclass(frozen=True, slots=True)
class Admitted:
    """Who it is; None while `awaiting_approval`.

    `joined`: the identity was linked just now to somebody who was known by the e-mail address. `created`: they are new.
    """

    person: Person | None
    awaiting_approval: bool = False
    joined: bool = False
    created: bool = False


@dataclass(frozen=True, slots=True)
class _Found:
    row: Any
    joined: bool = False
    created: bool = False


class Joining:
    """`admit` is the one way in for identities; every refusal is a `Forbidden` or `Conflict` with a code of its own."""

    def __init__(
        self,
        db: Database,
        people: People,
        identities: Identities,
        invites: Invites,
        tell: TellOwn,
        settings: AuthSettings,
    ) -> None:
        self._db = db
        self._people = people
        self._identities = identities
        self._invites = invites
        self._tell = tell
        self._settings = settings

    async def admit(
        self,
        provider_id: str,
        identity: Identity,
        *,
        invite: str | None = None,
        plugin: tuple[str, str] | None = None,
    ) -> Admitted:
        """Let in whoever the provider says it is, or somebody new as `auth.newcomers` says.

        `invite`: the token of an invitation they came with. `plugin`: (name, instance) for whom `identity.secret` is
        sealed. Raises `Forbidden`: `set_up_first`, `account_inactive`, `invite_invalid`, `invite_needed`; `Conflict`:
        `email_ambiguous`, `provider_linked`; `TooMany`: `too_many_waiting`.
        """
        identity = _bounded(identity)
        async with self._db.transaction() as tx:
            found = await self._known(tx, provider_id, identity, invite)
            if found is None:
                await tx.execute(_ONE_AT_A_TIME)
                found = await self._known(tx, provider_id, identity, invite)  # somebody may have been faster
            if found is None:
                found = await self._by_email(tx, provider_id, identity)
            if found is None:
                found = await self._newcomer(tx, provider_id, identity, invite)
            person_id: UUID = found.row["id"]
            if identity.secret is not None and plugin is not None:
                await self._people.set_secret(*plugin, person_id, SIGN_IN_SECRET, identity.secret, tx=tx)
        return await self._admitted(provider_id, identity, found)

    async def link(
        self, person_id: UUID, provider_id: str, identity: Identity, *, plugin: tuple[str, str] | None = None
    ) -> None:
        """Somebody who is signed in may from now on sign in with this, too. Raises `Conflict` as `Identities.link`."""
        identity = _bounded(identity)
        async with self._db.transaction() as tx:
            await self._identities.link(person_id, provider_id, identity, tx)
            await self._identities.used(provider_id, identity, tx)
            if identity.secret is not None and plugin is not None:
                await self._people.set_secret(*plugin, person_id, SIGN_IN_SECRET, identity.secret, tx=tx)
        await self._people.tell(person_id)

    async def _admitted(self, provider_id: str, identity: Identity, found: _Found) -> Admitted:
        """After the transaction: tell who must know, map the role."""
        person_id: UUID = found.row["id"]
        await self._people.tell(person_id)
        if found.row["status"] != "active":
            if found.created:
                await self._tell_admins(provider_id, person_id, found.row["username"])
            return Admitted(None, awaiting_approval=True, joined=found.joined, created=found.created)
        person = self._people.person_of(found.row)
        mapped = _role(identity.role)
        if mapped is not None and mapped is not person.role:
            person = await self._map_role(person, mapped)
        return Admitted(person, joined=found.joined, created=found.created)

    async def _known(self, tx: Queries, provider: str, identity: Identity, invite: str | None) -> _Found | None:
        known = await self._identities.find(provider, identity.subject, tx)
        if known is None:
            return None
        await self._identities.used(provider, identity, tx)
        # An invitation lets in who waits; an admin may be refusing them this very moment, and one of the two comes first.
        row = await tx.fetchrow(_PERSON if invite is None else f"{_PERSON} FOR UPDATE", known.person_id)
        if row is None:
            return None  # deleted this very moment, and the identity with them
        _refuse_disabled(row)
        if row["status"] == "invited" and invite is not None:
            taken = await self._invites.consume(tx, invite)
            row = await _activate(tx, known.person_id, taken.role)
        return _Found(row)

    async def _by_email(self, tx: Queries, provider: str, identity: Identity) -> _Found | None:
        """Somebody whose address an admin wrote or a provider verified, if this provider says it is verified, too."""
        if not identity.email or not identity.email_verified:  # `_bounded` leaves only plain ones verified
            return None
        rows = await tx.fetch(_BY_EMAIL, identity.email)
        if not rows:
            return None
        if len(rows) > 1:
            raise Conflict(
                "Several people here have this e-mail address, so it does not say who you are; ask an admin.",
                code="email_ambiguous",
            )
        row: Any = rows[0]
        _refuse_disabled(row)
        await self._identities.link(row["id"], provider, identity, tx)
        await self._identities.used(provider, identity, tx)
        if row["status"] == "invited" and not row["has_identity"]:
            # An admin made this account for this address and waits for nothing but its owner.
            return _Found(await _activate(tx, row["id"], Role(row["role"])), joined=True)
        return _Found(await tx.fetchrow(_PERSON, row["id"]), joined=True)

    async def _newcomer(self, tx: Queries, provider: str, identity: Identity, invite: str | None) -> _Found:
        if not await tx.fetchval("SELECT EXISTS (SELECT FROM medianest.users)"):
            raise Forbidden("Set the hub up first, by the link it printed when it started.", code="set_up_first")
        how = self._settings.newcomers
        role, status = Role(self._settings.newcomer_role), "active"
        if invite is not None:
            role = (await self._invites.consume(tx, invite)).role
        elif how == "invite-only":
            raise Forbidden("Nobody here knows this account; ask for an invitation.", code="invite_needed")
        elif how == "approve":
            status = "invited"
            if await tx.fetchval(_AWAITING) >= MOST_AWAITING:
                raise TooMany("Too many people wait for approval already; come again later.", code="too_many_waiting")
        person = await self._people.create(
            await free_username(tx, identity.username, provider),
            None,
            role,
            display_name=identity.display_name,
            email=identity.email,
            email_verified=identity.email_verified and identity.email is not None,
            avatar=identity.avatar,
            status="invited" if status == "invited" else "active",
            tx=tx,
        )
        await self._identities.link(person.id, provider, identity, tx)
        return _Found(await tx.fetchrow(_PERSON, person.id), created=True)

    async def _map_role(self, person: Person, role: Role) -> Person:
        """What the provider's claims say now; the last admin stays one."""
        try:
            await self._people.change(person.id, role=role)
        except Conflict as refused:
            log.warning("mapped_role_not_taken_over", person=str(person.id), role=role.value, code=refused.error_code)
        return await self._people.get(person.id) or person

    async def _tell_admins(self, provider: str, person_id: UUID, username: str) -> None:
        await self._tell(
            "approval_wanted", {"username": username, "provider": provider}, key=str(person_id), href="/people"
        )


async def _activate(tx: Queries, person_id: UUID, role: Role) -> Any:
    row = await tx.fetchrow(
        "UPDATE medianest.users SET status = 'active', role = $2, updated_at = now() "  # nosec B608 # noqa: S608 - constants of ours
        f"WHERE id = $1 AND status = 'invited' RETURNING {WITH_OVERRIDES}",
        person_id,
        role.value,
    )
    if row is None:
        raise _inactive()
    return row


def _refuse_disabled(row: Any) -> None:
    if row["status"] == "disabled":
        raise _inactive()


def _inactive() -> Forbidden:
    return Forbidden("This account is not active; ask an admin.", code="account_inactive")


def _role(said: str | None) -> Role | None:
    try:
        return None if said is None else Role(said)
    except ValueError:
        log.warning("mapped_role_unknown")
        return None


def _bounded(identity: Identity) -> Identity:
    """What is kept of it: a provider's texts may be of any length, and an address of any kind."""
    avatar = identity.avatar
    if avatar is not None and not (avatar.startswith("https://") and len(avatar) <= _LONGEST_URL):
        avatar = None
    sent = identity.email or ""
    email = sent.replace("\0", "").strip()
    email_kept = email if "@" in email and len(email) <= LONGEST else None
    return identity.model_copy(
        update={
            "username": without_unseen(identity.username[: 4 * _LONGEST_TEXT])[:_LONGEST_TEXT],
            "display_name": without_unseen(identity.display_name[: 4 * _LONGEST_TEXT]).strip()[:_LONGEST_TEXT],
            "email": email_kept,
            # Looked at as it was sent: cleaned, it might be somebody else's.
            "email_verified": identity.email_verified and is_plain(sent),
            "avatar": avatar,
        }
    )
