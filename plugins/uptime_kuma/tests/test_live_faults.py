"""What can go wrong with the live connection alone: silence, events that cannot be read, log-ins that are not taken."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from medianest_uptime_kuma.models import Status
from tests.simulators.uptime_kuma.server import KumaSimulator

from .conftest import PASSWORD, USERNAME, Ctx, RunningClock, until, watching
from .reading import be_impatient, is_now, is_well, monitors, trouble, with_fields


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    be_impatient(monkeypatch)


class FastClock(RunningClock):
    """`ahead` seconds have passed by every clock."""

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


@pytest.fixture
def kuma_that_pings() -> Iterator[KumaSimulator]:
    simulator = KumaSimulator()
    simulator.pings = (0.5, 1.5)
    simulator.beat(simulator.add("Web").id, 1)
    with simulator.running():
        yield simulator


async def live_on(make, kuma: KumaSimulator) -> Ctx:
    return await make(kuma.url, username=USERNAME, password=PASSWORD)


async def test_a_connection_that_only_stays_open_is_noticed_by_its_silence(make, kuma_that_pings):
    kuma = kuma_that_pings
    ctx = await live_on(make, kuma)
    async with watching(ctx):
        await until(lambda: is_now(ctx, "Web", Status.UP))
        kuma.silence()
        words = await until(lambda: trouble(ctx, "has said nothing"))
        assert words == "Uptime Kuma has said nothing for 1.5 seconds, not even that it is there."
        kuma.silence(False)
        kuma.beat(1, 0)
        await until(lambda: is_now(ctx, "Web", Status.DOWN))


async def test_a_connection_that_tells_of_no_check_any_more_is_begun_anew(make, kuma2):
    kuma2.beat(kuma2.add("Web").id, 1)
    ctx = await live_on(make, kuma2)
    clock = FastClock()
    object.__setattr__(ctx, "clock", clock)
    async with watching(ctx):
        await until(lambda: is_now(ctx, "Web", Status.UP))
        clock.ahead += 4 * 20 + 120 + 5
        await until(lambda: kuma2.token_logins == 1)
        lines = [line for line in ctx.log.lines if line.event == "uptime_kuma_down"]
        assert "has told of no check for" in lines[0].fields["trouble"]


async def test_events_that_cannot_be_read_are_said_once_and_the_others_are_taken(make, kuma2):
    kuma2.beat(kuma2.add("Web").id, 1)
    ctx = await live_on(make, kuma2)
    async with watching(ctx):
        await until(lambda: is_now(ctx, "Web", Status.UP))
        for fault in ("half", "other_shape", "half", "nothing"):
            kuma2.faults.set("heartbeat", fault, times=1)
            kuma2.beat(1, 2)
        for event in ("uptime", "cert_info", "maintenance_list", "info", "heartbeat_list", "status_page_list"):
            kuma2.faults.set(event, "other_shape", times=1)
        kuma2.cert(1, 12)
        kuma2.start_maintenance("Planned work", [1])
        kuma2.beat(1, 0)
        await until(lambda: is_now(ctx, "Web", Status.DOWN))
        assert await is_well(ctx)
    lines = [
        line.fields["kuma_event"] for line in ctx.log.lines if line.event == "uptime kuma sent something unexpected"
    ]
    assert len(lines) == len(set(lines))
    assert "heartbeat" in lines


async def test_a_list_of_monitors_that_is_none_begins_the_connection_anew_and_deletes_nobody(make, kuma2):
    kuma2.beat(kuma2.add("Web").id, 1)
    ctx = await live_on(make, kuma2)
    async with watching(ctx):
        before = await until(lambda: is_now(ctx, "Web", Status.UP))
        kuma2.faults.set("update_monitor_into_list", "other_shape", times=1)
        kuma2.change(1, name="Site")
        after = await until(lambda: is_now(ctx, "Site", Status.UP))
        assert after.id == before.id
        assert set(await monitors(ctx)) == {"Site"}


async def test_a_burst_that_is_cut_loses_nobody(make, kuma2):
    for name in ("Web", "Nas"):
        kuma2.beat(kuma2.add(name).id, 1)
    ctx = await live_on(make, kuma2)
    async with watching(ctx):
        await until(lambda: is_now(ctx, "Nas", Status.UP))
        before = {one.id for one in (await monitors(ctx)).values()}
        kuma2.faults.set("burst", "cut", times=3)
        await asyncio.to_thread(kuma2.kick)
        await until(lambda: kuma2.token_logins == 4 and kuma2.logged_in == 1)
        await until(lambda: is_well(ctx))
        kuma2.beat(1, 0)
        await until(lambda: is_now(ctx, "Web", Status.DOWN))
    assert {one.id for one in (await monitors(ctx)).values()} == before


async def test_a_token_that_is_not_taken_for_some_reason_is_replaced_by_one_log_in(make, kuma2):
    kuma2.beat(kuma2.add("Web").id, 1)
    ctx = await live_on(make, kuma2)
    async with watching(ctx):
        await until(lambda: is_now(ctx, "Web", Status.UP))
        kuma2.faults.set("login_by_token", "500", times=1)
        await asyncio.to_thread(kuma2.kick)
        await until(lambda: kuma2.logins == 2 and kuma2.logged_in == 1)
        await until(lambda: is_well(ctx))


async def test_too_many_log_ins_are_waited_out(make, kuma2):
    kuma2.beat(kuma2.add("Web").id, 1)
    ctx = await live_on(make, kuma2)
    kuma2.world.may_try(20)
    async with watching(ctx):
        await until(lambda: trouble(ctx, "too many log-ins at Uptime Kuma"))
        kuma2.world.advance(61)
        await until(lambda: is_now(ctx, "Web", Status.UP))


async def test_what_is_wrong_where_the_page_shown_first_is_asked_for_is_borne(make, kuma2):
    kuma2.world.entry_page = "statusPage-main"
    kuma2.beat(kuma2.add("Web").id, 1)
    ctx = await make(kuma2.url)
    kuma2.faults.set("entry", "html_401")
    async with watching(ctx):
        for fault in ("other_shape", "503", "not_json"):
            await until(lambda: trouble(ctx, "Uptime Kuma"))
            kuma2.faults.set("entry", fault)
        kuma2.faults.clear()
        await until(lambda: is_now(ctx, "Web", Status.UP))


async def test_it_may_stop_and_come_back(make, kuma2):
    kuma2.beat(kuma2.add("Web").id, 1)
    every = {"username": USERNAME, "password": PASSWORD, "api_key": kuma2.world.api_key(), "status_pages": ["main"]}
    ctx = await make(kuma2.url, **every)
    for fence, way in enumerate(("metrics", "live", "status_page"), start=1):
        there = with_fields(ctx, way=way)
        async with watching(there, fence):
            await until(lambda there=there: is_well(there))
            await asyncio.to_thread(kuma2.stop)
            words = await until(lambda there=there: trouble(there))
            assert words.startswith("Uptime Kuma "), way
            await asyncio.to_thread(kuma2.restart)
            kuma2.beat(1, 1)
            await until(lambda there=there: is_well(there), 20)
            await until(lambda there=there: is_now(there, "Web", Status.UP))
