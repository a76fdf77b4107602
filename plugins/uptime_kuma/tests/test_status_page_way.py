"""The way in by status pages alone: what they tell, what of the past is made up for, and pages that are not there."""

from __future__ import annotations

import time

import pytest

from medianest_hub.plugin_api import HealthStatus
from medianest_hub.plugin_api.errors import ConfigInvalid
from medianest_hub.testing import make_lease
from medianest_uptime_kuma import health
from medianest_uptime_kuma.client.status_page import EntryPage
from medianest_uptime_kuma.models import Status
from medianest_uptime_kuma.streams import watch
from tests.simulators.uptime_kuma.world import GROUP

from .conftest import Ctx, sent, until
from .reading import hurry, is_kept_as, is_now, is_well, monitors, reading, source_of, trouble, with_fields


@pytest.fixture(autouse=True)
def _hurry(monkeypatch):
    hurry(monkeypatch)


@pytest.fixture
async def ctx(make, kuma) -> Ctx:
    return await make(kuma.url, status_pages=["main"], members_see="everything")


@pytest.fixture
async def ctx2(make, kuma2) -> Ctx:
    return await make(kuma2.url, status_pages=["main"])


async def test_everything_a_status_page_tells_of_a_monitor_is_shown(ctx, kuma):
    media = kuma.add("Media", GROUP)
    plex = kuma.add("Plex", group=media.id, tags=[("area", "media"), "family"])
    kuma.add("Hidden", public=False)
    kuma.beat(plex.id, 1, "200 - OK", 12, at=time.time() - 20)
    kuma.beat(plex.id, 1, "200 - OK", 14)
    async with reading(ctx):
        one = await until(lambda: is_now(ctx, "Plex", Status.UP))
        await until(lambda: is_well(ctx))
        source = await source_of(ctx)
    assert set(await monitors(ctx)) == {"Plex"}
    assert (one.group, one.tags, one.type, one.response_ms) == ("Media", ["area:media", "family"], "http", 14)
    assert (one.uptime.day, one.uptime.month, one.certificate_days) == (1.0, None, None)
    assert (one.details.kuma_id, one.details.address, one.details.message) == (plex.id, "", "")
    assert (source.way, source.version) == ("status_page", "")


async def test_the_last_hundred_beats_are_made_up_for_without_telling_each(ctx, kuma):
    web, now = kuma.add("Web"), time.time()
    for ago in range(130, 0, -1):
        kuma.beat(web.id, 0 if ago in (20, 21) else 1, at=now - ago * 20)
    async with reading(ctx):
        await until(lambda: is_now(ctx, "Web", Status.UP))
        rows = await ctx.db.fetch("SELECT status, hold FROM plugin_uptime_kuma.beat ORDER BY at")
        assert [row["status"] for row in rows].count(0) == 2
        assert len(rows) == 100
        assert {row["hold"] for row in rows} == {70.0}  # as long as the next beat may take, by the pace of those before
        kuma.beat(web.id, 0, at=now + 1)
        kuma.beat(web.id, 2, at=now + 2)
        await until(lambda: is_now(ctx, "Web", Status.PENDING))
    told = sent(ctx, "monitor.changed")
    assert [(one["was"], one["status"]) for one in told] == [("up", "pending")]


async def test_incidents_and_maintenance_are_announced_as_long_as_they_stand_there(ctx, kuma):
    web = kuma.add("Web")
    kuma.beat(web.id, 1)
    kuma.post_incident("main", "First", "**soon**", "danger")
    kuma.post_incident("main", "Second")  # 1.x takes the first one down for it
    work = kuma.start_maintenance("Planned work", [web.id])
    async with reading(ctx):
        await until(lambda: sent(ctx, "incident.opened"))
        await until(lambda: is_well(ctx))
        opened = sorted(one["title"] for one in sent(ctx, "incident.opened"))
        assert opened == (["First", "Second"] if kuma.world.v2 else ["Second"])
        assert await ctx.db.fetchval("SELECT state FROM plugin_uptime_kuma.maintenance") == "under-maintenance"
        kuma.unpin_incident("main")
        kuma.end_maintenance(work)
        await until(lambda: len(sent(ctx, "incident.closed")) == len(opened))

        async def is_over() -> bool:
            return await ctx.db.fetchval("SELECT count(*) FROM plugin_uptime_kuma.maintenance") == 0

        await until(is_over)


async def test_a_monitor_with_only_an_old_beat_is_unknown(ctx2, kuma2):
    now = time.time()
    for name, ago in (("Paused", 7200), ("Web", 0)):
        made = kuma2.add(name)
        for step in (40, 20, 0):
            kuma2.beat(made.id, 1, at=now - ago - step)
    kuma2.add("New")
    async with reading(ctx2):
        await until(lambda: is_now(ctx2, "Web", Status.UP))
        assert await is_now(ctx2, "Paused", Status.UNKNOWN)
        assert await is_now(ctx2, "New", Status.UNKNOWN)
        kuma2.beat(1, 0)
        await until(lambda: is_now(ctx2, "Paused", Status.DOWN))


async def test_a_monitor_that_is_looked_at_no_more_becomes_unknown_after_a_while(ctx2, kuma2):
    for name in ("Paused", "Web"):
        kuma2.beat(kuma2.add(name).id, 1)
    async with reading(ctx2):
        await until(lambda: is_now(ctx2, "Paused", Status.UP))
        ctx2.clock.ahead += 3 * 150 + 10
        kuma2.world.advance(460)
        kuma2.beat(2, 1)
        await until(lambda: is_kept_as(ctx2, "Paused", Status.UNKNOWN))
        await until(lambda: is_now(ctx2, "Web", Status.UP))


