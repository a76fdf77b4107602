"""The hooks: what this plugin is and has. Nothing runs here; every hook only returns declarations made elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from medianest_hub.plugin_api import (
    HealthCheck,
    Lifecycle,
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
from medianest_uptime_kuma import health, streams, tasks, widgets
from medianest_uptime_kuma.lifecycle import LIFECYCLE
from medianest_uptime_kuma.models import IncidentClosed, IncidentOpened, MonitorAlerted, MonitorChanged
from medianest_uptime_kuma.notifications import KINDS
from medianest_uptime_kuma.privacy import DETAILS, READ
from medianest_uptime_kuma.routes import router
from medianest_uptime_kuma.settings import UptimeKumaSettings
from medianest_uptime_kuma.webhooks import NOTIFICATION


@hookimpl
def hub_plugin() -> PluginInfo:
    """The card of this plugin."""
    return PluginInfo(
        title="Uptime Kuma",
        summary="Shows what is down, within a second, and how well everything ran before.",
        api_version=1,
        settings=UptimeKumaSettings,
        permissions=[
            Permission(READ, title="See the monitors members are shown", default=Role.MEMBER),
            Permission(DETAILS, title="See every monitor, with addresses and messages", default=Role.ADMIN),
        ],
        events=[MonitorChanged, MonitorAlerted, IncidentOpened, IncidentClosed],
        notifications=list(KINDS.values()),
        icon="activity",
        docs="https://medianest.example/plugins/uptime_kuma",
    )


@hookimpl
def hub_routes() -> Router:
    """`/api/v1/uptime_kuma/…`."""
    return router


@hookimpl
def hub_streams() -> Sequence[Stream]:
    """The one that reads Uptime Kuma."""
    return [streams.watch]


@hookimpl
def hub_tasks() -> Sequence[Task]:
    """Adding up, and throwing away."""
    return [tasks.roll_up, tasks.tidy]


@hookimpl
def hub_health_checks() -> Sequence[HealthCheck]:
    """Whether Uptime Kuma is heard."""
    return [health.uptime_kuma]


@hookimpl
def hub_widgets() -> Sequence[Widget]:
    """What members are shown, what admins are, and what is announced."""
    return [widgets.status, widgets.incidents, widgets.response, widgets.monitors]


@hookimpl
def hub_webhooks() -> Sequence[Webhook]:
    """Uptime Kuma's own notifications."""
    return [NOTIFICATION]


@hookimpl
def hub_lifecycle() -> Lifecycle:
    """Testing settings."""
    return LIFECYCLE
