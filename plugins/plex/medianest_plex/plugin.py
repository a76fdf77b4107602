"""The hooks: what this plugin is and has. Nothing runs here; every hook only returns declarations made elsewhere."""

from __future__ import annotations

from medianest_hub.plugin_api import PluginInfo, hookimpl


@hookimpl
def hub_plugin() -> PluginInfo:
    """The card of this plugin."""
    return PluginInfo(title="Plex", summary="Sign in with Plex.", api_version=1, icon="tv")
