"""A stream whose service refuses it for good: its plugin stops in that worker and asks the admin, and nobody asks on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from medianest_hub.infrastructure.http_client import HttpClients
from medianest_hub.plugin_api import Job, Lease, PluginSettings, Stream, Task
from medianest_hub.plugin_api.errors import AuthFailed, ConfigInvalid, FieldProblem, HubError, Unavailable
from medianest_hub.plugin_host.runtime import PluginRuntime
from medianest_hub.plugin_host.states import PluginState
from medianest_hub.testing import FakeUpstream

from .conftest import Bench, Process, eventually

REFUSED = AuthFailed("The station refuses the token.")
IMPOSSIBLE = ConfigInvalid(
    "That is no station.", fields=[FieldProblem(field="url", code="odd", message="it answers as a printer")]
)


class Refused:
    """A stream that raises `error` until it is None; `begun` holds (generation, fence)."""

    def __init__(self, error: HubError | None) -> None:
        self.error = error
        self.begun: list[tuple[int, int]] = []

    async def run(self, ctx: Any, lease: Lease) -> None:
        self.begun.append((ctx.generation, lease.fence))
        if self.error is not None:
            raise self.error
        await asyncio.Event().wait()


async def settles(runtime: PluginRuntime, state: PluginState) -> str:
    await eventually(lambda: runtime.state is state)
    return runtime.reason


async def begins(stream: Refused, times: int) -> None:
    await eventually(lambda: len(stream.begun) == times)


async def free(hub: Process) -> bool:
    """Whether nobody holds any lease."""
    return bool(await hub.db.fetchval("SELECT bool_and(expires_at <= now()) FROM medianest.leases"))


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (REFUSED, PluginState.NEEDS_ATTENTION, "The station refuses the token."),
        (IMPOSSIBLE, PluginState.FAILED, "That is no station. url: it answers as a printer"),
    ],
)
async def test_the_plugin_stops_with_the_errors_words_and_the_lease_is_given_up(
    hub: Process, error: HubError, state: PluginState, reason: str
) -> None:
    stream = Refused(error)
    runtime = await hub.plugins.add("p", streams=[Stream("ear", stream.run)])
    async with hub.working() as worker:
        assert await settles(runtime, state) == reason
        await eventually(lambda: not worker.streams.held(), within=1)
        await eventually(lambda: free(hub), within=1)
        await runtime.settled()  # its context is closed: the stream no longer uses it
        assert runtime.generation == 1


async def test_it_is_begun_again_once_for_each_generation_and_never_by_itself(hub: Process) -> None:
    stream = Refused(REFUSED)
    runtime = await hub.plugins.add("p", streams=[Stream("ear", stream.run, max_backoff=0.01)])
    async with hub.working() as worker:
        await settles(runtime, PluginState.NEEDS_ATTENTION)
        for generation in (2, 3):
            await eventually(lambda: not worker.streams.held())
            worker.streams.loop.wake()
            await runtime.start(generation, PluginSettings())
            await begins(stream, generation)
            await settles(runtime, PluginState.NEEDS_ATTENTION)
        await hub.plugins.switch_off("p")
        stream.error = None
        await hub.plugins.switch_on("p", 4)
        await begins(stream, 4)
        assert runtime.running
        assert worker.streams.held() == {"p:main:ear": 4}
    assert stream.begun == [(1, 1), (2, 2), (3, 3), (4, 4)]


async def test_another_worker_is_refused_once_as_well_and_then_nobody_asks(bench: Bench) -> None:
    stream = Refused(REFUSED)
    one, two = await bench.process(), await bench.process()
    runtimes = [await process.plugins.add("p", streams=[Stream("ear", stream.run)]) for process in (one, two)]
    async with one.working(), two.working():
        for runtime in runtimes:
            await settles(runtime, PluginState.NEEDS_ATTENTION)
        await eventually(lambda: free(one), within=1)
    assert stream.begun == [(1, 1), (1, 2)]


async def test_a_service_that_answers_401_refuses(hub: Process, fake_upstream: FakeUpstream) -> None:
    clients = HttpClients()
    http = clients.client("p")
    fake_upstream.answer("GET", "/listen", status=401)

    async def listen(ctx: Any, lease: Lease) -> None:
        await http.request("GET", f"{fake_upstream.url}/listen", service="The station")

    runtime = await hub.plugins.add("p", streams=[Stream("ear", listen)])
    async with hub.working():
        assert await settles(runtime, PluginState.NEEDS_ATTENTION) == "The station refused the credentials (401)."
    await clients.close()
    assert len(fake_upstream.requests) == 1


async def test_its_other_streams_end_and_its_jobs_wait_for_the_next_generation(hub: Process) -> None:
    stream, other, done = Refused(Unavailable("Away.")), Refused(None), asyncio.Event()

    async def work(ctx: Any, job: Job) -> None:
        done.set()

    streams = [Stream("ear", stream.run, max_backoff=0.05), Stream("eye", other.run)]
    runtime = await hub.plugins.add("p", streams=streams, tasks=[Task("work", work)])
    async with hub.working() as worker:
        await eventually(lambda: bool(other.begun) and len(stream.begun) > 1)
        stream.error = REFUSED
        await settles(runtime, PluginState.NEEDS_ATTENTION)
        await eventually(lambda: not worker.streams.held(), within=1)
        job = await hub.jobs.enqueue("p", "main", "work", {})
        stream.error = None
        assert not done.is_set()
        await hub.plugins.switch_on("p", 2)
        await hub.ended(job)
        await eventually(lambda: len(worker.streams.held()) == 2)
    assert done.is_set()


async def test_a_refusal_that_comes_after_the_next_generation_began_stops_nothing(hub: Process) -> None:
    runtime = await hub.plugins.add("p")
    await hub.plugins.switch_on("p", 2)
    assert not runtime.give_up(1, REFUSED)
    assert runtime.running
    assert runtime.give_up(2, REFUSED)
    assert not runtime.give_up(2, REFUSED)


async def test_pages_of_admins_hear_why(hub: Process) -> None:
    runtime = await hub.plugins.add("p", streams=[Stream("ear", Refused(REFUSED).run)])
    heard = hub.listen()
    async with hub.working():
        await settles(runtime, PluginState.NEEDS_ATTENTION)
        await eventually(lambda: any(event["event"] == "plugin:state" for event in heard))
    (event,) = (event for event in heard if event["event"] == "plugin:state")
    assert event["permission"] == "hub.admin"
    assert event["data"] == {
        "plugin": "p",
        "instance": "main",
        "state": "needs_attention",
        "reason": "The station refuses the token.",
    }
