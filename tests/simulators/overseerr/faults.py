"""What of the faults is Overseerr's own; decides nothing about right answers."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from aiohttp import web

from .. import faults
from ..faults import SLOW_SECONDS, Fault, Handler

__all__ = ["CSRF", "EMPTY_PAGE", "GIANT", "HALF", "HALF_JSON", "HUGE", "JSON_401", "JSON_429", "JSON_500", "SLOW_SECONDS",
           "TWICE", "Fault", "Faults", "Handler"]  # fmt: skip

JSON_401, JSON_429, JSON_500 = "json_401", "json_429", "json_500"
"""In the service's own words."""
CSRF = "csrf"
"""403 `invalid csrf token`."""
HALF_JSON = "half_json"
"""The first half of the right answer, with a length that fits: a document cut in the middle."""
HALF = "half"
"""The right answer with every other field missing and some of another type."""
HUGE = "huge"
"""`Faults.huge_bytes` of valid JSON."""
GIANT = "giant"
"""The right answer with numbers nobody foresaw wherever one is no number of a thing."""
TWICE = "twice"
"""The right answer with everything in its lists twice."""
EMPTY_PAGE = "empty_page"
"""A page that says it is one of many, with nothing on it."""

_ENORMOUS = 10**30
_NAMING = ("id", "Id", "page", "status", "type", "permissions")
_SAID: dict[str, tuple[int, dict[str, Any]]] = {
    JSON_401: (401, {"message": "cookie 'connect.sid' required", "errors": []}),
    JSON_429: (429, {"message": "Too many requests, please try again later."}),
    JSON_500: (500, {"message": "SQLITE_BUSY: database is locked"}),
    CSRF: (403, {"message": "invalid csrf token"}),
}


class Faults(faults.Faults):
    """The common ones, and `json_401`, `json_429`, `json_500`, `csrf`, `half_json`, `half`, `huge`, `giant`, `twice`,
    `empty_page`.

    Routes are named `status`, `public_settings`, `main_settings`, `about`, `me`, `users`, `user`, `quota`, `user_requests`,
    `search`, `trending`, `discover_movies`, `discover_tv`, `movie`, `tv`, `tv_season`, `requests`, `ask`, `request_count`,
    `request`, `change_request`, `delete_request`, `retry`, `decide`, `issues`, `open_issue`, `issue_count`, `issue`,
    `delete_issue`, `comment`, `decide_issue`, `media`, `change_media`, `delete_media`, `picture`; `every` is all of them.
    """

    others = frozenset({*_SAID, HALF_JSON, HALF, HUGE, GIANT, TWICE, EMPTY_PAGE})
    beginning: ClassVar[str] = '{"pageInfo": {"pages": 1'
    refusal: ClassVar[dict[str, Any]] = {
        "status": 403,
        "error": "You do not have permission to access this endpoint",
    }

    def __init__(self) -> None:
        super().__init__()
        self.huge_bytes = 20_000_000

    def take(self, route: str) -> str | None:
        """The fault planned for this answer, or for every one."""
        return super().take(route) or super().take("every")

    async def special(
        self, fault: str, route: str, request: web.Request, handler: Handler
    ) -> web.StreamResponse | None:
        """The service's own words and ways."""
        if fault in _SAID:
            status, said = _SAID[fault]
            return web.json_response(said, status=status)
        if fault == HUGE:
            text = '{"results": [], "padding": "' + "x" * self.huge_bytes + '"}'
            return web.Response(text=text, content_type="application/json")
        if fault == EMPTY_PAGE:
            info = {"pages": 99, "pageSize": 10, "results": 990, "page": 1}
            return web.json_response(
                {"pageInfo": info, "page": 1, "totalPages": 99, "totalResults": 990, "results": []}
            )
        if fault not in self.others:
            return None
        response = await handler(request)
        if not isinstance(response, web.Response) or response.content_type != "application/json":
            return response
        return _spoiled(fault, response)


def _spoiled(fault: str, response: web.Response) -> web.Response:
    text = response.text or ""
    if fault == HALF_JSON:
        return web.Response(text=text[: len(text) // 2], status=response.status, content_type="application/json")
    said = json.loads(text or "null")
    altered = _halved(said) if fault == HALF else _grown(said) if fault == GIANT else _doubled(said)
    return web.json_response(altered, status=response.status)


def _halved(value: Any, at: int = 0) -> Any:
    if isinstance(value, dict):
        kept = list(value.items())[::2]
        return {name: _other(one) if index % 3 == 2 else _halved(one, index) for index, (name, one) in enumerate(kept)}
    if isinstance(value, list):
        return [_halved(one, index) if index % 3 != 2 else _other(one) for index, one in enumerate(value)]
    return value


def _other(value: Any) -> Any:
    if isinstance(value, str):
        return 7
    if isinstance(value, bool) or value is None:
        return [value]
    return {"value": value} if isinstance(value, int | float) else "something else"


def _grown(value: Any, name: str = "id") -> Any:
    if isinstance(value, dict):
        return {key: _grown(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [_grown(one, name) for one in value]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return _ENORMOUS if is_number and not name.endswith(_NAMING) else value


def _doubled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _doubled(one) for key, one in value.items()}
    return [_doubled(one) for one in (*value, *value)] if isinstance(value, list) else value
