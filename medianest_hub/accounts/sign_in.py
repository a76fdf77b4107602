"""Signing in and staying so: from the first check of a password to the tokens; knows no request and no outside provider."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from uuid import UUID

from medianest_hub.accounts.names import username_key
from medianest_hub.accounts.people import People
from medianest_hub.accounts.refresh import RefreshTokens, refresh_invalid
from medianest_hub.accounts.sessions import Sessions
from medianest_hub.accounts.slowing import CROWD, Slowing
from medianest_hub.accounts.tokens import Issued, Tokens
from medianest_hub.infrastructure.addresses import network_of
from medianest_hub.infrastructure.database import Database
from medianest_hub.plugin_api.people import Person

_SEEN_HERE = """
SELECT EXISTS (
    SELECT FROM medianest.sessions s JOIN medianest.users u ON u.id = s.user_id
    WHERE u.username_key = $1 AND s.signed_in_from <<= $2::inet AND s.created_at > now() - interval '90 days'
)
"""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session, the token to use it, and the one to go on with when that has expired."""

    person: Person
    session_id: UUID
    remember: bool
    token: Issued
    refresh_token: str


class SignIn:
    """Checks passwords at a pace that makes guessing hopeless."""

    def __init__(
        self,
        db: Database,
        slowing: Slowing,
        people: People,
        sessions: Sessions,
        tokens: Tokens,
        refresh: RefreshTokens,
    ) -> None:
        self._db = db
        self._people = people
        self._sessions = sessions
        self._tokens = tokens
        self._refresh = refresh
        self._slowing = slowing

    async def with_password(
        self, username: str, password: str, *, address: str, user_agent: str = "", remember: bool = False
    ) -> SignedIn:
        """Sign in. Raises `Unauthorized` (wrong), `Forbidden` (not active), `TooMany` (wait)."""
        account, network = username_key(username)[:256], network_of(address)
        tries = await self._slowing.before_try(account, network)
        crowded = tries > CROWD
        expected = (crowded or self._people.passwords.busy) and await self._was_here(account, network)
        if crowded and not expected:
            await self._slowing.keep_waiting(tries)
        checked = await self._people.check_password(username, password, expected=expected)
        signed_in = await self._begin(
            checked.person,
            checked.password_hash,
            address=address,
            user_agent=user_agent,
            remember=remember,
            provider="local",
        )
        await self._slowing.succeeded(account, network)
        return signed_in

    async def of_person(
        self, person: Person, *, address: str, user_agent: str = "", remember: bool = False, provider: str = "local"
    ) -> SignedIn:
        """A session for somebody whose identity is already proven. Raises `Forbidden` if they are not active any more."""
        return await self._begin(
            person, None, address=address, user_agent=user_agent, remember=remember, provider=provider
        )

    async def _begin(
        self, person: Person, password_hash: str | None, *, address: str, user_agent: str, remember: bool, provider: str
    ) -> SignedIn:
        async with self._db.transaction() as tx:
            session = await self._sessions.start(
                person.id,
                user_agent=user_agent,
                address=address,
                remember=remember,
                provider=provider,
                password_hash=password_hash,
                tx=tx,
            )
            refresh_token = await self._refresh.issue(session.id, tx)
        return SignedIn(person, session.id, remember, self._tokens.issue(person.id, session.id), refresh_token)

    async def renew(
        self, refresh_token: str, arrived: float, *, address: str | None = None, user_agent: str = ""
    ) -> SignedIn:
        """The session goes on with new tokens. `arrived`, and what is raised: see `RefreshTokens.rotate`."""
        renewed = await self._refresh.rotate(refresh_token, arrived, address=address, user_agent=user_agent)
        person = await self._people.get(renewed.person_id)
        if person is None or not person.permissions:
            raise refresh_invalid()
        token = self._tokens.issue(person.id, renewed.session_id)
        return SignedIn(person, renewed.session_id, renewed.remember, token, renewed.refresh_token)

    async def _was_here(self, account: str, network: str) -> bool:
        try:
            known = ipaddress.ip_network(network)
        except ValueError:
            return False
        return bool(await self._db.fetchval(_SEEN_HERE, account, known))
