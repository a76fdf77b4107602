"""Changing one's own password, guessed at no faster than at the sign-in; ends no session."""

from __future__ import annotations

from uuid import UUID

from medianest_hub.accounts.names import username_key
from medianest_hub.accounts.people import People
from medianest_hub.accounts.sessions import Sessions
from medianest_hub.accounts.slowing import Slowing
from medianest_hub.infrastructure.addresses import network_of
from medianest_hub.plugin_api.errors import Forbidden, Unauthorized
from medianest_hub.plugin_api.people import Person


class PasswordChange:
    """Counts tries together with those of the sign-in: whoever found a session open gains no second set of them."""

    def __init__(self, slowing: Slowing, people: People, sessions: Sessions) -> None:
        self._people = people
        self._sessions = sessions
        self._slowing = slowing

    async def change(
        self, person: Person, session_id: UUID | None, current: str | None, new: str, *, address: str
    ) -> None:
        """Set `new`, having checked `current`; the caller ends the other sessions.

        Somebody without a password sets their first one in a session fresh enough (`confirm_first`). Raises `Forbidden`
        `wrong_password`, `TooMany` `sign_in_slowed`, `BadInput`.
        """
        account = await self._people.account(person.id)
        if account is not None and not account.has_password:
            if session_id is None or not await self._sessions.fresh(session_id):
                raise Forbidden("Sign in again first: it was too long ago to set a password.", code="confirm_first")
            known = None
        else:
            known = await self._check(person, current or "", address)
        if not await self._people.change_password(person.id, known, new):
            raise _wrong()

    async def confirm(self, person: Person, session_id: UUID, password: str, *, address: str) -> None:
        """Prove by the password, in that session, that it is still them. Raises as `change` does."""
        await self._check(person, password, address)
        await self._sessions.confirm(session_id)

    async def _check(self, person: Person, current: str, address: str) -> str | None:
        """The hash it was checked against."""
        name, network = username_key(person.username), network_of(address)
        await self._slowing.keep_waiting(await self._slowing.before_try(name, network))
        try:
            checked = await self._people.check_password(person.username, current, expected=True)
        except Unauthorized:
            raise _wrong() from None
        await self._slowing.succeeded(name, network)
        return checked.password_hash


def _wrong() -> Forbidden:
    # Not 401: the session is a good one, and a client would throw it away.
    return Forbidden("The current password is wrong.", code="wrong_password")
