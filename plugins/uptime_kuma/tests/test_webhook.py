"""Uptime Kuma's own notifications, as its provider Webhook sends them, to one handler and to a running hub."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from medianest_uptime_kuma.models import MonitorChanged, Status
from medianest_uptime_kuma.webhooks import KumaNotification, notified
from tests.simulators.uptime_kuma.world import PUSH

from .conftest import Ctx, until
from .household import found, furnish

HOOK = "/api/v1/hooks/uptime_kuma/notification"


@pytest.fixture
async def ctx(make) -> Ctx:
    return await make("http://kuma.test:3001", status_pages=["main"])


def told(kuma_id: int, status: int, at: float, **monitor: Any) -> KumaNotification:
    when = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    beat = {"monitorID": kuma_id, "status": status, "time": when, "msg": "token-of-the-push said no", "important": True}
    return KumaNotification.model_validate(
        {"heartbeat": beat, "monitor": {"id": kuma_id, "name": "Plex", "type": "http", **monitor}, "msg": "[Plex] Down"}
    )


def changes(ctx: Ctx) -> list[str]:
    return [data.status.value for data, _ in ctx.events.emitted if isinstance(data, MonitorChanged)]


async def test_a_notification_changes_the_monitor_once(ctx):
    await furnish(ctx)
    for _ in range(2):
        await notified(ctx, told(2, 0, time.time()))
    assert changes(ctx) == ["down"]
    await notified(ctx, told(2, 1, time.time()))
    assert changes(ctx) == ["down", "up"]


async def test_one_that_comes_late_changes_nothing(ctx):
    ledger, numbers = await furnish(ctx)
    await ledger.record([(numbers[1], found(ctx, Status.UP))])
    await notified(ctx, told(2, 0, time.time() - 3600))
    assert changes(ctx) == []


async def test_of_two_that_overtook_each_other_the_later_one_counts(ctx):
    await furnish(ctx)
    await notified(ctx, told(2, 1, time.time() - 10))
    await notified(ctx, told(2, 0, time.time() - 70))
    assert changes(ctx) == []
    await notified(ctx, told(2, 0, time.time() - 5))
    assert changes(ctx) == ["down"]


async def test_a_clock_that_was_far_ahead_once_does_no_lasting_harm(ctx):
    await furnish(ctx)
    await notified(ctx, told(2, 0, time.time() + 86_400))
    assert changes(ctx) == ["down"]
    ctx.clock.ahead += 5
    await notified(ctx, told(2, 1, time.time() + 4))
    assert changes(ctx) == ["down", "up"]


async def test_a_clock_that_is_a_little_wrong_does_no_harm(ctx):
    ledger, numbers = await furnish(ctx)
    await ledger.record([(numbers[1], found(ctx, Status.UP))])
    await notified(ctx, told(2, 0, time.time() - 45))
    assert changes(ctx) == ["down"]
    await notified(ctx, told(2, 1, time.time() + 90))
    assert changes(ctx) == ["down", "up"]


async def test_a_monitor_nobody_knew_is_kept_and_its_secrets_are_not(ctx):
    await notified(ctx, told(77, 0, time.time(), pushToken="token-of-the-push", type=PUSH))
    row = await ctx.db.fetchrow("SELECT name, kuma_id, status, message FROM plugin_uptime_kuma.monitor")
    assert tuple(row.values()) == ("Plex", 77, 0, "••• said no")
    ledger, _ = await furnish(ctx)
    assert ledger.number_of(2) is not None


async def test_the_test_button_changes_nothing(ctx):
    await notified(
        ctx, KumaNotification.model_validate({"heartbeat": None, "monitor": None, "msg": "My Webhook Testing"})
    )
    assert await ctx.db.fetchval("SELECT count(*) FROM plugin_uptime_kuma.monitor") == 0


async def test_a_running_hub_hears_uptime_kuma_of_either_version_by_header_and_by_path(hub, kuma):
    values = {"url": kuma.url, "status_pages": ["main"], "members_see": "everything"}
    kept = await hub.admin.put("/api/v1/plugins/uptime_kuma/settings", json={"values": values})
    assert kept.status == 200, kept.body
    await hub.admin.until("/api/v1/uptime_kuma/summary", lambda reply: reply.status == 200)
    made = await hub.admin.post("/api/v1/plugins/uptime_kuma/webhooks/notification/secret")
    secret = made.json()
    name = f"Told {kuma.world.version}"
    monitor = kuma.add(name, public=False)
    kuma.beat(monitor.id, 1)
    assert await kuma.notify(monitor.id, hub.url + HOOK) == 401
    assert await kuma.notify(monitor.id, hub.url + HOOK, {"Authorization": secret["authorization"]}) < 300

    async def is_there(status: str) -> bool:
        found = (await hub.admin.get(f"/api/v1/uptime_kuma/monitors?q={name}")).json()["items"]
        return bool(found) and found[0]["details"]["last_status"] == status

    await until(lambda: is_there("up"))
    kuma.beat(monitor.id, 0, "refused")
    in_path = f"{hub.url}{HOOK}/{secret['authorization'].split()[-1]}"
    assert await kuma.notify(monitor.id, in_path, form=True) < 300
    await until(lambda: is_there("down"))
    assert await kuma.notify(None, in_path) < 300
