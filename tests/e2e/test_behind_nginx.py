"""The hub behind a real nginx: addresses, hosts, live events; and no request hides in another, whatever its shape."""

from __future__ import annotations

import asyncio
import re
import tempfile
import tomllib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import pytest_asyncio
import socketio

from medianest_hub.settings import HubSettings
from medianest_hub.testing.distributions import plugin_source, write_distribution
from medianest_hub.testing.hub import Hub, HubClient, HubProcess, run_hub
from tests.e2e.nginx_front import Front, nginx

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLUGIN = """
from pydantic import BaseModel

router = Router()
asked = []

class At(BaseModel):
    tag: str

class Told(BaseModel):
    tag: str
    address: str = ""

class Anything(BaseModel):
    pass

class Asked(BaseModel):
    tags: list[str]

@router.get("/at/{tag}", public=True)
async def at(ctx, call: Call[At]) -> Told:
    asked.append(f"{call.request.method} {call.path.tag}")
    return Told(tag=call.path.tag, address=call.request.address)

@router.post("/at/{tag}", public=True, body_limit=4096)
async def post_at(ctx, call: Call[At, Empty, Anything]) -> Told:
    asked.append(f"{call.request.method} {call.path.tag}")
    return Told(tag=call.path.tag)

@router.get("/asked", public=True)
async def which(ctx, call: Call) -> Asked:
    return Asked(tags=asked)

@hookimpl
def hub_routes():
    return router
"""
AT = "/api/v1/echo/at"


@dataclass
class Behind:
    """A hub, a proxy in front of it, and calls through that."""

    hub: Hub
    front: Front

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.front.port}"

    async def raw(self, port: int, sent: bytes, seconds: float = 0.4) -> bytes:
        """All that comes back until the other side ends the connection, or says nothing for that long."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        got = b""
        try:
            writer.write(sent)
            async with asyncio.timeout(15):
                while piece := await asyncio.wait_for(reader.read(65536), seconds):
                    got += piece
        except (TimeoutError, ConnectionError):
            pass
        finally:
            writer.close()
        return got

    async def through(self, sent: bytes) -> bytes:
        return await self.raw(self.front.port, sent)

    async def tell(self, tag: str, **headers: str) -> Any:
        client = HubClient(self.hub.session, self.url)
        reply = await client.get(f"{AT}/{tag}", headers=headers)
        assert reply.status == 200, reply.body
        return reply.json()

    async def asked(self) -> list[str]:
        """Whatever reached a handler of the hub."""
        reply = await self.hub.stranger.get("/api/v1/echo/asked")
        tags: list[str] = reply.json()["tags"]
        return tags


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    folder = tmp_path_factory.mktemp("hub")
    write_distribution(folder / "installed", "echo", plugin_source(PLUGIN))
    settings = {
        "server": {"trusted_proxies": ["127.0.0.0/8"], "public_url": "http://media.example.org"},
        "plugins": {"blocked": ["youtube", "hello"]},
    }
    with run_hub(folder, settings, environment={"PYTHONPATH": str(folder / "installed")}) as hub:
        yield hub


@pytest.fixture(scope="module")
def front(process: HubProcess) -> Iterator[Front]:
    with tempfile.TemporaryDirectory(prefix="mn-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with nginx(Path(folder) / "nginx", int(process.url.rpartition(":")[2])) as running:
            yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def behind(process: HubProcess, front: Front) -> AsyncIterator[Behind]:
    async with Hub(process) as hub:
        yield Behind(hub, front)


# What passes


async def test_the_callers_own_words_about_an_address_are_not_believed(behind: Behind) -> None:
    told = await behind.tell("address", **{"X-Forwarded-For": "203.0.113.9", "X-Real-IP": "203.0.113.9"})
    assert told["address"] == "127.0.0.1"


async def test_the_name_asked_for_reaches_the_hub_and_a_foreign_one_does_not_pass(behind: Behind) -> None:
    client = HubClient(behind.hub.session, behind.url)
    assert (await client.get(f"{AT}/own", headers={"Host": "media.example.org"})).status == 200
    reply = await client.get(f"{AT}/foreign", headers={"Host": "evil.example"})
    assert (reply.status, reply.json()["code"]) == (421, "host_refused")
    forwarded = {"Host": "media.example.org", "X-Forwarded-Host": "evil.example"}
    assert (await client.get(f"{AT}/forwarded", headers=forwarded)).status == 200


async def test_figures_do_not_go_out(behind: Behind) -> None:
    assert (await HubClient(behind.hub.session, behind.url).get("/metrics")).status == 404
    assert (await behind.hub.stranger.get("/metrics")).status == 200


async def test_every_header_of_the_hub_comes_through_once(behind: Behind) -> None:
    answer = await behind.through(b"GET /nowhere HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n")
    top = answer.partition(b"\r\n\r\n")[0].lower()
    for name in (b"content-security-policy", b"x-content-type-options", b"referrer-policy", b"x-request-id"):
        assert top.count(b"\r\n" + name + b":") == 1
    assert re.findall(rb"\r\nserver: *(.*)", top) in ([b"nginx"], [b"nginx\r"])


async def test_live_events_pass(behind: Behind) -> None:
    mia = await behind.hub.person("mia")
    ready = asyncio.Event()
    client = socketio.AsyncClient(reconnection=False)
    client.on("realtime:ready", lambda *_: ready.set())
    await client.connect(behind.url, auth={"token": mia.token}, transports=["websocket"])
    async with asyncio.timeout(5):
        await ready.wait()
    await client.disconnect()


async def test_a_body_in_chunks_and_one_that_waits_for_100_continue_pass(behind: Behind) -> None:
    chunks = b"2\r\n{}\r\n0\r\n\r\n"
    lines = b"Host: hub\r\nContent-Type: application/json\r\nConnection: close\r\n"
    head = b"POST %b/chunks HTTP/1.1\r\n%bTransfer-Encoding: chunked\r\n\r\n" % (AT.encode(), lines)
    assert statuses(await behind.through(head + chunks)) == [200]
    head = b"POST %b/expect HTTP/1.1\r\n%bExpect: 100-continue\r\nContent-Length: 2\r\n\r\n" % (AT.encode(), lines)
    assert statuses(await behind.through(head + b"{}")) in ([100, 200], [200])


# What does not

HIDDEN = b"GET %b/{tag} HTTP/1.1\r\nHost: hub\r\n\r\n" % AT.encode()
"""The request that is to hide in another's body."""


