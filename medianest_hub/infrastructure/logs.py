"""Structured logs: colour lines on a terminal, JSON otherwise, secrets masked, the request id in every line."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

_SECRET_NAME = re.compile(
    r"(?:^|_)(?:password|passwd|secret|token|cookie|authorization|api_?key|private_?key)(?:$|_)", re.I
)
_URL_PASSWORD = re.compile(r"(?<=://)([^/@\s:]*):([^/@\s]+)@")
MASK = "•••"


def mask_secrets(_logger: Any, _method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: values under secret-looking names and passwords inside URLs are replaced."""
    for name, value in fields.items():
        if isinstance(value, str):
            if _SECRET_NAME.search(name):
                fields[name] = MASK
            elif "://" in value:
                fields[name] = _URL_PASSWORD.sub(rf"\1:{MASK}@", value)
        elif isinstance(value, dict):
            fields[name] = mask_secrets(None, "", dict(value))
    return fields


def configure_logs(level: str = "info", format: Literal["auto", "json", "console"] = "auto", **always: str) -> None:
    """Set up structlog and the standard library's logging alike; `always` is added to every line (`process="web"`)."""
    console = format == "console" or (format == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        lambda _l, _m, fields: {**always, **fields},
        mask_secrets,
    ]
    renderer: list[Any] = (
        [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)]
        if console
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("sanic.root", "sanic.server", "engineio", "socketio", "saq", "asyncio"):
        logging.getLogger(noisy).setLevel("WARNING")
