"""How the parts of this room tell people something: handed to them, for notifications are of another room."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol
from uuid import UUID

from medianest_hub.plugin_api.notifications import Params
from medianest_hub.plugin_api.services import Queries


class TellOwn(Protocol):
    """Tells people by one of the hub's own kinds; as `Notify.tell`."""

    def __call__(
        self,
        kind: str,
        params: Params,
        *,
        key: str,
        person: UUID | None = None,
        href: str | None = None,
        tx: Queries | None = None,
    ) -> Awaitable[None]:
        """Tell that person, or everybody with the kind's permission."""
