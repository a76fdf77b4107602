"""`medianest worker`: one worker process from its start to its exit code; what it does is in `worker.py`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading

import structlog
import uvloop

from medianest_hub.infrastructure.database import Database, DatabaseAway, DatabaseRefused
from medianest_hub.infrastructure.exits import EXIT_OPERATOR, EXIT_SCHEMA_BEHIND, OperatorError
from medianest_hub.infrastructure.logs import configure_logs
from medianest_hub.jobs.assembly import HubParts, SchemaBehind, SchemaNewer
from medianest_hub.jobs.status import StatusServer
from medianest_hub.jobs.worker import Worker
from medianest_hub.settings import LoadedSettings

log = structlog.get_logger(__name__)

STOP_SECONDS = 11.5
"""From the signal to the end: whatever does not end by then is left behind."""

_EXIT_UNCLEAN = 1


def run(loaded: LoadedSettings) -> int:
    """Run until SIGTERM or SIGINT. 0 stopped as asked · 2 the operator must act (one line says what) · 75 schema behind."""
    configure_logs(loaded.settings.log.level, loaded.settings.log.format, process="worker")
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_work(loaded))
    except SchemaBehind as error:
        _say(error)
        return EXIT_SCHEMA_BEHIND
    except (OperatorError, SchemaNewer, DatabaseRefused, DatabaseAway) as error:
        _say(error)
        return EXIT_OPERATOR
    return 0


def _say(error: Exception) -> None:
    sys.stderr.write(f"medianest: {error}\n")


async def _work(loaded: LoadedSettings) -> None:
    stop = _stop_on_signals()
    settings = loaded.settings
    parts = await HubParts.open(loaded, "worker")
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(parts.close)
        url = settings.database.url.get_secret_value() if settings.database.url else ""
        db = await Database.connect(url, min_size=1, max_size=3)
        stack.push_async_callback(db.close)
        worker = Worker(
            db=db,
            database_url=url,
            redis=parts.redis,
            host=parts.host,
            jobs=parts.jobs,
            realtime=parts.realtime,
            concurrency=settings.worker.concurrency,
        )
        token = settings.metrics.token.get_secret_value() if settings.metrics.token else None
        status = StatusServer(worker, db, parts.redis, token)
        stack.push_async_callback(status.close)
        await status.start(settings.worker.host, settings.worker.port)
        await parts.host.start()
        await worker.run(stop)


def _stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set; from then on the process ends in time, come what may."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def begin() -> None:
        if not stop.is_set():
            stop.set()
            # A thread: a plugin that blocks the loop or swallows its cancellation must not keep the process.
            timer = threading.Timer(STOP_SECONDS, _leave)
            timer.daemon = True
            timer.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, begin)
    return stop


def _leave() -> None:
    sys.stderr.write("medianest: the worker did not stop in time and was ended; its jobs are picked up by another\n")
    os._exit(_EXIT_UNCLEAN)
