"""What `medianest users` and `medianest secrets` work with: the hub's database, beside a running hub or without one."""

from __future__ import annotations

import asyncio
import secrets as random_secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from medianest_hub.accounts import People, Sessions
from medianest_hub.accounts.leaving import Leaving
from medianest_hub.accounts.password_links import PasswordLinks
from medianest_hub.audit import Audit, Detail, Target, by_operator
from medianest_hub.cli.options import fail
from medianest_hub.infrastructure.database import Database, DatabaseAway, DatabaseRefused
from medianest_hub.infrastructure.embedded.services import services_for
from medianest_hub.infrastructure.exits import OperatorError
from medianest_hub.infrastructure.migrations import SchemaBehind, SchemaNewer, check, find_apps, migrate
from medianest_hub.infrastructure.realtime_log import RealtimeLog
from medianest_hub.infrastructure.redis import RedisLink
from medianest_hub.infrastructure.secrets import SecretBox
from medianest_hub.jobs.outbox import Outbox
from medianest_hub.plugin_api.errors import HubError
from medianest_hub.plugin_api.people import Person
from medianest_hub.settings import LoadedSettings

ResultT = TypeVar("ResultT")

_DATABASE_WAIT = 10.0


@dataclass(frozen=True, slots=True)
class Desk:
    """`secrets` has the hub's key ring, or a random key where no key is set: then nothing sealed can be opened."""

    db: Database
    secrets: SecretBox
    people: People
    sessions: Sessions
    leaving: Leaving
    links: PasswordLinks
    audit: Audit

    async def find(self, name: str) -> Person:
        """Whoever has that username. Raises `OperatorError`."""
        person = await self.people.by_username(name)
        if person is None:
            raise OperatorError(f"nobody is named {name!r}; `medianest users list` shows everybody")
        return person

    async def tell(self, action: str, person: Person | None = None, **details: Detail) -> None:
        """Write into the audit log what the operator did, and to whom."""
        target = Target() if person is None else Target("user", str(person.id), person.username)
        await self.audit.record(by_operator(action, target, **details))


def at_desk(loaded: LoadedSettings, work: Callable[[Desk], Awaitable[ResultT]]) -> ResultT:
    """Do `work` on the hub's database, embedded or not; ends the command with one line when that cannot be done."""
    embedded = loaded.settings.database.url is None

    async def within(found: LoadedSettings) -> ResultT:
        async with _open(found, embedded=embedded) as desk:
            return await work(desk)

    try:
        with services_for(loaded) as found:
            return asyncio.run(within(found))
    except (HubError, DatabaseRefused, SchemaNewer, SchemaBehind) as error:
        fail(str(error))


@asynccontextmanager
async def _open(loaded: LoadedSettings, *, embedded: bool) -> AsyncIterator[Desk]:
    settings = loaded.settings
    if settings.database.url is None or settings.redis.url is None:
        raise OperatorError("database.url and redis.url must be set, or neither")
    url = settings.database.url.get_secret_value()
    if embedded:
        await migrate(url, settings.plugins.blocked)  # perhaps the hub never ran
    db = await _connect(url)
    try:
        await check(db, find_apps(settings.plugins.blocked)[:1])
        # Only to tell a running hub at once; without it the hub finds out within seconds.
        redis = RedisLink.open(settings.redis.url.get_secret_value(), worker=False)
        secrets = SecretBox(settings.secret_keys or [random_secrets.token_hex(32)])
        people, sessions = People(db, redis, secrets), Sessions(db, redis, RealtimeLog(db, redis))
        audit = Audit(db)
        leaving = Leaving(db, people, sessions, Outbox(db, redis).emit_own)
        try:
            yield Desk(db, secrets, people, sessions, leaving, PasswordLinks(db, people), audit)
        finally:
            await audit.close()
            people.close()
            await redis.close()
    finally:
        await db.close()


async def _connect(url: str) -> Database:
    try:
        return await Database.connect(url, max_size=1, wait=_DATABASE_WAIT)
    except DatabaseAway as error:
        raise OperatorError(f"{error.message} Check database.url and that the server runs.") from error
