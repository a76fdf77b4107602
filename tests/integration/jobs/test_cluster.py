"""Two workers and what may befall them: limits over both, emptied Redis, a dead or frozen worker, a stepped clock."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections import Counter
from typing import Any
from uuid import UUID

import redis.asyncio

from medianest_hub.infrastructure.embedded.postgres import EmbeddedPostgres
from medianest_hub.infrastructure.ids import new_id
from medianest_hub.infrastructure.metrics import registry
from medianest_hub.jobs.sweeper import MOST_LOST, Sweeper
from medianest_hub.plugin_api import Job, JobState, Task

from .conftest import QUICK, Bench, Process, eventually


class Counting:
    """A task that counts how often each job ran and how many ran at once."""

    def __init__(self, lasts: float = 0.0, **options: Any) -> None:
        self.runs: Counter[UUID] = Counter()
        self.at_once = self.most_at_once = 0

        async def work(ctx: Any, job: Job) -> None:
            self.runs[job.id] += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            try:
                await asyncio.sleep(lasts)
            finally:
                self.at_once -= 1

        self.task = Task("work", work, **options)


async def test_two_workers_share_the_jobs_and_run_each_once(bench: Bench) -> None:
    one, two = await bench.process(), await bench.process()
    first, second = Counting(0.01), Counting(0.01)
    await one.plugins.add("p", tasks=[first.task])
    await two.plugins.add("p", tasks=[second.task])
    async with one.working(concurrency=4), two.working(concurrency=4):
        ids = [await one.jobs.enqueue("p", "main", "work", {}) for _ in range(200)]
        await eventually(lambda: sum(first.runs.values()) + sum(second.runs.values()) >= 200)
        for job_id in ids:
            assert (await one.ended(job_id)).state is JobState.DONE
    assert first.runs + second.runs == dict.fromkeys(ids, 1)
    assert first.runs
    assert second.runs


async def test_a_tasks_limit_holds_over_all_workers_and_starves_no_other_task(bench: Bench) -> None:
    counting, free = Counting(0.02, concurrency=2), Counting()
    other = dataclasses.replace(free.task, name="free")
    processes = [await bench.process() for _ in range(2)]
    for process in processes:
        await process.plugins.add("p", tasks=[counting.task, other])
    hub = processes[0]
    async with processes[0].working(), processes[1].working():
        limited = [await hub.jobs.enqueue("p", "main", "work", {}) for _ in range(60)]
        began = time.monotonic()
        unlimited = await hub.jobs.enqueue("p", "main", "free", {})
        await hub.ended(unlimited)
        assert time.monotonic() - began < 1
        await eventually(lambda: counting.runs.total() == 60)
    assert counting.most_at_once == 2
    assert counting.runs == dict.fromkeys(limited, 1)


async def test_an_emptied_redis_loses_no_job_and_doubles_none(bench: Bench) -> None:
    hub = await bench.process()
    counting = Counting(0.02)
    await hub.plugins.add("p", tasks=[counting.task])
    ids = [await hub.jobs.enqueue("p", "main", "work", {}) for _ in range(50)]
    await hub.jobs.close()
    client = redis.asyncio.Redis.from_url(bench.redis_url)
    async with hub.working(concurrency=2):
        await eventually(lambda: counting.runs.total() >= 5)
        await client.flushall()
        await eventually(lambda: counting.runs.total() >= 25)
        await client.flushall()
        await eventually(lambda: counting.runs.total() >= 50)
        for job_id in ids:
            assert (await hub.ended(job_id)).state is JobState.DONE
        # The token reader still reads: a new job is run at once.
        began = time.monotonic()
        await hub.ended(await hub.jobs.enqueue("p", "main", "work", {}))
        assert time.monotonic() - began < 1
    assert set(counting.runs.values()) == {1}
    await client.aclose()


async def test_redis_emptied_while_no_worker_was_there(bench: Bench) -> None:
    hub = await bench.process()
    counting = Counting()
    await hub.plugins.add("p", tasks=[counting.task])
    ids = [await hub.jobs.enqueue("p", "main", "work", {}) for _ in range(50)]
    await hub.jobs.close()
    async with redis.asyncio.Redis.from_url(bench.redis_url) as client:
        await client.flushall()
    began = time.monotonic()
    async with hub.working():
        await eventually(lambda: counting.runs.total() == 50)
    assert time.monotonic() - began < 5
    assert counting.runs == dict.fromkeys(ids, 1)


async def test_ten_thousand_waiting_jobs_slow_down_nobody(hub: Process) -> None:
    counting = Counting()
    quick = dataclasses.replace(counting.task, name="quick")
    await hub.plugins.add("p", tasks=[counting.task, quick])
    crowd = [new_id() for _ in range(10)]
    await hub.db.execute(
        "INSERT INTO medianest.jobs (id, plugin, instance, task, person_id) "
        "SELECT gen_random_uuid(), 'p', 'main', 'work', ($1::uuid[])[1 + n % 10] FROM generate_series(1, 10000) n",
        crowd,
    )
    async with hub.working():
        await eventually(lambda: counting.runs.total() > 100)
        began = time.monotonic()
        mine = await hub.jobs.enqueue("p", "main", "quick", {}, person=new_id())
        assert (await hub.ended(mine)).state is JobState.DONE
        assert time.monotonic() - began < 2.0
        done, began = counting.runs.total(), time.monotonic()
        await eventually(lambda: counting.runs.total() - done > 100)
        assert time.monotonic() - began < 4.0, "fewer than 25 jobs a second"
        await hub.db.execute(
            "UPDATE medianest.jobs SET state = 'cancelled', finished_at = now() WHERE state = 'queued'"
        )


async def test_a_frozen_worker_loses_its_job_and_its_late_outcome_is_refused(bench: Bench) -> None:
    frozen, sound = await bench.process(), await bench.process()
    began, may_end = asyncio.Event(), asyncio.Event()

    async def late(ctx: Any, job: Job) -> None:
        began.set()
        await may_end.wait()
        raise RuntimeError("too late to matter")

    async def in_time(ctx: Any, job: Job) -> None:
        assert job.attempt == 2

    await frozen.plugins.add("p", tasks=[Task("work", late, retries=0)])
    refused = refused_late()
    # Its heart beats so seldom that it is taken for dead.
    async with frozen.working(dataclasses.replace(QUICK, heartbeat=600, sweep=600), concurrency=1):
        job_id = await frozen.jobs.enqueue("p", "main", "work", {})
        await asyncio.wait_for(began.wait(), 5)
        await sound.plugins.add("p", tasks=[Task("work", in_time, retries=0)])
        await _age_postgres(sound)
        async with sound.working():
            view = await sound.ended(job_id)
            assert (view.state, view.attempt) == (JobState.DONE, 2)
            may_end.set()
            await eventually(lambda: refused_late() == refused + 1)
    view = await sound.ended(job_id)
    assert (view.state, view.attempt, view.error_code) == (JobState.DONE, 2, None)


def refused_late() -> int:
    value = registry.get_sample_value("medianest_jobs_total", {"plugin": "p", "task": "work", "outcome": "lost"})
    return int(value or 0)


async def _age_postgres(hub: Process) -> None:
    """The sweeper waits for `dead_after` seconds after Postgres' own start."""
    await eventually(lambda: _old_enough(hub), within=5)


