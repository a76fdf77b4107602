"""A house on real Postgres and Valkey: people, a plugin that tells them things, and one that carries messages to them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from medianest_hub.accounts import Passwords, People
from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.realtime_log import CHANNEL, RealtimeLog
from medianest_hub.infrastructure.redis import RedisLink
from medianest_hub.infrastructure.secrets import SecretBox
from medianest_hub.jobs.notifying import Notifying
from medianest_hub.jobs.plugin_services import PluginNotify
from medianest_hub.jobs.store import JobStore
from medianest_hub.jobs.worker import Timings, Worker
from medianest_hub.notifications.room import Notifications
from medianest_hub.plugin_api import (
    Notification,
    NotificationKind,
    Notifier,
    Permission,
    Person,
    PluginInfo,
    PluginSettings,
    Role,
    Words,
)
from medianest_hub.plugin_host.context import ContextFactory, Services
from medianest_hub.plugin_host.declarations import LoadedPlugin
from medianest_hub.plugin_host.runtime import PluginRuntime
from medianest_hub.plugin_host.services.images import ImageLinks
from medianest_hub.settings import HubSettings, NotificationSettings, ServerSettings

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
TITLE = {"en": "News", "de": "Neues"}


def kind(name: str, **options: Any) -> NotificationKind:
    words = {"en": Words("{title} arrived", "Look at it."), "de": Words("{title} ist da", "Sieh es dir an.")}
    return NotificationKind(name, **({"title": TITLE, "words": words} | options))


KINDS = (
    kind("arrived", permission="read"),
    kind("asked", permission="read", oversight="oversee"),
    kind("noisy", permission="read", default="digest"),
    kind("silent", permission="read", notify=False),
    kind("private", permission="read", activity=False),
    kind("alarm", permission="hub.admin"),
)
PERMISSIONS = (
    Permission("read", default=Role.MEMBER),
    Permission("oversee", default=Role.ADMIN),
    Permission("more", default=Role.ADMIN),
)


class Wall:
    """The clock on the wall, which the test sets."""

    def __init__(self) -> None:
        self._now = NOON

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return time.monotonic()

    def advance(self, **passed: float) -> None:
        self._now += timedelta(**passed)

    def set(self, now: datetime) -> None:
        self._now = now


@dataclass
class Pigeon:
    """The notifier of the plugin `loft`: what it carried, and how it is to behave."""

    carried: list[tuple[str, Notification]] = field(default_factory=list)
    calls: int = 0
    fails: Callable[[], Exception | None] = lambda: None
    reached: Callable[[Person], bool] = lambda _person: True
    hold: asyncio.Event | None = None

    async def deliver(self, ctx: Any, person: Person, notification: Notification) -> None:
        self.calls += 1
        if (error := self.fails()) is not None:
            raise error
        if self.hold is not None:
            await self.hold.wait()
        self.carried.append((person.username, notification))

    async def reaches(self, ctx: Any, person: Person) -> bool:
        return self.reached(person)

    @property
    def titles(self) -> list[tuple[str, str]]:
        return [(name, notification.title) for name, notification in self.carried]


class Plugins:
    """The plugins of one process."""

    def __init__(self) -> None:
        self.runtimes: dict[str, PluginRuntime] = {}

    def subscribe(self, callback: Any) -> None:
        """Nothing changes but by the test's hand."""


class Process:
    """One process's parts of the room, with a worker's."""

    def __init__(self, url: str, db: Database, redis: RedisLink, settings: HubSettings, wall: Wall) -> None:
        self.url, self.db, self.redis, self.wall = url, db, redis, wall
        secrets = SecretBox(["k" * 40])
        self.people = People(db, redis, secrets, Passwords(memory_kib=64, time_cost=1))
        self.realtime = RealtimeLog(db, redis)
        self.images = ImageLinks(secrets)
        self.plugins = Plugins()
        self.room = Notifications(db, self.people, self.realtime, self.images, self.plugins, wall, settings)
        self.notifying = Notifying(self.room, db)

    @property
    def notify(self) -> PluginNotify:
        return self.notify_of("post")

    def notify_of(self, plugin: str) -> PluginNotify:
        loaded = self.plugins.runtimes[plugin].plugin
        assert loaded is not None
        return PluginNotify(self.room.tellings, loaded, "main")

    async def tell(self, name: str = "arrived", key: str = "1", title: str = "Film", **options: Any) -> None:
        await self.notify.tell(name, {"title": title}, key=key, **options)

    async def work(self) -> None:
        """Announce all there is, and send what is due now."""
        while await self.notifying.announce() == 0.0:
            pass
        await self.notifying.send()
        await self.notifying.idle()

    async def titles(self, person: Person, language: str = "en", **options: Any) -> list[str]:
        return [one.title for one in await self.room.list.page(person, language, **options)]

    async def states(self) -> list[tuple[str, str]]:
        rows = await self.db.fetch("SELECT state, error FROM medianest.deliveries ORDER BY happening_id, person_id")
        return [(row["state"], row["error"]) for row in rows]

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[Worker]:
        """A whole worker at work until the block ends."""
        worker = Worker(
            db=self.db,
            database_url=self.url,
            redis=self.redis,
            host=self.plugins,
            jobs=JobStore(self.db, self.redis, self.realtime),
            realtime=self.realtime,
            concurrency=2,
            timings=Timings(grace=0.3, end_limit=3.0),
            notifying=self.notifying,
        )
        stop = asyncio.Event()
        running = asyncio.create_task(worker.run(stop))
        try:
            yield worker
        finally:
            stop.set()
            await running

    def listen(self) -> list[dict[str, Any]]:
        """Every event for open pages from now on, as it comes."""
        heard: list[dict[str, Any]] = []

        async def hear(message: dict[str, Any]) -> None:
            if str(message.get("event", "")).startswith("notification:"):
                heard.append(message)

        self.redis.subscribe(CHANNEL, hear)
        return heard


