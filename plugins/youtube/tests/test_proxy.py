"""The filtering proxy against clients and servers that mean it well, badly, or not at all."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import urlsplit

import pytest

from medianest_youtube import proxy as proxy_module
from medianest_youtube.addresses import HostRules
from medianest_youtube.failures import DownloadFailed, Failure
from medianest_youtube.proxy import FilterProxy

OPEN = HostRules.of(["127.0.0.1", "video.example"], allow_private=True)
PUBLIC = HostRules.of(["video.example", "10.0.0.1", "127.0.0.1"])


def credentials(proxy: FilterProxy) -> str:
    split = urlsplit(proxy.url)
    return base64.b64encode(f"{split.username}:{split.password}".encode()).decode()


async def connect(proxy: FilterProxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", urlsplit(proxy.url).port)


async def ask(proxy: FilterProxy, target: str, method: str = "GET", *, extra: str = "", body: bytes = b"") -> bytes:
    """The whole answer to one request, until the proxy closes."""
    reader, writer = await connect(proxy)
    head = (
        f"{method} {target} HTTP/1.1\r\nHost: ignored\r\nProxy-Authorization: Basic {credentials(proxy)}\r\n{extra}\r\n"
    )
    writer.write(head.encode() + body)
    try:
        return await asyncio.wait_for(reader.read(), 20)
    finally:
        writer.close()


@contextlib.asynccontextmanager
async def server(
    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await answer(reader, writer)
        writer.close()

    running = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with running:
        yield running.sockets[0].getsockname()[1]


async def test_strangers_who_hold_connections_open_do_not_keep_the_job_out(media):
    async with FilterProxy(OPEN, max_bytes=10**6) as proxy, contextlib.AsyncExitStack() as stack:
        for _ in range(3 * proxy_module.CONNECTIONS):
            _, writer = await connect(proxy)
            stack.callback(writer.close)
            writer.write(b"GET")
        async with asyncio.timeout(proxy_module.HEAD_SECONDS / 2):
            answer = await ask(proxy, f"{media.url}/media/clip.mp4", "HEAD")

    assert answer.startswith(b"HTTP/1.1 200")


async def test_the_jobs_own_connections_are_bounded_too(media):
    async with FilterProxy(OPEN, max_bytes=10**6) as proxy, contextlib.AsyncExitStack() as stack:
        for number in range(proxy_module.CONNECTIONS):
            reader, writer = await connect(proxy)
            stack.callback(writer.close)
            head = f"CONNECT 127.0.0.1:{urlsplit(media.url).port} HTTP/1.1\r\nProxy-Authorization: Basic {credentials(proxy)}"
            writer.write(f"{head}\r\n\r\n".encode())
            assert b" 200 " in await asyncio.wait_for(reader.readline(), 10), number
        answer = await ask(proxy, f"{media.url}/media/clip.mp4")

    assert answer.startswith(b"HTTP/1.1 503")


async def echo_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-l")), 0
    )
    body = head + await reader.readexactly(length)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    await writer.drain()


async def test_a_request_is_passed_on_without_what_is_the_proxys_own():
    async with server(echo_head) as port, FilterProxy(OPEN, max_bytes=1 << 20) as proxy:
        answer = await ask(
            proxy, f"http://127.0.0.1:{port}/a?b=c", "POST",
            extra="X-Kept: yes\r\nProxy-Connection: keep-alive\r\nContent-Length: 4\r\n", body=b"body",
        )  # fmt: skip

    head, _, seen = answer.partition(b"\r\n\r\n")
    assert b"Connection: close" in head
    assert seen.startswith(b"POST /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % port)
    assert b"X-Kept: yes" in seen
    assert b"Proxy" not in seen
    assert seen.endswith(b"\r\n\r\nbody")


async def test_without_the_token_nothing_is_reached():
    async with server(echo_head) as port, FilterProxy(OPEN, max_bytes=1 << 20) as proxy:
        for words in ("", "Proxy-Authorization: Basic am9iOndyb25n\r\n", "Proxy-Authorization: Basic %%%\r\n"):
            reader, writer = await connect(proxy)
            writer.write(f"GET http://127.0.0.1:{port}/ HTTP/1.1\r\n{words}\r\n".encode())
            assert (await reader.read()).startswith(b"HTTP/1.1 407 ")
            writer.close()


@pytest.mark.parametrize(
    ("target", "method", "reason"),
    [
        ("http://elsewhere.example/", "GET", "host"),
        ("elsewhere.example:443", "CONNECT", "host"),
        ("http://video.example.evil.net/", "GET", "host"),
        ("http://10.0.0.1/", "GET", "address"),
        ("10.0.0.1:443", "CONNECT", "address"),
        ("http://127.0.0.1:80/", "GET", "address"),
        ("127.0.0.1:22", "CONNECT", "port"),
        ("http://video.example:6379/", "GET", "port"),
    ],
)
async def test_places_that_are_not_allowed_are_refused_and_remembered(target, method, reason):
    async with FilterProxy(PUBLIC, max_bytes=1 << 20) as proxy:
        answer = await ask(proxy, target, method)

    assert answer.startswith(b"HTTP/1.1 403 ")
    assert [refusal.reason for refusal in proxy.refusals] == [reason]


@pytest.mark.parametrize("found", [["10.0.0.1"], ["1.1.1.1", "10.0.0.1"], ["::ffff:192.168.0.1"], []])
async def test_a_name_that_leads_to_a_private_address_is_refused(found):
    async def resolve(_: str) -> list[str]:
        return found

    async with FilterProxy(PUBLIC, max_bytes=1 << 20, resolve=resolve) as proxy:
        assert (await ask(proxy, "http://video.example/")).startswith(b"HTTP/1.1 403 ")
        assert proxy.refusals[0].reason == "address"


async def test_the_checked_address_is_the_one_connected_to_and_each_connection_is_checked_anew():
    answers = iter([["127.0.0.1"], ["0.0.0.0"]])  # the name changes its mind after the first check

    async def resolve(_: str) -> list[str]:
        return next(answers)

    async with server(echo_head) as port, FilterProxy(OPEN, max_bytes=1 << 20, resolve=resolve) as proxy:
        assert (await ask(proxy, f"http://video.example:{port}/")).startswith(b"HTTP/1.1 200 ")
        assert (await ask(proxy, f"http://video.example:{port}/")).startswith(b"HTTP/1.1 403 ")


async def test_a_tunnel_carries_both_ways_and_counts_what_comes_in():
    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line.upper())
            await writer.drain()

    async with server(shout) as port, FilterProxy(OPEN, max_bytes=1 << 20) as proxy:
        reader, writer = await connect(proxy)
        writer.write(
            f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\nProxy-Authorization: Basic {credentials(proxy)}\r\n\r\n".encode()
        )
        await reader.readuntil(b"\r\n\r\n")
        for word in (b"one\n", b"two\n"):
            writer.write(word)
            assert await reader.readline() == word.upper()
        assert proxy.received == 8
        writer.close()


async def test_more_bytes_than_allowed_end_the_connection_as_an_error():
    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(bytes(65536))
            await writer.drain()

    async with server(flood) as port, FilterProxy(OPEN, max_bytes=1 << 20) as proxy:
        with pytest.raises(ConnectionError):
            await ask(proxy, f"http://127.0.0.1:{port}/")
        assert proxy.over_limit
        assert proxy.received < 4 << 20


async def test_a_server_that_goes_silent_is_given_up_as_an_error():
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        await reader.read()
        await reader.read()

    async with server(silent) as port, FilterProxy(OPEN, max_bytes=1 << 20, idle_seconds=0.3) as proxy:
        with pytest.raises(ConnectionError):
            await ask(proxy, f"http://127.0.0.1:{port}/")


async def test_a_connection_reset_half_way_is_not_a_clean_end(media):
    async with FilterProxy(OPEN, max_bytes=1 << 30) as proxy:
        with pytest.raises(ConnectionError):
            await ask(proxy, media.clip("reset", "proxy"))


@pytest.mark.parametrize(
    ("request_line", "extra", "status"),
    [
        ("GET / HTTP/1.1", "", 400),
        ("GET https://video.example/ HTTP/1.1", "", 400),
        ("GET ftp://video.example/ HTTP/1.1", "", 400),
        ("GET http://user@video.example/ HTTP/1.1", "", 400),
        ("GET http://video.example:99999/ HTTP/1.1", "", 400),
        ("GET http:///x HTTP/1.1", "", 400),
        ("nonsense", "", 400),
        ("GET http://video.example/ HTTP/1.1", " folded: x\r\n", 400),
        ("POST http://video.example/ HTTP/1.1", "Content-Length: 1\r\nContent-Length: 2\r\n", 400),
        ("POST http://video.example/ HTTP/1.1", "Content-Length: -1\r\n", 400),
        ("POST http://video.example/ HTTP/1.1", "Transfer-Encoding: chunked\r\n", 411),
        ("GET http://video.example/ HTTP/1.1", f"X: {'x' * 70000}\r\n", 431),
    ],
)
async def test_malformed_requests_are_refused(request_line, extra, status):
    async with FilterProxy(OPEN, max_bytes=1 << 20) as proxy:
        reader, writer = await connect(proxy)
        writer.write(f"{request_line}\r\n{extra}\r\n".encode())
        assert (await reader.read(12)).startswith(f"HTTP/1.1 {status}".encode())
        writer.close()


async def test_a_client_that_never_finishes_its_request_is_let_go(monkeypatch):
    monkeypatch.setattr(proxy_module, "HEAD_SECONDS", 0.2)
    async with FilterProxy(OPEN, max_bytes=1 << 20) as proxy:
        reader, writer = await connect(proxy)
        writer.write(b"GET http://video.example/ HT")
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()


async def test_closing_the_proxy_ends_its_connections():
    arrived = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        arrived.set()
        await reader.read()

    async with server(silent) as port:
        async with FilterProxy(OPEN, max_bytes=1 << 20) as proxy:
            asking = asyncio.ensure_future(ask(proxy, f"http://127.0.0.1:{port}/"))
            await arrived.wait()
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(asking, 5) == b""


# --- yt-dlp and ffmpeg themselves ---


@pytest.mark.parametrize(
    ("path", "fault"),
    [("media/clip.mp4", "redirect:10.0.0.1"), ("evil-hls/10.0.0.1/x.m3u8", ""), ("evil-hls/localhost/x.m3u8", "")],
)
async def test_redirects_and_segments_may_not_lead_elsewhere(download, media, path, fault):
    with pytest.raises(DownloadFailed) as caught:
        await download(media.clip(fault, "elsewhere", path))

    assert caught.value.failure is Failure.NOT_ALLOWED


async def test_a_name_that_turns_to_a_private_address_during_a_download_is_refused(download, make_runner, media):
    answers = iter([["127.0.0.1"], ["127.0.0.1"]])

    async def resolve(_: str) -> list[str]:
        return next(answers, ["0.0.0.0"])

    download.runner = make_runner(hosts=("video.example",), resolve=resolve)
    with pytest.raises(DownloadFailed) as caught:
        await download(media.clip().replace("127.0.0.1", "video.example"))

    assert caught.value.failure is Failure.NOT_ALLOWED


async def test_this_machine_itself_is_not_reached_unless_allowed(download, make_runner, media):
    download.runner = make_runner(private=False)
    before = len(media.requests)
    with pytest.raises(DownloadFailed) as caught:
        await download(media.clip())

    assert caught.value.failure is Failure.NOT_ALLOWED
    assert len(media.requests) == before


async def test_ffmpeg_obeys_the_proxy_as_well(media, tmp_path):
    rules = HostRules.of(["127.0.0.1"], allow_private=True)
    async with FilterProxy(rules, max_bytes=1 << 30) as proxy:
        for path in ("media/hls/v144.m3u8", "evil-hls/10.0.0.1/x.m3u8"):
            process = await asyncio.create_subprocess_exec(
                *("ffmpeg", "-nostdin", "-y", "-i", media.clip(path=path), "-c", "copy", str(tmp_path / "out.ts")),
                env={"http_proxy": proxy.url, "PATH": "/usr/bin:/bin"},
                stderr=asyncio.subprocess.DEVNULL,
            )
            await process.wait()

    assert proxy.received > 100_000
    assert {refusal.host for refusal in proxy.refusals} == {"10.0.0.1"}
