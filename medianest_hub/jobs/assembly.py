"""Puts together the parts every process of the hub needs, opens them in order and closes them in the reverse."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypedDict, TypeVar

from medianest_hub.accounts.api_keys import ApiKeys
from medianest_hub.accounts.attempts import Attempts
from medianest_hub.accounts.first_run import FirstRun
from medianest_hub.accounts.identities import Identities
from medianest_hub.accounts.invites import Invites
from medianest_hub.accounts.joining import Joining
from medianest_hub.accounts.leaving import Leaving
from medianest_hub.accounts.notices import Notices
from medianest_hub.accounts.overrides import Overrides
from medianest_hub.accounts.own_news import TellOwn
from medianest_hub.accounts.password_change import PasswordChange
from medianest_hub.accounts.password_links import PasswordLinks
from medianest_hub.accounts.people import People
from medianest_hub.accounts.refresh import RefreshTokens
from medianest_hub.accounts.sessions import Sessions
from medianest_hub.accounts.sign_in import SignIn
from medianest_hub.accounts.sign_in_providers import SignInProviders
from medianest_hub.accounts.slowing import Slowing
from medianest_hub.accounts.tokens import Tokens
from medianest_hub.audit import Audit
from medianest_hub.dashboard import Dashboard
from medianest_hub.infrastructure.data_dir import DataDir
from medianest_hub.infrastructure.database import Database, DatabaseAway, DatabaseRefused
from medianest_hub.infrastructure.exits import OperatorError
from medianest_hub.infrastructure.http_client import HttpClients
from medianest_hub.infrastructure.migrations import SchemaBehind, SchemaNewer, check, find_apps
from medianest_hub.infrastructure.realtime_log import RealtimeLog
from medianest_hub.infrastructure.redis import RedisLink
from medianest_hub.infrastructure.secrets import SecretBox
from medianest_hub.jobs.outbox import Outbox
from medianest_hub.jobs.plugin_services import PluginEvents, PluginJobs, PluginNotify, PluginPeople, PluginRealtime
from medianest_hub.jobs.quarantined import tell_of_quarantine
from medianest_hub.jobs.store import JobStore
from medianest_hub.media import Media
from medianest_hub.notifications.room import Notifications
from medianest_hub.plugin_api.services import Clock
from medianest_hub.plugin_host.context import ContextFactory, Services, SystemClock
from medianest_hub.plugin_host.declarations import LoadedPlugin
from medianest_hub.plugin_host.health import Health
from medianest_hub.plugin_host.host import PluginHost, missing_tables
from medianest_hub.plugin_host.services.cache import PluginCache
from medianest_hub.plugin_host.services.images import ImageLinks, PluginImages
from medianest_hub.plugin_host.services.measuring import PluginMetrics
from medianest_hub.plugin_host.services.sealing import PluginSecrets
from medianest_hub.plugin_host.wanted import WantedStore
from medianest_hub.settings import AuthSettings, HubSettings, LoadedSettings

ProcessRole = Literal["web", "worker"]


class OfRoom(Protocol):
    """What `HubParts.of_room` makes and closes."""

    def __init__(self, parts: HubParts) -> None: ...

    async def close(self) -> None:
        """End what it began."""


RoomT = TypeVar("RoomT", bound=OfRoom)


@dataclass
class HubParts:
    """One process's parts. `open` connects them; plugins run once `host.start()` was awaited."""

    loaded: LoadedSettings
    process: ProcessRole
    db: Database
    redis: RedisLink
    secrets: SecretBox
    audit: Audit
    images: ImageLinks
    people: People
    sessions: Sessions
    tokens: Tokens
    refresh: RefreshTokens
    api_keys: ApiKeys
    sign_in: SignIn
    first_run: FirstRun
    identities: Identities
    invites: Invites
    joining: Joining
    leaving: Leaving
    notices: Notices
    notifications: Notifications
    overrides: Overrides
    password_change: PasswordChange
    password_links: PasswordLinks
    providers: SignInProviders
    attempts: Attempts
    realtime: RealtimeLog
    jobs: JobStore
    outbox: Outbox
    dashboard: Dashboard
    media: Media
    http: HttpClients
    host: PluginHost
    health: Health
    clock: Clock
    _exits: AsyncExitStack = field(default_factory=AsyncExitStack, repr=False)
    _of_rooms: dict[type[Any], Any] = field(default_factory=dict, repr=False)

    @property
    def settings(self) -> HubSettings:
        """The core's settings."""
        return self.loaded.settings

    def of_room(self, kind: type[RoomT]) -> RoomT:
        """The one `kind` of this process, made of the parts when first asked for, and closed with them.

        For what a room above this one keeps, which this one cannot know.
        """
        made = self._of_rooms.get(kind)
        if made is None:
            made = self._of_rooms[kind] = kind(self)
        known: RoomT = made
        return known

    @classmethod
    async def open(cls, loaded: LoadedSettings, process: ProcessRole, host: PluginHost | None = None) -> HubParts:
        """Connect everything, waiting a while for a database that is still starting.

        `host`: one whose plugins are loaded already (a web process needs their routes before it listens).
        Raises `OperatorError` (exit 2), `SchemaNewer` (exit 2) or `SchemaBehind` (exit 75).
        """
        secrets = SecretBox(_secret_keys(loaded.settings))
        if host is None:
            host = PluginHost(loaded, process)
            host.load()
        async with AsyncExitStack() as stack:
            db = await _database(loaded.settings)
            stack.push_async_callback(db.close)
            apps = await asyncio.to_thread(find_apps, loaded.settings.plugins.blocked)
            schema = await check(db, apps)
            if os.environ.get("MEDIANEST_SUPERVISED") and (names := missing_tables(schema, host.plugins)):
                raise SchemaBehind(f"The tables of {', '.join(names)} are not up to date; run `medianest migrate`.")
            for app in apps:
                db.bind(app.tables)
            redis = RedisLink.open(_redis_url(loaded.settings), worker=process == "worker")
            stack.push_async_callback(redis.close)
            parts = cls._build(loaded, process, db, redis, secrets, host)
            stack.push_async_callback(parts.audit.close)
            stack.push_async_callback(parts.http.close)
            stack.callback(parts.people.close)
            wanted = WantedStore(db, redis, secrets)
            factory = ContextFactory(process, db, loaded.settings.data_dir, parts._services, parts.clock)
            host.connect(db, redis, wanted, factory, schema)
            parts.people.know_permissions(host.plugins.values())
            await redis.start()
            await tell_of_quarantine(parts.audit, DataDir(loaded.settings.data_dir).quarantine)
            parts._exits = stack.pop_all()
            return parts

    @classmethod
    def _build(
        cls,
        loaded: LoadedSettings,
        process: ProcessRole,
        db: Database,
        redis: RedisLink,
        secrets: SecretBox,
        host: PluginHost,
    ) -> HubParts:
        realtime, http = RealtimeLog(db, redis), HttpClients()
        people, sessions = People(db, redis, secrets), Sessions(db, redis, realtime)
        outbox, clock = Outbox(db, redis), SystemClock()
        images = ImageLinks(secrets, below=loaded.settings.server.base_path)
        notifications = Notifications(db, people, realtime, images, host, clock, loaded.settings)
        return cls(
            loaded=loaded,
            process=process,
            db=db,
            redis=redis,
            secrets=secrets,
            audit=Audit(db),
            images=images,
            people=people,
            sessions=sessions,
            notices=Notices(db),
            notifications=notifications,
            leaving=Leaving(db, people, sessions, outbox.emit_own),
            providers=SignInProviders(loaded.settings.auth, host, http.client("oidc")),
            **_accounts(loaded.settings.auth, db, redis, secrets, realtime, people, sessions, notifications.tell_own),
            realtime=realtime,
            jobs=JobStore(db, redis, realtime),
            outbox=outbox,
            dashboard=Dashboard(host, redis, realtime, loaded.settings.dashboard.budget_ms / 1000),
            media=Media(host, redis, loaded.settings.media.budget_ms / 1000),
            http=http,
            host=host,
            health=Health(db, redis, realtime, host, loaded.settings.data_dir),
            clock=clock,
        )

    async def close(self) -> None:
        """Stop the plugins, then close all connections."""
        for made in self._of_rooms.values():
            await made.close()
        await self.health.stop()
        await self.dashboard.close()
        await self.media.close()
        await self.host.stop()
        await self._exits.aclose()

    def _services(self, plugin: LoadedPlugin, instance: str) -> Services:
        http = self.http.client(plugin.name, instance)
        return Services(
            cache=PluginCache(self.redis, plugin.name, instance),
            http=http,
            jobs=PluginJobs(self.jobs, plugin, instance),
            events=PluginEvents(self.outbox, plugin, instance),
            realtime=PluginRealtime(self.realtime, self.dashboard.changed, plugin, instance),
            notify=PluginNotify(self.notifications.tellings, plugin, instance),
            people=PluginPeople(self.people, self.identities, plugin, instance),
            images=PluginImages(self.images, plugin, instance),
            secrets=PluginSecrets(self.secrets, plugin.name, instance),
            metrics=PluginMetrics(plugin.name),
            close=http.close,
        )