async def _old_enough(hub: Process) -> bool:
    return bool(await hub.db.fetchval("SELECT now() - pg_postmaster_start_time() > interval '1.6 seconds'"))


async def test_a_worker_that_learns_it_lost_its_job_ends_it(hub: Process) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def work(ctx: Any, job: Job) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    await hub.plugins.add("p", tasks=[Task("work", work)])
    async with hub.working():
        job_id = await hub.jobs.enqueue("p", "main", "work", {})
        await asyncio.wait_for(began.wait(), 5)
        await hub.db.execute(
            "UPDATE medianest.jobs SET attempt_token = gen_random_uuid(), heartbeat_at = now() + interval '20 s' "
            "WHERE id = $1",
            job_id,
        )
        await asyncio.wait_for(ended.wait(), 2)
    assert (await hub.row(job_id))["state"] == "running"


async def test_a_job_its_workers_die_of_is_given_up(hub: Process) -> None:
    heard = hub.listen()
    await hub.redis.wait_subscribed()
    await _age_postgres(hub)
    job_id = await hub.jobs.enqueue("p", "main", "poison", {}, person=new_id())
    requeued: list[UUID] = []
    sweeper = Sweeper(hub.db, hub.realtime, requeued.extend, dead_after=1.5)
    for _ in range(MOST_LOST):
        await hub.db.execute(
            "UPDATE medianest.jobs SET state = 'running', attempt = attempt + 1, attempt_token = gen_random_uuid(), "
            "heartbeat_at = now() - interval '2 seconds' WHERE id = $1 AND state = 'queued'",
            job_id,
        )
        await sweeper.sweep()
    view = await hub.jobs.get(job_id)
    assert view is not None
    assert (view.state, view.error_code, view.attempt) == (JobState.FAILED, "worker_lost", MOST_LOST)
    assert requeued == [job_id] * (MOST_LOST - 1)
    await eventually(lambda: [event["event"] for event in heard] == ["job:done"])


