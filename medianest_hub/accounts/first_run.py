"""The first admin: one-time links that make exactly one, as long as nobody exists; prints nothing itself."""

from __future__ import annotations

import secrets as random_secrets

from medianest_hub.accounts.names import clean_username
from medianest_hub.accounts.password_rules import check_password
from medianest_hub.accounts.people import People
from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.one_time import token_hash
from medianest_hub.plugin_api.errors import Conflict, Forbidden
from medianest_hub.plugin_api.people import Person, Role
from medianest_hub.plugin_api.services import Queries

VALID_HOURS = 24

# One statement, so that both answers are of the same moment.
_STATE = """
SELECT EXISTS (SELECT FROM medianest.users) AS anyone,
       EXISTS (SELECT FROM medianest.setup_tokens WHERE token_hash = $1 AND expires_at > now()) AS good
"""


class FirstRun:
    """Each process may hand out tokens of its own; any of them works, at any replica, until somebody exists."""

    def __init__(self, db: Database, people: People) -> None:
        self._db = db
        self._people = people
        self._done = False

    async def needed(self) -> bool:
        """Whether nobody exists yet. Once somebody did, it is never needed again."""
        if not self._done:
            self._done = await self._people.anyone()
        return not self._done

    async def make_token(self) -> str:
        """A new token, good for 24 hours; only its hash is kept."""
        token = random_secrets.token_urlsafe(24)
        await self._db.execute("DELETE FROM medianest.setup_tokens WHERE expires_at < now()")
        await self._db.execute(
            "INSERT INTO medianest.setup_tokens (token_hash, expires_at) VALUES ($1, now() + make_interval(hours => $2))",
            token_hash(token),
            VALID_HOURS,
        )
        return token

    async def complete(self, token: str, username: str, password: str) -> Person:
        """Make the first admin, exactly once however many try. Raises `Conflict`, `Forbidden` (token), `BadInput`."""
        await self._check_token(self._db, token)
        check_password(password, clean_username(username))
        # Outside the transaction: hashing is slow, and the lock below holds up everybody who would be made.
        password_hash = await self._people.passwords.hash(password)
        async with self._db.transaction() as tx:
            await tx.execute("LOCK TABLE medianest.users IN SHARE ROW EXCLUSIVE MODE")
            await self._check_token(tx, token)
            person = await self._people.create(username, None, Role.ADMIN, tx=tx, password_hash=password_hash)
            await tx.execute("DELETE FROM medianest.setup_tokens")
        self._done = True
        return person

    @staticmethod
    async def _check_token(queries: Queries, token: str) -> None:
        row = await queries.fetchrow(_STATE, token_hash(token))
        if row is None or row["anyone"]:
            raise Conflict("The hub has been set up already; sign in instead.", code="already_set_up")
        if not row["good"]:
            raise Forbidden(
                "This set-up link is not valid or has expired; restart the hub for a new one.",
                code="setup_token_invalid",
            )
