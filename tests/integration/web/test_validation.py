"""Path, query and body as their models: every bad field is named, and nothing that comes over the wire makes a 5xx."""

import gzip
import json

import pytest
import pytest_asyncio
from yarl import URL

from .conftest import Install, Site, StartSite

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLUGIN = """
from enum import StrEnum
from uuid import UUID
from pydantic import BaseModel, ConfigDict, Field

router = Router()

class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"

class At(BaseModel):
    id: UUID

class Wanted(BaseModel):
    model_config = ConfigDict(extra="forbid")
    limit: int = Field(default=10, ge=1, le=100)
    colour: list[Colour] = []
    flag: bool = False
    tags: set[str] | None = None

class Nested(BaseModel):
    url: str = Field(max_length=20)
    count: int

class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")
    items: list[Nested]
    name: str = "x"
    free: object = None

class Echo(BaseModel):
    id: UUID | None = None
    limit: int = 0
    colour: list[Colour] = []
    flag: bool = False
    tags: list[str] = []
    items: int = 0

@router.get("/at/{id}", permission="hub.signed_in")
async def at(ctx, call: Call[At, Wanted]) -> Echo:
    q = call.query
    return Echo(id=call.path.id, limit=q.limit, colour=q.colour, flag=q.flag, tags=sorted(q.tags or []))

@router.post("/items/{id}", permission="hub.signed_in", body_limit=3_000_000)
async def items(ctx, call: Call[At, Wanted, Body]) -> Echo:
    return Echo(items=len(call.body.items))

@router.post("/bare", permission="hub.signed_in")
async def bare(ctx, call: Call) -> None:
    return None

@hookimpl
def hub_routes():
    return router
"""
ID = "01890a5d-ac96-774b-bcce-b302099a8057"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(install_once: Install, start_once: StartSite) -> Site:
    install_once("shapes", PLUGIN)
    return await start_once()


async def test_repeated_parameters_become_lists_and_text_becomes_what_the_model_says(site: Site) -> None:
    mia = await site.person()
    path = f"/api/v1/shapes/at/{ID}?limit=7&colour=red&colour=blue&flag=true&tags=a"
    reply = await site.get(path, by=mia)
    assert reply.status == 200
    assert reply.json() == {"id": ID, "limit": 7, "colour": ["red", "blue"], "flag": True, "tags": ["a"], "items": 0}


async def test_every_bad_field_of_path_query_and_body_is_named_at_once(site: Site) -> None:
    mia = await site.person()
    body = {"items": [{"url": "x" * 21, "count": "many"}, {}], "more": 1}
    reply = await site.post("/api/v1/shapes/items/none?limit=0&colour=green&limt=3", by=mia, json=body)
    assert reply.status == 400
    problem = reply.json()
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert problem["code"] == "validation_failed"
    assert problem["request_id"] == reply.headers["X-Request-ID"]
    assert {error["field"]: error["code"] for error in problem["errors"]} == {
        "path.id": "uuid_parsing",
        "query.limit": "greater_than_equal",
        "query.colour.0": "enum",
        "query.limt": "extra_forbidden",
        "body.items.0.url": "string_too_long",
        "body.items.0.count": "int_parsing",
        "body.items.1.url": "missing",
        "body.items.1.count": "missing",
        "body.more": "extra_forbidden",
    }
    assert all(error["message"] for error in problem["errors"])


