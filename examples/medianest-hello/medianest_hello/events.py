"""The events this plugin emits; others may listen for them by this model or one with the same `type`."""

from __future__ import annotations

from typing import ClassVar

from medianest_hub.plugin_api import EventData


class GreetingLeft(EventData):
    """Somebody wrote into the guest book."""

    type: ClassVar[str] = "hello:greeting.left"

    id: int
