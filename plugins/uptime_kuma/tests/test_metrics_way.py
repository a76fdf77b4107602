"""The way in by API key: what the metrics of either version tell, what they leave out, and how refusals are borne."""

from __future__ import annotations

import asyncio
import base64
import time

import pytest

from medianest_hub.plugin_api import HealthStatus
from medianest_hub.plugin_api.errors import AuthFailed
from medianest_hub.testing import make_lease
from medianest_uptime_kuma import health
from medianest_uptime_kuma.models import Status
from medianest_uptime_kuma.streams import watch
from tests.simulators.uptime_kuma.world import GROUP

from .conftest import PASSWORD, USERNAME, Ctx, sent, until
from .reading import (
    hurried,
    hurry,
    is_kept_as,
    is_now,
    is_well,
    logged,
    monitors,
    reading,
    source_of,
    statuses,
    trouble,
    with_fields,
)


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    hurry(monkeypatch)


@pytest.fixture
def key(kuma) -> str:
    return kuma.world.api_key()


@pytest.fixture
async def ctx(make, kuma, key) -> Ctx:
    return hurried(await make(kuma.url, api_key=key, members_see="everything"))


@pytest.fixture
async def ctx2(make, kuma2) -> Ctx:
    return hurried(await make(kuma2.url, api_key=kuma2.world.api_key()))


def long_started(kuma) -> None:
    """Uptime Kuma has been running for hours: whom it leaves out is not just waiting for a first check."""
    kuma.world.started -= 7200


async def test_everything_the_metrics_tell_of_a_monitor_is_shown(ctx, kuma):
    plex = kuma.add("Plex", url="https://me:secret-word@plex.home/id?t=1")
    kuma.add("Never looked at")
    others = {
        name: kuma.add(name, "port", hostname="nas.home", port=22).id for name in ("down", "pending", "maintenance")
    }
    kuma.cert(plex.id, days=23)
    kuma.beat(plex.id, 1, "200 - OK", 12)
    for name, number in others.items():
        kuma.beat(number, Status(name).number)
    async with reading(ctx):
        await until(lambda: is_now(ctx, "Plex", Status.UP))
        kept = await monitors(ctx)
        source = await source_of(ctx)
    assert {name: one.status.value for name, one in kept.items() if name != "Plex"} == {name: name for name in others}
    one = kept["Plex"]
    assert (one.response_ms, one.type, one.details.address) == (12, "http", "https://plex.home/id")
    assert (one.certificate_days, one.certificate_valid) == (23, True)
    assert (one.uptime.day, one.uptime.month) == ((1.0, 1.0) if kuma.world.v2 else (None, None))
    assert one.details.kuma_id == (plex.id if kuma.world.v2 else None)
    assert (kept["down"].response_ms, kept["down"].details.address) == (None, "nas.home:22")
    assert kept["down"].certificate_days is None
    assert (source.way, source.version, source.connected) == ("metrics", kuma.world.version, True)


async def test_addresses_in_the_metrics_are_not_for_members(ctx2, kuma2):
    kuma2.beat(kuma2.add("Web", url="http://private.home:8080/").id, 1)
    ctx = with_fields(ctx2, members_see="everything")
    async with reading(ctx):
        await until(lambda: is_now(ctx, "Web", Status.UP))
    (shown,) = (await monitors(ctx, everything=False)).values()
    assert "private.home" not in shown.model_dump_json()
    assert "private.home" not in str(ctx.realtime.sent) + str(ctx.events.emitted) + str(ctx.log.lines)


async def test_a_change_is_told_at_the_next_look_and_once(ctx, kuma):
    web = kuma.add("Web")
    kuma.beat(web.id, 1)
    ctx = hurried(ctx, 1.0)
    async with reading(ctx):
        await until(lambda: is_now(ctx, "Web", Status.UP))
        began = time.monotonic()
        kuma.beat(web.id, 0)
        await until(lambda: sent(ctx, "monitor.changed"))
        assert time.monotonic() - began < 1.0 + 1.0
        looks = len(kuma.asked_of("metrics"))
        await until(lambda: len(kuma.asked_of("metrics")) > looks + 1)
    told = sent(ctx, "monitor.changed")
    assert [(one["name"], one["was"], one["status"]) for one in told] == [("Web", "up", "down")]
    assert [data.status for data, _ in ctx.events.emitted] == [Status.DOWN]


async def test_the_key_goes_into_a_header_of_its_kind_and_into_no_address(ctx, kuma, key):
    ctx = with_fields(ctx, way="metrics", username=USERNAME, password=PASSWORD)
    kuma.beat(kuma.add("Web").id, 1)
    async with reading(ctx):
        await until(lambda: is_now(ctx, "Web", Status.UP))
    asked = kuma.asked_of("metrics")
    assert [one.query for one in asked] == [{}] * len(asked)
    assert {one.path for one in asked} == {"/metrics"}
    for one in asked:
        scheme, _, credentials = one.headers["Authorization"].partition(" ")
        assert scheme == "Basic"  # Uptime Kuma answers Bearer with 401
        assert base64.b64decode(credentials).decode().partition(":")[2] == key
    assert key not in str(ctx.log.lines)
    assert kuma.logins == 0


