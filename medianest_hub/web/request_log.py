"""The log line of one request: at `info` for what failed here or behind us, at `debug` for all else; never a path or a query.

Whether it is wanted at all is for the caller to know, once: most requests leave no line.
"""

from __future__ import annotations

from time import perf_counter

import structlog

log = structlog.get_logger(__name__)


def tell_request(method: str, route: str, status: int, began: float, request_id: str, code: str = "") -> None:
    """`route` is its template, since an address may hold a secret; `began` is `perf_counter()` then; `code` a problem's."""
    say = log.info if status >= 500 else log.debug
    fields = {"code": code} if code else {}
    ms = round((perf_counter() - began) * 1000, 1)
    say("request", method=method, route=route, status=status, ms=ms, request_id=request_id, **fields)
