"""The kinds the hub itself tells people by. Declares them, and tells nothing."""

from __future__ import annotations

from typing import Final

from medianest_hub.plugin_api.notifications import NotificationKind

OWN: Final[tuple[NotificationKind, ...]] = ()