async def test_without_numbers_monitors_are_known_again_by_their_names(ctx, kuma):
    for name in ("One", "Two"):
        kuma.beat(kuma.add(name).id, 1)
    async with reading(ctx):
        before = await until(lambda: both(ctx))
    kuma.beat(1, 0)
    async with reading(ctx, fence=2):
        await until(lambda: is_now(ctx, "One", Status.DOWN))
    after = await monitors(ctx)
    assert {name: one.id for name, one in after.items()} == {name: one.id for name, one in before.items()}


async def both(ctx: Ctx):
    found = await monitors(ctx)
    return found if len(found) == 2 else None


async def test_two_monitors_of_one_name_stay_two(ctx, kuma):
    for host in ("a", "b"):
        kuma.beat(kuma.add("Web", url=f"http://{host}.home/").id, 1)

    async def rows() -> dict[str, tuple[object, int]]:
        found = await ctx.db.fetch("SELECT address, id, status FROM plugin_uptime_kuma.monitor ORDER BY address")
        return {row["address"]: (row["id"], row["status"]) for row in found}

    async def is_so(wanted: list[int]) -> bool:
        return [status for _, status in (await rows()).values()] == wanted

    async with reading(ctx):
        await until(lambda: is_so([1, 1]))
        before = await rows()
        kuma.beat(2, 0)
        await until(lambda: is_so([1, 0]))
    kuma.beat(1, 2)
    async with reading(ctx, fence=2):
        await until(lambda: is_so([2, 0]))
    assert {at: one for at, (one, _) in (await rows()).items()} == {at: one for at, (one, _) in before.items()}


async def test_a_renamed_monitor_is_the_same_where_it_has_a_number(ctx, kuma):
    web = kuma.add("Web")
    kuma.beat(web.id, 1)
    async with reading(ctx):
        before = await until(lambda: is_now(ctx, "Web", Status.UP))
        kuma.change(web.id, name="Site")
        after = await until(lambda: is_now(ctx, "Site", Status.UP))
    assert (after.id == before.id) is kuma.world.v2
    # Without a number nobody can know, so nothing of the old one is thrown away.
    assert set(await monitors(ctx)) == ({"Site"} if kuma.world.v2 else {"Web", "Site"})


async def test_one_left_out_is_believed_for_a_while_then_unknown_but_kept(ctx, kuma):
    long_started(kuma)
    for name in ("Web", "Paused"):
        kuma.beat(kuma.add(name).id, 1)
    async with reading(ctx):
        await until(lambda: both(ctx))
        kuma.pause(2)  # 2.x leaves it out from then on
        looks = len(kuma.asked_of("metrics"))
        await until(lambda: len(kuma.asked_of("metrics")) > looks + 2)
        assert await statuses(ctx) == {"Web": Status.UP, "Paused": Status.UP}
        ctx.clock.ahead += 200
        if kuma.world.v2:
            await until(lambda: is_kept_as(ctx, "Paused", Status.UNKNOWN))
            kuma.resume(2)
            kuma.beat(2, 1)
            await until(lambda: is_now(ctx, "Paused", Status.UP))
        else:
            looks = len(kuma.asked_of("metrics"))
            await until(lambda: len(kuma.asked_of("metrics")) > looks + 2)
        assert await statuses(ctx) == {"Web": Status.UP, "Paused": Status.UP}


async def test_after_its_restart_uptime_kuma_may_leave_all_out_until_they_are_looked_at(ctx2, kuma2):
    for name in ("Web", "Nas"):
        kuma2.beat(kuma2.add(name).id, 1)
    async with reading(ctx2):
        await until(lambda: both(ctx2))
        await asyncio.to_thread(kuma2.restart)
        ctx2.clock.ahead += 300  # longer than the grace of those that are left out
        kuma2.world.started += 300
        looks = len(kuma2.asked_of("metrics"))
        await until(lambda: len(kuma2.asked_of("metrics")) > looks + 2)
        assert await statuses(ctx2) == {"Web": Status.UP, "Nas": Status.UP}
        kuma2.beat(1, 1)
        long_started(kuma2)  # and after ten minutes it is not just that
        looks = len(kuma2.asked_of("metrics"))
        await until(lambda: len(kuma2.asked_of("metrics")) > looks + 1)
        ctx2.clock.ahead += 200
        await until(lambda: is_kept_as(ctx2, "Nas", Status.UNKNOWN))
        assert await is_now(ctx2, "Web", Status.UP)


