"""Streams: one per cluster, handed over when the holder dies, never two at a time."""

from __future__ import annotations

import asyncio
import dataclasses
from itertools import pairwise
from typing import Any

import pytest

from medianest_hub.infrastructure.embedded.postgres import EmbeddedPostgres
from medianest_hub.jobs.leases import LeaseStore
from medianest_hub.plugin_api import Lease, Stream
from medianest_hub.plugin_api.errors import Unavailable

from .conftest import QUICK, Bench, Process, eventually


class Listening:
    """A stream that notes who holds it; `begun` holds the fences in order."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.open: set[int] = set()
        self.most_open = 0

    async def run(self, ctx: Any, lease: Lease) -> None:
        self.begun.append(lease.fence)
        self.open.add(lease.fence)
        self.most_open = max(self.most_open, len(self.open))
        try:
            await asyncio.Event().wait()
        finally:
            self.open.discard(lease.fence)


async def pair(bench: Bench, stream: Stream) -> tuple[Process, Process]:
    processes = await bench.process(), await bench.process()
    for process in processes:
        await process.plugins.add("p", streams=[stream])
    return processes


async def test_two_workers_run_a_stream_once_and_hand_it_over_at_once_when_one_stops(bench: Bench) -> None:
    listening = Listening()
    one, two = await pair(bench, Stream("ear", listening.run))
    async with two.working():
        await eventually(lambda: listening.begun == [1])
        async with one.working():
            await asyncio.sleep(0.8)
            assert listening.begun == [1]
            await two.plugins.switch_off("p")
            await eventually(lambda: listening.begun == [1, 2], within=1)
            await two.plugins.switch_on("p", 2)
        await eventually(lambda: listening.begun == [1, 2, 3], within=1)
    assert listening.most_open == 1
    assert not listening.open


async def test_a_dead_holders_lease_runs_out_and_another_takes_it_with_a_larger_fence(bench: Bench) -> None:
    listening = Listening()
    one, _ = await pair(bench, Stream("ear", listening.run))
    dead = LeaseStore(one.db, "dead", seconds=2.0)
    assert await dead.acquire(["p:main:ear"]) == {"p:main:ear": 1}
    async with one.working():
        await eventually(lambda: listening.begun == [2], within=3.5)
        assert await dead.renew({"p:main:ear": 1}) == set()


async def test_a_lease_from_a_clock_since_set_back_is_taken_over(hub: Process) -> None:
    listening = Listening()
    await LeaseStore(hub.db, "dead").acquire(["p:main:ear"])
    await hub.db.execute("UPDATE medianest.leases SET expires_at = now() + interval '3 hours'")
    await hub.plugins.add("p", streams=[Stream("ear", listening.run)])
    async with hub.working():
        await eventually(lambda: listening.begun == [2], within=4)


async def test_a_stream_that_ends_or_fails_is_begun_again_with_the_same_lease(hub: Process) -> None:
    fences: list[int] = []

    async def breaks(ctx: Any, lease: Lease) -> None:
        fences.append(lease.fence)
        if len(fences) == 1:
            return
        if len(fences) == 2:
            raise Unavailable("The service is away.")
        if len(fences) == 3:
            raise SystemExit(1)
        if len(fences) == 4:
            raise asyncio.CancelledError
        await asyncio.Event().wait()

    await hub.plugins.add("p", streams=[Stream("ear", breaks)])
    async with hub.working():
        await eventually(lambda: len(fences) == 5, within=5)
    assert fences == [1] * 5


async def test_pauses_between_failures_grow_up_to_their_limit(hub: Process) -> None:
    at: list[float] = []

    async def breaks(ctx: Any, lease: Lease) -> None:
        at.append(asyncio.get_running_loop().time())
        raise Unavailable("Away.")

    await hub.plugins.add("p", streams=[Stream("ear", breaks, max_backoff=0.4)])
    async with hub.working():
        await eventually(lambda: len(at) >= 7)
    gaps = [later - earlier for earlier, later in pairwise(at)]
    assert gaps[0] < 0.19
    assert all(0.19 < gap < 1.0 for gap in gaps[4:])


async def test_a_new_generation_of_settings_begins_the_stream_anew(hub: Process) -> None:
    generations: list[int] = []

    async def listen(ctx: Any, lease: Lease) -> None:
        generations.append(ctx.generation)
        await asyncio.Event().wait()

    await hub.plugins.add("p", streams=[Stream("ear", listen)])
    async with hub.working():
        await eventually(lambda: generations == [1])
        await hub.plugins.switch_on("p", 2)
        await eventually(lambda: generations == [1, 2], within=2)


async def test_switching_the_plugin_off_ends_its_stream_at_once(hub: Process) -> None:
    listening = Listening()
    await hub.plugins.add("p", streams=[Stream("ear", listening.run)])
    async with hub.working() as worker:
        await eventually(lambda: bool(listening.open))
        await hub.plugins.switch_off("p")
        await eventually(lambda: not listening.open, within=1)
        await eventually(lambda: not worker.streams.held(), within=1)


async def test_a_worker_cut_off_from_postgres_ends_its_stream_before_another_may_begin(
    bench: Bench, own_postgres: EmbeddedPostgres
) -> None:
    bench.postgres_url = own_postgres.url
    hub = await bench.process()
    ended_at: list[float] = []

    async def listen(ctx: Any, lease: Lease) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended_at.append(asyncio.get_running_loop().time())

    await hub.plugins.add("p", streams=[Stream("ear", listen)])
    async with hub.working() as worker:
        await eventually(lambda: bool(worker.streams.held()))
        own_postgres.stop()
        cut_off = asyncio.get_running_loop().time()
        await eventually(lambda: bool(ended_at), within=QUICK.lease)
        assert ended_at[0] - cut_off < QUICK.lease
        own_postgres.start()
        await eventually(lambda: bool(worker.streams.held()), within=10)


async def test_a_stream_that_does_not_end_is_not_begun_twice_here(
    hub: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medianest_hub.jobs.streams.END_SECONDS", 0.1)
    let_go = asyncio.Event()
    open_streams: list[int] = []

    async def deaf(ctx: Any, lease: Lease) -> None:
        open_streams.append(lease.fence)
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue

    await hub.plugins.add("p", streams=[Stream("ear", deaf)])
    async with hub.working(dataclasses.replace(QUICK, lease=1.0)) as worker:
        await eventually(lambda: open_streams == [1])
        await hub.plugins.switch_off("p")
        await eventually(lambda: not worker.streams.held())
        # The lease was not given up early: it runs out by itself.
        left = await hub.db.fetchval("SELECT expires_at > now() FROM medianest.leases")
        assert left
        let_go.set()
