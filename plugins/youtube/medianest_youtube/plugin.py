"""The hooks: what this plugin is and has. Nothing runs here; every hook only returns declarations made elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from medianest_hub.plugin_api import (
    HealthCheck,
    Lifecycle,
    Limit,
    Listener,
    Permission,
    PluginInfo,
    Role,
    Router,
    Task,
    Widget,
    hookimpl,
)
from medianest_youtube import health, tasks, widgets
from medianest_youtube.events import DownloadFailedEvent, DownloadFinished
from medianest_youtube.lifecycle import LIFECYCLE
from medianest_youtube.listeners import person_removed
from medianest_youtube.notifications import DOWNLOAD_DONE, DOWNLOAD_FAILED
from medianest_youtube.routes import router
from medianest_youtube.settings import YouTubeSettings


@hookimpl
def hub_plugin() -> PluginInfo:
    """The card of this plugin."""
    return PluginInfo(
        title="YouTube",
        summary="Downloads videos by their links.",
        api_version=1,
        settings=YouTubeSettings,
        permissions=[Permission("download", title="Download videos", default=Role.MEMBER)],
        limits=[Limit("youtube", "5/hour", setting="youtube"), Limit("previews", "60/hour")],
        events=[DownloadFinished, DownloadFailedEvent],
        notifications=[DOWNLOAD_DONE, DOWNLOAD_FAILED],
        icon="youtube",
        docs="https://medianest.example/plugins/youtube",
    )


@hookimpl
def hub_routes() -> Router:
    """`/api/v1/youtube/…`."""
    return router


@hookimpl
def hub_tasks() -> Sequence[Task]:
    """One on demand, two that keep things true."""
    return [tasks.download, tasks.settle, tasks.tidy]


@hookimpl
def hub_health_checks() -> Sequence[HealthCheck]:
    """What downloads depend on."""
    return [health.yt_dlp, health.ffmpeg, health.javascript, health.free_space, health.folder]


@hookimpl
def hub_widgets() -> Sequence[Widget]:
    """One's own downloads, and the disk for admins."""
    return [widgets.downloads, widgets.disk]


@hookimpl
def hub_listeners() -> Sequence[Listener]:
    """Whoever is gone leaves nothing here."""
    return [person_removed]


@hookimpl
def hub_lifecycle() -> Lifecycle:
    """Testing settings, starting, stopping."""
    return LIFECYCLE