@pytest.mark.parametrize(
    ("content_type", "status", "code"),
    [
        ("text/plain", 415, "unsupported_media_type"),
        ("application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        ("multipart/form-data; boundary=x", 415, "unsupported_media_type"),
        ("application/json; charset=utf-16", 415, "unsupported_media_type"),
        ("application/json; charset=UTF-8", 200, None),
        ("application/vnd.hub+json", 200, None),
    ],
)
async def test_only_json_bodies_are_read(site: Site, content_type: str, status: int, code: str | None) -> None:
    mia = await site.person()
    headers = {"Content-Type": content_type}
    reply = await site.post(f"/api/v1/shapes/items/{ID}", by=mia, data=b'{"items": []}', headers=headers)
    assert (reply.status, reply.json().get("code")) == (status, code)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b'{"items": [}',
        b"\xff\xfe{}",
        b'{"items": [], "free": "\xff"}',
        b'{"items": [], "free": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"\x00",
    ],
)
async def test_broken_and_deeply_nested_json_is_a_400(site: Site, body: bytes) -> None:
    mia = await site.person()
    headers = {"Content-Type": "application/json"}
    reply = await site.post(f"/api/v1/shapes/items/{ID}", by=mia, data=body, headers=headers)
    assert (reply.status, reply.json()["code"]) == (400, "malformed_json")


@pytest.mark.parametrize(
    "number", ["1e400", "9" * 5000, "-" + "9" * 100_000, "1.5", "NaN", "Infinity", '"' + "9" * 9000 + '"']
)
async def test_odd_numbers_are_named_and_harmless(site: Site, number: str) -> None:
    mia = await site.person()
    body = b'{"items": [{"url": "u", "count": %b}]}' % number.encode()
    headers = {"Content-Type": "application/json"}
    reply = await site.post(f"/api/v1/shapes/items/{ID}", by=mia, data=body, headers=headers)
    assert reply.status in (200, 400)
    if reply.status == 400:
        assert [error["field"] for error in reply.json()["errors"]] in (["body.items.0.count"], ["body"])


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"3"])
async def test_json_that_is_no_object_is_named(site: Site, body: bytes) -> None:
    mia = await site.person()
    headers = {"Content-Type": "application/json"}
    reply = await site.post(f"/api/v1/shapes/items/{ID}", by=mia, data=body, headers=headers)
    assert reply.status == 400
    assert [error["field"] for error in reply.json()["errors"]] == ["body"]


async def test_a_compressed_body_is_refused_rather_than_blown_up(site: Site) -> None:
    mia = await site.person()
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    reply = await site.post(f"/api/v1/shapes/items/{ID}", by=mia, data=gzip.compress(b'{"items": []}'), headers=headers)
    assert (reply.status, reply.json()["code"]) == (415, "unsupported_media_type")


async def test_a_missing_body_is_named_with_the_other_fields(site: Site) -> None:
    mia = await site.person()
    reply = await site.post(f"/api/v1/shapes/items/{ID}?limit=0", by=mia)
    assert reply.status == 400
    assert {error["field"] for error in reply.json()["errors"]} == {"query.limit", "body"}


async def test_a_route_without_a_body_takes_none_but_an_empty_object(site: Site) -> None:
    mia = await site.person()
    assert (await site.post("/api/v1/shapes/bare", by=mia)).status == 204
    assert (await site.post("/api/v1/shapes/bare", by=mia, json={})).status == 204
    reply = await site.post("/api/v1/shapes/bare", by=mia, json={"surprise": 1})
    assert [error["field"] for error in reply.json()["errors"]] == ["body.surprise"]


@pytest.mark.parametrize("query", ["limit=%FF", "limit=1&limit=2", "&".join(f"tags={n}" for n in range(300)), "%00=1"])
async def test_odd_queries_are_a_400(site: Site, query: str) -> None:
    mia = await site.person()
    url = URL(f"{site.url}/api/v1/shapes/at/{ID}?{query}", encoded=True)
    async with site.session.get(url, headers=mia.headers) as reply:
        assert reply.status == 400
        assert json.loads(await reply.read())["errors"][0]["field"].startswith("query")


async def test_a_stranger_hears_401_and_nothing_about_fields(site: Site) -> None:
    reply = await site.post("/api/v1/shapes/items/none?limit=0", json={"wrong": 1})
    assert reply.status == 401
    assert "errors" not in reply.json()
    assert reply.headers["WWW-Authenticate"] == "Bearer"
