"""Who hears what, in which order, after which absence; and what becomes of it when Redis or a session goes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from medianest_hub.infrastructure.embedded.valkey import EmbeddedValkey
from medianest_hub.plugin_api import ADMIN, SIGNED_IN, Role
from medianest_hub.web.realtime_replay import MOST_REPLAYED
from tests.integration.realtime.conftest import OpenPage, Page, Replica, StartReplica, send, sign_in, still_open

WEATHER = """
@hookimpl
def hub_plugin():
    return PluginInfo(title="Weather", api_version=1, permissions=[Permission("read", default=Role.MEMBER)])
"""


def numbers(page: Page, name: str = "job:done") -> list[int]:
    return [data["n"] for data in page.got(name)]


async def test_everybody_hears_their_own_events_and_those_they_have_the_permission_for(
    start_replica: StartReplica, open_page: OpenPage, plugins: Callable[[str, str], None]
) -> None:
    plugins("weather", WEATHER)
    one, two = await start_replica(), await start_replica()
    admin, member = await sign_in(one, "ada", Role.ADMIN), await sign_in(one, "mia")
    guest = await sign_in(one, "gus", Role.GUEST)
    pages = {
        "admin": await open_page(one, admin.token),
        "member": await open_page(two, member.token),
        "member elsewhere": await open_page(one, member.token),
        "guest": await open_page(two, guest.token),
    }
    realtime = one.parts.realtime
    await realtime.send("job:progress", {"n": 1}, person=member.person.id, keep=False)
    await realtime.send("weather:storm", {"n": 2}, permission="weather.read")
    await realtime.send("service:status", {"n": 3}, permission=SIGNED_IN)
    await realtime.send("job:done", {"n": 4}, permission=ADMIN)
    for name, who in (("admin", admin), ("member", member), ("member elsewhere", member), ("guest", guest)):
        await still_open(pages[name], one, who)
    heard = {name: [data["n"] for event, data in page.events if "n" in (data or {})] for name, page in pages.items()}
    assert heard == {"admin": [2, 3, 4], "member": [1, 2, 3], "member elsewhere": [1, 2, 3], "guest": [3]}
    assert "cursor" not in pages["member"].got("job:progress")[0]
    cursors = [data["cursor"] for event, data in pages["member"].events if event in ("weather:storm", "service:status")]
    assert cursors == [1, 2]


async def test_a_page_that_slept_gets_what_its_person_missed_in_order_and_once(
    start_replica: StartReplica, open_page: OpenPage
) -> None:
    one, two = await start_replica(), await start_replica()
    me, other = await sign_in(one, "mia"), await sign_in(one, "ole")
    page = await open_page(one, me.token)
    await send(one, me, 1)
    cursor = (await page.until("job:done"))["cursor"]
    await page.client.disconnect()
    await send(one, me, 2)
    await send(one, other, 99)
    await one.parts.realtime.send("service:status", {"n": 3}, permission=SIGNED_IN)
    await one.parts.realtime.send("job:done", {"n": 98}, permission=ADMIN)
    await send(one, me, 97, keep=False)
    await send(one, me, 4)
    again = await open_page(two, me.token, cursor=cursor)
    await send(one, me, 5)
    await again.until("job:done", count=3)
    assert [event for event, _ in again.events] == [
        "job:done",
        "service:status",
        "job:done",
        "realtime:ready",
        "job:done",
    ]
    assert [data["n"] for _, data in again.events if "n" in data] == [2, 3, 4, 5]
    ready = again.got("realtime:ready")[0]
    assert (ready["replayed"], ready["resync"]) == (3, False)
    assert ready["cursor"] >= max(data["cursor"] for _, data in again.events[:3])


async def test_a_connected_page_may_ask_for_what_it_missed(start_replica: StartReplica, open_page: OpenPage) -> None:
    replica = await start_replica()
    me = await sign_in(replica, "mia")
    await send(replica, me, 1, 2, 3)
    page = await open_page(replica, me.token)
    assert numbers(page) == []
    answer = await page.client.call("resume", {"cursor": 1}, timeout=5)
    assert answer == {"ok": True, "cursor": 3, "replayed": 2, "resync": False}
    assert numbers(page) == [2, 3]  # they were there before the answer
    await send(replica, me, 4)
    await page.until("job:done", count=3)
    assert numbers(page) == [2, 3, 4]


async def test_a_page_that_missed_too_much_or_too_long_ago_reads_everything_anew(
    start_replica: StartReplica, open_page: OpenPage
) -> None:
    replica = await start_replica()
    me = await sign_in(replica, "mia")
    await send(replica, me, 1)
    await replica.parts.db.execute(
        "INSERT INTO medianest.realtime_events (event, person_id, data) "
        """SELECT 'job:done', $1, '{"n": 0}' FROM generate_series(1, $2)""",
        me.person.id,
        MOST_REPLAYED,
    )
    page = await open_page(replica, me.token)
    newest = MOST_REPLAYED + 1
    async with asyncio.timeout(5):
        while replica.realtime.cursor != newest:
            await asyncio.sleep(0.05)
    just = await page.client.call("resume", {"cursor": 1}, timeout=10)
    assert just["replayed"] == MOST_REPLAYED
    too_much = await page.client.call("resume", {"cursor": 0}, timeout=5)
    assert too_much == {"ok": True, "cursor": newest, "replayed": 0, "resync": True}
    from_the_future = await page.client.call("resume", {"cursor": newest + 1}, timeout=5)
    assert from_the_future == {"ok": True, "cursor": newest, "replayed": 0, "resync": True}
    await replica.parts.db.execute("DELETE FROM medianest.realtime_events WHERE seq < $1", newest)
    gone = await open_page(replica, me.token, cursor=newest - 2)
    assert gone.got("realtime:ready")[0]["resync"] is True
    nothing_missed = await open_page(replica, me.token, cursor=newest - 1)
    assert nothing_missed.got("realtime:ready")[0] == {
        **nothing_missed.got("realtime:ready")[0],
        "resync": False,
        "replayed": 1,
    }
    await still_open(gone, replica, me)


async def test_nothing_is_lost_or_doubled_between_the_replay_and_the_stream(
    start_replica: StartReplica, open_page: OpenPage
) -> None:
    one, two = await start_replica(), await start_replica()
    me = await sign_in(one, "mia")
    count = 300

    async def keep_sending() -> None:
        for n in range(count):
            await one.parts.realtime.send("job:done", {"n": n}, person=me.person.id)

    sending = asyncio.create_task(keep_sending())
    pages = [await open_page(replica, me.token, cursor=0) for replica in (one, two) * 4]
    resumed = [await page.client.call("resume", {"cursor": page.got("job:done")[-1]["cursor"]}) for page in pages[:2]]
    assert all(answer["resync"] is False for answer in resumed)
    await sending
    for page in pages:
        await page.until("job:done", count=count, within=10)
        await still_open(page, one, me)
    for page in pages[2:]:
        assert numbers(page) == list(range(count))
    for page in pages[:2]:  # what came between the last event and the resume may come twice, but never out of sight
        assert sorted(set(numbers(page))) == list(range(count))


async def test_events_of_transactions_that_end_out_of_turn_are_not_lost(
    start_replica: StartReplica, open_page: OpenPage
) -> None:
    replica = await start_replica()
    me = await sign_in(replica, "mia")
    page = await open_page(replica, me.token)
    async with replica.parts.db.transaction() as tx:
        # As a process that dies before it announces would: the number is taken, nobody hears of it.
        await tx.execute(
            """INSERT INTO medianest.realtime_events (event, person_id, data) VALUES ('job:done', $1, '{"n": 1}')""",
            me.person.id,
        )
        await send(replica, me, 2)
        early = await page.until("job:done")
        assert early["n"] == 2
        assert early["cursor"] == 0  # whoever resumes from here gets the one that is missing
    await page.until("job:done", count=2)
    assert numbers(page) == [2, 1]
    assert page.got("job:done")[1]["cursor"] == 2


async def test_a_number_that_never_comes_holds_the_cursor_up_only_for_a_while(
    start_replica: StartReplica, open_page: OpenPage, monkeypatch: Any
) -> None:
    monkeypatch.setattr("medianest_hub.web.realtime_feed.GAP_SECONDS", 1.0)
    replica = await start_replica()
    me = await sign_in(replica, "mia")
    page = await open_page(replica, me.token)
    await replica.parts.db.fetchval("SELECT nextval('medianest.realtime_events_seq_seq')")
    await send(replica, me, 2)
    assert (await page.until("job:done"))["cursor"] == 0
    async with asyncio.timeout(6):
        while (await page.client.call("resume"))["cursor"] != 2:
            await asyncio.sleep(2)


async def test_without_redis_kept_events_still_arrive_and_none_comes_twice_when_it_is_back(
    start_replica: StartReplica, open_page: OpenPage, valkey_server: EmbeddedValkey
) -> None:
    one, two = await start_replica(redis=valkey_server.url), await start_replica(redis=valkey_server.url)
    me = await sign_in(one, "mia")
    pages = [await open_page(one, me.token), await open_page(two, me.token)]
    await send(one, me, 1)
    for page in pages:
        await page.until("job:done")
    valkey_server.stop()
    await send(one, me, 2, 3)
    for page in pages:
        await page.until("job:done", count=3, within=4)
    valkey_server.start()
    valkey_server.wait_ready()
    async with asyncio.timeout(10):
        while one.parts.redis.is_away or two.parts.redis.is_away:
            await asyncio.sleep(0.05)
    await send(one, me, 4)
    for page in pages:
        await page.until("job:done", count=4, within=4)
        await still_open(page, one, me)
        assert numbers(page) == [1, 2, 3, 4]


async def test_what_a_person_may_hear_follows_their_role(start_replica: StartReplica, open_page: OpenPage) -> None:
    one, two = await start_replica(), await start_replica()
    await sign_in(one, "ada", Role.ADMIN)
    me = await sign_in(one, "mia", Role.ADMIN)
    page = await open_page(two, me.token)
    await one.parts.realtime.send("job:done", {"n": 1}, permission=ADMIN)
    await page.until("job:done")
    await one.parts.people.set_role(me.person.id, Role.MEMBER)
    room = f"perm:{ADMIN}"
    async with asyncio.timeout(3):
        while room in two.realtime.door.sio.rooms(page.client.get_sid()):
            await asyncio.sleep(0.02)
    await one.parts.realtime.send("job:done", {"n": 2}, permission=ADMIN)
    await still_open(page, one, me)
    assert numbers(page) == [1]
    await one.parts.people.change(me.person.id, status="disabled")
    async with asyncio.timeout(3):
        await page.gone.wait()


async def test_a_plugin_switched_off_falls_silent_and_admins_hear_of_it(
    start_replica: StartReplica, open_page: OpenPage, plugins: Callable[[str, str], None]
) -> None:
    plugins("weather", WEATHER)
    one, two = await start_replica(), await start_replica()
    admin, me = await sign_in(one, "ada", Role.ADMIN), await sign_in(one, "mia")
    watching, page = await open_page(two, admin.token), await open_page(two, me.token)
    cursor = page.got("realtime:ready")[0]["cursor"]
    await one.parts.host.wanted.set_enabled("weather", enabled=False)
    began = time.monotonic()
    state = await watching.until("plugin:state")
    assert time.monotonic() - began < 2
    assert state == {"plugin": "weather", "instance": "main", "state": "disabled", "reason": ""}
    await one.parts.realtime.send("weather:storm", {"n": 1}, permission="weather.read")
    await still_open(page, one, me)
    assert page.got("weather:storm") == []
    assert page.got("plugin:state") == []
    again = await open_page(two, me.token, cursor=cursor)  # not by way of the replay either
    assert again.got("weather:storm") == []
    await one.parts.host.wanted.set_enabled("weather", enabled=True)
    async with asyncio.timeout(5):
        while (await watching.until("plugin:state", count=len(watching.got("plugin:state"))))["state"] != "running":
            await watching.news.wait()
            watching.news.clear()
    await one.parts.realtime.send("weather:storm", {"n": 2}, permission="weather.read")
    assert (await page.until("weather:storm"))["n"] == 2


async def test_a_widget_that_changes_reaches_the_pages_of_whom_it_concerns(
    start_replica: StartReplica, open_page: OpenPage, plugins: Callable[[str, str], None]
) -> None:
    plugins(
        "weather",
        """
        @widget("mine", title="Mine")
        async def mine(ctx, viewer) -> Stat:
            return Stat(value=1)

        @hookimpl
        def hub_widgets():
            return [mine]
        """,
    )
    one, two = await start_replica(), await start_replica()
    me, other = await sign_in(one, "mia"), await sign_in(one, "ole")
    mine, others = await open_page(two, me.token), await open_page(two, other.token)
    await one.parts.dashboard.changed("weather", "main", "mine", me.person.id)
    changed = await mine.until("widget:changed")
    assert (changed["id"], changed["loaded"]) == ("weather.main.mine", False)
    await still_open(others, one, other)
    assert others.got("widget:changed") == []
    await one.parts.host.wanted.set_enabled("weather", enabled=False)  # a tile that goes has changed as well
    assert await others.until("widget:changed") == {"id": "weather.main.mine", "loaded": False}


async def test_a_control_message_of_nonsense_harms_nothing(start_replica: StartReplica, open_page: OpenPage) -> None:
    replica = await start_replica()
    me = await sign_in(replica, "mia")
    page = await open_page(replica, me.token)
    for message in ({"close_session": "nobody"}, {"close_person": 7}, {}, {"close_session": str(uuid4())}):
        await replica.parts.redis.publish("mn:realtime", message)
    await still_open(page, replica, me)


async def test_without_redis_a_change_in_one_process_outdates_the_tiles_of_others(
    start_replica: StartReplica, plugins: Callable[[str, str], None], valkey_server: EmbeddedValkey
) -> None:
    plugins(
        "weather",
        """
        loads = []

        @widget("all", title="All", scope=EVERYONE, ttl=3600)
        async def all_of_it(ctx, viewer) -> Stat:
            loads.append(1)
            return Stat(value=len(loads))

        @hookimpl
        def hub_widgets():
            return [all_of_it]
        """,
    )
    one, two = await start_replica(redis=valkey_server.url), await start_replica(redis=valkey_server.url)
    me = await sign_in(one, "mia")

    async def value(replica: Replica) -> Any:
        (tile,) = (await replica.parts.dashboard.page(me.person)).items
        return getattr(tile.data, "value", None)

    assert (await value(one), await value(two)) == (1, 1)
    valkey_server.stop()
    await one.parts.dashboard.changed("weather", "main", "all")
    async with asyncio.timeout(5):
        while await value(two) == 1:
            await asyncio.sleep(0.05)
