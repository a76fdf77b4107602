"""Queueing, listing and cancelling as every process may."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from medianest_hub.infrastructure.embedded.valkey import EmbeddedValkey
from medianest_hub.infrastructure.ids import new_id
from medianest_hub.plugin_api import Job, JobState, Task
from medianest_hub.plugin_api.errors import TooMany

from .conftest import Bench, Process, eventually, rolled_back


class Recorder:
    """A task that notes when it ran."""

    def __init__(self) -> None:
        self.ran_at: list[float] = []
        self.ran = asyncio.Event()

    def task(self, name: str = "note", **options: Any) -> Task:
        async def note(ctx: Any, job: Job) -> None:
            self.ran_at.append(time.monotonic())
            self.ran.set()

        return Task(name, note, **options)


async def test_a_unique_job_is_queued_once_while_it_lives(hub: Process) -> None:
    first = await hub.jobs.enqueue("p", "main", "t", {}, unique="x")
    assert await hub.jobs.enqueue("p", "main", "t", {}, unique="x") == first
    assert await hub.jobs.enqueue("p", "main", "t", {}, unique="y") != first
    assert await hub.jobs.enqueue("p", "main", "other", {}, unique="x") != first
    assert await hub.jobs.cancel(first)
    assert await hub.jobs.enqueue("p", "main", "t", {}, unique="x") != first


async def test_a_unique_job_is_queued_once_by_many_at_the_same_time(hub: Process) -> None:
    ids = await asyncio.gather(*(hub.jobs.enqueue("p", "main", "t", {}, unique="x") for _ in range(20)))
    assert len(set(ids)) == 1


async def test_more_than_may_wait_are_refused_with_words(hub: Process) -> None:
    for _ in range(3):
        await hub.jobs.enqueue("p", "main", "t", {}, max_queued=3)
    with pytest.raises(TooMany) as refused:
        await hub.jobs.enqueue("p", "main", "t", {}, max_queued=3)
    assert refused.value.error_code == "queue_full"
    assert refused.value.retry_after is not None
    await hub.jobs.enqueue("p", "main", "other", {}, max_queued=3)


async def test_a_queued_job_starts_at_once(bench: Bench) -> None:
    hub, web = await bench.process(), await bench.process(worker=False)
    recorder = Recorder()
    await hub.plugins.add("p", tasks=[recorder.task()])
    async with hub.working():
        await asyncio.sleep(0.2)  # idle: only the token can wake it before it looks by itself
        began = time.monotonic()
        await web.jobs.enqueue("p", "main", "note", {})
        await asyncio.wait_for(recorder.ran.wait(), 5)
    assert recorder.ran_at[0] - began < 1.0


async def test_a_job_of_a_transaction_starts_at_once_when_it_commits_and_not_before(hub: Process) -> None:
    recorder = Recorder()
    await hub.plugins.add("p", tasks=[recorder.task()])
    async with hub.working():
        async with hub.db.transaction() as tx:
            job_id = await hub.jobs.enqueue("p", "main", "note", {}, tx=tx)
            await asyncio.sleep(0.2)
            assert not recorder.ran.is_set()
        committed = time.monotonic()
        await hub.ended(job_id)
    assert recorder.ran_at[0] - committed < 1.0


async def test_a_job_of_a_transaction_that_fails_never_was(hub: Process) -> None:
    async with rolled_back(hub.db) as tx:
        job_id = await hub.jobs.enqueue("p", "main", "note", {}, tx=tx)
    assert await hub.jobs.get(job_id) is None


async def test_a_delayed_job_runs_when_it_is_due(hub: Process) -> None:
    recorder = Recorder()
    await hub.plugins.add("p", tasks=[recorder.task()])
    async with hub.working():
        began = time.monotonic()
        await hub.ended(await hub.jobs.enqueue("p", "main", "note", {}, delay=0.7))
    assert 0.65 < recorder.ran_at[0] - began < 1.5


async def test_lists_are_newest_first_and_go_on_at_the_cursor(hub: Process) -> None:
    ada, bob = new_id(), new_id()
    of_ada = [await hub.jobs.enqueue("p", "main", "t", {}, person=ada) for _ in range(5)]
    of_bob = await hub.jobs.enqueue("q", "main", "t", {}, person=bob)
    first = await hub.jobs.list(person=ada, limit=3)
    rest = await hub.jobs.list(person=ada, before=first[-1].id, limit=3)
    assert [job.id for job in (*first, *rest)] == of_ada[::-1]
    assert [job.id for job in await hub.jobs.list(limit=2)] == [of_bob, of_ada[-1]]
    assert [job.id for job in await hub.jobs.list(plugin="q")] == [of_bob]
    await hub.jobs.cancel(of_ada[0])
    assert [job.id for job in await hub.jobs.list(person=ada, state=JobState.CANCELLED)] == [of_ada[0]]


async def test_cancelling_a_waiting_job_ends_it_at_once_and_says_so(hub: Process) -> None:
    heard = hub.listen()
    await hub.redis.wait_subscribed()
    job_id = await hub.jobs.enqueue("p", "main", "t", {}, person=new_id())
    assert await hub.jobs.cancel(job_id)
    view = await hub.jobs.get(job_id)
    assert view is not None
    assert view.state is JobState.CANCELLED
    assert not await hub.jobs.cancel(job_id)
    assert not await hub.jobs.cancel(new_id())
    await eventually(lambda: [event["event"] for event in heard] == ["job:done"])


async def test_without_redis_jobs_are_queued_run_and_cancelled_all_the_same(
    bench: Bench, valkey_server: EmbeddedValkey
) -> None:
    bench.redis_url = valkey_server.url
    hub, web = await bench.process(), await bench.process(worker=False)
    started = asyncio.Event()

    async def wait(ctx: Any, job: Job) -> None:
        started.set()
        await asyncio.Event().wait()

    recorder = Recorder()
    await hub.plugins.add("p", tasks=[recorder.task(), Task("wait", wait)])
    async with hub.working():
        valkey_server.stop()
        began = time.monotonic()
        await hub.ended(await web.jobs.enqueue("p", "main", "note", {}), within=4)
        assert recorder.ran_at[0] - began < 3
        waiting = await web.jobs.enqueue("p", "main", "wait", {})
        await asyncio.wait_for(started.wait(), 4)
        await web.jobs.cancel(waiting)
        assert (await hub.ended(waiting, within=2)).state is JobState.CANCELLED
        # And with it again, as if nothing had happened: tokens are read once more.
        valkey_server.start()
        await eventually(lambda: not web.redis.is_away)
        await hub.ended(await web.jobs.enqueue("p", "main", "note", {}), within=4)
        assert await web.jobs.dispatcher.push(new_id())
        await eventually(lambda: _no_tokens_left(web), within=5)


async def _no_tokens_left(hub: Process) -> bool:
    return int(await hub.redis.call("LLEN", "saq:mn-jobs:queued")) == 0