class House:
    """Makes processes and people; they share one database, one Valkey, one clock and one pigeon."""

    def __init__(self, postgres_url: str, redis_url: str, folder: Path) -> None:
        self._urls = (postgres_url, redis_url)
        self._folder = folder
        self._exits = contextlib.AsyncExitStack()
        self.wall, self.pigeon = Wall(), Pigeon()

    async def process(self, *, public_url: str | None = None, timeout: float = 5.0, **chosen: Any) -> Process:
        db = await Database.connect(self._urls[0], max_size=6)
        self._exits.push_async_callback(db.close)
        redis = RedisLink.open(self._urls[1], worker=True)
        self._exits.push_async_callback(redis.close)
        settings = HubSettings(
            notifications=NotificationSettings(**chosen), server=ServerSettings(public_url=public_url)
        )
        made = Process(self._urls[0], db, redis, settings, self.wall)
        self._exits.callback(made.people.close)
        await self._add(made, "post", PluginInfo("Post", 1, permissions=PERMISSIONS, notifications=KINDS))
        way = Notifier("pigeon", "Pigeon", self.pigeon.deliver, timeout=timeout, reaches=self.pigeon.reaches)
        await self._add(made, "loft", PluginInfo("Loft", 1), way)
        made.people.know_permissions(one.plugin for one in made.plugins.runtimes.values() if one.plugin)
        await redis.start()
        await redis.wait_subscribed()
        return made

    async def _add(self, process: Process, name: str, info: PluginInfo, *notifiers: Notifier) -> None:
        plugin = LoadedPlugin(name, f"medianest-{name}", "1", info, notifiers=notifiers)
        factory = ContextFactory("worker", process.db, self._folder, _services)
        runtime = PluginRuntime(name, plugin, factory)
        process.plugins.runtimes[name] = runtime
        await runtime.start(1, PluginSettings())
        await eventually(lambda: runtime.running)

        async def stop() -> None:
            await runtime.stop()
            await runtime.settled()

        self._exits.push_async_callback(stop)

    async def close(self) -> None:
        await self._exits.aclose()


def _services(plugin: LoadedPlugin, instance: str) -> Services:
    async def close() -> None:
        """Nothing was opened."""

    absent: Any = SimpleNamespace()
    names = ("cache", "http", "jobs", "events", "realtime", "notify", "people", "images", "secrets", "metrics")
    return Services(**dict.fromkeys(names, absent), close=close)


@pytest.fixture
async def house(postgres_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[House]:
    made = House(postgres_url, redis_url, tmp_path)
    yield made
    await made.close()


@pytest.fixture
async def here(house: House) -> Process:
    """One process with all there is, the digest at six in the evening."""
    return await house.process()


async def somebody(process: Process, name: str = "ada", role: Role = Role.MEMBER) -> Person:
    """A new person with a password nobody knows."""
    return await process.people.create(name, None, role)


async def eventually(condition: Callable[[], bool] | Callable[[], Awaitable[bool]], within: float = 15.0) -> None:
    """Wait until it is true; for what no event tells of."""
    ends = time.monotonic() + within
    while True:
        outcome = condition()
        if outcome if isinstance(outcome, bool) else await outcome:
            return
        if time.monotonic() > ends:
            raise TimeoutError(f"not true within {within} s")
        await asyncio.sleep(0.02)


async def choose(process: Process, person: Person, way: str, choice: str, name: str = "post.arrived") -> None:
    """How the person wants to hear of that kind by that way."""
    await process.db.execute(
        "INSERT INTO medianest.notification_choices (person_id, kind, way, choice) VALUES ($1, $2, $3, $4)",
        *(person.id, name, way, choice),
    )


async def grant(process: Process, person_id: UUID, permission: str, *, allowed: bool) -> None:
    await process.db.execute(
        "INSERT INTO medianest.permission_overrides (user_id, permission, allowed) VALUES ($1, $2, $3) "
        "ON CONFLICT (user_id, permission) DO UPDATE SET allowed = excluded.allowed",
        *(person_id, permission, allowed),
    )
    process.people.forget()
