"""Bodies are read only when wanted, only up to their bound and only for so long; whoever sends one still hears why not."""

import asyncio
import json
import re

import pytest
import pytest_asyncio

from medianest_hub.web import bodies

from .conftest import Install, Site, StartSite, raw

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLUGIN = """
from pydantic import BaseModel

router = Router()
calls = []

class Body(BaseModel):
    text: str

class Size(BaseModel):
    size: int

@router.post("/text", permission="hub.signed_in", body_limit=1000)
async def text(ctx, call: Call[Empty, Empty, Body]) -> Size:
    calls.append(call)
    return Size(size=len(call.body.text))

@router.post("/open", public=True, body_limit=1000)
async def open_to_all(ctx, call: Call[Empty, Empty, Body]) -> Size:
    return Size(size=len(call.body.text))

@router.get("/read", permission="hub.signed_in")
async def read(ctx, call: Call) -> Size:
    return Size(size=0)

@hookimpl
def hub_routes():
    return router
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(install_once: Install, start_once: StartSite) -> Site:
    install_once("bodies", PLUGIN)
    return await start_once()


def head(path: str, *lines: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: hub", *lines, "", ""]).encode()


def problem(answer: bytes) -> tuple[int, str]:
    """Status and code of the first answer in what came back."""
    top, _, rest = answer.partition(b"\r\n\r\n")
    length = next(
        int(line.partition(b":")[2]) for line in top.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    return int(top.split()[1]), json.loads(rest[:length]).get("code", "")


async def test_an_announced_body_that_is_too_large_is_refused_before_any_of_it_is_sent(site: Site) -> None:
    mia = await site.person()
    announced = head("/api/v1/bodies/text", f"Authorization: Bearer {mia.token}", "Content-Length: 99999999999")
    assert problem(await raw(site.port, announced)) == (413, "too_large")


async def test_a_body_without_a_length_is_cut_off_where_it_becomes_too_large(site: Site) -> None:
    mia = await site.person()

    async def endless():  # type: ignore[no-untyped-def]
        while True:
            yield b"x" * 500
            await asyncio.sleep(0)

    json_type = {"Content-Type": "application/json"}
    reply = await site.post("/api/v1/bodies/text", by=mia, data=endless(), headers=json_type)
    assert (reply.status, reply.json()["code"]) == (413, "too_large")


async def test_exactly_the_bound_is_taken_and_one_byte_more_is_not(site: Site) -> None:
    mia = await site.person()
    body = json.dumps({"text": "x" * (1000 - len('{"text": ""}'))}).encode()
    json_type = {"Content-Type": "application/json"}
    assert (await site.post("/api/v1/bodies/text", by=mia, data=body, headers=json_type)).status == 200
    reply = await site.post("/api/v1/bodies/text", by=mia, data=body + b" ", headers=json_type)
    assert reply.status == 413


async def test_a_strangers_body_is_not_waited_for(site: Site) -> None:
    """The answer comes although nothing of the announced body was sent."""
    announced = head("/api/v1/bodies/text", "Content-Type: application/json", "Content-Length: 900")
    async with asyncio.timeout(5):
        assert problem(await raw(site.port, announced)) == (401, "unauthorized")


async def test_a_stranger_who_expects_100_continue_is_not_asked_to_go_on(site: Site) -> None:
    announced = head("/api/v1/bodies/text", "Expect: 100-continue", "Content-Length: 900")
    answer = await raw(site.port, announced)
    assert b"100 Continue" not in answer
    assert problem(answer)[0] == 401
    assert b"connection: close" in answer


async def test_somebody_who_expects_100_continue_is_asked_to_go_on(site: Site) -> None:
    mia = await site.person()
    body = b'{"text": "abc"}'
    announced = head(
        "/api/v1/bodies/text",
        f"Authorization: Bearer {mia.token}",
        "Content-Type: application/json",
        "Expect: 100-continue",
        f"Content-Length: {len(body)}",
        "Connection: close",
    )
    answer = await raw(site.port, announced, body, pause=0.05)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")


async def test_a_huge_sender_still_reads_its_refusal(site: Site) -> None:
    """Closing with unread data at hand would reset the connection before the answer is seen."""
    mia = await site.person()
    announced = head("/api/v1/bodies/text", f"Authorization: Bearer {mia.token}", "Content-Length: 50000000")
    for _ in range(5):
        answer = await raw(site.port, announced + b"x" * 200_000, until=b"}")
        assert problem(answer) == (413, "too_large")


async def test_a_body_that_trickles_in_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "READ_SECONDS", 0.3)
    mia = await site.person()
    announced = head(
        "/api/v1/bodies/text",
        f"Authorization: Bearer {mia.token}",
        "Content-Type: application/json",
        "Content-Length: 900",
    )
    answer = await raw(site.port, announced, *(b"{" for _ in range(12)), pause=0.05)
    assert problem(answer) == (408, "request_timeout")


async def test_a_head_that_trickles_in_is_given_up(site: Site) -> None:
    """Sanic alone would wait as long as now and then another byte comes."""
    begin = asyncio.get_running_loop().time()
    head = b"GET /api/health/live HTTP/1.1\r\nX-Slow: "
    answer = await raw(site.port, head, *(b"a" for _ in range(40)), pause=0.1)
    assert asyncio.get_running_loop().time() - begin < 4.5
    assert answer == b"" or problem(answer) == (408, "request_timeout")


async def test_a_small_refused_body_does_not_cost_the_connection(site: Site) -> None:
    refused = head("/api/v1/bodies/text", "Content-Length: 5") + b"12345"
    answered = head("/api/v1/bodies/open", "Content-Type: application/json", "Content-Length: 13", "Connection: close")
    answer = await raw(site.port, refused + answered + b'{"text":"ab"}')
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"401", b"200"]


async def test_a_body_hidden_behind_a_refusal_is_not_taken_for_a_request(site: Site) -> None:
    hidden = b"GET /api/health/live HTTP/1.1\r\nHost: hub\r\n\r\n"
    chunked = head("/api/v1/bodies/text", "Transfer-Encoding: chunked") + b"%x\r\n%b\r\n" % (len(hidden), hidden)
    answer = await raw(site.port, chunked)
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "lines",
    [
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Content-Length: 5", "Content-Length: 6"],
        ["Content-Length: -5"],
        ["Content-Length: five"],
    ],
)
async def test_ambiguous_framing_is_refused_and_the_connection_ended(site: Site, lines: list[str]) -> None:
    mia = await site.person()
    announced = head("/api/v1/bodies/text", f"Authorization: Bearer {mia.token}", *lines)
    answer = await raw(site.port, announced + b"12345")
    assert problem(answer) == (400, "bad_request")
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "chunks",
    [
        b"zz\r\nabc\r\n",
        b"0x2\r\n{}\r\n0\r\n\r\n",
        b"+2\r\n{}\r\n0\r\n\r\n",
        b"2_\r\n{}\r\n0\r\n\r\n",
        b" 2\r\n{}\r\n0\r\n\r\n",
        b"2 \r\n{}\r\n0\r\n\r\n",
        b"\xd9\xa2\r\n{}\r\n0\r\n\r\n",
        b"\r\n{}\r\n0\r\n\r\n",
        b"2\n{}\r\n0\r\n\r\n",
        b"2;a\nb\r\n{}\r\n0\r\n\r\n",
        b"2;a\rb\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}XX0\r\n\r\n",
        b"2\r\n{}\r\n0\r\nX: y\r\n\r\n",
        b"ffffffffffffffff\r\n{}\r\n0\r\n\r\n",
        b"2;" + b"a" * 100 + b"\r\n{}\r\n0\r\n\r\n",
    ],
)
async def test_broken_chunks_are_a_400_and_the_last_of_the_connection(site: Site, chunks: bytes) -> None:
    mia = await site.person()
    lines = ["Transfer-Encoding: chunked", "Content-Type: application/json"]
    announced = head("/api/v1/bodies/text", f"Authorization: Bearer {mia.token}", *lines)
    answer = await raw(site.port, announced + chunks + head("/api/v1/bodies/open"))
    assert problem(answer) == (400, "bad_request")
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("cut", range(1, 40, 3))
async def test_chunks_are_read_wherever_the_network_cuts_them(site: Site, cut: int) -> None:
    body = b'6;a="b"\r\n{"text\r\n7\r\n":"abc"\r\n1\r\n}\r\n0\r\n\r\n'
    lines = ["Transfer-Encoding: chunked", "Content-Type: application/json", "Connection: close"]
    answer = await raw(site.port, head("/api/v1/bodies/open", *lines) + body[:cut], body[cut:], pause=0.01)
    assert answer.endswith(b'{"size":3}')


async def test_a_get_with_a_body_is_answered_all_the_same(site: Site) -> None:
    mia = await site.person()
    assert (await site.get("/api/v1/bodies/read", by=mia, data=b"x" * 100)).status == 200


async def test_a_client_that_leaves_in_mid_body_harms_nobody(site: Site) -> None:
    mia = await site.person()
    announced = head("/api/v1/bodies/text", f"Authorization: Bearer {mia.token}", "Content-Length: 900")
    _, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(announced + b"half")
    await writer.drain()
    writer.transport.abort()
    assert (await site.get("/api/v1/bodies/read", by=mia)).status == 200
