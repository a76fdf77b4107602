"""Fetches a picture of the Plex server, scaled there. Is told which; chooses none itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from medianest_hub.plugin_api import Http, TlsTrust
from medianest_hub.plugin_api.errors import AuthFailed, NotFound, UpstreamError
from medianest_plex.client.server import SERVICE

_DEADLINE: Final = 10.0
_CAP: Final = 8 * 1024 * 1024


async def picture(
    http: Http,
    url: str,
    headers: Mapping[str, str],
    tls: TlsTrust,
    path: str,
    width: int,
    height: int,
    service: str = SERVICE,
) -> bytes:
    """The file of the picture at that path of the server, fitted into so many pixels.

    Raises `NotFound` where there is none, `UpstreamError`, `UpstreamTimeout` or `Unavailable`.
    """
    try:
        answer = await http.request(
            "GET",
            f"{url}/photo/:/transcode",
            service=service,
            headers={**headers, "Accept": "image/jpeg, image/*"},
            params={"url": path, "width": width, "height": height, "upscale": 0},
            deadline=_DEADLINE,
            cap=_CAP,
            ok=(200, 404),
            tls=tls,
        )
    except AuthFailed:
        raise UpstreamError(f"The {service} refuses the token of its owner.", service=service) from None
    if answer.status == 404:
        raise NotFound(f"The {service} has no such picture.", code="no_such_picture")
    return answer.body
