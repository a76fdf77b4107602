"""The error for a door before Uptime Kuma, which no key or password of Uptime Kuma's opens. Opens none itself."""

from __future__ import annotations

from typing import Final

from medianest_hub.plugin_api.errors import UpstreamError

SERVICE: Final = "Uptime Kuma"


class Guarded(UpstreamError):
    """Something before Uptime Kuma, such as a proxy, wants to know who we are."""

    def __init__(self) -> None:
        super().__init__(
            "Something before Uptime Kuma, such as a proxy, asks for a password. Enter Uptime Kuma's own address, or let "
            "the hub pass there.",
            service=SERVICE,
        )
