"""The host on a real database: wanted state, settings, start-up that fails or hangs, generations that drain."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.migrations import SchemaState
from medianest_hub.infrastructure.notices import Notices
from medianest_hub.infrastructure.redis import RedisLink
from medianest_hub.infrastructure.secrets import SecretBox
from medianest_hub.plugin_api import API_VERSION, Lifecycle, PluginInfo, PluginSettings
from medianest_hub.plugin_api.errors import (
    AuthFailed,
    ConfigInvalid,
    Conflict,
    FieldProblem,
    NotFound,
    NotReady,
    Unavailable,
)
from medianest_hub.plugin_host.context import ContextFactory, Services
from medianest_hub.plugin_host.declarations import LoadedPlugin
from medianest_hub.plugin_host.discovery import Found
from medianest_hub.plugin_host.host import PluginHost
from medianest_hub.plugin_host.loading import Outcome
from medianest_hub.plugin_host.runtime import PluginRuntime
from medianest_hub.plugin_host.states import PluginState
from medianest_hub.plugin_host.wanted import NOTIFY, WantedStore
from medianest_hub.settings import load_settings

SECRET = "s3cret-of-the-operator"


class Settings(PluginSettings):
    url: str = "http://kuma.test"
    token: SecretStr | None = None


class NeedsUrl(PluginSettings):
    url: str
    retries: int = 3


class Hub:
    """A host with synthetic plugins, and the events of its states."""

    def __init__(self, postgres_url: str, db: Database, redis: RedisLink, tmp_path: Path) -> None:
        self.postgres_url, self.db, self.redis, self.tmp_path = postgres_url, db, redis, tmp_path
        self.wanted = WantedStore(db, redis, SecretBox(["k" * 40]))
        self.closed: list[int] = []
        self.hosts: list[PluginHost] = []

    async def host(self, *plugins: LoadedPlugin, environ: dict[str, str] | None = None) -> PluginHost:
        loaded = load_settings(None, {"MEDIANEST_DATA_DIR": str(self.tmp_path), **(environ or {})})
        host = PluginHost(loaded, "web")
        host.plugins = {plugin.name: plugin for plugin in plugins}
        host._outcomes = [Outcome(Found(plugin.name, None, "d", "1"), plugin) for plugin in plugins]  # type: ignore[arg-type]

        async def close() -> None:
            self.closed.append(1)

        def services(plugin: LoadedPlugin, instance: str) -> Services:
            return Services(*(SimpleNamespace() for _ in range(10)), close=close)  # type: ignore[arg-type]

        host.connect(
            self.db, self.redis, self.wanted, ContextFactory("test", self.db, self.tmp_path, services), SchemaState()
        )
        self.hosts.append(host)
        await host.start()
        return host


@pytest.fixture
async def hub(postgres_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    db = await Database.connect(postgres_url)
    redis = RedisLink.open(redis_url, worker=False)
    await redis.start()
    hub = Hub(postgres_url, db, redis, tmp_path)
    yield hub
    for host in hub.hosts:
        await host.stop()
    await redis.close()
    await db.close()


def plugin(settings: type[PluginSettings] = Settings, **lifecycle: Any) -> LoadedPlugin:
    info = PluginInfo(title="Odd", api_version=API_VERSION, settings=settings)
    return LoadedPlugin("odd", "d", "1", info, lifecycle=Lifecycle(**lifecycle))


async def until(runtime: PluginRuntime, *states: PluginState, limit: float = 5.0) -> None:
    async with asyncio.timeout(limit):
        while runtime.state not in states:
            await asyncio.sleep(0.005)


async def test_a_plugin_with_complete_settings_runs_and_may_be_switched_off_and_on(hub: Hub) -> None:
    host = await hub.host(plugin())
    runtime = host.runtimes["odd"]
    await until(runtime, PluginState.RUNNING)
    with runtime.use() as ctx:
        assert ctx.settings == Settings()
        assert ctx.data_dir.is_dir()
    await hub.wanted.set_enabled("odd", False)
    await until(runtime, PluginState.DISABLED, limit=2.0)
    with pytest.raises(NotFound), runtime.use():
        pass
    await hub.wanted.set_enabled("odd", True)
    await until(runtime, PluginState.RUNNING, limit=2.0)


async def test_every_process_follows_and_reports(hub: Hub) -> None:
    first, second = await hub.host(plugin()), await hub.host(plugin())
    await hub.wanted.set_enabled("odd", False)
    for host in (first, second):
        await until(host.runtimes["odd"], PluginState.DISABLED, limit=2.0)
    async with asyncio.timeout(2):
        while [row["state"] for row in await hub.db.fetch("SELECT state FROM medianest.plugin_applied")] != [
            "disabled"
        ] * 2:
            await asyncio.sleep(0.01)


async def test_what_was_refused_while_it_ran_stays_stopped_until_the_next_generation(hub: Hub) -> None:
    started: list[int] = []

    async def startup(ctx: Any) -> None:
        started.append(ctx.generation)

    host = await hub.host(plugin(startup=startup))
    runtime = host.runtimes["odd"]
    await until(runtime, PluginState.RUNNING)
    with runtime.use():
        assert runtime.give_up(runtime.generation, AuthFailed("The token is refused."))
        assert hub.closed == []  # who is at work with it keeps it
    await runtime.settled()
    assert hub.closed == [1]
    for _ in range(3):
        await host.reconcile()
    assert (runtime.state, started) == (PluginState.NEEDS_ATTENTION, [0])
    row = await hub.db.fetchrow("SELECT generation, state, reason FROM medianest.plugin_applied")
    assert tuple(row) == (0, "needs_attention", "The token is refused.")
    await hub.wanted.save_settings("odd", {}, {})
    await until(runtime, PluginState.RUNNING, limit=2.0)
    assert started == [0, 1]


async def test_a_hint_that_never_came_is_made_up_for(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medianest_hub.plugin_host.host.LOOK_SECONDS", 0.1)
    host = await hub.host(plugin())
    await until(host.runtimes["odd"], PluginState.RUNNING)
    await hub.db.execute("INSERT INTO medianest.plugin_wanted (plugin, enabled, generation) VALUES ('odd', false, 5)")
    await until(host.runtimes["odd"], PluginState.DISABLED)


async def test_a_change_reaches_a_process_that_redis_cannot(hub: Hub) -> None:
    host = await hub.host(plugin())
    runtime = host.runtimes["odd"]
    await until(runtime, PluginState.RUNNING)
    alone = WantedStore(hub.db, None, SecretBox(["k" * 40]))  # tells nobody over Redis
    noticed = asyncio.Event()

    def look(payload: str) -> None:
        noticed.set()
        host.look(payload)

    listening = asyncio.create_task(Notices(hub.postgres_url, {NOTIFY: look}).run())
    try:
        async with asyncio.timeout(5):
            await noticed.wait()  # as after every connection
        await until(runtime, PluginState.RUNNING)
        changes = (
            lambda: alone.set_enabled("odd", False),
            lambda: alone.set_enabled("odd", True),
            lambda: alone.restart("odd"),
            lambda: alone.save_settings("odd", {"url": "http://other.test"}, {}),
        )
        for change in changes:
            generation = await change()
            async with asyncio.timeout(2):
                while runtime.generation != generation:
                    await asyncio.sleep(0.01)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def test_every_change_of_state_is_announced_with_the_generation_that_made_it(hub: Hub) -> None:
    host = await hub.host(plugin())
    runtime = host.runtimes["odd"]
    await until(runtime, PluginState.RUNNING)
    heard: list[tuple[PluginState, int]] = []
    host.subscribe(lambda changed, _before, after: heard.append((after, changed.generation)))
    off = await hub.wanted.set_enabled("odd", False)
    await until(runtime, PluginState.DISABLED)
    on = await hub.wanted.set_enabled("odd", True)
    await until(runtime, PluginState.RUNNING)
    await asyncio.sleep(0)
    again = await hub.wanted.restart("odd")
    async with asyncio.timeout(5):
        while len(heard) < 5:
            await asyncio.sleep(0.01)
    assert heard == [
        (PluginState.DISABLED, off),
        (PluginState.STARTING, on),
        (PluginState.RUNNING, on),
        (PluginState.STARTING, again),
        (PluginState.RUNNING, again),
    ]


async def test_missing_settings_leave_it_off_until_somebody_wants_it(hub: Hub) -> None:
    host = await hub.host(plugin(NeedsUrl))
    runtime = host.runtimes["odd"]
    assert runtime.state is PluginState.DISABLED
    assert "url" in runtime.reason
    await hub.wanted.set_enabled("odd", True)
    await until(runtime, PluginState.NEEDS_ATTENTION)
    await hub.wanted.save_settings("odd", {"url": "http://x"}, {})
    await until(runtime, PluginState.RUNNING)


async def test_pins_win_over_the_database(hub: Hub) -> None:
    await hub.wanted.save_settings("odd", {"url": "http://database"}, {})
    await hub.wanted.set_enabled("odd", False)
    environ = {"MEDIANEST_PLUGINS__ODD__URL": "http://pinned", "MEDIANEST_PLUGINS__ODD__ENABLED": "true"}
    host = await hub.host(plugin(), environ=environ)
    await until(host.runtimes["odd"], PluginState.RUNNING)
    with host.runtimes["odd"].use() as ctx:
        assert ctx.settings.url == "http://pinned"


async def test_an_unknown_pinned_field_names_the_nearest(hub: Hub) -> None:
    host = await hub.host(plugin(), environ={"MEDIANEST_PLUGINS__ODD__URI": "x"})
    assert host.runtimes["odd"].state is PluginState.NEEDS_ATTENTION
    assert '"url"' in host.runtimes["odd"].reason


async def test_every_wrong_pin_is_named_at_once(hub: Hub) -> None:
    pins = {"MEDIANEST_PLUGINS__ODD__URLL": "http://x", "MEDIANEST_PLUGINS__ODD__RETRIES": "many"}
    runtime = (await hub.host(plugin(NeedsUrl), environ=pins)).runtimes["odd"]
    assert runtime.state is PluginState.NEEDS_ATTENTION
    assert all(f"{field}: " in runtime.reason for field in ("urll", "retries", "url")), runtime.reason


async def test_secrets_are_sealed_at_rest_and_open_in_the_context(hub: Hub) -> None:
    host = await hub.host(plugin())
    await hub.wanted.save_settings("odd", {}, {"token": SECRET})
    assert SECRET not in str(await hub.db.fetch("SELECT * FROM medianest.plugin_wanted"))
    runtime = host.runtimes["odd"]
    async with asyncio.timeout(3):
        while runtime.generation != 1 or not runtime.running:
            await asyncio.sleep(0.01)
    with runtime.use() as ctx:
        assert ctx.settings.token.get_secret_value() == SECRET


async def test_a_change_based_on_an_old_generation_is_refused(hub: Hub) -> None:
    generation = await hub.wanted.save_settings("odd", {}, {}, expected=0)
    with pytest.raises(Conflict):
        await hub.wanted.save_settings("odd", {"url": "http://late"}, {}, expected=0)
    assert await hub.wanted.save_settings("odd", {}, {}, expected=generation) == generation + 1


@pytest.mark.parametrize(
    ("error", "state", "words"),
    [
        (NotReady("no answer from kuma"), PluginState.RETRYING, "no answer"),
        (AuthFailed("the key is refused"), PluginState.NEEDS_ATTENTION, "refused"),
        (
            ConfigInvalid("cannot work", fields=[FieldProblem(field="url", code="x", message="is no address")]),
            PluginState.FAILED,
            "url: is no address",
        ),
        (RuntimeError("boom"), PluginState.FAILED, "RuntimeError: boom"),
    ],
)
async def test_start_up_that_fails_ends_in_a_state_with_words(
    hub: Hub, error: Exception, state: PluginState, words: str
) -> None:
    async def startup(ctx: Any) -> None:
        raise error

    runtime = (await hub.host(plugin(startup=startup))).runtimes["odd"]
    await until(runtime, state)
    assert words in runtime.reason
    with pytest.raises(Unavailable), runtime.use():
        pass
    await runtime.settled() if state is not PluginState.RETRYING else None


async def test_start_up_that_hangs_is_ended_and_tried_again(hub: Hub) -> None:
    tries: list[int] = []

    async def startup(ctx: Any) -> None:
        tries.append(1)
        if len(tries) == 1:
            await asyncio.Event().wait()

    runtime = (await hub.host(plugin(startup=startup, start_limit=0.05))).runtimes["odd"]
    await until(runtime, PluginState.RETRYING)
    assert "did not end" in runtime.reason
    await until(runtime, PluginState.RUNNING)


async def test_an_old_generation_stays_open_for_calls_under_way(hub: Hub) -> None:
    shut: list[int] = []

    async def shutdown(ctx: Any) -> None:
        shut.append(ctx.generation)

    runtime = (await hub.host(plugin(shutdown=shutdown))).runtimes["odd"]
    await until(runtime, PluginState.RUNNING)
    with runtime.use() as old:
        await hub.wanted.save_settings("odd", {"url": "http://new"}, {})
        async with asyncio.timeout(3):
            while runtime.generation != 1 or not runtime.running:
                await asyncio.sleep(0.01)
        with runtime.use() as new:
            assert (old.settings.url, new.settings.url) == ("http://kuma.test", "http://new")
        assert shut == []
    await runtime.settled()
    assert shut == [0]
    assert hub.closed == [1]


async def test_a_shutdown_that_raises_or_hangs_does_not_hold_up_the_host(hub: Hub) -> None:
    async def shutdown(ctx: Any) -> None:
        await asyncio.Event().wait()

    host = await hub.host(plugin(shutdown=shutdown, stop_limit=0.05))
    await until(host.runtimes["odd"], PluginState.RUNNING)
    async with asyncio.timeout(3):
        await host.stop()
    assert hub.closed == [1]


async def test_a_subscriber_that_raises_is_alone_with_it(hub: Hub) -> None:
    seen: list[PluginState] = []
    host = await hub.host(plugin())

    def broken(*_: Any) -> None:
        raise RuntimeError("boom")

    hear: Callable[..., None] = lambda _runtime, _before, after: seen.append(after)  # noqa: E731
    host.subscribe(broken)
    host.subscribe(hear)
    await until(host.runtimes["odd"], PluginState.RUNNING)
    await hub.wanted.set_enabled("odd", False)
    await until(host.runtimes["odd"], PluginState.DISABLED)
    assert seen[-1] is PluginState.DISABLED
