"""A plugin's view of jobs, events, open pages, messages and people: thin adapters that fill in who is asking."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import BaseModel
from structlog.contextvars import get_contextvars

from medianest_hub.accounts.identities import Identities
from medianest_hub.accounts.people import People
from medianest_hub.infrastructure.realtime_log import RealtimeLog
from medianest_hub.notifications.telling import Tellings
from medianest_hub.plugin_api.errors import BadInput
from medianest_hub.plugin_api.events import EventData
from medianest_hub.plugin_api.notifications import NotificationKind, Params
from medianest_hub.plugin_api.people import Person
from medianest_hub.plugin_api.services import JobView
from medianest_hub.plugin_api.sign_in import LinkedIdentity
from medianest_hub.plugin_api.tasks import Task
from medianest_hub.plugin_host.declarations import LoadedPlugin
from medianest_hub.plugin_host.notification_kinds import telling

if TYPE_CHECKING:
    from medianest_hub.jobs.outbox import Outbox
    from medianest_hub.jobs.store import JobStore

WidgetChanged = Callable[[str, str, str, UUID | None], Awaitable[None]]
"""`changed(plugin, instance, widget, person)`, the dashboard's."""


class PluginJobs:
    """Implements `plugin_api.services.Jobs` for one plugin instance."""

    def __init__(self, store: JobStore, plugin: LoadedPlugin, instance: str) -> None:
        self._store = store
        self._plugin = plugin
        self._instance = instance

    async def enqueue(
        self,
        task: Task | str,
        args: BaseModel | None = None,
        *,
        person: UUID | None = None,
        delay: float = 0.0,
        unique: str | None = None,
        tx: Any = None,
    ) -> UUID:
        """Queue one job of this plugin; `BadInput` for a task it does not declare."""
        name = task if isinstance(task, str) else task.name
        declared = self._plugin.task(name)
        if declared is None:
            raise BadInput(f"The plugin {self._plugin.name} declares no task {name!r}.", code="unknown_task")
        return await self._store.enqueue(
            self._plugin.name,
            self._instance,
            name,
            args.model_dump(mode="json") if args is not None else {},
            person=person,
            delay=delay,
            unique=unique,
            request_id=str(get_contextvars().get("request_id", "")),
            max_queued=declared.max_queued,
            tx=tx,
        )

    async def cancel(self, job_id: UUID) -> bool:
        """Cancel one of this plugin's jobs; False if it had ended or is not this plugin's."""
        return await self.get(job_id) is not None and await self._store.cancel(job_id)

    async def get(self, job_id: UUID) -> JobView | None:
        """One job of this plugin, or None."""
        job = await self._store.get(job_id)
        return job if job is not None and job.plugin == self._plugin.name else None


class PluginEvents:
    """Implements `plugin_api.services.Events`."""

    def __init__(self, outbox: Outbox, plugin: LoadedPlugin, instance: str) -> None:
        self._outbox = outbox
        self._plugin = plugin
        self._instance = instance

    async def emit(self, data: EventData, *, person: UUID | None = None, tx: Any = None) -> UUID:
        """Write the event to the outbox. A plugin emits its own events (`<plugin>:…`) and shared ones (`hub:…`) only."""
        owner = data.type.partition(":")[0]
        if owner not in (self._plugin.name, "hub"):
            raise BadInput(f"The plugin {self._plugin.name} cannot emit {data.type!r}.", code="foreign_event")
        return await self._outbox.emit(
            data.type,
            data.version,
            self._plugin.name,
            self._instance,
            data.model_dump(mode="json"),
            person=person,
            tx=tx,
        )


