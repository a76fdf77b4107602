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
    Task,
    Webhook,
    Widget,
    hookimpl,
)
from medianest_overseerr import health, listeners, tasks, widgets
from medianest_overseerr.events import RequestChanged
from medianest_overseerr.images import POSTERS
from medianest_overseerr.kinds import KINDS
from medianest_overseerr.lifecycle import LIFECYCLE
from medianest_overseerr.media_sources import REQUESTS
from medianest_overseerr.privacy import ISSUES, MANAGE, REQUEST, REQUEST_4K
from medianest_overseerr.routes import router
from medianest_overseerr.settings import OverseerrSettings
from medianest_overseerr.webhooks import NOTIFICATION


@hookimpl
def hub_plugin() -> PluginInfo:
    """The card of this plugin."""
    return PluginInfo(
        title="Overseerr",
        summary="Overseerr and Seerr: everybody asks for films and series under their own name.",
        api_version=1,
        settings=OverseerrSettings,
        permissions=[
            Permission(REQUEST, title="Search, and ask for films and series", default=Role.MEMBER),
            Permission(REQUEST_4K, title="Ask for them in 4K", default=Role.ADMIN),
            Permission(ISSUES, title="Report what is wrong with something in the library", default=Role.MEMBER),
            Permission(
                MANAGE, title="See everybody's requests, decide on them, and say who is who", default=Role.ADMIN
            ),
        ],
        events=[RequestChanged],
        notifications=KINDS,
        icon="clapperboard",
        docs="https://medianest.example/plugins/overseerr",
    )


@hookimpl
def hub_routes() -> Router:
    """`/api/v1/overseerr/…`."""
    return router


@hookimpl
def hub_health_checks() -> Sequence[HealthCheck]:
    """Whether Overseerr answers, and whether what is shown of requests is true."""
    return [health.service, health.requests]


@hookimpl
def hub_tasks() -> Sequence[Task]:
    """Looking what changed."""
    return [tasks.poll, tasks.look_again]


@hookimpl
def hub_webhooks() -> Sequence[Webhook]:
    """What Overseerr tells of by itself."""
    return [NOTIFICATION]


@hookimpl
def hub_widgets() -> Sequence[Widget]:
    """One's own requests, and what waits for somebody to decide."""
    return [widgets.my_requests, widgets.counts, widgets.waiting]


@hookimpl
def hub_media_sources() -> Sequence[MediaSource]:
    """What can be asked for, for the hub's search."""
    return [REQUESTS]


@hookimpl
def hub_listeners() -> Sequence[Listener]:
    """People who were removed."""
    return [listeners.forget_person]


@hookimpl
def hub_images() -> Sequence[ImageSource]:
    """Posters and backgrounds."""
    return [POSTERS]


@hookimpl
def hub_lifecycle() -> Lifecycle:
    """Testing settings, starting."""
    return LIFECYCLE
