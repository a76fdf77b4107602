"""The hooks: what this plugin is and has. Nothing runs here; every hook only returns declarations made elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from medianest_hub.plugin_api import (
    HealthCheck,
    Lifecycle,
    Limit,
    Listener,
    Notifier,
    Permission,
    PluginInfo,
    Role,
    Router,
    Task,
    hookimpl,
)
from medianest_notify import health, listeners, notifiers, push_routes, tasks
from medianest_notify.lifecycle import LIFECYCLE
from medianest_notify.permissions import ADDRESSES, PUSH
from medianest_notify.settings import NotifySettings


@hookimpl
def hub_plugin() -> PluginInfo:
    """The card of this plugin."""
    return PluginInfo(
        title="Notifications",
        summary="Reaches people where they are: Discord, ntfy, Telegram and others by Apprise, e-mail, and web push.",
        api_version=1,
        settings=NotifySettings,
        permissions=[
            Permission(ADDRESSES, title="Be written to at addresses of one's own", default=Role.MEMBER),
            Permission(PUSH, title="Have messages pushed to one's own devices", default=Role.GUEST),
        ],
        limits=[Limit("tests", "5/hour", setting="notify"), Limit("addresses", "30/hour")],
        icon="bell",
        docs="https://medianest.example/plugins/notify",
    )


@hookimpl
def hub_routes() -> Router:
    """`/api/v1/notify/…`."""
    return push_routes.routes()


@hookimpl
def hub_tasks() -> Sequence[Task]:
    """Sending, and tidying up."""
    return [tasks.send, tasks.tidy]


@hookimpl
def hub_health_checks() -> Sequence[HealthCheck]:
    """Whether messages leave."""
    return [health.delivery]


@hookimpl
def hub_listeners() -> Sequence[Listener]:
    """Whose account is gone."""
    return [listeners.person_removed]


@hookimpl
def hub_notifiers() -> Sequence[Notifier]:
    """The two ways to reach people."""
    return [notifiers.APPRISE, notifiers.WEB_PUSH]


@hookimpl
def hub_lifecycle() -> Lifecycle:
    """Testing settings, starting, stopping."""
    return LIFECYCLE
