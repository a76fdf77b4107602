"""The fake upstream's websockets say, hear and fail as scripted: checked with a client nobody here wrote."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import WSMsgType

from medianest_hub.testing import Authority, FakeUpstream, Fault, Hear, SocketFault


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_a_script_says_and_hears_in_its_order(fake_upstream: FakeUpstream, client: aiohttp.ClientSession) -> None:
    fake_upstream.websocket(
        "/live", "welcome", Hear("subscribe"), {"celsius": 21.5}, b"\x00\x01", [1, 2], Hear(), "bye"
    )
    async with client.ws_connect(f"{fake_upstream.url}/live?all=1", headers={"X-Api-Key": "k"}) as socket:
        assert await socket.receive_str() == "welcome"
        await socket.send_str("subscribe")
        assert await socket.receive_json() == {"celsius": 21.5}
        assert await socket.receive_bytes() == b"\x00\x01"
        assert await socket.receive_json() == [1, 2]
        await socket.send_bytes(b"whatever")
        assert await socket.receive_str() == "bye"
    (seen,) = await fake_upstream.opened()
    assert (seen.request.query, seen.request.headers["x-api-key"]) == ({"all": "1"}, "k")
    assert await seen.hears(2) == ["subscribe", b"whatever"]
    assert await seen.gone() == 1000
    assert fake_upstream.unexpected == []


async def test_scripts_come_in_order_among_answers_and_the_last_one_stays(
    fake_upstream: FakeUpstream, client: aiohttp.ClientSession
) -> None:
    fake_upstream.answer("GET", "/live", status=503)
    fake_upstream.websocket("/live", "first")
    fake_upstream.websocket("/live", "again")
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await client.ws_connect(f"{fake_upstream.url}/live")
    assert refused.value.status == 503
    for word in ("first", "again", "again"):
        async with client.ws_connect(f"{fake_upstream.url}/live") as socket:
            assert await socket.receive_str() == word
    assert len(fake_upstream.sockets) == 3


async def test_a_handshake_can_hang(fake_upstream: FakeUpstream, client: aiohttp.ClientSession) -> None:
    fake_upstream.answer("GET", "/live", fault=Fault.HANG)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.ws_connect(f"{fake_upstream.url}/live"), 0.2)


async def test_a_plain_request_is_told_to_upgrade(fake_upstream: FakeUpstream, client: aiohttp.ClientSession) -> None:
    fake_upstream.websocket("/live")
    async with client.get(f"{fake_upstream.url}/live") as answer:
        assert answer.status == 426


async def test_a_test_can_go_on_where_the_script_ended(
    fake_upstream: FakeUpstream, client: aiohttp.ClientSession
) -> None:
    fake_upstream.websocket("/live")
    async with client.ws_connect(f"{fake_upstream.url}/live") as socket:
        (other,) = await fake_upstream.opened()
        await other.say("now")
        assert await socket.receive_str() == "now"
        await socket.send_str("thanks")
        assert await other.hears() == ["thanks"]
        await other.say(SocketFault.END)
        assert (await socket.receive()).data == 1001
    with pytest.raises(ConnectionError):
        await other.say("too late")


async def test_another_message_than_the_scripted_one_is_listed_and_ends_it(
    fake_upstream: FakeUpstream, client: aiohttp.ClientSession
) -> None:
    fake_upstream.websocket("/live", Hear("subscribe"), "welcome")
    async with client.ws_connect(f"{fake_upstream.url}/live") as socket:
        await socket.send_str("unsubscribe")
        assert (await socket.receive()).data == 1008
    assert fake_upstream.unexpected == ["/live heard 'unsubscribe' where 'subscribe' was scripted"]


@pytest.mark.parametrize(
    ("fault", "met"),
    [
        (SocketFault.END, WSMsgType.CLOSE),
        (SocketFault.CUT, WSMsgType.CLOSED),
        (SocketFault.GARBAGE, WSMsgType.ERROR),
        (SocketFault.HUGE, WSMsgType.ERROR),
    ],
)
async def test_each_fault_is_met_as_itself(
    fake_upstream: FakeUpstream, client: aiohttp.ClientSession, fault: SocketFault, met: WSMsgType
) -> None:
    fake_upstream.websocket("/live", "welcome", fault, "never said")
    async with client.ws_connect(f"{fake_upstream.url}/live") as socket:
        assert await socket.receive_str() == "welcome"
        assert (await socket.receive(timeout=5)).type is met
    (other,) = fake_upstream.sockets
    await other.gone()


async def test_one_that_keeps_silent_answers_no_ping(
    fake_upstream: FakeUpstream, client: aiohttp.ClientSession
) -> None:
    fake_upstream.websocket("/live", "welcome")
    async with client.ws_connect(f"{fake_upstream.url}/live", autoping=False) as socket:
        assert await socket.receive_str() == "welcome"
        await socket.ping()
        assert (await socket.receive()).type is WSMsgType.PONG
        (other,) = fake_upstream.sockets
        await other.say(SocketFault.SILENCE)
        await socket.ping()
        with pytest.raises(TimeoutError):
            await socket.receive(timeout=0.2)


async def test_stopping_drops_open_websockets_at_once(
    fake_upstream: FakeUpstream, client: aiohttp.ClientSession
) -> None:
    fake_upstream.websocket("/live", SocketFault.SILENCE)
    async with client.ws_connect(f"{fake_upstream.url}/live") as socket:
        await fake_upstream.opened()
        fake_upstream.forget()
        began = time.monotonic()
        await fake_upstream.stop()
        assert time.monotonic() - began < 2
        assert (await socket.receive()).type is WSMsgType.CLOSED


async def test_a_websocket_by_tls(fake_upstream: FakeUpstream, client: aiohttp.ClientSession) -> None:
    home = Authority()
    await fake_upstream.restart(home.certificate())
    fake_upstream.websocket("/live", "welcome")
    trusting = ssl.create_default_context(cadata=home.pem)
    async with client.ws_connect(f"{fake_upstream.url}/live", ssl=trusting) as socket:
        assert await socket.receive_str() == "welcome"
