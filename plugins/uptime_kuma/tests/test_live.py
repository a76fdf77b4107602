"""The way in by user and password: what it shows, how fast, and how sparing it is with log-ins."""

from __future__ import annotations

import time

import pyotp
import pytest

from medianest_hub.plugin_api.errors import HubError
from medianest_hub.testing import make_lease
from medianest_uptime_kuma import store
from medianest_uptime_kuma.ledger.source import read
from medianest_uptime_kuma.models import Monitor, Status
from medianest_uptime_kuma.streams import watch
from tests.simulators.uptime_kuma.world import GROUP, PUSH

from .conftest import PASSWORD, USERNAME, Ctx, sent, until, watching


@pytest.fixture
async def ctx(make, kuma) -> Ctx:
    return await make(kuma.url, username=USERNAME, password=PASSWORD, members_see="everything")


async def monitors(ctx: Ctx) -> dict[str, Monitor]:
    seen = await store.sight(ctx, everything=True)
    return {one.name: one for one in await store.everything(ctx, seen, 1000)}


async def is_now(ctx: Ctx, name: str, status: Status) -> Monitor | None:
    found = (await monitors(ctx)).get(name)
    return found if found is not None and found.status is status else None


async def test_everything_uptime_kuma_knows_of_a_monitor_is_shown(ctx, kuma):
    media = kuma.add("Media", GROUP)
    plex = kuma.add(
        "Plex", group=media.id, tags=[("area", "media"), "family"], url="http://me:secret-word@plex.home:32400/id?t=1"
    )
    kuma.beat(media.id, 1)
    kuma.beat(plex.id, 1, "200 - OK", 12)
    async with watching(ctx):
        await until(lambda: is_now(ctx, "Plex", Status.UP))
        kuma.cert(plex.id, days=23)
        kuma.beat(plex.id, 1, "200 - OK", 14)

        async def is_whole() -> Monitor | None:
            one = (await monitors(ctx))["Plex"]
            return one if one.certificate_days is not None and one.uptime.day is not None else None

        found = await until(is_whole)
        assert (found.group, found.type, found.tags) == ("Media", "http", ["area:media", "family"])
        assert found.details.kuma_id == plex.id
        assert found.details.address == "http://plex.home:32400/id"
        assert found.details.message == "200 - OK"
        assert (found.uptime.day, found.uptime.month) == (1.0, 1.0)
        assert (found.certificate_days, found.certificate_valid) == (23, True)
        source = await read(ctx.db, "main")
        assert (source.way, source.version, source.connected) == ("live", kuma.world.version, True)


@pytest.mark.parametrize("status", [Status.DOWN, Status.PENDING, Status.MAINTENANCE])
async def test_a_change_is_told_at_once_and_once(ctx, kuma, status):
    web = kuma.add("Web")
    kuma.beat(web.id, 1)
    async with watching(ctx):
        await until(lambda: is_now(ctx, "Web", Status.UP))
        kuma.beat(web.id, status.number, "something", None)
        await until(lambda: sent(ctx, "monitor.changed"))
        told = sent(ctx, "monitor.changed")
        assert [(one["name"], one["was"], one["status"]) for one in told] == [("Web", "up", status.value)]
        assert [data.status for data, _ in ctx.events.emitted] == [status]
        assert await is_now(ctx, "Web", status)


async def test_a_monitor_that_is_added_renamed_paused_resumed_and_deleted_is_followed(ctx, kuma):
    async with watching(ctx):
        await until(lambda: kuma.logged_in)
        made = kuma.add("First")
        kuma.beat(made.id, 1)
        first = await until(lambda: is_now(ctx, "First", Status.UP))
        kuma.change(made.id, name="Second")
        second = await until(lambda: is_now(ctx, "Second", Status.UP))
        assert second.id == first.id
        kuma.pause(made.id)
        await until(lambda: is_now(ctx, "Second", Status.PAUSED))
        kuma.resume(made.id)
        kuma.beat(made.id, 1)
        await until(lambda: is_now(ctx, "Second", Status.UP))
        kuma.delete(made.id)

        async def is_gone() -> bool:
            return await monitors(ctx) == {}

        await until(is_gone)


async def test_beats_made_while_nobody_listened_are_made_up_for(ctx, kuma):
    web = kuma.add("Web", interval=60)
    now = time.time()
    for ago in range(50, 0, -1):
        kuma.beat(web.id, 0 if ago in (20, 21) else 1, at=now - ago * 60)
    async with watching(ctx):
        await until(lambda: is_now(ctx, "Web", Status.UP))
        rows = await ctx.db.fetch("SELECT status FROM plugin_uptime_kuma.beat ORDER BY at")
        assert [row["status"] for row in rows].count(0) == 2
        assert len(rows) == 50
        assert sent(ctx, "monitor.changed") == []


