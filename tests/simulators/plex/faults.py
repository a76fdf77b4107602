"""What of the common faults is Plex's own; decides nothing about right answers."""

from __future__ import annotations

from typing import ClassVar

from aiohttp import web

from .. import faults
from ..faults import Fault, Handler

__all__ = ["INVALID_TOKEN", "Fault", "Faults", "Handler"]

INVALID_TOKEN = "invalid_token"
"""422, as plex.tv says of some tokens that no longer hold (plexapi knows it)."""


class Faults(faults.Faults):
    """The common ones and `invalid_token`."""

    others = frozenset({INVALID_TOKEN})
    refusal: ClassVar = {"errors": [{"code": 1003, "message": "Not allowed", "status": 403}]}

    async def special(
        self, fault: str, route: str, request: web.Request, handler: Handler
    ) -> web.StreamResponse | None:
        """Plex's words for a token that no longer holds."""
        if fault != INVALID_TOKEN:
            return None
        problem = {"errors": [{"code": 1020, "message": "Invalid token", "status": 422}]}
        return web.json_response(problem, status=422)
