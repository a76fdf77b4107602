"""Runs claimed jobs side by side in one worker: heartbeats, cancelling, settling, handing back. Chooses no job itself."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from uuid import UUID

import structlog

from medianest_hub.infrastructure import metrics
from medianest_hub.infrastructure.database import is_transient
from medianest_hub.infrastructure.realtime_log import RealtimeLog
from medianest_hub.jobs.announcements import send_done, send_progress
from medianest_hub.jobs.attempts import Attempt, Stop
from medianest_hub.jobs.claims import ClaimStore
from medianest_hub.jobs.handlers import Host, Work
from medianest_hub.jobs.outcomes import Backoff
from medianest_hub.jobs.progress import ProgressReporter
from medianest_hub.jobs.rows import ClaimedJob, Settled
from medianest_hub.plugin_api.tasks import JobState, Progress
from medianest_hub.plugin_host.runtime import PluginRuntime
from medianest_hub.plugin_host.states import PluginState

log = structlog.get_logger(__name__)

HEARTBEAT_SECONDS = 5.0
DRAIN_SECONDS = 45.0
"""How long a job may go on with settings that were replaced; the host closes them after 60 s."""

_STOPPED = frozenset({PluginState.BLOCKED, PluginState.DISABLED, PluginState.FAILED})


class JobRunner:
    """The jobs at work in this process. `freed` is called whenever one ended, `requeued` with those to be run again at once."""

    def __init__(
        self,
        claims: ClaimStore,
        host: Host,
        realtime: RealtimeLog,
        freed: Callable[[], None],
        requeued: Callable[[Iterable[UUID]], None],
        *,
        backoff: Backoff | None = None,
        heartbeat: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._claims = claims
        self._host = host
        self._realtime = realtime
        self._freed = freed
        self._requeued = requeued
        self._backoff = backoff or Backoff()
        self._heartbeat = heartbeat
        self._attempts: dict[UUID, Attempt] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._giving_up = asyncio.Event()
        host.subscribe(self._plugin_changed)

    @property
    def count(self) -> int:
        """How many jobs are at work."""
        return len(self._attempts)

    @property
    def long_count(self) -> int:
        """How many of them may take longer than short work."""
        return sum(not attempt.work.is_short for attempt in self._attempts.values())

    def tokens(self) -> list[UUID]:
        """The tokens of the attempts at work here."""
        return list(self._attempts)

    def start(self, job: ClaimedJob, work: Work) -> None:
        """Run that attempt in the background."""
        progress = ProgressReporter(lambda value: self._progress(job, value))
        attempt = Attempt(job, work, self._host.runtimes[job.plugin], progress, self._backoff)
        self._attempts[job.token] = attempt
        task = asyncio.create_task(self._run(attempt), name=f"attempt:{job.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cancel(self, job_id: UUID) -> None:
        """End that job if it is here, because somebody asked for it."""
        self._stop((attempt for attempt in self._attempts.values() if attempt.job.id == job_id), Stop.CANCEL)

    async def keep_beating(self) -> None:
        """Heartbeat for ever; what is not ours any more is ended, what somebody cancelled too."""
        pause = self._heartbeat
        while True:
            await asyncio.sleep(pause)
            try:
                await self._beat()
                pause = self._heartbeat
            except Exception as error:
                if not is_transient(error):
                    log.exception("heartbeat_failed")
                pause = min(1.0, self._heartbeat)

    async def drain(self, grace: float, limit: float) -> None:
        """Let short jobs end within `grace` seconds, then hand back the rest, giving up after `limit` more."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        self._stop(self._attempts.values(), Stop.HAND_BACK)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=limit)
        self._giving_up.set()
        if self._tasks:
            log.warning("jobs_left_behind", count=len(self._tasks))
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _beat(self) -> None:
        attempts = list(self._attempts.values())
        if not attempts:
            return
        ours = await self._claims.heartbeat([attempt.job for attempt in attempts])
        for attempt in attempts:
            cancel = ours.get(attempt.job.id)
            if cancel is None and not attempt.over:
                log.warning("job_lost", job=str(attempt.job.id), task=attempt.work.task, plugin=attempt.work.plugin)
                attempt.stop(Stop.LOST)
            elif cancel:
                attempt.stop(Stop.CANCEL)

    async def _run(self, attempt: Attempt) -> None:
        job, work = attempt.job, attempt.work
        structlog.contextvars.bind_contextvars(request_id=job.request_id or str(job.id))
        started = time.monotonic()
        try:
            settled = await attempt.run()
            metrics.job_seconds.labels(work.plugin, work.task).observe(time.monotonic() - started)
            outcome = "lost" if settled is None else _outcome(settled)
            if settled is not None and not await self._settle(job, settled):
                outcome = "lost"
            metrics.jobs.labels(work.plugin, work.task, outcome).inc()
        except Exception:
            # The row stays `running` without a heartbeat, and the sweeper takes it from there.
            log.exception("attempt_broken", job=str(job.id))
        finally:
            self._attempts.pop(job.token, None)
            self._freed()

    async def _settle(self, job: ClaimedJob, settled: Settled) -> bool:
        """Write the outcome, waiting out an outage of Postgres; False when the row was not ours any more."""
        pause, again = 0.2, False
        while True:
            try:
                row = await self._claims.settle(job, settled, again=again)
                break
            except Exception as error:
                if not is_transient(error) or self._giving_up.is_set():
                    raise
                again = True
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._giving_up.wait()
            pause = min(pause * 2, 5.0)
        if row is None:
            log.warning("job_outcome_refused", job=str(job.id), state=settled.state.value)
            return False
        if row["state"] != JobState.QUEUED:
            with _announcing():
                await send_done(self._realtime, row)
        elif not settled.delay:
            self._requeued([job.id])
        return True

    async def _progress(self, job: ClaimedJob, progress: Progress) -> None:
        with _announcing():
            await self._claims.progress(job, progress)
        with _announcing():
            await send_progress(self._realtime, job, progress)

    def _plugin_changed(self, runtime: PluginRuntime, _before: PluginState, after: PluginState) -> None:
        if after in _STOPPED:
            self._stop(self._of(runtime.name), Stop.HAND_BACK)
        elif after is PluginState.STARTING and any(self._of(runtime.name)):
            asyncio.get_running_loop().call_later(DRAIN_SECONDS, self._stop_outdated, runtime)

    def _stop_outdated(self, runtime: PluginRuntime) -> None:
        old = (attempt for attempt in self._of(runtime.name) if attempt.generation != runtime.generation)
        self._stop(old, Stop.HAND_BACK)

    def _of(self, plugin: str) -> list[Attempt]:
        return [attempt for attempt in self._attempts.values() if attempt.job.plugin == plugin]

    def _stop(self, attempts: Iterable[Attempt], why: Stop) -> None:
        for attempt in list(attempts):
            attempt.stop(why)


@contextlib.contextmanager
def _announcing() -> Iterator[None]:
    """Telling pages is worth a try, not a job."""
    try:
        yield
    except Exception as error:
        if not is_transient(error):
            log.exception("job_not_announced")


def _outcome(settled: Settled) -> str:
    if settled.state is not JobState.QUEUED:
        return settled.state.value
    return "retried" if settled.counted else "handed_back"
