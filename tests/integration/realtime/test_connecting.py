"""Who gets in, who is refused and how, and that nobody can take more than their share."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import aiohttp
import pytest

from medianest_hub.infrastructure import metrics
from medianest_hub.plugin_api import Role
from medianest_hub.web import realtime_door
from medianest_hub.web.realtime_guests import LARGEST_MESSAGE, MOST_PER_PERSON
from tests.integration.realtime.conftest import OpenPage, Replica, StartReplica, short_token, sign_in

ENGINE = "/socket.io/?EIO=4&transport=websocket"

# The client library lets go of a connection it was refused on without closing it; noticed when it is collected.
pytestmark = pytest.mark.filterwarnings("ignore:Unclosed connection:ResourceWarning")


async def raw(session: aiohttp.ClientSession, replica: Replica) -> aiohttp.ClientWebSocketResponse:
    """A websocket that has done nothing but open."""
    socket = await session.ws_connect(replica.url + ENGINE)
    opened = await socket.receive_str(timeout=5)
    assert opened.startswith("0{")
    return socket


async def closed(socket: aiohttp.ClientWebSocketResponse, within: float = 5.0) -> list[str]:
    """Wait until the server hangs up; what it said until then."""
    said = []
    async with asyncio.timeout(within):
        while True:
            message = await socket.receive()
            if message.type is not aiohttp.WSMsgType.TEXT:
                return said
            said.append(message.data)


def guests(replica: Replica) -> int:
    return len(list(replica.realtime.door.guests))


async def test_a_token_opens_the_door_and_a_page_is_told_where_it_stands(
    start_replica: StartReplica, open_page: OpenPage
) -> None:
    replica = await start_replica()
    me = await sign_in(replica, "mia")
    page = await open_page(replica, me.token)
    ready = page.got("realtime:ready")[0]
    assert ready["cursor"] == 0
    assert ready["resync"] is False
    assert ready["expires_at"].endswith("Z")
    assert metrics.sockets._value.get() == 1
    await page.client.disconnect()
    async with asyncio.timeout(5):
        while guests(replica):
            await asyncio.sleep(0.01)
    assert metrics.sockets._value.get() == 0


async def test_whoever_cannot_come_in_is_told_why_and_hung_up_on(
    start_replica: StartReplica, open_page: OpenPage
) -> None:
    replica = await start_replica()
    me, ended = await sign_in(replica, "mia"), await sign_in(replica, "mia")
    await replica.parts.sessions.end(ended.session_id)
    refusals: list[tuple[Any, str]] = [
        ({}, "token_missing"),
        ({"token": 5}, "token_missing"),
        ("token", "token_missing"),
        ([1, 2], "token_missing"),
        ({"token": "not.a.token"}, "token_invalid"),
        ({"token": "x" * 10_000}, "token_invalid"),
        ({"token": short_token(replica.parts, me.person, me.session_id, -1)}, "token_expired"),
        ({"token": ended.token}, "session_ended"),
        ({"token": me.token, "cursor": "7"}, "bad_cursor"),
    ]
    for auth, code in refusals:
        page = await open_page(replica, None, auth=auth, welcome=False)
        assert page.refused["message"] == code, auth
        assert page.refused["data"]["code"] == code
        assert page.refused["data"]["message"]
        assert page.events == []
    async with asyncio.timeout(5):
        while guests(replica):
            await asyncio.sleep(0.05)


async def test_a_refused_websocket_that_stays_is_closed_after_a_second(start_replica: StartReplica) -> None:
    replica = await start_replica()
    async with aiohttp.ClientSession() as session:
        socket = await raw(session, replica)
        await socket.send_str('40{"token":"wrong"}')
        began = time.monotonic()
        said = await closed(socket)
        assert 0.8 < time.monotonic() - began < 3
        assert said[0].startswith("44{")
        assert guests(replica) == 0


async def test_a_websocket_that_never_says_who_it_is_is_closed(
    start_replica: StartReplica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(realtime_door, "SECONDS_TO_SIGN_IN", 0.2)
    replica = await start_replica()
    async with aiohttp.ClientSession() as session:
        await closed(await raw(session, replica))
    assert guests(replica) == 0


async def test_strangers_from_one_address_are_few(
    start_replica: StartReplica, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medianest_hub.web.realtime_guests.MOST_STRANGERS_PER_ADDRESS", 3)
    replica = await start_replica()
    me = await sign_in(replica, "mia")
    pages = [await open_page(replica, me.token) for _ in range(4)]  # who has signed in is none
    async with aiohttp.ClientSession() as session:
        strangers = [await raw(session, replica) for _ in range(3)]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await raw(session, replica)
        assert refused.value.status == 401
        assert not any(stranger.closed for stranger in strangers)
    assert all(page.client.connected for page in pages)


async def test_polling_is_refused(start_replica: StartReplica) -> None:
    replica = await start_replica()
    async with (
        aiohttp.ClientSession() as session,
        session.get(replica.url + "/socket.io/?EIO=4&transport=polling") as answer,
    ):
        assert answer.status == 400
        await answer.read()


async def test_pages_of_other_origins_are_refused(start_replica: StartReplica, open_page: OpenPage) -> None:
    replica = await start_replica(
        MEDIANEST_SERVER__PUBLIC_URL="https://hub.example/media", MEDIANEST_SERVER__CORS_ORIGINS="https://front.example"
    )
    me = await sign_in(replica, "mia")
    for origin, welcome in {
        "https://hub.example": True,
        "https://front.example": True,
        "https://HUB.example": True,
        "http://hub.example": False,
        "https://evil.example": False,
        "https://hub.example.evil.example": False,
        "null": False,
        replica.url: False,
    }.items():
        page = await open_page(replica, me.token, headers={"Origin": origin}, welcome=False)
        assert page.client.connected is welcome, origin


async def test_without_a_public_url_the_hubs_own_origin_is_how_it_was_reached(
    start_replica: StartReplica, open_page: OpenPage
) -> None:
    replica = await start_replica()
    me = await sign_in(replica, "mia")
    own = await open_page(replica, me.token, headers={"Origin": replica.url}, welcome=False)
    assert own.client.connected
    other = await open_page(replica, me.token, headers={"Origin": "http://127.0.0.1:1"}, welcome=False)
    assert not other.client.connected


async def test_one_person_has_so_many_connections_and_no_more(start_replica: StartReplica, open_page: OpenPage) -> None:
    replica = await start_replica()
    me, other = await sign_in(replica, "mia"), await sign_in(replica, "ole")
    pages = [await open_page(replica, me.token) for _ in range(MOST_PER_PERSON)]
    page = await open_page(replica, me.token, welcome=False)
    assert page.refused["message"] == "too_many_sockets"
    assert (await open_page(replica, other.token)).client.connected
    await pages[0].client.disconnect()
    async with asyncio.timeout(5):
        while len(replica.realtime.door.guests.of_person(me.person.id)) >= MOST_PER_PERSON:
            await asyncio.sleep(0.01)
    assert (await open_page(replica, me.token)).client.connected


NONSENSE: list[list[str | bytes]] = [
    ["42" + json.dumps(["resume", "x" * LARGEST_MESSAGE])],
    [b"binary"],
    ['451-["resume",{"_placeholder":true,"num":0}]'],
    ["42"],
    ["42{}"],
    ["42[[[]]]"],
    ["42" + "[" * 5000],
    ["4"],
    ["49"],
    ["zzz"],
    ['40{"token":"again"}'],
    ['40/admin,{"token":"x"}'],
    ["41"],
    ["43999[]"] * 100,
    ['42["resume",{"cursor":0}]'] * 100,
    ["42[5]"] * 100,
    ["3"] * 100,
    ["5"] * 100,
]


async def test_nonsense_and_floods_end_only_the_connection_they_come_from(
    start_replica: StartReplica, open_page: OpenPage
) -> None:
    replica = await start_replica()
    me, other = await sign_in(replica, "mia"), await sign_in(replica, "ole", Role.ADMIN)
    page = await open_page(replica, other.token)
    for packets in NONSENSE:
        async with aiohttp.ClientSession() as session:
            socket = await raw(session, replica)
            await socket.send_str("40" + json.dumps({"token": me.token}))
            assert (await socket.receive_str(timeout=5)).startswith("40{")
            try:
                for packet in packets:
                    await (socket.send_bytes(packet) if isinstance(packet, bytes) else socket.send_str(packet))
            except ConnectionError:
                pass  # hung up on already
            try:
                await closed(socket)
            except TimeoutError:
                pytest.fail(f"still connected after {packets[0][:40]!r}")
    async with asyncio.timeout(5):
        while guests(replica) > 1:
            await asyncio.sleep(0.01)
    await replica.parts.realtime.send("job:done", {"id": "1"}, person=other.person.id)
    assert (await page.until("job:done"))["id"] == "1"


async def test_what_a_page_asks_wrongly_is_answered_and_harms_nothing(
    start_replica: StartReplica, open_page: OpenPage
) -> None:
    replica = await start_replica()
    me = await sign_in(replica, "mia")
    page = await open_page(replica, me.token)
    for wrong in ("7", -1, 2**64, True, [], 1.5):
        answer = await page.client.call("resume", {"cursor": wrong}, timeout=5)
        assert answer["code"] == "bad_cursor", wrong
    for no_object in (7, "7", True, [1]):
        answer = await page.client.call("resume", no_object, timeout=5)
        assert (answer["ok"], answer["code"]) == (False, "bad_cursor"), no_object
    answer = await page.client.call("resume", timeout=5)
    assert (answer["ok"], answer["resync"]) == (True, False)
    assert (await page.client.call("reauth", timeout=5))["code"] == "token_missing"
    assert (await page.client.call("reauth", {"token": "x"}, timeout=5))["code"] == "token_invalid"
    await page.client.emit("no such event", {"x": 1})
    await replica.parts.realtime.send("job:done", {"id": "1"}, person=me.person.id)
    await page.until("job:done")


async def test_resuming_again_and_again_is_slowed(start_replica: StartReplica, open_page: OpenPage) -> None:
    replica = await start_replica()
    me = await sign_in(replica, "mia")
    page = await open_page(replica, me.token)
    answers = [await page.client.call("resume", {"cursor": 0}, timeout=5) for _ in range(8)]
    assert [answer.get("code") for answer in answers] == [None] * 5 + ["too_many_requests"] * 3


async def test_before_the_hub_is_ready_pages_are_told_to_come_again(
    start_replica: StartReplica, open_page: OpenPage
) -> None:
    replica = await start_replica()
    me = await sign_in(replica, "mia")
    replica.realtime._parts = None
    page = await open_page(replica, me.token, welcome=False)
    assert page.refused["data"] == {
        "code": "starting",
        "message": "The hub is starting; try again shortly.",
        "retry_after": 1,
    }


async def test_a_stopping_hub_drops_pages_so_that_they_come_again_by_themselves(
    start_replica: StartReplica, open_page: OpenPage
) -> None:
    replica = await start_replica()
    me = await sign_in(replica, "mia")
    page = await open_page(replica, me.token)
    reasons: list[str] = []

    async def gone(reason: str) -> None:
        reasons.append(reason)
        page.gone.set()

    page.client.on("disconnect", gone)
    await replica.realtime.close()
    async with asyncio.timeout(5):
        await page.gone.wait()
    assert reasons[0].startswith("transport")  # after "server disconnect" a browser's client would stay away
    assert guests(replica) == 0