async def test_lost_workers_do_not_use_up_a_tasks_retries(hub: Process) -> None:
    seen: list[tuple[int, bool]] = []

    async def work(ctx: Any, job: Job) -> None:
        seen.append((job.attempt, job.last_attempt))

    await hub.plugins.add("p", tasks=[Task("work", work, retries=1)])
    job_id = await hub.jobs.enqueue("p", "main", "work", {})
    await hub.db.execute("UPDATE medianest.jobs SET attempt = 1, lost = 1 WHERE id = $1", job_id)
    async with hub.working():
        await hub.ended(job_id)
    assert seen == [(2, False)]


async def test_a_clock_set_back_stops_no_job(hub: Process) -> None:
    """As if Postgres' clock had been set back three hours: all its times lie in the future."""
    counting = Counting()
    await hub.plugins.add("p", tasks=[counting.task])
    await _age_postgres(hub)
    waiting = await hub.jobs.enqueue("p", "main", "work", {})
    delayed = await hub.jobs.enqueue("p", "main", "work", {}, delay=3600)
    orphan = await hub.jobs.enqueue("p", "main", "work", {})
    await hub.db.execute(
        "UPDATE medianest.jobs SET queued_at = queued_at + interval '3 h', run_at = run_at + interval '3 h'"
    )
    await hub.db.execute(
        "UPDATE medianest.jobs SET state = 'running', attempt = 1, attempt_token = gen_random_uuid(), "
        "heartbeat_at = now() + interval '3 hours' WHERE id = $1",
        orphan,
    )
    async with hub.working():
        assert (await hub.ended(waiting, within=5)).state is JobState.DONE
        assert (await hub.ended(orphan, within=5)).state is JobState.DONE
        due_in = await hub.db.fetchval("SELECT run_at - now() FROM medianest.jobs WHERE id = $1", delayed)
        assert 3500 < due_in.total_seconds() <= 3600


async def test_postgres_restarted_in_the_middle_of_jobs(bench: Bench, own_postgres: EmbeddedPostgres) -> None:
    bench.postgres_url = own_postgres.url
    hub = await bench.process()
    began, may_end = asyncio.Event(), asyncio.Event()
    runs = 0

    async def work(ctx: Any, job: Job) -> None:
        nonlocal runs
        runs += 1
        began.set()
        await may_end.wait()

    counting = Counting()
    await hub.plugins.add("p", tasks=[Task("wait", work, retries=0), counting.task])
    async with hub.working() as worker:
        job_id = await hub.jobs.enqueue("p", "main", "wait", {})
        await asyncio.wait_for(began.wait(), 5)
        own_postgres.stop()
        may_end.set()  # it ends while nobody can be told
        await eventually(lambda: not worker.healthy)
        own_postgres.start()
        await eventually(own_postgres.ready)
        view = await hub.ended(job_id)
        assert (view.state, view.attempt, runs) == (JobState.DONE, 1, 1)
        await eventually(lambda: worker.healthy)
        await hub.ended(await hub.jobs.enqueue("p", "main", "work", {}))


async def test_old_rows_are_forgotten_and_young_ones_kept(hub: Process) -> None:
    ids = [await hub.jobs.enqueue("p", "main", "t", {}) for _ in range(2)]
    await hub.db.execute(
        "UPDATE medianest.jobs SET state = 'done', "
        "finished_at = now() - make_interval(days => CASE id WHEN $1 THEN 31 ELSE 29 END)",
        ids[0],
    )
    await hub.outbox.emit("p:thing.done", 1, "p", "main", {})
    await hub.db.execute("UPDATE medianest.outbox SET dispatched_at = now() - interval '8 days'")
    await Sweeper(hub.db, hub.realtime, list).prune()
    assert [job.id for job in await hub.jobs.list()] == ids[1:]
    assert await hub.db.fetchval("SELECT count(*) FROM medianest.outbox") == 0
