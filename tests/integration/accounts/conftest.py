"""This room's parts over real servers, with cheap hashes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest_asyncio

from medianest_hub.accounts import FirstRun, Passwords, People, RefreshTokens, Sessions, SignIn, Tokens
from medianest_hub.accounts.slowing import Slowing
from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.realtime_log import RealtimeLog
from medianest_hub.infrastructure.redis import RedisLink
from medianest_hub.infrastructure.secrets import SecretBox
from medianest_hub.plugin_api import Person, Role

PASSWORD = "tractor blue forty two"


@dataclass
class Replica:
    """One process's view; several share one Postgres and one Valkey."""

    db: Database
    redis: RedisLink
    realtime: RealtimeLog
    people: People
    sessions: Sessions
    tokens: Tokens
    refresh: RefreshTokens
    sign_in: SignIn
    first_run: FirstRun

    @classmethod
    async def open(cls, postgres_url: str, redis_url: str) -> "Replica":
        db = await Database.connect(postgres_url, max_size=4)
        redis = RedisLink.open(redis_url, worker=False)
        secrets = SecretBox(["k" * 40])
        realtime = RealtimeLog(db, redis)
        people = People(db, redis, secrets, Passwords(memory_kib=64, time_cost=1))
        sessions = Sessions(db, redis, realtime)
        tokens = Tokens(secrets, 3600)
        refresh = RefreshTokens(db, secrets, sessions, realtime)
        sign_in = SignIn(db, Slowing(redis, secrets), people, sessions, tokens, refresh)
        await redis.start()
        await redis.wait_subscribed()
        return cls(db, redis, realtime, people, sessions, tokens, refresh, sign_in, FirstRun(db, people))

    async def close(self) -> None:
        self.people.close()
        await self.redis.close()
        await self.db.close()


@pytest_asyncio.fixture
async def here(postgres_url: str, redis_url: str) -> AsyncIterator[Replica]:
    replica = await Replica.open(postgres_url, redis_url)
    yield replica
    await replica.close()


@pytest_asyncio.fixture
async def there(postgres_url: str, redis_url: str, here: Replica) -> AsyncIterator[Replica]:
    """A second process beside `here`."""
    replica = await Replica.open(postgres_url, redis_url)
    yield replica
    await replica.close()


@pytest_asyncio.fixture
async def ada(here: Replica) -> Person:
    return await here.people.create("Ada", PASSWORD, Role.MEMBER)