class _Accounts(TypedDict):
    tokens: Tokens
    refresh: RefreshTokens
    api_keys: ApiKeys
    sign_in: SignIn
    attempts: Attempts
    first_run: FirstRun
    identities: Identities
    invites: Invites
    joining: Joining
    overrides: Overrides
    password_change: PasswordChange
    password_links: PasswordLinks


def _accounts(
    settings: AuthSettings,
    db: Database,
    redis: RedisLink,
    secrets: SecretBox,
    realtime: RealtimeLog,
    people: People,
    sessions: Sessions,
    tell: TellOwn,
) -> _Accounts:
    """What is made of people and sessions alone; `tell`: by which they tell people something."""
    refresh, slowing = RefreshTokens(db, secrets, sessions, realtime), Slowing(redis, secrets)
    identities, invites = Identities(db, local=settings.local), Invites(db, people)
    tokens = Tokens(secrets, settings.access_token_minutes * 60)
    return _Accounts(
        tokens=tokens,
        refresh=refresh,
        api_keys=ApiKeys(db, sessions, tell),
        sign_in=SignIn(db, slowing, people, sessions, tokens, refresh),
        attempts=Attempts(db, secrets),
        first_run=FirstRun(db, people),
        identities=identities,
        invites=invites,
        joining=Joining(db, people, identities, invites, tell, settings),
        overrides=Overrides(db, people),
        password_change=PasswordChange(slowing, people, sessions),
        password_links=PasswordLinks(db, people),
    )


async def _database(settings: HubSettings) -> Database:
    if settings.database.url is None:
        raise OperatorError("database.url is not set; set it, or run `medianest serve`, which brings its own database")
    url = settings.database.url.get_secret_value()
    try:
        return await Database.connect(url, min_size=settings.database.pool_min, max_size=settings.database.pool_max)
    except DatabaseRefused as error:
        raise OperatorError(f"the database refused us: {error}; check database.url") from error
    except DatabaseAway as error:
        raise OperatorError(f"{error.message} Check database.url and that the server runs.") from error


def _redis_url(settings: HubSettings) -> str:
    if settings.redis.url is None:
        raise OperatorError("redis.url is not set; set it, or run `medianest serve`, which brings its own Valkey")
    return settings.redis.url.get_secret_value()


def _secret_keys(settings: HubSettings) -> list[str]:
    if settings.secret_key is None:
        raise OperatorError(
            "secret_key is not set; make one with `openssl rand -hex 32` and set MEDIANEST_SECRET_KEY_FILE"
        )
    return settings.secret_keys


__all__ = ["HubParts", "SchemaBehind", "SchemaNewer"]
