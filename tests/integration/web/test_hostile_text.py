"""Text that no database can hold - U+0000, bytes that are not UTF-8 - is refused by name or cleaned, never a 5xx."""

import json
from typing import Any

import pytest
import pytest_asyncio

from medianest_hub.plugin_api import Role

from .conftest import Install, Site, StartSite, raw

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLUGIN = """
from typing import Any
from pydantic import BaseModel

router = Router()

class At(BaseModel):
    name: str

class Wanted(BaseModel):
    tags: list[str] = []

class Body(BaseModel):
    title: str = ""
    more: dict[str, Any] = {}
    items: list[Any] = []

class Said(BaseModel):
    said: str

@router.get("/at/{name}", permission="hub.signed_in")
async def at(ctx, call: Call[At, Wanted]) -> Said:
    return Said(said=call.path.name)

@router.post("/body", permission="hub.signed_in")
async def body(ctx, call: Call[Empty, Empty, Body]) -> Said:
    return Said(said=call.body.title)

@router.get("/header", public=True)
async def header(ctx, call: Call) -> Said:
    return Said(said=call.request.headers["x-said"])

@hookimpl
def hub_routes():
    return router
"""
PASSWORD = "a long enough password 99"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(install_once: Install, start_once: StartSite) -> Site:
    install_once("texts", PLUGIN)
    site = await start_once()
    await site.parts.people.create("nora", PASSWORD, Role.MEMBER)
    return site


def fields(body: Any) -> list[str]:
    assert {error["code"] for error in body["errors"]} == {"unusable_character"}
    return [error["field"] for error in body["errors"]]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (rb'{"title": "a\u0000b"}', ["body.title"]),
        (rb'{"more": {"deep": [{"er": "\u0000"}]}}', ["body.more.deep.0.er"]),
        (rb'{"more": {"k\u0000": 1}}', ["body.more"]),
        (rb'{"items": ["fine", "\\\u0000"]}', ["body.items.1"]),
        (rb'{"title": "\u0000", "items": ["\u0000"]}', ["body.title", "body.items.0"]),
        (rb'{"title": "\u0000", "items": [1e999, ' + b"9" * 4000 + b"]}", ["body.title"]),
    ],
)
async def test_a_null_character_in_a_body_is_named(site: Site, body: bytes, named: list[str]) -> None:
    mia = await site.person()
    reply = await site.post("/api/v1/texts/body", by=mia, data=body, headers={"Content-Type": "application/json"})
    assert (reply.status, reply.json()["code"]) == (400, "validation_failed")
    assert fields(reply.json()) == named


async def test_a_backslash_before_u0000_is_only_text(site: Site) -> None:
    mia = await site.person()
    body = rb'{"title": "\\u0000"}'
    reply = await site.post("/api/v1/texts/body", by=mia, data=body, headers={"Content-Type": "application/json"})
    assert (reply.status, reply.json()) == (200, {"said": "\\u0000"})


@pytest.mark.parametrize("text", [rb"\ud800", rb"\udfff\ud800"])
async def test_half_a_character_in_a_body_is_refused(site: Site, text: bytes) -> None:
    mia = await site.person()
    headers = {"Content-Type": "application/json"}
    reply = await site.post("/api/v1/texts/body", by=mia, data=b'{"title": "%b"}' % text, headers=headers)
    assert (reply.status, reply.json()["code"]) == (400, "malformed_json")


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/api/v1/texts/at/a%00b", ["path.name"]),
        ("/api/v1/texts/at/x?tags=a&tags=%00", ["query.tags"]),
        ("/api/v1/texts/at/x?a%00=1", ["query"]),
        ("/api/v1/jobs?plugin=a%00b", ["query.plugin"]),
    ],
)
async def test_a_null_character_in_an_address_is_named(site: Site, path: str, named: list[str]) -> None:
    mia = await site.person()
    head = f"GET {path} HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {mia.token}\r\nConnection: close\r\n\r\n"
    status, body = read(await raw(site.port, head.encode()))
    assert (status, body["code"]) == (400, "validation_failed")
    assert fields(body) == named


@pytest.mark.parametrize("segment", ["%ff%fe", "%ed%a0%80", "%00", "%ff%00"])
@pytest.mark.parametrize("path", ["/api/v1/texts/at/", "/api/v1/dashboard/", "/api/v1/jobs/", "/api/v1/plugins/"])
async def test_a_path_of_broken_bytes_is_no_fault_of_the_server(site: Site, path: str, segment: str) -> None:
    ada = await site.person("ada", Role.ADMIN)
    head = (
        f"GET {path}{segment} HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {ada.token}\r\nConnection: close\r\n\r\n"
    )
    assert read(await raw(site.port, head.encode()))[0] < 500


def login(username: str, agent: bytes = b"test") -> bytes:
    body = json.dumps({"username": username, "password": PASSWORD}).encode()
    return (
        b"POST /api/v1/auth/login HTTP/1.1\r\nHost: hub\r\nUser-Agent: %b\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\nConnection: close\r\n\r\n%b" % (agent, len(body), body)
    )


async def test_a_username_with_a_null_character_is_refused_as_a_field(site: Site) -> None:
    status, body = read(await raw(site.port, login("a\0b")))
    assert (status, fields(body)) == (400, ["body.username"])


@pytest.mark.parametrize("agent", [b"\xff\xfe", b"a\0b", b"\xed\xa0\x80", b"Fox \xe2\x98\x83"])
async def test_a_browser_that_says_odd_bytes_of_itself_signs_in(site: Site, agent: bytes) -> None:
    status, body = read(await raw(site.port, login("nora", agent)))
    assert (status, body["user"]["username"]) == (200, "nora")
    session = site.parts.tokens.read(body["access_token"]).session_id
    stored = await site.parts.db.fetchval("SELECT user_agent FROM medianest.sessions WHERE id = $1", session)
    assert "\0" not in stored
    assert stored == agent.decode("utf-8", "replace").replace("\0", "")


async def test_a_handler_sees_headers_it_can_write_down(site: Site) -> None:
    head = b"GET /api/v1/texts/header HTTP/1.1\r\nHost: hub\r\nX-Said: a\xff\0\xe2\x98\x83\r\nConnection: close\r\n\r\n"
    status, body = read(await raw(site.port, head))
    assert (status, body["said"]) == (200, "a�☃")


@pytest.mark.parametrize(
    "name", ["Authorization: Bearer ", "Origin: ", "X-Request-ID: ", "Content-Type: ", "If-None-Match: ", "Cookie: "]
)
@pytest.mark.parametrize("value", [b"\xff\xfe", b"a\0b", b"\xed\xa0\x80"])
async def test_broken_bytes_in_what_the_server_reads_itself_are_no_fault_of_it(
    site: Site, name: str, value: bytes
) -> None:
    for path in ("/api/v1/jobs", "/api/health", "/nowhere", "/api/openapi.json"):
        head = f"GET {path} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n{name}".encode() + value + b"\r\n\r\n"
        assert read(await raw(site.port, head))[0] < 500


def read(answer: bytes) -> tuple[int, Any]:
    top, _, body = answer.partition(b"\r\n\r\n")
    return int(top.split()[1]), json.loads(body) if body else {}