async def test_the_password_is_used_once_and_the_token_from_then_on(ctx, kuma):
    kuma.beat(kuma.add("Web").id, 1)
    async with watching(ctx):
        await until(lambda: is_now(ctx, "Web", Status.UP))
        kuma.kick()
        await until(lambda: kuma.token_logins == 1 and kuma.logged_in == 1)
    async with watching(ctx, fence=2):
        await until(lambda: kuma.token_logins == 2 and kuma.logged_in == 1)
    assert kuma.logins == 1
    kept = await ctx.db.fetchval("SELECT token FROM plugin_uptime_kuma.source")
    assert not kept.startswith("eyJ")  # sealed


async def test_after_a_change_of_password_the_new_one_is_asked_for(ctx, kuma):
    kuma.beat(kuma.add("Web").id, 1)
    async with watching(ctx):
        await until(lambda: is_now(ctx, "Web", Status.UP))
        kuma.change_password("another password")

        async def is_refused() -> bool:
            return "refuses this user" in (await read(ctx.db, "main")).trouble

        await until(is_refused)
    assert PASSWORD not in str(ctx.log.lines)


async def test_a_second_factor_is_made_of_its_secret(make, kuma):
    kuma.world.totp_secret = pyotp.random_base32()
    kuma.beat(kuma.add("Web").id, 1)
    ctx = await make(kuma.url, username=USERNAME, password=PASSWORD, totp_secret=kuma.world.totp_secret)
    async with watching(ctx):
        await until(lambda: is_now(ctx, "Web", Status.UP))


async def test_without_log_ins_uptime_kuma_is_read_as_it_is(ctx, kuma):
    kuma.world.auth_disabled = True
    kuma.beat(kuma.add("Web").id, 1)
    async with watching(ctx):
        await until(lambda: is_now(ctx, "Web", Status.UP))
    assert kuma.logins == kuma.token_logins == 0


async def test_incidents_and_maintenance_are_announced(ctx, kuma, monkeypatch):
    monkeypatch.setattr("medianest_uptime_kuma.ways.live.LOOK_SECONDS", 0.1)
    web = kuma.add("Web")
    kuma.beat(web.id, 1)
    kuma.post_incident("main", "Disk swap", "**soon**")
    kuma.start_maintenance("Planned work", [web.id])
    async with watching(ctx):
        await until(lambda: sent(ctx, "incident.opened"))
        kuma.kick()
        await until(lambda: kuma.token_logins == 1 and len(kuma.asked_of("page")) > 5)
        assert sent(ctx, "incident.closed") == []
        kuma.unpin_incident("main")
        await until(lambda: sent(ctx, "incident.closed"))
        assert len(sent(ctx, "incident.opened")) == 1
    row = await ctx.db.fetchrow("SELECT title, state FROM plugin_uptime_kuma.maintenance")
    assert tuple(row.values()) == ("Planned work", "under-maintenance")


async def test_what_is_secret_in_a_monitor_is_neither_kept_nor_shown_nor_logged(ctx, kuma):
    secrets = {
        "pushToken": "push-token-of-the-backup",
        "basic_auth_pass": "basic-password",
        "headers": '{"Authorization": "Bearer header-token-1234"}',
        "databaseConnectionString": "postgres://u:database-word@db/x",
    }
    push = kuma.add("Backup", PUSH, url="https://u:url-password@host/?key=query-value-77", **secrets)
    kuma.beat(push.id, 0, f"failed with {secrets['pushToken']} and Bearer header-token-1234 at {push.url}")
    async with watching(ctx):
        await until(lambda: is_now(ctx, "Backup", Status.DOWN))
        kuma.beat(push.id, 1, "sent basic-password")
        await until(lambda: sent(ctx, "monitor.changed"))
    tables = await ctx.db.fetch(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'plugin_uptime_kuma'"
    )
    kept = [str(await ctx.db.fetch(f"SELECT t::text FROM plugin_uptime_kuma.{row[0]} t")) for row in tables]
    told = [str(ctx.realtime.sent), str(ctx.events.emitted), str(ctx.log.lines), str(await monitors(ctx))]
    for text in (*kept, *told):
        for secret in (
            "push-token-of",
            "basic-password",
            "header-token",
            "database-word",
            "url-password",
            "query-value",
        ):
            assert secret not in text


async def test_of_a_list_that_cannot_be_read_in_part_the_rest_is_followed_and_nothing_is_removed(ctx, kuma):
    names = ["Good", "Odd"]
    for name in names:
        kuma.beat(kuma.add(name).id, 1)
    async with watching(ctx):
        await until(lambda: is_now(ctx, "Odd", Status.UP))
    kuma.change(kuma.world.monitors[2].id, id=2**31)
    async with watching(ctx, fence=2):
        await until(lambda: kuma.logged_in)
        kuma.beat(1, 0)
        await until(lambda: is_now(ctx, "Good", Status.DOWN))
        assert set(await monitors(ctx)) == set(names)


async def test_what_is_wrong_stays_said_while_uptime_kuma_is_held_back(make, fake_upstream):
    ctx = await make(fake_upstream.url, username=USERNAME, password=PASSWORD)
    await fake_upstream.stop()
    for _ in range(6):
        with pytest.raises(HubError) as ended:
            await watch(ctx, make_lease("watch", 1))
    assert ended.value.error_code == "service_down"
    assert (await read(ctx.db, "main")).trouble == "Uptime Kuma cannot be reached: connection refused."