async def test_status_pages_beside_the_metrics_add_groups_tags_incidents_and_maintenance(ctx, kuma):
    media = kuma.add("Media", GROUP, public=False)
    plex = kuma.add("Plex", group=media.id, tags=[("area", "media"), "family"])
    kuma.beat(plex.id, 1)
    kuma.post_incident("main", "Disk swap", "**soon**")
    kuma.start_maintenance("Planned work", [plex.id])
    ctx = with_fields(ctx, status_pages=["main"])
    async with reading(ctx):
        one = await until(lambda: is_now(ctx, "Plex", Status.UP))
        await until(lambda: sent(ctx, "incident.opened"))
        kuma.unpin_incident("main")
        await until(lambda: sent(ctx, "incident.closed"))
    assert (one.group, one.tags) == ("Media", ["area:media", "family"])
    rows = await ctx.db.fetch("SELECT title, state FROM plugin_uptime_kuma.maintenance")
    assert [tuple(row.values()) for row in rows] == [("Planned work", "under-maintenance")]


async def test_a_status_page_beside_the_metrics_that_is_not_there_is_said_and_borne(ctx2, kuma2):
    kuma2.beat(kuma2.add("Web").id, 1)
    ctx = with_fields(ctx2, status_pages=["main", "nope"])
    async with reading(ctx):
        await until(lambda: is_now(ctx, "Web", Status.UP))
        found = await health.uptime_kuma(ctx)
        assert (found.status, found.detail) == (
            HealthStatus.DEGRADED,
            "Uptime Kuma has no status page called 'nope'.",
        )
        kuma2.world.page("nope", "There now")
        await until(lambda: is_well(ctx))


async def test_a_page_for_people_where_the_metrics_should_be_is_said(ctx2, kuma2):
    kuma2.beat(kuma2.add("Web").id, 1)
    kuma2.faults.set("metrics", "html")
    async with reading(ctx2):
        words = await until(lambda: trouble(ctx2))
        assert words.startswith("Uptime Kuma answered a page where its metrics should be")
        kuma2.faults.clear()
        await until(lambda: is_well(ctx2))


async def test_failed_looks_are_borne_and_said_once_down_and_once_up(ctx, kuma):
    kuma.beat(kuma.add("Web").id, 1)
    async with reading(ctx) as stream:
        await until(lambda: is_well(ctx))
        kuma.faults.set("metrics", "500")
        await until(lambda: trouble(ctx))
        looks = len(kuma.asked_of("metrics"))
        await until(lambda: len(kuma.asked_of("metrics")) > looks)
        kuma.faults.clear()
        kuma.beat(1, 0)
        await until(lambda: is_now(ctx, "Web", Status.DOWN), 20)
        await until(lambda: logged(ctx, "uptime_kuma_up") == 2)
        assert not stream.done()
    assert logged(ctx, "uptime_kuma_down") == 1
    assert len(sent(ctx, "monitor.changed")) == 1


@pytest.mark.parametrize("wrong", ["another key", "switched off", "expired"])
async def test_a_key_that_is_refused_at_once_asks_the_admin(ctx2, kuma2, wrong):
    kept = kuma2.world.api_keys[1]
    if wrong == "switched off":
        kept.active = False
    elif wrong == "expired":
        kept.expires = "2020-01-01 00:00:00"
    else:
        ctx2 = with_fields(ctx2, api_key=f"uk1_{'x' * 40}")
    with pytest.raises(AuthFailed) as refused:
        await watch(ctx2, make_lease("watch", 1))
    assert refused.value.fields[0].field == "api_key"
    assert "refuses the API key" in await trouble(ctx2)
    found = await health.uptime_kuma(ctx2)
    assert (found.status, "refuses the API key" in found.detail) == (HealthStatus.DOWN, True)


async def test_a_key_that_worked_is_tried_again_before_the_admin_is_asked(ctx2, kuma2):
    key = kuma2.world.api_keys[1]
    kuma2.beat(kuma2.add("Web").id, 1)
    async with reading(ctx2) as stream:
        await until(lambda: is_well(ctx2))
        credentials = base64.b64encode(f"x:{key.text}".encode()).decode()
        while kuma2.world.opens_metrics(f"Basic {credentials}"):
            pass  # somebody else asks very often, and the limit is for all together
        await until(lambda: trouble(ctx2, "refuses the API key"))
        kuma2.world.advance(61)
        await until(lambda: is_well(ctx2))
        key.active = False
        with pytest.raises(AuthFailed):
            await asyncio.wait_for(stream, 10)


async def test_what_is_refused_before_uptime_kuma_says_nothing_of_the_key(ctx2, kuma2):
    kuma2.faults.set("metrics", "html_401")
    kuma2.faults.set("entry", "html_401")
    async with reading(ctx2) as stream:
        await until(lambda: trouble(ctx2, "Something before Uptime Kuma"))
        assert not stream.done()


async def test_metrics_without_a_name_are_not_taken_for_a_monitor(ctx2, kuma2):
    kuma2.beat(kuma2.add("Web").id, 1)
    async with reading(ctx2):
        await until(lambda: is_well(ctx2))
        kuma2.faults.set("metrics", "other_shape")
        await until(lambda: trouble(ctx2, "name no monitor"))
        assert set(await monitors(ctx2)) == {"Web"}
