"""The headers of every answer, refusals too: what keeps browsers safe, who may read it, and the request id."""

import json

import pytest
import pytest_asyncio

from .conftest import Install, Site, StartSite, raw

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLUGIN = """
from pydantic import BaseModel

router = Router()

class Item(BaseModel):
    name: str

@router.get("/good", permission="hub.signed_in")
async def good(ctx, call: Call) -> Item:
    return Item(name="a")

@router.get("/nothing", permission="hub.signed_in")
async def nothing(ctx, call: Call) -> None:
    return None

@router.get("/raises", permission="hub.signed_in")
async def raises(ctx, call: Call) -> Item:
    raise RuntimeError("inside")

async def pieces():
    yield b"piece"

@router.get("/stream", permission="hub.signed_in")
async def stream_it(ctx, call: Call) -> StreamAnswer:
    return StreamAnswer(pieces(), "text/plain")

@router.post("/made", permission="hub.signed_in", status=201)
async def made(ctx, call: Call) -> Item:
    return Item(name="new")

@hookimpl
def hub_routes():
    return router
"""
PATH = "/api/v1/heads"
SAFE = {
    "Content-Security-Policy",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "Referrer-Policy",
    "Permissions-Policy",
    "Cross-Origin-Opener-Policy",
    "Cross-Origin-Resource-Policy",
    "Cache-Control",
    "X-Request-ID",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(install_once: Install, start_once: StartSite) -> Site:
    install_once("heads", PLUGIN)
    return await start_once(server__cors_origins="http://front.test:3000", server__public_url="https://hub.test")


@pytest.mark.parametrize("given", ["a b", "x" * 65, "", "ü", "a;b", '"'])
async def test_a_request_id_that_is_long_or_odd_is_replaced(site: Site, given: str) -> None:
    reply = await site.get("/api/health/live", headers={"X-Request-ID": given})
    assert reply.headers["X-Request-ID"] not in (given, "")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"{PATH}/good", 200),
        ("GET", f"{PATH}/good", 401),
        ("GET", f"{PATH}/raises", 500),
        ("GET", f"{PATH}/stream", 200),
        ("GET", f"{PATH}/nothing", 204),
        ("GET", "/nowhere", 404),
        ("PATCH", f"{PATH}/good", 405),
        ("OPTIONS", f"{PATH}/good", 204),
        ("GET", "/api/docs", 200),
        ("GET", "/api/openapi.json", 200),
        ("GET", "/metrics", 200),
    ],
)
async def test_every_answer_keeps_browsers_safe_and_says_nothing_of_the_server(
    site: Site, method: str, path: str, status: int
) -> None:
    by = None if status == 401 else await site.person()
    reply = await site.call(method, path, by=by)
    assert reply.status == status
    assert set(reply.headers) >= SAFE
    assert "unsafe" not in reply.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in reply.headers["Content-Security-Policy"]
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Strict-Transport-Security"]
    assert "Server" not in reply.headers
    assert "sanic" not in str(reply.headers).lower()


@pytest.mark.parametrize("path", [f"{PATH}/good", f"{PATH}/raises", "/nowhere", f"{PATH}/stream"])
async def test_only_origins_on_the_list_may_read_answers_and_refusals(site: Site, path: str) -> None:
    mia = await site.person()
    for by in (mia, None):
        reply = await site.get(path, by=by, headers={"Origin": "http://front.test:3000"})
        assert reply.headers["Access-Control-Allow-Origin"] == "http://front.test:3000"
        assert "Origin" in reply.headers["Vary"]
        for stranger in ("http://front.test", "https://front.test:3000", "null", "http://evil.test"):
            reply = await site.get(path, by=by, headers={"Origin": stranger})
            assert "Access-Control-Allow-Origin" not in reply.headers


async def test_a_preflight_names_what_is_allowed_to_the_list_alone(site: Site) -> None:
    ask = {"Access-Control-Request-Method": "POST"}
    reply = await site.call("OPTIONS", f"{PATH}/made", headers={"Origin": "http://front.test:3000", **ask})
    assert reply.status == 204
    assert "POST" in reply.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in reply.headers["Access-Control-Allow-Headers"]
    assert reply.headers["Allow"] == "OPTIONS, POST"
    reply = await site.call("OPTIONS", f"{PATH}/made", headers={"Origin": "http://evil.test", **ask})
    assert not [name for name in reply.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404, "not_found"),
        (b"BREW /api/health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 405, "method_not_allowed"),
        (b"nonsense\r\n\r\n", 400, "bad_request"),
        (b"GET /nowhere HTTP/1.1\r\n\r\n", 400, "bad_request"),
        (b"GET /nowhere HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, "bad_request"),
        (b"GET /nowhere HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400, "bad_request"),
        (b"GET /nowhere HTTP/1.0\r\n\r\n", 404, "not_found"),
        (b"GET a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request"),
        (b"NONE /nowhere HTTP/1.1\r\n\r\n", 400, "bad_request"),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request"),
        (b"POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: \xd9\xa2\r\n\r\n{}", 400, "bad_request"),
        (b"POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: +2\r\n\r\n{}", 400, "bad_request"),
        (b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request"),
        (b"GET /a HTTP/9.9\r\nHost: a\r\n\r\n", 400, "bad_request"),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 413, "too_large"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nContent-Length: 1\r\n\r\n", 417, "expectation_failed"),
    ],
)
async def test_what_the_server_itself_refuses_is_a_problem_too(site: Site, sent: bytes, status: int, code: str) -> None:
    answer = await raw(site.port, sent)
    top, _, body = answer.partition(b"\r\n\r\n")
    assert int(top.split()[1]) == status
    assert b"content-type: application/problem+json" in top
    problem = json.loads(body)
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["request_id"].encode() in top
