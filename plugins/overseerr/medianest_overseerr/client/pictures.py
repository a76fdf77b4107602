"""Fetches a poster by its path at TMDB. Is told which; sends no key there."""

from __future__ import annotations

import re
from typing import Final

from medianest_hub.plugin_api import Http
from medianest_hub.plugin_api.errors import AuthFailed, NotFound, UpstreamError

SERVICE: Final = "TMDB's pictures"
PATH: Final = re.compile(r"/[A-Za-z0-9_-]{1,100}\.(?:jpg|jpeg|png|webp)")
_WIDTHS: Final = (92, 185, 342, 500, 780)
_DEADLINE: Final = 10.0
_CAP: Final = 8 * 1024 * 1024


async def picture(http: Http, url: str, path: str, width: int) -> bytes:
    """The file, at least `width` pixels wide where there are so many (0: as large as is of use).

    Raises `NotFound` where there is none, `UpstreamError`, `UpstreamTimeout` or `Unavailable`.
    """
    size = next((one for one in _WIDTHS if one >= width), _WIDTHS[-1]) if width else _WIDTHS[-1]
    try:
        answer = await http.request(
            "GET", f"{url}/t/p/w{size}{path}", service=SERVICE, deadline=_DEADLINE, cap=_CAP, ok=(200, 404)
        )
    except AuthFailed:
        raise UpstreamError(f"{SERVICE} are refused to the hub.", service=SERVICE) from None
    if answer.status == 404:
        raise NotFound("There is no such poster.", code="no_such_picture")
    return answer.body
