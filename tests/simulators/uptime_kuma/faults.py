"""What of the faults is Uptime Kuma's own, over HTTP and over its socket; decides nothing about right answers."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from .. import faults
from ..faults import SLOW_SECONDS, Fault, Handler

__all__ = ["HALF", "HUGE", "NO_ACK", "REFUSE", "SLOW_SECONDS", "Fault", "Faults", "Handler", "halved"]

REFUSE = "refuse"
"""400 `Forbidden`, as a handshake from a foreign origin is answered."""
NO_ACK = "no_ack"
"""A call that nobody answers; of the burst: it never comes."""
HALF = "half"
"""The right answer with every other field missing and some of another type."""
HUGE = "huge"
"""A single message of `Faults.huge_bytes`."""

_GARBAGE = 'monitor_status{monitor_name="cut in the middle\n\x01\x02 }}} 1 1 1\n# TYPE\nnot a metric at all\n'
_OTHER_METRICS = """# HELP up Whether it is
# TYPE up gauge
up 1
# TYPE monitor_status gauge
monitor_status 1
monitor_status{monitor_name="No number",monitor_type="http"} NaN
monitor_status{monitor_name="Odd",monitor_type="http",monitor_url="null",monitor_id="seven"} 17
monitor_response_time{monitor_name="Never seen"} +Inf
"""


class Faults(faults.Faults):
    """The common ones and `refuse`, `no_ack`, `half` and `huge`.

    Routes over HTTP: `metrics`, `page`, `beats`, `entry`, `push`, `badge`, `incidents`, `html`, and `socket` for all that
    goes to Socket.IO's path. Calls over the socket are named like `login_by_token`, events like `heartbeat` or
    `monitor_list`; `burst` is everything that follows a login.
    """

    others = frozenset({REFUSE, NO_ACK, HALF, HUGE})

    def __init__(self) -> None:
        super().__init__()
        self.huge_bytes = 20_000_000

    async def special(
        self, fault: str, route: str, request: web.Request, handler: Handler
    ) -> web.StreamResponse | None:
        """Text where /metrics is asked, and the ways of this service alone."""
        if fault == REFUSE:
            return web.Response(text="Forbidden", status=400, content_type="text/html")
        if fault == HUGE:
            return web.Response(text="x" * self.huge_bytes, content_type="text/plain")
        if fault == NO_ACK:
            await self.closing.wait()
            return web.Response()
        if route == "metrics" and fault in (Fault.NOT_JSON, Fault.OTHER_SHAPE):
            return web.Response(text=_GARBAGE if fault == Fault.NOT_JSON else _OTHER_METRICS)
        if fault != HALF:
            return None
        response = await handler(request)
        if not isinstance(response, web.Response) or response.content_type != "application/json":
            return response
        return web.json_response(halved(json.loads(response.text or "null")))


def halved(value: Any, at: int = 0) -> Any:
    """The value with every other field gone, and every third of the rest of another type."""
    if isinstance(value, dict):
        kept = list(value.items())[::2]
        return {name: _other(one) if index % 3 == 2 else halved(one, index) for index, (name, one) in enumerate(kept)}
    if isinstance(value, list | tuple):
        return [halved(one, index) if index % 3 != 2 else _other(one) for index, one in enumerate(value)]
    return value


def _other(value: Any) -> Any:
    if isinstance(value, str):
        return 7
    if isinstance(value, bool) or value is None:
        return [value]
    if isinstance(value, int | float):
        return {"value": value}
    return "something else"
