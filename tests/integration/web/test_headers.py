"""The headers of every answer, refusals too: what keeps browsers safe, who may read it, and the request id."""

import json
import re

import pytest
import pytest_asyncio

from medianest_hub.plugin_api import Role
from medianest_hub.settings import LimitSettings

from .conftest import Install, Reply, Site, StartSite, raw

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
ENDING = {"/api/v1/auth/logout", "/api/v1/auth/logout-all"}
"""Whoever calls these is somebody no longer."""


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


async def test_every_route_there_is_keeps_browsers_safe_whoever_asks(start_once: StartSite) -> None:
    """All pages, pictures, documents, routes and refusals; a new one takes part by itself."""
    wide = {f"limits__{zone}": "1000000/minute" for zone in LimitSettings.model_fields}
    site = await start_once(server__public_url="https://hub.test", plugins__blocked="[]", **wide)
    ada = await site.person("ada", Role.ADMIN)
    wrong: list[str] = []
    seen: set[int] = set()
    for one in site.mounted:
        path = re.sub(r"\{\w+\}", "no-such", one.template)
        body = {} if one.route.method in ("POST", "PUT", "PATCH") else None
        for by in (None, ada):
            if by is not None and one.template in ENDING:
                continue
            reply = await site.call(one.route.method, path, by=by, json=body)
            seen.add(reply.status)
            wrong += [f"{one.route.method} {path} {reply.status}: {fault}" for fault in faults(reply)]
    assert not wrong
    assert seen >= {200, 400, 401, 404}


def faults(reply: Reply) -> list[str]:
    """What the headers of an answer lack or tell."""
    headers = reply.headers
    csp = headers.get("Content-Security-Policy", "")
    found = sorted(SAFE - set(headers))
    found += [name for name in ("Server", "X-Powered-By", "Via") if name in headers]
    if "unsafe" in csp or "frame-ancestors 'none'" not in csp or "default-src 'none'" not in csp or "*" in csp:
        found.append(csp)
    if headers.get("X-Content-Type-Options") != "nosniff" or headers.get("Referrer-Policy") != "no-referrer":
        found.append("values")
    if "max-age=" not in headers.get("Strict-Transport-Security", ""):
        found.append("HSTS")
    if any(word in str(headers).lower() for word in ("sanic", "python", "uvloop", "websockets")):
        found.append("banner")
    return found


@pytest.mark.parametrize(
    ("query", "lines", "status"),
    [
        ("EIO=4&transport=polling", [], 400),
        ("EIO=4&transport=websocket", ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 1"], 400),
        (
            "EIO=4&transport=websocket",
            [
                *("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
                "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==",
            ],
            101,
        ),
    ],
)
async def test_live_events_say_nothing_of_the_server(site: Site, query: str, lines: list[str], status: int) -> None:
    head = [f"GET /socket.io/?{query} HTTP/1.1", "Host: hub", *lines, "", ""]
    answer = await raw(site.port, "\r\n".join(head).encode(), until=b"\r\n\r\n")
    top = answer.partition(b"\r\n\r\n")[0].decode().lower()
    assert int(top.split()[1]) == status
    assert not [word for word in ("server:", "sanic", "python", "websockets") if word in top]
    if status != 101:
        assert "\r\nx-content-type-options: nosniff" in top
        assert "\r\ncontent-security-policy: " in top


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
