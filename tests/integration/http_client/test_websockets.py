"""An open websocket: messages in their order and each of them once, silence noticed, every end in words, nothing logged of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import pytest
import structlog
from aiohttp import WSMsgType, web

from medianest_hub.infrastructure.http_client import HttpClient, HttpClients
from medianest_hub.plugin_api import WebSocket
from medianest_hub.plugin_api.errors import HubError, Unavailable, UpstreamError, UpstreamTimeout
from medianest_hub.testing import FakeUpstream, Hear, SocketFault

SERVICE = "weather.example"


async def test_messages_go_both_ways_in_their_order(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    fake_upstream.websocket("/live", "welcome", Hear("subscribe"), {"celsius": 21.5}, b"\x00\x01", "", Hear("grüezi"))
    async with http.websocket(f"{fake_upstream.url}/live") as socket:
        assert await socket.receive() == "welcome"
        await socket.send("subscribe")
        assert [await socket.receive() for _ in range(3)] == ['{"celsius": 21.5}', b"\x00\x01", ""]
        await socket.send("grüezi")
        (other,) = await fake_upstream.opened()
        assert await other.hears(2) == ["subscribe", "grüezi"]
    assert await other.gone() == 1000
    assert fake_upstream.unexpected == []


async def test_a_cancelled_receive_loses_no_message(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    count = 300
    fake_upstream.websocket("/live", *(str(number) for number in range(count)))
    heard: list[str | bytes] = []
    async with http.websocket(f"{fake_upstream.url}/live", cap=1000) as socket, asyncio.timeout(10):
        while len(heard) < count:
            waiting = asyncio.create_task(socket.receive())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])
            if not waiting.cancelled():
                heard.append(waiting.result())
    assert heard == [str(number) for number in range(count)]


async def test_pings_are_answered_while_nobody_receives(http: HttpClient) -> None:
    answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def pinging(request: web.BaseRequest) -> web.WebSocketResponse:
        other = web.WebSocketResponse(autoping=False)
        await other.prepare(request)
        await other.ping(b"there?")
        message = await other.receive()
        answered.set_result(message.data if message.type is WSMsgType.PONG else b"")
        await other.receive()
        return other

    runner = web.ServerRunner(web.Server(pinging))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with http.websocket(f"ws://127.0.0.1:{runner.addresses[0][1]}/"), asyncio.timeout(5):
            assert await answered == b"there?"
    finally:
        await runner.cleanup()


async def test_a_slow_receiver_slows_the_other_side_and_loses_nothing(
    http: HttpClient, fake_upstream: FakeUpstream
) -> None:
    size, count = 256 * 1024, 256
    fake_upstream.websocket("/live")
    async with http.websocket(f"{fake_upstream.url}/live", cap=size) as socket:
        (other,) = await fake_upstream.opened()

        async def flood() -> None:
            for number in range(count):
                await other.say(str(number).rjust(size))

        flooding = asyncio.create_task(flood())
        await asyncio.wait([flooding], timeout=0.5)
        assert not flooding.done()  # 64 MiB are more than is kept for anybody
        async with asyncio.timeout(20):
            assert [int(await socket.receive()) for _ in range(count)] == list(range(count))
        await flooding


# Ends


async def ending(http: HttpClient, fake_upstream: FakeUpstream, *script: SocketFault | str, cap: int = 1000) -> str:
    """The words, each time the same, after `first` was heard."""
    fake_upstream.websocket("/live", "first", *script)
    async with http.websocket(f"{fake_upstream.url}/live", service=SERVICE, cap=cap) as socket, asyncio.timeout(5):
        assert await socket.receive() == "first"
        said = []
        for again in (socket.receive(), socket.receive(), socket.send("hello?")):
            with pytest.raises(UpstreamError) as ended:
                await again
            assert ended.value.service == SERVICE
            said.append(ended.value.message)
    assert len(set(said)) == 1
    return said[0]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (SocketFault.END, "ended the connection"),
        (SocketFault.CUT, "ended the connection"),
        (SocketFault.GARBAGE, "sent a message that cannot be read: it breaks the websocket protocol"),
        (SocketFault.HUGE, "sent a message that cannot be read: it is larger than 1000 bytes"),
    ],
)
async def test_each_end_is_told_in_words(
    http: HttpClient, fake_upstream: FakeUpstream, fault: SocketFault, words: str
) -> None:
    assert await ending(http, fake_upstream, fault) == f"{SERVICE} {words}."


async def test_a_message_may_be_as_large_as_the_cap_and_no_larger(
    http: HttpClient, fake_upstream: FakeUpstream
) -> None:
    fake_upstream.websocket("/live", "x" * 1000, "ü" * 500, b"x" * 1000, b"x" * 1001)
    async with http.websocket(f"{fake_upstream.url}/live", cap=1000) as socket:
        assert [len(await socket.receive()) for _ in range(3)] == [1000, 500, 1000]
        with pytest.raises(UpstreamError, match="larger than 1000 bytes"):
            await socket.receive()


async def test_what_came_before_the_end_is_received_first(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    fake_upstream.websocket("/live", "one", "two", SocketFault.END)
    async with http.websocket(f"{fake_upstream.url}/live") as socket:
        (other,) = await fake_upstream.opened()
        await other.gone()
        assert [await socket.receive(), await socket.receive()] == ["one", "two"]
        with pytest.raises(UpstreamError):
            await socket.receive()


# Silence


@pytest.mark.parametrize(("ping", "silence", "seconds"), [(None, 0.5, "0.5"), (0.2, None, "0.6"), (0.1, 0.4, "0.4")])
async def test_one_that_is_silent_for_too_long_counts_as_gone(
    http: HttpClient, fake_upstream: FakeUpstream, ping: float | None, silence: float | None, seconds: str
) -> None:
    fake_upstream.websocket("/live", "first", SocketFault.SILENCE)
    url = f"{fake_upstream.url}/live"
    async with http.websocket(url, service=SERVICE, ping=ping, silence=silence) as socket, asyncio.timeout(5):
        assert await socket.receive() == "first"
        with pytest.raises(UpstreamTimeout) as silent:
            await socket.receive()
    words = f"{SERVICE} has said nothing for {seconds} seconds, not even that it is there."
    assert silent.value.message == words


async def test_silence_is_noticed_however_short_each_wait_for_a_message_is(
    http: HttpClient, fake_upstream: FakeUpstream
) -> None:
    async def look_again_and_again(socket: WebSocket) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    await socket.receive()

    fake_upstream.websocket("/live", SocketFault.SILENCE)
    async with http.websocket(f"{fake_upstream.url}/live", silence=0.3) as socket, asyncio.timeout(5):
        with pytest.raises(UpstreamTimeout):
            await look_again_and_again(socket)


async def test_one_that_answers_pings_may_say_nothing_else(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    fake_upstream.websocket("/live")
    async with http.websocket(f"{fake_upstream.url}/live", ping=0.2) as socket:
        (other,) = await fake_upstream.opened()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.2):
                await socket.receive()
        await other.say("still here")
        assert await socket.receive() == "still here"


async def test_one_that_takes_nothing_in_is_told_to_the_sender(http: HttpClient, fake_upstream: FakeUpstream) -> None:
    async def send_for_ever(socket: WebSocket) -> None:
        while True:
            await socket.send("x" * 1024 * 1024)

    fake_upstream.websocket("/live", SocketFault.SILENCE)
    async with (
        http.websocket(f"{fake_upstream.url}/live", service=SERVICE, deadline=1) as socket,
        asyncio.timeout(10),
    ):
        await fake_upstream.opened()
        with pytest.raises(UpstreamTimeout) as stuck:
            await send_for_ever(socket)
    assert stuck.value.message == f"{SERVICE} has taken nothing in for 1 seconds."


# The plugin's context


async def test_when_the_context_is_closed_open_ones_end_and_no_new_ones_open(
    http: HttpClient, fake_upstream: FakeUpstream
) -> None:
    fake_upstream.websocket("/live")
    async with http.websocket(f"{fake_upstream.url}/live") as socket, asyncio.timeout(5):
        (other,) = await fake_upstream.opened()
        waiting = asyncio.create_task(socket.receive())
        await asyncio.sleep(0)
        await http.close()
        assert await other.gone() == 1000
        for asked in (waiting, socket.receive(), socket.send("hello?")):
            with pytest.raises(Unavailable) as ended:
                await asked
            assert ended.value.error_code == "plugin_stopped"
    with pytest.raises(Unavailable, match="has been stopped"):
        async with http.websocket(f"{fake_upstream.url}/live"):
            pytest.fail("it was opened")
    assert len(fake_upstream.requests) == 1


async def test_one_that_is_being_opened_when_the_context_is_closed_does_not_stay(
    clients: HttpClients, fake_upstream: FakeUpstream
) -> None:
    http = clients.client("weather")
    service = clients.service("weather", "main", SERVICE)
    fake_upstream.websocket("/live")

    async def opened() -> None:
        async with http.websocket(f"{fake_upstream.url}/live", service=SERVICE):
            pytest.fail("it was opened")

    for _ in range(service.slots._value):
        await service.slots.acquire()
    opening = asyncio.create_task(opened())
    await asyncio.sleep(0)
    await http.close()
    service.slots.release()
    with pytest.raises(Unavailable, match="has been stopped"):
        await opening
    (other,) = await fake_upstream.opened()
    assert await other.gone() == 1000


async def test_a_hub_that_stops_ends_all(clients: HttpClients, http: HttpClient, fake_upstream: FakeUpstream) -> None:
    fake_upstream.websocket("/live")
    async with http.websocket(f"{fake_upstream.url}/live") as socket, asyncio.timeout(5):
        await clients.close()
        with pytest.raises(HubError):
            await socket.receive()
    with pytest.raises(Unavailable):
        async with http.websocket(f"{fake_upstream.url}/live"):
            pytest.fail("it was opened")


async def test_neither_what_is_said_nor_the_address_is_logged(
    http: HttpClient, fake_upstream: FakeUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fake_upstream.websocket("/live", "secret-heard", Hear("secret-said"), SocketFault.GARBAGE)
    with structlog.testing.capture_logs() as lines:
        url = f"{fake_upstream.url}/live?token=secret-token"
        async with http.websocket(url, headers={"X-Token": "secret-header"}) as socket:
            await socket.receive()
            await socket.send("secret-said")
            with pytest.raises(UpstreamError) as ended:
                await socket.receive()
    told = f"{lines} {caplog.text} {ended.value.message}"
    assert "outside_call" in told
    for hidden in ("secret", "/live", "token"):
        assert hidden not in told
