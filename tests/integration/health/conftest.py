"""One process's health over real servers, with one plugin whose checks the test sets."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest_asyncio

from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.migrations import SchemaState
from medianest_hub.infrastructure.realtime_log import RealtimeLog
from medianest_hub.infrastructure.redis import RedisLink
from medianest_hub.infrastructure.secrets import SecretBox
from medianest_hub.plugin_api import API_VERSION, SIGNED_IN, CheckResult, HealthCheck, HealthStatus, PluginInfo
from medianest_hub.plugin_host.context import ContextFactory, Services
from medianest_hub.plugin_host.declarations import LoadedPlugin
from medianest_hub.plugin_host.discovery import Found
from medianest_hub.plugin_host.health import Health
from medianest_hub.plugin_host.host import PluginHost
from medianest_hub.plugin_host.loading import Outcome
from medianest_hub.plugin_host.plugin_checks import Checked
from medianest_hub.plugin_host.wanted import WantedStore
from medianest_hub.settings import load_settings

OK, DEGRADED, DOWN = HealthStatus.OK, HealthStatus.DEGRADED, HealthStatus.DOWN


class Replica:
    """One web process's health; several share one database and one Valkey."""

    def __init__(self, db: Database, redis: RedisLink, host: PluginHost, health: Health) -> None:
        self.db, self.redis, self.host, self.health = db, redis, host, health

    @classmethod
    async def open(cls, postgres_url: str, redis_url: str, folder: Path, *checks: HealthCheck) -> "Replica":
        db = await Database.connect(postgres_url, max_size=4)
        redis = RedisLink.open(redis_url, worker=False)
        await redis.start()
        host = PluginHost(load_settings(None, {"MEDIANEST_DATA_DIR": str(folder)}), "web")
        plugin = LoadedPlugin(
            "weather",
            "medianest-weather",
            "1",
            PluginInfo(title="Weather", api_version=API_VERSION),
            health_checks=checks,
        )
        host.plugins = {"weather": plugin}
        host._outcomes = [Outcome(Found("weather", None, "d", "1"), plugin)]  # type: ignore[arg-type]

        async def close() -> None:
            pass

        def services(_plugin: LoadedPlugin, _instance: str) -> Services:
            return Services(*(SimpleNamespace() for _ in range(10)), close=close)  # type: ignore[arg-type]

        wanted = WantedStore(db, redis, SecretBox(["k" * 40]))
        host.connect(db, redis, wanted, ContextFactory("test", db, folder, services), SchemaState())
        health = Health(db, redis, RealtimeLog(db, redis), host, folder)
        await host.start()
        await host.runtimes["weather"].settled()
        async with asyncio.timeout(5):
            while not host.runtimes["weather"].running:
                await asyncio.sleep(0.01)
        return cls(db, redis, host, health)

    async def close(self) -> None:
        await self.health.stop()
        await self.host.stop()
        await self.redis.close()
        await self.db.close()

    async def core(self) -> dict[str, Checked]:
        return {result.name: result for result in (await self.health.report()).checks if not result.plugin}

    async def plugins(self) -> dict[str, Checked]:
        return {result.name: result for result in (await self.health.report()).checks if result.plugin}

    async def events(self) -> list[dict[str, Any]]:
        rows = await self.db.fetch(
            "SELECT data, permission FROM medianest.realtime_events WHERE event = 'service:status' ORDER BY seq"
        )
        assert all(row["permission"] == SIGNED_IN for row in rows)
        return [json.loads(row["data"]) for row in rows]


OpenReplica = Callable[..., Awaitable[Replica]]


@pytest_asyncio.fixture
async def replica(postgres_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[OpenReplica]:
    """`await replica(*checks)`: a process with one plugin that has these checks."""
    opened: list[Replica] = []

    async def open_one(*checks: HealthCheck, postgres: str = postgres_url, redis: str = redis_url) -> Replica:
        opened.append(await Replica.open(postgres, redis, tmp_path, *checks))
        return opened[-1]

    yield open_one
    for one in opened:
        await one.close()


class Scripted:
    """A check that answers what the test sets, and counts how often it ran."""

    def __init__(self, status: HealthStatus = OK) -> None:
        self.status = status
        self.runs = 0
        self.ran = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, _ctx: Any) -> CheckResult:
        self.runs += 1
        self.ran.set()
        await self.gate.wait()
        return CheckResult(status=self.status, detail=f"run {self.runs}", data={"runs": self.runs})


async def worker_seen(db: Database, seconds_ago: float = 0) -> None:
    await db.execute("DELETE FROM medianest.processes WHERE role = 'worker'")
    await db.execute(
        "INSERT INTO medianest.processes (id, role, host, pid, version, seen_at) "
        "VALUES ($1, 'worker', 'h', 1, '1', now() - make_interval(secs => $2))",
        uuid4(),
        seconds_ago,
    )
