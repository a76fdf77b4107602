"""The hooks: what this plugin is and has. Nothing runs here; every hook only returns declarations made elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from medianest_hello.events import GreetingLeft
from medianest_hello.health import word_service
from medianest_hello.lifecycle import LIFECYCLE
from medianest_hello.listeners import ask_for_an_answer
from medianest_hello.notifications import GREETING_ANSWERED
from medianest_hello.pictures import badge
from medianest_hello.routes import router
from medianest_hello.settings import HelloSettings
from medianest_hello.streams import pulse
from medianest_hello.tasks import answer, tidy
from medianest_hello.webhooks import postcard
from medianest_hello.widgets import latest, mine
from medianest_hub.plugin_api import (
    HealthCheck,
    ImageSource,
    Lifecycle,
    Limit,
    Listener,
    Permission,
    PluginInfo,
    Role,
    Router,
    Stream,
    Task,
    Webhook,
    Widget,
    hookimpl,
)


@hookimpl
def hub_plugin() -> PluginInfo:
    """The card of this plugin."""
    return PluginInfo(
        title="Hello",
        summary="A guest book: people leave greetings and get an answer.",
        api_version=1,
        settings=HelloSettings,
        permissions=[
            Permission("read", title="Read the guest book", default=Role.GUEST),
            Permission("write", title="Leave greetings", default=Role.MEMBER),
        ],
        limits=[Limit("greetings", "30/minute")],
        events=[GreetingLeft],
        notifications=[GREETING_ANSWERED],
        icon="hand",
        docs="https://medianest.example/plugins/hello",
    )


@hookimpl
def hub_routes() -> Router:
    """`/api/v1/hello/…`."""
    return router


@hookimpl
def hub_tasks() -> Sequence[Task]:
    """One periodic task, one on demand."""
    return [tidy, answer]


@hookimpl
def hub_streams() -> Sequence[Stream]:
    """One stream."""
    return [pulse]


@hookimpl
def hub_health_checks() -> Sequence[HealthCheck]:
    """One check."""
    return [word_service]


@hookimpl
def hub_widgets() -> Sequence[Widget]:
    """One tile for everybody alike, one for each person."""
    return [latest, mine]


@hookimpl
def hub_listeners() -> Sequence[Listener]:
    """What happens once a greeting was left."""
    return [ask_for_an_answer]


@hookimpl
def hub_webhooks() -> Sequence[Webhook]:
    """Postcards from outside."""
    return [postcard]


@hookimpl
def hub_images() -> Sequence[ImageSource]:
    """A badge for each author."""
    return [badge]


@hookimpl
def hub_lifecycle() -> Lifecycle:
    """Testing settings, starting, stopping."""
    return LIFECYCLE
