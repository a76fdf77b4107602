"""`medianest worker`: one worker process from its start to its exit code; what it does is in `worker.py`."""

from __future__ import annotations

import asyncio
import contextlib
import gc

import structlog
import uvloop

from medianest_hub.infrastructure.database import Database, is_transient
from medianest_hub.infrastructure.lifetime import exit_code_of, stop_on_signals
from medianest_hub.infrastructure.logs import configure_logs
from medianest_hub.jobs.assembly import HubParts
from medianest_hub.jobs.housekeeping import Housekeeping
from medianest_hub.jobs.notifying import Notifying
from medianest_hub.jobs.rechecking import Rechecking
from medianest_hub.jobs.status import StatusServer
from medianest_hub.jobs.worker import Worker
from medianest_hub.settings import LoadedSettings

log = structlog.get_logger(__name__)

STOP_SECONDS = 11.5
"""From the signal to the end: whatever does not end by then is left behind."""

CLOSE_SECONDS = 3.0
"""How long plugins and connections may take to close once the jobs are ended or handed back."""

_LEFT_BEHIND = "the worker did not stop in time and was ended; its jobs are picked up by another"


def run(loaded: LoadedSettings) -> int:
    """Run until SIGTERM or SIGINT. 0 stopped as asked · 2 the operator must act (one line says what) · 75 schema behind."""
    configure_logs(loaded.settings.log.level, loaded.settings.log.format, process="worker")

    def work() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_work(loaded))

    return exit_code_of(work)


async def _work(loaded: LoadedSettings) -> None:
    stop = stop_on_signals(STOP_SECONDS, _LEFT_BEHIND)
    async with contextlib.AsyncExitStack() as stack:
        opening = asyncio.create_task(_open(loaded, stack), name="open-worker")
        stopping = asyncio.create_task(stop.wait(), name="stop")
        try:
            await asyncio.wait((opening, stopping), return_when=asyncio.FIRST_COMPLETED)
            if opening.done():
                worker = opening.result()
                gc.collect()
                gc.freeze()  # what start-up made stays: no need to look at it in every collection
                await worker.run(stop)
        finally:
            for task in (opening, stopping):
                task.cancel()
            await asyncio.gather(opening, stopping, return_exceptions=True)


async def _open(loaded: LoadedSettings, stack: contextlib.AsyncExitStack) -> Worker:
    """Connect the parts and run the plugins; `stack` closes what was opened."""
    settings = loaded.settings
    parts = await HubParts.open(loaded, "worker")
    stack.push_async_callback(_close, parts)
    url = settings.database.url.get_secret_value() if settings.database.url else ""
    db = await Database.connect(url, min_size=1, max_size=3)
    stack.push_async_callback(db.close, 1.0)
    worker = Worker(
        db=db,
        database_url=url,
        redis=parts.redis,
        host=parts.host,
        jobs=parts.jobs,
        realtime=parts.realtime,
        concurrency=settings.worker.concurrency,
        look_at_plugins=parts.host.look,
        notifying=Notifying(parts.notifications, db),
    )
    retention = settings.realtime.retention_hours
    audit_days = settings.audit.retention_days
    keeping = parts.notifications.keeping
    housekeeping = Housekeeping(db, parts.sessions, parts.realtime, retention, parts.audit, audit_days, keeping)
    tidying = asyncio.create_task(housekeeping.loop.run(), name="housekeeping")
    stack.callback(tidying.cancel)
    rechecking = asyncio.create_task(Rechecking(parts).loop.run(), name="rechecking")
    stack.callback(rechecking.cancel)
    token = settings.metrics.token.get_secret_value() if settings.metrics.token else None
    status = StatusServer(worker, db, parts.redis, token)
    stack.push_async_callback(status.close)
    await status.start(settings.worker.host, settings.worker.port)
    while True:
        try:
            await parts.host.start()
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("start_waits_for_database", error=type(error).__name__)
            await asyncio.sleep(0.5)
        else:
            return worker


async def _close(parts: HubParts) -> None:
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await parts.close()
    except TimeoutError:
        log.warning("parts_not_closed_in_time")
