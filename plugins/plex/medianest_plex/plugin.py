"""The hooks: what this plugin is and has. Nothing runs here; every hook only returns declarations made elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from medianest_hub.plugin_api import (
    HealthCheck,
    Lifecycle,
    Listener,
    Permission,
    PluginInfo,
    Role,
    SignInProvider,
    Stream,
    Task,
    Webhook,
    hookimpl,
)
from medianest_plex import health, listeners, streams, tasks
from medianest_plex.events import ItemAdded, PlayingStarted, PlayingStopped, ServerDown, ServerUp
from medianest_plex.lifecycle import LIFECYCLE
from medianest_plex.privacy import BROWSE, SCAN, SEE_OTHERS_PLAYING
from medianest_plex.settings import PlexSettings
from medianest_plex.sign_in import PROVIDER
from medianest_plex.webhooks import MEDIA


@hookimpl
def hub_plugin() -> PluginInfo:
    """The card of this plugin."""
    return PluginInfo(
        title="Plex",
        summary="Sign-in with Plex for everybody the server is shared with.",
        api_version=1,
        settings=PlexSettings,
        permissions=[
            Permission(BROWSE, title="See the library, and what is being played", default=Role.MEMBER),
            Permission(SEE_OTHERS_PLAYING, title="See who plays it, on what, and from where", default=Role.ADMIN),
            Permission(SCAN, title="Have a folder scanned", default=Role.ADMIN),
        ],
        events=[PlayingStarted, PlayingStopped, ItemAdded, ServerDown, ServerUp],
        icon="tv",
        docs="https://medianest.example/plugins/plex",
    )


@hookimpl
def hub_sign_in() -> Sequence[SignInProvider]:
    """A button on the sign-in page."""
    return [PROVIDER]


@hookimpl
def hub_health_checks() -> Sequence[HealthCheck]:
    """What signing in depends on, and whether what is shown of the library is true."""
    return [health.server, health.plex_tv, health.library]


@hookimpl
def hub_tasks() -> Sequence[Task]:
    """Syncing the library, telling what came in, having folders scanned."""
    return [tasks.sync, tasks.announce, tasks.scan]


@hookimpl
def hub_listeners() -> Sequence[Listener]:
    """Others' wishes for a scan."""
    return [listeners.scan_requested]


@hookimpl
def hub_streams() -> Sequence[Stream]:
    """The one that listens to the server."""
    return [streams.listen]


@hookimpl
def hub_webhooks() -> Sequence[Webhook]:
    """What a server with Plex Pass tells of itself."""
    return [MEDIA]


@hookimpl
def hub_lifecycle() -> Lifecycle:
    """Testing settings, starting, stopping."""
    return LIFECYCLE
