"""Makes one attempt at one claimed job: calls the handler within its time and says what came of it. Writes no row."""

from __future__ import annotations

import asyncio
import contextlib
from enum import Enum, auto
from typing import Any

import structlog
from pydantic import BaseModel, ValidationError

from medianest_hub.jobs import outcomes
from medianest_hub.jobs.documents import to_document
from medianest_hub.jobs.handlers import Work
from medianest_hub.jobs.outcomes import Backoff
from medianest_hub.jobs.progress import ProgressReporter
from medianest_hub.jobs.rows import ClaimedJob, Settled
from medianest_hub.plugin_api.errors import HubError
from medianest_hub.plugin_api.tasks import Job, JobState
from medianest_hub.plugin_host.bounded import contained
from medianest_hub.plugin_host.runtime import PluginRuntime

log = structlog.get_logger(__name__)

END_SECONDS = 5.0
"""How long a handler may take to end after it was told to; then its row is settled without it."""

NOT_RUNNING_DELAY = 5.0
"""Seconds until a job is looked at again whose plugin stopped serving just as it began."""


class Stop(Enum):
    """Why an attempt is ended from outside."""

    CANCEL = auto()
    """Somebody asked for it."""
    HAND_BACK = auto()
    """The worker or the plugin stops: the job is done elsewhere or later."""
    LOST = auto()
    """The row belongs to another attempt by now."""
    TIMEOUT = auto()
    """It took longer than its task may."""


class _NotRunning(Exception):
    """The plugin does not serve right now."""


class _BadArguments(Exception):
    """The row's arguments are not what the handler takes."""

    def __init__(self, error: ValidationError) -> None:
        super().__init__(str(error))
        self.error = error


class Attempt:
    """One run of a handler. `run` it once; `stop` may be called at any time, the first reason counts."""

    def __init__(
        self, job: ClaimedJob, work: Work, runtime: PluginRuntime, progress: ProgressReporter, backoff: Backoff
    ) -> None:
        self.job = job
        self.work = work
        self.generation = runtime.generation
        self.stopped: Stop | None = None
        self._runtime = runtime
        self._progress = progress
        self._backoff = backoff
        self._call: asyncio.Task[Any] | None = None
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def over(self) -> bool:
        """Whether the handler has ended, or is no longer waited for."""
        return self._over.done()

    def stop(self, why: Stop) -> None:
        """End the handler as soon as it lets itself be ended."""
        if self.stopped is not None or self.over:
            return
        self.stopped = why
        if self._call is None:
            self._end()
            return
        self._call.cancel()
        asyncio.get_running_loop().call_later(END_SECONDS, self._end)

    async def run(self) -> Settled | None:
        """What to write into the row; None when there is nothing to write because the job was lost."""
        if self.stopped is None:
            self._call = asyncio.create_task(self._handle(), name=f"job:{self.work.plugin}.{self.work.task}")
            self._call.add_done_callback(self._end)
            deadline = asyncio.get_running_loop().call_later(self.work.timeout, self.stop, Stop.TIMEOUT)
            try:
                await self._over
            finally:
                deadline.cancel()
        await self._progress.close()
        return self._settled()

    def _end(self, call: asyncio.Task[Any] | None = None) -> None:
        if call is not None and not call.cancelled():
            call.exception()  # looked at, so that asyncio does not complain where nobody needs it any more
        if not self.over:
            self._over.set_result(None)

    async def _handle(self) -> Any:
        with contextlib.ExitStack() as stack:
            try:
                context = stack.enter_context(self._runtime.use())
            except HubError as error:
                raise _NotRunning from error
            try:
                args = self.work.model.model_validate(self.job.args)
            except ValidationError as error:
                raise _BadArguments(error) from error
            given = args if self.work.is_listener else self._job(args)
            return await contained(self.work.handler(context, given))

    def _job(self, args: BaseModel) -> Job[Any]:
        return Job(
            id=self.job.id,
            args=args,
            attempt=self.job.attempt,
            last_attempt=self._is_last,
            attempt_token=self.job.token,
            person_id=self.job.person_id,
            request_id=self.job.request_id,
            progress=self._progress,
        )

    @property
    def _is_last(self) -> bool:
        return self.job.is_last(self.work.retries)

    def _settled(self) -> Settled | None:
        call = self._call
        if self.stopped is Stop.LOST:
            return None
        if call is not None and not call.done():
            log.error("job_does_not_stop", plugin=self.work.plugin, task=self.work.task, job=str(self.job.id))
        if self.stopped is Stop.CANCEL:
            return outcomes.CANCELLED
        if call is not None and call.done() and not call.cancelled() and call.exception() is None:
            return self._done(call.result())
        if self.stopped is Stop.HAND_BACK:
            return outcomes.handed_back()
        if self.stopped is Stop.TIMEOUT:
            return outcomes.of_timeout(self.work.timeout, **self._tries)
        return self._failed(call)

    @property
    def _tries(self) -> Any:
        return {"last": self._is_last, "attempts": self.job.attempt - self.job.lost, "backoff": self._backoff}

    def _done(self, result: Any) -> Settled:
        try:
            return Settled(JobState.DONE, result=None if result is None else to_document(result))
        except ValueError:
            log.exception("job_result_unusable", plugin=self.work.plugin, task=self.work.task)
            return Settled(JobState.DONE)

    def _failed(self, call: asyncio.Task[Any] | None) -> Settled:
        error: BaseException | None = None
        if call is not None:
            error = asyncio.CancelledError() if call.cancelled() else call.exception()
        if isinstance(error, _NotRunning):
            return outcomes.handed_back(NOT_RUNNING_DELAY)
        if isinstance(error, _BadArguments):
            return outcomes.of_bad_arguments(error.error)
        settled = outcomes.of_error(error or RuntimeError(), **self._tries)
        known = isinstance(error, HubError)
        log.log(
            30,
            "job_attempt_failed",
            plugin=self.work.plugin,
            task=self.work.task,
            job=str(self.job.id),
            attempt=self.job.attempt,
            code=settled.error_code,
            final=settled.state is JobState.FAILED,
            error=str(error) if known else None,
            exc_info=None if known else error,
        )
        return settled