class PluginRealtime:
    """Implements `plugin_api.services.Realtime`."""

    def __init__(self, log: RealtimeLog, changed: WidgetChanged, plugin: LoadedPlugin, instance: str) -> None:
        self._log = log
        self._changed = changed
        self._plugin = plugin
        self._instance = instance

    async def send(
        self,
        event: str,
        data: BaseModel | Mapping[str, Any],
        *,
        person: UUID | None = None,
        permission: str | None = None,
        keep: bool = True,
    ) -> None:
        """Send `<plugin>:<event>` to one person or to all with that permission."""
        content = data.model_dump(mode="json") if isinstance(data, BaseModel) else data
        full = self._plugin.full_permission(permission) if permission is not None else None
        await self._log.send(f"{self._plugin.name}:{event}", content, person=person, permission=full, keep=keep)

    async def widget_changed(self, widget: str, *, person: UUID | None = None) -> None:
        """Forget the cached tile and tell open pages."""
        await self._changed(self._plugin.name, self._instance, widget, person)


class PluginNotify:
    """Implements `plugin_api.services.Notify`."""

    def __init__(self, tellings: Tellings, plugin: LoadedPlugin, instance: str) -> None:
        self._tellings = tellings
        self._plugin = plugin
        self._instance = instance

    async def tell(
        self,
        kind: str | NotificationKind,
        params: Params,
        *,
        key: str,
        person: UUID | None = None,
        permission: str | None = None,
        hidden_from: Collection[UUID] = (),
        href: str | None = None,
        image: str | None = None,
        at: datetime | None = None,
        tx: Any = None,
    ) -> None:
        """Tell one person, or everybody who may know. `BadInput` for what this plugin does not declare."""
        sound = telling(self._plugin.info.notifications, self._plugin.name, kind, params, key, href)
        full = self._plugin.full_permission(permission) if permission is not None else None
        await self._tellings.tell(
            *(sound, self._instance), person=person, permission=full, hidden_from=hidden_from, image=image, at=at, tx=tx
        )


class PluginPeople:
    """Implements `plugin_api.services.People`: anybody's name and rights, and this plugin's own secrets for them."""

    def __init__(self, people: People, identities: Identities, plugin: LoadedPlugin, instance: str) -> None:
        self._people = people
        self._identities = identities
        self._plugin = plugin.name
        self._instance = instance

    async def get(self, person_id: UUID) -> Person | None:
        """The person with all permissions in force, or None."""
        return await self._people.get(person_id)

    async def identity(self, person_id: UUID, provider: str | None = None) -> LinkedIdentity | None:
        """The outside account the person signs in with at that provider (by default this plugin's own), or None.

        None also for one the provider no longer stands for.
        """
        wanted = provider or self._plugin
        known = await self._identities.of_person(person_id)
        return next((one.linked for one in known if one.provider == wanted and one.withdrawn is None), None)

    async def by_identity(self, subject: str, provider: str | None = None) -> Person | None:
        """The active person who signs in with that outside account, or None, as for `identity`."""
        known = await self._identities.find(provider or self._plugin, subject)
        if known is None or known.withdrawn is not None:
            return None
        person = await self._people.get(known.person_id)
        return person if person is not None and person.permissions else None  # who is not active has none at all

    async def linked(self, provider: str | None = None) -> dict[UUID, LinkedIdentity]:
        """Of each active person who signs in at that provider, the account, as for `identity`."""
        known = await self._identities.of_provider(provider or self._plugin)
        return {one.person_id: one.linked for one in known}

    async def verified_email(self, person_id: UUID) -> str | None:
        """The person's e-mail address, in small letters, where it is known to be theirs; else None, and for who is not active."""
        known = await self._people.account(person_id)
        if known is None or known.status != "active" or not known.email_verified or not known.email:
            return None
        return known.email.lower()

    async def secret(self, person_id: UUID, name: str) -> str | None:
        """A secret this plugin keeps for that person, or None."""
        return await self._people.secret(self._plugin, self._instance, person_id, name)

    async def set_secret(self, person_id: UUID, name: str, value: str | None) -> None:
        """Seal and keep it; None removes it."""
        await self._people.set_secret(self._plugin, self._instance, person_id, name, value)
