"""The hooks: what this plugin is and has. Nothing runs here; every hook only returns declarations made elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from medianest_hub.plugin_api import (
    HealthCheck,
    ImageSource,
    Lifecycle,
    Listener,
    MediaSource,
    Permission,
    PluginInfo,
    Role,
    Router,
    SignInProvider,
    Stream,
    Task,
    Webhook,
    Widget,
    hookimpl,
)
from medianest_plex import health, listeners, streams, tasks, widgets
from medianest_plex.events import ItemAdded, PlayingStarted, PlayingStopped, ServerDown, ServerUp
from medianest_plex.images import ART_SOURCE
from medianest_plex.lifecycle import LIFECYCLE
from medianest_plex.media_sources import LIBRARY
from medianest_plex.notifications import ITEM_ADDED
from medianest_plex.personal.refreshing import forget_person, refresh_seen
from medianest_plex.privacy import BROWSE, SCAN, SEE_OTHERS_PLAYING
from medianest_plex.routes import router
from medianest_plex.settings import PlexSettings
from medianest_plex.sign_in import PROVIDER
from medianest_plex.webhooks import MEDIA


@hookimpl
def hub_plugin() -> PluginInfo:
    """The card of this plugin."""
    return PluginInfo(
        title="Plex",
        summary="What is in the Plex library and what is played, and sign-in for everybody the server is shared with.",
        api_version=1,
        settings=PlexSettings,
        permissions=[
            Permission(BROWSE, title="See the library, and what is being played", default=Role.MEMBER),
            Permission(SEE_OTHERS_PLAYING, title="See who plays it, on what, and from where", default=Role.ADMIN),
            Permission(SCAN, title="Have a folder scanned", default=Role.ADMIN),
        ],
        events=[PlayingStarted, PlayingStopped, ItemAdded, ServerDown, ServerUp],
        notifications=[ITEM_ADDED],
        icon="tv",
        docs="https://medianest.example/plugins/plex",
    )


@hookimpl
def hub_routes() -> Router:
    """`/api/v1/plex/…`."""
    return router


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
    """Syncing the libraries, telling what came in, having folders scanned, asking about people."""
    return [*tasks.syncs, tasks.announce, tasks.scan, refresh_seen]


@hookimpl
def hub_listeners() -> Sequence[Listener]:
    """Others' wishes for a scan, and people who were removed."""
    return [listeners.scan_requested, forget_person]


@hookimpl
def hub_streams() -> Sequence[Stream]:
    """The one that listens to the servers."""
    return [streams.listen]


@hookimpl
def hub_webhooks() -> Sequence[Webhook]:
    """What a server with Plex Pass tells of itself."""
    return [MEDIA]


@hookimpl
def hub_widgets() -> Sequence[Widget]:
    """What is new, what is played, what there is, and whether the server is heard."""
    return [widgets.recently_added, widgets.playing, widgets.counts, widgets.server]


@hookimpl
def hub_images() -> Sequence[ImageSource]:
    """Posters and backgrounds."""
    return [ART_SOURCE]


@hookimpl
def hub_media_sources() -> Sequence[MediaSource]:
    """The library, for the hub's search."""
    return [LIBRARY]


@hookimpl
def hub_lifecycle() -> Lifecycle:
    """Testing settings, starting, stopping."""
    return LIFECYCLE
