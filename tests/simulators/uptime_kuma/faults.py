"""What of the faults is Uptime Kuma's own, over HTTP and over its socket; decides nothing about right answers."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from .. import faults
from ..faults import SLOW_SECONDS, Fault, Handler

__all__ = [
    "GIANT",
    "HALF",
    "HUGE",
    "NO_ACK",
    "REFUSE",
    "SLOW_SECONDS",
    "TWICE",
    "Fault",
    "Faults",
    "Handler",
    "altered",
    "halved",
]

REFUSE = "refuse"
"""400 `Forbidden`, as a handshake from a foreign origin is answered."""
NO_ACK = "no_ack"
"""A call that nobody answers; of the burst: it never comes."""
HALF = "half"
"""The right answer with every other field missing and some of another type."""
HUGE = "huge"
"""A single message of `Faults.huge_bytes`."""
GIANT = "giant"
"""The right answer with numbers nobody foresaw wherever one is no number of a thing and no status."""
TWICE = "twice"
"""The right answer with everything in its lists twice; in the metrics, the second time under another name."""

_ENORMOUS = 10**30
_NAMING = frozenset({"id", "monitorID", "monitor_id", "parent", "status", "active", "forceInactive"})
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
    """The common ones and `refuse`, `no_ack`, `half`, `huge`, `giant` and `twice`.

    Routes over HTTP: `metrics`, `page`, `beats`, `entry`, `push`, `badge`, `incidents`, `html`, and `socket` for all that
    goes to Socket.IO's path. Calls over the socket are named like `login_by_token`, events like `heartbeat` or
    `monitor_list`; `burst` is everything that follows a login.
    """

    others = frozenset({REFUSE, NO_ACK, HALF, HUGE, GIANT, TWICE})

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
        if fault not in (HALF, GIANT, TWICE):
            return None
        response = await handler(request)
        if not isinstance(response, web.Response) or response.status != 200:
            return response
        if route == "metrics" and fault != HALF:
            return web.Response(text=_altered_metrics(fault, response.text or ""))
        if response.content_type != "application/json":
            return response
        return web.json_response(altered(fault, json.loads(response.text or "null")))


def altered(fault: str, value: Any) -> Any:
    """The value as `half`, `giant` or `twice` makes it."""
    return halved(value) if fault == HALF else _doubled(value) if fault == TWICE else _grown(value)


def _grown(value: Any, name: str = "id") -> Any:
    if isinstance(value, dict):
        return {key: one if key in _NAMING else _grown(one, key) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_grown(one, name) for one in value]
    if isinstance(value, str) and value.startswith("{"):
        return json.dumps(_grown(json.loads(value)))
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return _ENORMOUS if is_number and name not in _NAMING else value


def _doubled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _doubled(one) for key, one in value.items()}
    if isinstance(value, tuple):  # the arguments of an event
        return tuple(_doubled(one) for one in value)
    return [_doubled(one) for one in (*value, *value)] if isinstance(value, list) else value


def _altered_metrics(fault: str, text: str) -> str:
    lines = text.splitlines()
    if fault == TWICE:
        again = [
            line.replace('monitor_name="', 'monitor_name="Former ') for line in lines if line.startswith("monitor_")
        ]
        return "\n".join((*lines, *again)) + "\n"
    odd = ("monitor_cert_", "monitor_response_time", "process_start_time")
    return "\n".join(f"{line.rpartition(' ')[0]} 1e+300" if line.startswith(odd) else line for line in lines) + "\n"


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