def framed(*lines: bytes, body: bytes, version: bytes = b"1.1", method: bytes = b"POST", end: bytes = b"\r\n") -> bytes:
    """A request around `body`. `{all}` in a line is the body's length, `{tag}` anywhere a word that is found again."""
    first = b"%b %b/outer-{tag} HTTP/%b" % (method, AT.encode(), version)
    head = end.join([first, b"Host: hub", b"Content-Type: application/json", *lines, b"", b""])
    return head.replace(b"{all}", b"%d" % (len(body) + 1)) + body  # a tag is one longer than its placeholder


CHUNKED = b"0\r\n\r\n" + HIDDEN
IN_CHUNK = b"%x\r\n%b\r\n0\r\n\r\n" % (len(HIDDEN) + 1, HIDDEN)
ALL = b"Content-Length: {all}"
TE = b"Transfer-Encoding: chunked"
SHAPES = {
    "CL.TE": framed(ALL, TE, body=CHUNKED),
    "TE.CL": framed(TE, b"Content-Length: 4", body=IN_CHUNK),
    "TE twice": framed(TE, b"Transfer-Encoding: x", ALL, body=CHUNKED),
    "TE list": framed(b"Transfer-Encoding: chunked, identity", ALL, body=CHUNKED),
    "TE list without length": framed(b"Transfer-Encoding: identity, chunked", body=CHUNKED),
    "TE prefix": framed(b"Transfer-Encoding: xchunked", ALL, body=CHUNKED),
    "TE tab": framed(b"Transfer-Encoding:\tchunked", ALL, body=CHUNKED),
    "TE vertical tab": framed(b"Transfer-Encoding: \x0bchunked", ALL, body=CHUNKED),
    "TE space before colon": framed(b"Transfer-Encoding : chunked", ALL, body=CHUNKED),
    "TE folded": framed(b"Transfer-Encoding:\r\n chunked", ALL, body=CHUNKED),
    "TE as continuation": framed(b"X: y\r\n Transfer-Encoding: chunked", ALL, body=CHUNKED),
    "TE after bare LF": framed(b"X: y\nTransfer-Encoding: chunked", ALL, body=CHUNKED),
    "TE after bare CR": framed(b"X: y\rTransfer-Encoding: chunked", ALL, body=CHUNKED),
    "TE after NUL": framed(b"X: y\0\r\nTransfer-Encoding: chunked", ALL, body=CHUNKED),
    "TE underscore": framed(b"Transfer_Encoding: chunked", ALL, body=CHUNKED),
    "TE capitals": framed(b"TRANSFER-ENCODING: CHUNKED", ALL, body=CHUNKED),
    "TE quoted": framed(b'Transfer-Encoding: "chunked"', ALL, body=CHUNKED),
    "TE in HTTP/1.0": framed(TE, ALL, body=CHUNKED, version=b"1.0"),
    "TE alone in HTTP/1.0": framed(TE, b"Connection: keep-alive", body=CHUNKED, version=b"1.0"),
    "CL twice": framed(b"Content-Length: 0", ALL, body=HIDDEN),
    "CL twice the other way": framed(ALL, b"Content-Length: 0", body=HIDDEN),
    "CL list": framed(b"Content-Length: 0, {all}", body=HIDDEN),
    "CL plus": framed(b"Content-Length: +{all}", body=HIDDEN),
    "CL minus": framed(b"Content-Length: -0", body=HIDDEN),
    "CL space before colon": framed(b"Content-Length : {all}", body=HIDDEN),
    "CL hexadecimal": framed(b"Content-Length: 0x{all}", body=HIDDEN),
    "CL with a fraction": framed(b"Content-Length: {all}.0", body=HIDDEN),
    "CL huge": framed(b"Content-Length: 18446744073709551616", body=HIDDEN),
    "CL underscore": framed(b"Content_Length: {all}", b"Content-Length: 0", body=HIDDEN),
    "CL in a GET": framed(ALL, body=HIDDEN, method=b"GET"),
    "CL in a HEAD": framed(ALL, body=HIDDEN, method=b"HEAD"),
    "TE in a GET": framed(TE, body=IN_CHUNK, method=b"GET"),
    "bare LF": framed(ALL, body=HIDDEN, end=b"\n"),
    "bare CR": framed(ALL, body=HIDDEN, end=b"\r"),
    "chunk of 0x": framed(TE, body=b"0x0\r\n\r\n" + HIDDEN),
    "chunk extension": framed(TE, body=b"2;x\n{}\r\n{}\r\n0\r\n\r\n"),
    "chunk extension with LF": framed(TE, body=b"2;\n{}\r\n0\r\n\r\n" + HIDDEN),
    "chunk longer than said": framed(TE, body=b"2\r\n{}XX0\r\n\r\n" + HIDDEN),
    "chunk overflow": framed(TE, body=b"10000000000000002\r\n{}\r\n0\r\n\r\n" + HIDDEN),
    "chunk ends with LF": framed(TE, body=b"2\r\n{}\n0\n\n" + HIDDEN),
    "chunk trailer": framed(TE, body=b"2\r\n{}\r\n0\r\nContent-Length: 99\r\n\r\n"),
    "Expect and CL.TE": framed(b"Expect: 100-continue", ALL, TE, body=CHUNKED),
    "Expect in a GET": framed(b"Expect: 100-continue", ALL, body=HIDDEN, method=b"GET"),
    "Expect obfuscated": framed(b"Expect: y 100-continue", ALL, body=HIDDEN),
    "Connection names CL": framed(b"Connection: Content-Length", ALL, body=HIDDEN),
    "Upgrade that fails": framed(
        b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 1", body=HIDDEN, method=b"GET"
    ),
    "Upgrade to h2c": framed(
        b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__", body=HIDDEN
    ),
    "Upgrade of live events that fails": (
        b"GET /socket.io/?EIO=4&transport=websocket&t={tag} HTTP/1.1\r\nHost: hub\r\nConnection: Upgrade\r\n"
        b"Upgrade: websocket\r\nSec-WebSocket-Version: 1\r\nSec-WebSocket-Key: x\r\n\r\n" + HIDDEN
    ),
    "two Hosts": framed(b"Host: evil.example", ALL, body=HIDDEN),
    "HTTP/1.0 kept alive": framed(b"Connection: keep-alive", b"Content-Length: 0", body=HIDDEN, version=b"1.0"),
    "HTTP/0.9": b"GET %b/outer-{tag}\r\n" % AT.encode() + HIDDEN,
    "HTTP/1.2": framed(ALL, body=HIDDEN, version=b"1.2"),
    "absolute form": b"GET http://evil.example%b/outer-{tag} HTTP/1.1\r\nHost: hub\r\n\r\n" % AT.encode(),
    "line break in the address": b"GET %b/outer-{tag}%%0d%%0aHost:%%20evil HTTP/1.1\r\nHost: hub\r\n\r\n" % AT.encode(),
    "space in the address": b"GET %b/outer-{tag} HTTP/1.1\r\nX: HTTP/1.1\r\nHost: hub\r\n\r\n" % AT.encode(),
}

