"""What becomes of a job: by what its handler returns, raises and ignores."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel
from structlog.contextvars import get_contextvars

from medianest_hub.infrastructure.ids import new_id
from medianest_hub.plugin_api import Job, JobState, Task
from medianest_hub.plugin_api.errors import BadInput, GiveUp, RetryLater, UpstreamError

from .conftest import Process, eventually


class Numbers(BaseModel):
    """Two to add."""

    a: int
    b: int


class Sum(BaseModel):
    """What came out."""

    sum: int


class Odd(BaseModel):
    """Holds what JSON or Postgres do not."""

    text: str
    number: float


async def add(ctx: Any, job: Job[Numbers]) -> Sum:
    return Sum(sum=job.args.a + job.args.b)


async def test_a_job_runs_with_its_arguments_and_keeps_its_result(hub: Process) -> None:
    await hub.plugins.add("maths", tasks=[Task("add", add)])
    async with hub.working():
        job_id = await hub.jobs.enqueue("maths", "main", "add", {"a": 2, "b": 3})
        view = await hub.ended(job_id)
    assert (view.state, view.attempt, view.error_code) == (JobState.DONE, 1, None)
    assert view.started_at is not None
    assert view.finished_at is not None
    assert (await hub.row(job_id))["result"] == '{"sum": 5}'


@pytest.mark.parametrize(
    ("error", "state", "attempts", "code"),
    [
        (GiveUp("This video is private.", code="private"), JobState.FAILED, 1, "private"),
        (BadInput("That is no address."), JobState.FAILED, 1, "bad_input"),
        (UpstreamError("It answered nonsense.", service="plex"), JobState.FAILED, 3, "upstream_error"),
        (RetryLater("Not yet.", retry_after=0.05), JobState.FAILED, 3, "retry_later"),
        (RuntimeError("password=hunter2"), JobState.FAILED, 3, "internal_error"),
        (SystemExit(3), JobState.FAILED, 3, "internal_error"),
        (asyncio.CancelledError(), JobState.FAILED, 3, "internal_error"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
async def test_an_error_ends_a_job_at_once_or_after_its_retries(
    hub: Process, error: BaseException, state: JobState, attempts: int, code: str
) -> None:
    seen: list[tuple[int, bool]] = []

    async def fail(ctx: Any, job: Job) -> None:
        seen.append((job.attempt, job.last_attempt))
        raise error

    await hub.plugins.add("p", tasks=[Task("fail", fail, retries=2)])
    async with hub.working():
        view = await hub.ended(await hub.jobs.enqueue("p", "main", "fail", {}))
    assert (view.state, view.attempt, view.error_code) == (state, attempts, code)
    assert seen == [(number, number == 3) for number in range(1, attempts + 1)]
    assert "hunter2" not in (view.error_message or "")


async def test_a_retry_that_works_forgets_the_error(hub: Process) -> None:
    async def second_time_lucky(ctx: Any, job: Job) -> None:
        if job.attempt == 1:
            raise UpstreamError("Busy.", service="x")

    await hub.plugins.add("p", tasks=[Task("lucky", second_time_lucky)])
    async with hub.working():
        view = await hub.ended(await hub.jobs.enqueue("p", "main", "lucky", {}))
    assert (view.state, view.attempt, view.error_code, view.error_message) == (JobState.DONE, 2, None, None)


async def test_arguments_that_do_not_fit_fail_at_once_and_name_the_field(hub: Process) -> None:
    await hub.plugins.add("maths", tasks=[Task("add", add)])
    async with hub.working():
        view = await hub.ended(await hub.jobs.enqueue("maths", "main", "add", {"a": 1, "b": "secret words"}))
    assert (view.state, view.attempt, view.error_code) == (JobState.FAILED, 1, "bad_arguments")
    assert view.error_message is not None
    assert "b" in view.error_message
    assert "secret" not in view.error_message


async def test_an_attempt_that_takes_too_long_is_cancelled_and_retried(hub: Process) -> None:
    cancelled: list[int] = []

    async def hang(ctx: Any, job: Job) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(job.attempt)
            raise

    await hub.plugins.add("p", tasks=[Task("hang", hang, timeout=0.1, retries=1)])
    async with hub.working():
        view = await hub.ended(await hub.jobs.enqueue("p", "main", "hang", {}))
    assert (view.state, view.attempt, view.error_code) == (JobState.FAILED, 2, "timeout")
    assert cancelled == [1, 2]


async def test_what_postgres_cannot_store_does_not_stop_a_job(hub: Process) -> None:
    async def odd(ctx: Any, job: Job) -> Odd:
        await job.progress(0.5, "nul \x00 here", broken="\ud800", endless=float("inf"))
        return Odd(text="a\x00b", number=float("nan"))

    async def odd_failure(ctx: Any, job: Job) -> None:
        raise GiveUp("a\x00b\ud800")

    await hub.plugins.add("p", tasks=[Task("odd", odd), Task("odd_failure", odd_failure)])
    async with hub.working():
        done = await hub.ended(await hub.jobs.enqueue("p", "main", "odd", {}, unique="\x00u", request_id="\x00r"))
        failed = await hub.ended(await hub.jobs.enqueue("p", "main", "odd_failure", {}))
    assert (done.state, done.progress.text) == (JobState.DONE, "nul  here")
    assert (failed.state, failed.error_message) == (JobState.FAILED, "ab?")


async def test_the_request_that_caused_a_job_is_known_while_it_runs(hub: Process) -> None:
    seen: list[Any] = []

    async def note(ctx: Any, job: Job) -> None:
        seen.append((job.request_id, get_contextvars().get("request_id")))
        if job.request_id == "req-1":
            await ctx.jobs.enqueue("note_again")

    async def note_again(ctx: Any, job: Job) -> None:
        seen.append(job.request_id)

    await hub.plugins.add("p", tasks=[Task("note", note), Task("note_again", note_again)])
    async with hub.working():
        await hub.ended(await hub.jobs.enqueue("p", "main", "note", {}, request_id="req-1"))
        await eventually(lambda: len(seen) == 2)
    assert seen == [("req-1", "req-1"), "req-1"]


async def test_progress_goes_out_at_most_four_times_a_second_and_the_last_word_always(hub: Process) -> None:
    heard = hub.listen()

    async def chatter(ctx: Any, job: Job) -> None:
        ends = asyncio.get_running_loop().time() + 1.5
        number = 0
        while asyncio.get_running_loop().time() < ends:
            number += 1
            await job.progress(0.5, "working", number=number)
            await asyncio.sleep(0.005)
        await job.progress(2.0, "nearly there")

    person = new_id()
    await hub.plugins.add("p", tasks=[Task("chatter", chatter)])
    async with hub.working():
        job_id = await hub.jobs.enqueue("p", "main", "chatter", {}, person=person)
        view = await hub.ended(job_id)
        await eventually(lambda: any(event["event"] == "job:done" for event in heard))
    assert (view.progress.fraction, view.progress.text) == (1.0, "nearly there")
    told = [event for event in heard if event["event"] == "job:progress"]
    assert told[-1]["data"]["progress"]["text"] == "nearly there"
    assert all(event["person"] == str(person) and event["seq"] is None for event in told)
    times = [event["heard_at"] for event in told]
    assert len(times) >= 4
    assert max(sum(start <= at < start + 1.0 for at in times) for start in times) <= 4
    done = heard[-1]
    assert (done["event"], done["data"]["id"], done["data"]["state"]) == ("job:done", str(job_id), "done")
    assert done["seq"] is not None


async def test_cancelling_ends_a_running_job_within_a_second(hub: Process) -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def wait(ctx: Any, job: Job) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    await hub.plugins.add("p", tasks=[Task("wait", wait)])
    async with hub.working():
        job_id = await hub.jobs.enqueue("p", "main", "wait", {})
        await asyncio.wait_for(started.wait(), 5)
        assert await hub.jobs.cancel(job_id)
        await asyncio.wait_for(ended.wait(), 1)
        view = await hub.ended(job_id)
    assert (view.state, view.error_code) == (JobState.CANCELLED, "cancelled")
    assert not await hub.jobs.cancel(job_id)


async def test_a_cancel_whose_hint_was_lost_is_seen_at_the_next_heartbeat(hub: Process) -> None:
    started = asyncio.Event()

    async def wait(ctx: Any, job: Job) -> None:
        started.set()
        await asyncio.Event().wait()

    await hub.plugins.add("p", tasks=[Task("wait", wait)])
    async with hub.working():
        job_id = await hub.jobs.enqueue("p", "main", "wait", {})
        await asyncio.wait_for(started.wait(), 5)
        await hub.db.execute("UPDATE medianest.jobs SET cancel_requested = true WHERE id = $1", job_id)
        assert (await hub.ended(job_id, within=2)).state is JobState.CANCELLED


async def test_a_cancelled_job_is_not_retried_and_frees_its_unique_name(hub: Process) -> None:
    started = asyncio.Event()

    async def stubborn(ctx: Any, job: Job) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise UpstreamError("Gone.", service="x") from None

    await hub.plugins.add("p", tasks=[Task("stubborn", stubborn)])
    async with hub.working():
        job_id = await hub.jobs.enqueue("p", "main", "stubborn", {}, unique="one")
        await asyncio.wait_for(started.wait(), 5)
        await hub.jobs.cancel(job_id)
        other = await hub.jobs.enqueue("p", "main", "stubborn", {}, unique="one")
        assert other != job_id
        assert (await hub.ended(job_id)).state is JobState.CANCELLED
        await hub.jobs.cancel(other)


async def test_switching_a_plugin_off_hands_its_jobs_back_and_on_again_finishes_them(hub: Process) -> None:
    started, may_end = asyncio.Event(), asyncio.Event()

    async def wait(ctx: Any, job: Job) -> None:
        started.set()
        await may_end.wait()

    await hub.plugins.add("p", tasks=[Task("wait", wait, retries=0)])
    async with hub.working():
        job_id = await hub.jobs.enqueue("p", "main", "wait", {})
        await asyncio.wait_for(started.wait(), 5)
        await hub.plugins.switch_off("p")
        view = await hub.in_state(job_id, JobState.QUEUED, within=2)
        assert view.attempt == 0
        may_end.set()
        await hub.plugins.switch_on("p", 2)
        view = await hub.ended(job_id)
    assert (view.state, view.attempt) == (JobState.DONE, 1)


async def test_jobs_of_plugins_that_are_not_here_stay_queued_and_hold_up_nobody(hub: Process) -> None:
    await hub.plugins.add("maths", tasks=[Task("add", add)])
    async with hub.working():
        stranger = await hub.jobs.enqueue("gone", "main", "add", {})
        unknown = await hub.jobs.enqueue("maths", "main", "subtract", {})
        await hub.ended(await hub.jobs.enqueue("maths", "main", "add", {"a": 1, "b": 1}))
        for job_id in (stranger, unknown):
            view = await hub.jobs.get(job_id)
            assert view is not None
            assert (view.state, view.attempt) == (JobState.QUEUED, 0)


async def test_a_handler_that_ignores_its_end_does_not_keep_its_job(
    hub: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medianest_hub.jobs.attempts.END_SECONDS", 0.2)
    let_go = asyncio.Event()

    async def deaf(ctx: Any, job: Job) -> None:
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue

    await hub.plugins.add("p", tasks=[Task("deaf", deaf, timeout=0.1, retries=0)])
    async with hub.working(concurrency=1):
        view = await hub.ended(await hub.jobs.enqueue("p", "main", "deaf", {}), within=3)
        assert (view.state, view.error_code) == (JobState.FAILED, "timeout")
        let_go.set()


async def test_long_work_leaves_room_for_short_work(hub: Process) -> None:
    may_end = asyncio.Event()

    async def wait(ctx: Any, job: Job) -> None:
        await may_end.wait()

    await hub.plugins.add("p", tasks=[Task("long", wait, timeout=3600), Task("add", add, timeout=30)])
    async with hub.working(concurrency=4) as worker:
        for _ in range(6):
            await hub.jobs.enqueue("p", "main", "long", {})
        await eventually(lambda: worker.runner.long_count == 3)
        view = await hub.ended(await hub.jobs.enqueue("p", "main", "add", {"a": 1, "b": 1}), within=3)
        assert view.state is JobState.DONE
        assert worker.runner.long_count == 3
        may_end.set()


async def test_one_persons_many_jobs_do_not_hold_up_anothers(hub: Process) -> None:
    order: list[UUID | None] = []

    async def note(ctx: Any, job: Job) -> None:
        order.append(job.person_id)

    many, one = new_id(), new_id()
    await hub.plugins.add("p", tasks=[Task("note", note)])
    for _ in range(20):
        await hub.jobs.enqueue("p", "main", "note", {}, person=many)
    last = await hub.jobs.enqueue("p", "main", "note", {}, person=one)
    async with hub.working(concurrency=1):
        await hub.ended(last)
    assert order.index(one) <= 2


async def test_a_higher_priority_goes_first(hub: Process) -> None:
    order: list[int] = []

    async def note(ctx: Any, job: Job[Numbers]) -> None:
        order.append(job.args.a)

    await hub.plugins.add("p", tasks=[Task("note", note)])
    for number, priority in ((1, 0), (2, 0), (3, 5)):
        await hub.jobs.enqueue("p", "main", "note", {"a": number, "b": 0}, priority=priority)
    async with hub.working(concurrency=1):
        await eventually(lambda: len(order) == 3)
    assert order == [3, 1, 2]
