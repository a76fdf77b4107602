"""The hooks: what this plugin is and has. Nothing runs here; every hook only returns declarations made elsewhere."""

from __future__ import annotations

from medianest_hub.plugin_api import PluginInfo, hookimpl
from medianest_uptime_kuma.settings import UptimeKumaSettings


@hookimpl
def hub_plugin() -> PluginInfo:
    """The card of this plugin."""
    return PluginInfo(
        title="Uptime Kuma",
        summary="Shows what is down, within a second, and how well everything ran before.",
        api_version=1,
        settings=UptimeKumaSettings,
        icon="activity",
        docs="https://medianest.example/plugins/uptime_kuma",
    )
