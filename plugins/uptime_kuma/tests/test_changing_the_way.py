"""Another way in on the same database: monitors stay who they are; and the next way when one is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from medianest_hub.plugin_api import HealthStatus
from medianest_hub.plugin_api.errors import AuthFailed
from medianest_hub.testing import make_lease
from medianest_uptime_kuma import health
from medianest_uptime_kuma.models import Status
from medianest_uptime_kuma.streams import watch
from tests.simulators.uptime_kuma.world import GROUP

from .conftest import PASSWORD, USERNAME, Ctx, until
from .reading import (
    hurry,
    is_kept_as,
    is_now,
    is_well,
    monitors,
    reading,
    source_of,
    trouble,
    with_fields,
)

WRONG_KEY = f"uk1_{'x' * 40}"


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    hurry(monkeypatch)


@pytest.fixture
async def ctx(make, kuma) -> Ctx:
    """With every way in filled in."""
    return await make(
        kuma.url,
        api_key=kuma.world.api_key(),
        username=USERNAME,
        password=PASSWORD,
        status_pages=["main"],
        members_see="chosen",
        members_see_groups=["media"],
    )


@pytest.fixture
async def ctx2(make, kuma2) -> Ctx:
    return await make(
        kuma2.url, api_key=kuma2.world.api_key(), username=USERNAME, password=PASSWORD, status_pages=["main"]
    )


async def kept(ctx: Ctx) -> dict[str, tuple[Any, ...]]:
    """Who is there, with the number their history is kept under; and that nobody was thrown away."""
    rows = await ctx.db.fetch("SELECT name, address, id, number, gone_at FROM plugin_uptime_kuma.monitor")
    assert [row["name"] for row in rows if row["gone_at"] is not None] == []
    return {f"{row['name']} {row['address']}": (row["id"], row["number"]) for row in rows}


async def beats_of(ctx: Ctx, name: str) -> int:
    return await ctx.db.fetchval(
        """SELECT count(*) FROM plugin_uptime_kuma.beat JOIN plugin_uptime_kuma.monitor USING (number)
            WHERE name = $1""",
        name,
    )


async def seen_by_members(ctx: Ctx) -> set[str]:
    return set(await monitors(ctx, everything=False))


async def test_monitors_keep_who_they_are_their_history_and_their_privacy(ctx, kuma):
    kuma.world.started -= 7200
    media = kuma.add("Media", GROUP, public=False)
    plex = kuma.add("Plex", group=media.id, url="http://plex.home/")
    for name, url in (("Hidden", "http://hidden.home/"), ("Twin", "http://a.home/"), ("Twin", "http://b.home/")):
        kuma.beat(kuma.add(name, url=url, public=False).id, 1)
    kuma.beat(media.id, 1)
    kuma.beat(plex.id, 1)

    who: dict[str, tuple[Any, ...]] = {}
    beats = 0
    for fence, (way, status) in enumerate(
        [("metrics", 1), ("live", 0), ("status_page", 1), ("metrics", 0), ("live", 1)], start=1
    ):
        there = with_fields(ctx, way=way)
        kuma.beat(plex.id, status)
        async with reading(there, fence):
            await until(lambda there=there, status=status: is_now(there, "Plex", Status.of(status)))
            await until(lambda there=there: is_well(there))
            if way == "status_page":  # which shows no other: they are unknown after a while, and that is all
                ctx.clock.ahead += 200
                kuma.world.advance(200)
                await until(lambda there=there: is_kept_as(there, "Hidden", Status.UNKNOWN))
            elif way == "metrics":
                await until(lambda there=there: is_now(there, "Hidden", Status.UP))
        assert (await source_of(ctx)).way == way
        found = await kept(ctx)
        assert found == (who or found), way
        who = found
        assert len(who) == 5
        more = await beats_of(ctx, "Plex")
        assert more > beats
        beats = more
        assert await seen_by_members(ctx) == {"Plex"}, way


async def test_tags_that_only_one_way_tells_are_kept_by_the_others(ctx2, kuma2):
    kuma2.beat(kuma2.add("Web", tags=["family"]).id, 1)
    kuma2.world.page_of("main").show_tags = False
    ctx = with_fields(ctx2, members_see="chosen", members_see_tags=["family"])
    for fence, way in enumerate(("live", "metrics", "status_page"), start=1):
        there = with_fields(ctx, way=way)
        async with reading(there, fence):
            await until(lambda there=there, way=way: reads_by(there, way))
        assert await seen_by_members(ctx) == {"Web"}, way


async def reads_by(ctx: Ctx, way: str) -> bool:
    source = await source_of(ctx)
    return source.connected and source.way == way


async def test_the_first_way_that_is_filled_in_is_taken(ctx2, kuma2):
    kuma2.beat(kuma2.add("Web").id, 1)
    for fence, (without, way) in enumerate(
        (({}, "metrics"), ({"api_key": None}, "live"), ({"api_key": None, "password": None}, "status_page")), start=1
    ):
        there = with_fields(ctx2, **without)
        async with reading(there, fence):
            await until(lambda there=there, way=way: reads_by(there, way))
            assert (await health.uptime_kuma(there)).status is HealthStatus.OK
        assert kuma2.logins == (way != "metrics")


async def test_a_way_that_is_refused_is_left_for_the_next_and_said(ctx, kuma):
    kuma.beat(kuma.add("Web").id, 1)
    there = with_fields(ctx, api_key=WRONG_KEY)
    async with reading(there):
        await until(lambda: reads_by(there, "live"))
        await until(lambda: is_now(there, "Web", Status.UP))
        found = await health.uptime_kuma(there)
        assert (found.status, "refuses the API key" in found.detail) == (HealthStatus.DEGRADED, True)
    there = with_fields(ctx, api_key=WRONG_KEY, username="somebody else")
    async with reading(there, 2):
        await until(lambda: reads_by(there, "status_page"))
        found = await health.uptime_kuma(there)
        assert found.status is HealthStatus.DEGRADED
        for words in ("refuses the API key", "refuses this user and password"):
            assert words in found.detail


async def test_a_key_that_is_switched_off_while_it_is_used_gives_way_to_the_next(ctx2, kuma2):
    kuma2.beat(kuma2.add("Web").id, 1)
    there = with_fields(ctx2)
    async with reading(there) as stream:
        await until(lambda: reads_by(there, "metrics"))
        kuma2.world.api_keys[1].active = False
        await until(lambda: reads_by(there, "live"))
        assert "refuses the API key" in await trouble(there)
        assert not stream.done()


async def test_where_every_way_is_refused_the_first_is_said(ctx2, kuma2):
    there = with_fields(ctx2, api_key=WRONG_KEY, password="wrong", status_pages=[])
    with pytest.raises(AuthFailed) as refused:
        await watch(there, make_lease("watch", 1))
    assert refused.value.fields[0].field == "api_key"
    assert await trouble(there) == refused.value.message
    await asyncio.to_thread(kuma2.until, lambda: kuma2.connected == 0)


async def test_a_way_that_is_chosen_is_the_only_one(ctx2, kuma2):
    there = with_fields(ctx2, way="metrics", api_key=WRONG_KEY)
    with pytest.raises(AuthFailed):
        await watch(there, make_lease("watch", 1))
    assert kuma2.logins == 0
