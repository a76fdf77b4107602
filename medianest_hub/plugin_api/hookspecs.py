"""Every hook a plugin can implement. Hooks take nothing, do no I/O and return frozen declarations; the host does the rest.

Implement them as module-level functions marked `@hookimpl` in the module your entry point names:

    [project.entry-points."medianest_hub.plugins"]
    weather = "medianest_weather.plugin"

Besides hooks there are two more entry-point groups: `medianest_hub.tables` (the module of your Piccolo app, so that
migrating needs none of your code) and `medianest_hub.commands` (a click group, loaded only when called).
"""

from __future__ import annotations

from collections.abc import Sequence

import pluggy

from medianest_hub.plugin_api.events import Listener
from medianest_hub.plugin_api.health import HealthCheck
from medianest_hub.plugin_api.images import ImageSource
from medianest_hub.plugin_api.lifecycle import Lifecycle
from medianest_hub.plugin_api.media import MediaSource
from medianest_hub.plugin_api.notifiers import Notifier
from medianest_hub.plugin_api.plugin import PluginInfo
from medianest_hub.plugin_api.routes import Router
from medianest_hub.plugin_api.sign_in import SignInProvider
from medianest_hub.plugin_api.streams import Stream
from medianest_hub.plugin_api.tasks import Task
from medianest_hub.plugin_api.webhooks import Webhook
from medianest_hub.plugin_api.widgets import Widget

PROJECT = "medianest_hub"
PLUGINS_GROUP = "medianest_hub.plugins"
TABLES_GROUP = "medianest_hub.tables"
COMMANDS_GROUP = "medianest_hub.commands"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def hub_plugin() -> PluginInfo:  # type: ignore[empty-body]
    """What this plugin is. The only hook that must be there; checked before all others."""


@hookspec
def hub_routes() -> Router:  # type: ignore[empty-body]
    """Routes, mounted at `/api/v1/<plugin>/…`."""


@hookspec
def hub_tasks() -> Sequence[Task]:  # type: ignore[empty-body]
    """Jobs for the worker, periodic or on demand."""


@hookspec
def hub_streams() -> Sequence[Stream]:  # type: ignore[empty-body]
    """Connections kept for good, each held by one worker in the cluster."""


@hookspec
def hub_health_checks() -> Sequence[HealthCheck]:  # type: ignore[empty-body]
    """Checks shown in `/api/health`."""


@hookspec
def hub_widgets() -> Sequence[Widget]:  # type: ignore[empty-body]
    """Tiles of the dashboard."""


@hookspec
def hub_webhooks() -> Sequence[Webhook]:  # type: ignore[empty-body]
    """What the outside service may tell the hub."""


@hookspec
def hub_listeners() -> Sequence[Listener]:  # type: ignore[empty-body]
    """Events of other plugins, or one's own, to act on."""


@hookspec
def hub_media_sources() -> Sequence[MediaSource]:  # type: ignore[empty-body]
    """Sources of the hub's one search."""


@hookspec
def hub_sign_in() -> Sequence[SignInProvider]:  # type: ignore[empty-body]
    """Buttons on the sign-in page."""


@hookspec
def hub_images() -> Sequence[ImageSource]:  # type: ignore[empty-body]
    """Pictures of the outside service, shown through the hub by signed ids."""


@hookspec
def hub_notifiers() -> Sequence[Notifier]:  # type: ignore[empty-body]
    """Ways to reach a person."""


@hookspec
def hub_lifecycle() -> Lifecycle:  # type: ignore[empty-body]
    """Testing settings, starting, stopping."""
