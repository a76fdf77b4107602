"""The headers every call to Plex carries: which program of which installation asks, and for whom."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Final

_DISTRIBUTION: Final = "medianest-plex"


@cache
def _version() -> str:
    try:
        return version(_DISTRIBUTION)
    except PackageNotFoundError:
        return "0"


def plex_headers(product: str, client_identifier: str, token: str | None = None) -> dict[str, str]:
    """Without `Accept` Plex answers XML, and without the client identifier it answers 400."""
    headers = {
        "Accept": "application/json",
        "X-Plex-Product": product,
        "X-Plex-Version": _version(),
        "X-Plex-Platform": "Web",
        "X-Plex-Device-Name": product,
        "X-Plex-Client-Identifier": client_identifier,
    }
    if token is not None:
        headers["X-Plex-Token"] = token
    return headers
