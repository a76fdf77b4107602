"""Structured logs: colour lines on a terminal, JSON otherwise, secrets masked, the request id in every line."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

from medianest_hub.infrastructure.masking import mask_value


def mask_secrets(_logger: Any, _method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The last processor before the renderer, so that it sees tracebacks and what others added: no secret passes it."""
    return {name: mask_value(name, value) for name, value in fields.items()}


KEEP_LOGGERS = True
"""Whether loggers are made once for good; tests, which set logging up again and again, say no."""


def configure_logs(level: str = "info", format: Literal["auto", "json", "console"] = "auto", **always: str) -> None:
    """Set up structlog and the standard library's logging alike; `always` is added to every line (`process="web"`)."""
    console = format == "console" or (format == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        lambda _l, _m, fields: {**always, **fields},
    ]
    renderer: list[Any] = [
        structlog.processors.format_exc_info,
        mask_secrets,
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        if console
        else structlog.processors.JSONRenderer(),
    ]
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=KEEP_LOGGERS,
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