PLAIN = {"CL underscore", "HTTP/1.0 kept alive"}
"""Without a body by any reading: what comes after them is a request of its own, whoever reads it."""


def statuses(answer: bytes) -> list[int]:
    """Of all answers in what came back."""
    return [int(found) for found in re.findall(rb"HTTP/1\.[01] (\d{3})", answer)]


@pytest.mark.parametrize("name", SHAPES)
async def test_no_request_hides_in_another(behind: Behind, name: str) -> None:
    """Whatever the hub was asked is what nginx knows to have asked it, and everybody else gets their own answer."""
    number = list(SHAPES).index(name)
    tag = f"tag{number:03d}"
    sent = SHAPES[name].replace(b"{tag}", tag.encode())
    attacks = [behind.through(sent) for _ in range(2)]
    victims = [behind.tell(f"victim{number}-{turn}") for turn in range(4)]
    results = await asyncio.gather(*attacks, *victims)
    later = [await behind.tell(f"later{number}-{turn}") for turn in range(4)]
    told = [*results[2:], *later]
    expected = [f"victim{number}-{turn}" for turn in range(4)] + [f"later{number}-{turn}" for turn in range(4)]
    assert [one["tag"] for one in told] == expected
    # 501 is nginx's own word for encodings it does not know.
    assert not [status for answer in results[:2] for status in statuses(answer) if status >= 500 and status != 501]
    known = {unquote(request).replace(f"{AT}/", "") for request in behind.front.passed}
    hidden = [request for request in await behind.asked() if tag in request and request not in known]
    assert not hidden, f"{hidden} of {known}"


@pytest.mark.parametrize("name", SHAPES)
async def test_no_request_hides_in_another_without_a_proxy(behind: Behind, name: str) -> None:
    """The hub alone reads ambiguous requests as nothing: a proxy that is more lenient than nginx is no way in, either."""
    tag = f"bare{list(SHAPES).index(name):03d}"
    sent = SHAPES[name].replace(b"{tag}", tag.encode())
    answer = await behind.raw(int(behind.hub.url.rpartition(":")[2]), sent)
    assert not [status for status in statuses(answer) if status >= 500]
    assert (f"GET {tag}" in await behind.asked()) == (name in PLAIN)


async def test_the_documented_settings_are_settings() -> None:
    page = (Path(__file__).parents[2] / "docs/operators/reverse-proxy.md").read_text()
    (text,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert HubSettings(**tomllib.loads(text)).server.trusted_proxies