async def test_beats_that_are_missing_once_make_nobody_unknown_and_missing_for_good_do(ctx2, kuma2):
    kuma2.beat(kuma2.add("Web").id, 1)
    kuma2.add("Other")
    async with reading(ctx2):
        await until(lambda: is_now(ctx2, "Web", Status.UP))
        beats = kuma2.world.monitors[1].beats
        kept, looks = list(beats), len(kuma2.asked_of("beats"))
        beats.clear()  # as for a page that was renamed a moment ago
        await until(lambda: is_kept_as(ctx2, "Web", Status.UNKNOWN))
        assert len(kuma2.asked_of("beats")) >= looks + 2
        beats.extend(kept)
        kuma2.beat(1, 1)
        await until(lambda: is_now(ctx2, "Web", Status.UP))


async def test_several_pages_are_read_and_a_monitor_on_two_is_one(ctx, kuma):
    kuma.world.page("second", "Second page")
    for name in ("Both", "First only", "Second only"):
        made = kuma.add(name, public=name != "Second only")
        kuma.beat(made.id, 1)
        if name != "First only":
            kuma.world.publish(made, "Elsewhere", "second")
    ctx = with_fields(ctx, status_pages=["main", "second"])
    async with reading(ctx):
        await until(lambda: is_well(ctx))
    found = await monitors(ctx)
    assert {name: one.group for name, one in found.items()} == {
        "Both": "Services",
        "First only": "Services",
        "Second only": "Elsewhere",
    }
    assert {one.status for one in found.values()} == {Status.UP}
    row = await ctx.db.fetchrow("SELECT groups FROM plugin_uptime_kuma.monitor WHERE name = 'Both'")
    assert row["groups"] == ["Services", "Elsewhere"]


async def test_a_page_that_goes_while_another_stays_is_said_and_its_monitors_are_kept(ctx2, kuma2):
    second = kuma2.world.page("second", "Second page")
    kuma2.beat(kuma2.add("Web").id, 1)
    other = kuma2.add("Other", public=False)
    kuma2.world.publish(other, "Elsewhere", "second")
    kuma2.beat(other.id, 1)
    ctx = with_fields(ctx2, status_pages=["main", "second"])
    async with reading(ctx):
        await until(lambda: is_now(ctx, "Other", Status.UP))
        second.slug = "renamed"
        await until(lambda: trouble(ctx, "no status page called 'second'"))
        assert (await health.uptime_kuma(ctx)).status is HealthStatus.DEGRADED
        assert await is_now(ctx, "Other", Status.UP)
        second.slug = "second"
        await until(lambda: is_well(ctx))


async def test_a_name_no_page_has_is_said(make, kuma, monkeypatch):
    monkeypatch.setattr("medianest_uptime_kuma.client.web._DEADLINE", 1.0)
    ctx = await make(kuma.url, status_pages=["nope"])
    async with reading(ctx) as stream:
        words = await until(lambda: trouble(ctx))
        if kuma.world.v2:  # says 404 for the page, and 200 with nothing in it for its beats
            with pytest.raises(ConfigInvalid) as refused:
                await stream
            assert refused.value.fields[0].field == "status_pages"
            assert words == "Uptime Kuma has no status page called 'nope'."
        else:  # never answers
            assert words.endswith("1.23 never answers for a page it does not have, so look whether the name is right.")
            assert not stream.done()
    assert kuma.asked_of("beats") == []


async def test_a_page_that_was_there_is_waited_for(ctx2, kuma2):
    page = kuma2.world.page_of("main")
    kuma2.beat(kuma2.add("Web").id, 1)
    async with reading(ctx2) as stream:
        await until(lambda: is_well(ctx2))
        page.slug = "renamed"
        await until(lambda: trouble(ctx2, "no status page"))
        page.slug = "main"
        await until(lambda: is_well(ctx2))
        assert not stream.done()
    assert set(await monitors(ctx2)) == {"Web"}


async def test_a_proxy_that_knows_nothing_of_uptime_kuma_yet_is_not_its_word(ctx2, kuma2):
    kuma2.faults.set("page", "html_404")
    async with reading(ctx2) as stream:
        await until(lambda: trouble(ctx2, "where JSON was expected"))
        assert not stream.done()


async def test_with_nothing_filled_in_the_page_uptime_kuma_shows_first_is_read(make, kuma):
    kuma.world.entry_page = "statusPage-main"
    kuma.beat(kuma.add("Web").id, 1)
    ctx = await make(kuma.url)
    async with reading(ctx):
        await until(lambda: is_now(ctx, "Web", Status.UP))


async def test_with_nothing_filled_in_and_no_page_shown_first_a_way_in_is_asked_for(make, kuma):
    ctx = await make(kuma.url)
    with pytest.raises(ConfigInvalid) as refused:
        await watch(ctx, make_lease("watch", 1))
    assert refused.value.message.startswith("Fill in one way in")
    assert "Fill in one way in" in await trouble(ctx)
    assert (await health.uptime_kuma(ctx)).status is HealthStatus.DOWN


@pytest.mark.parametrize(
    ("answer", "page"),
    [
        ({"type": "entryPage", "entryPage": None}, ""),
        ({"type": "entryPage", "entryPage": "dashboard"}, ""),
        ({"type": "entryPage", "entryPage": "statusPage-home"}, "home"),
        ({"type": "statusPageMatchedDomain", "statusPageSlug": "family"}, "family"),
        ({}, ""),
    ],
)
def test_the_page_shown_first_is_found(answer, page):
    assert EntryPage.model_validate(answer).status_page == page
