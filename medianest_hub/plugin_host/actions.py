"""Which actions a plugin may offer: calls of its own routes, as they are sent with the rights of whoever looks. Sends nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable

from medianest_hub.plugin_api.kinds import Action

MOST = 12
"""Buttons beside one thing."""

_PATH = re.compile(r"/api/v1/(?P<plugin>[a-z][a-z0-9_-]*)(/(?!\.{1,2}(/|$))[A-Za-z0-9_.~:@-]+)+")


def refused_actions(plugin: str, actions: Iterable[Action]) -> str | None:
    """Why they cannot be offered, in words for the plugin's author and whoever looks; None if they can."""
    offered = list(actions)
    if len(offered) > MOST:
        return f"More than {MOST} actions are offered for one thing."
    for action in offered:
        matched = _PATH.fullmatch(action.path)
        if matched is None:
            return f"The action {action.id!r} does not name a route: a path is like /api/v1/{plugin}/things/7."
        if matched["plugin"] != plugin:
            return f"The action {action.id!r} is for a route that is not of the plugin {plugin}."
    if len({action.id for action in offered}) < len(offered):
        return "Two actions of one thing have the same id."
    return None
