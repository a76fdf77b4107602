"""What leaves: only the declared model, always with the headers that keep browsers safe, never anything from inside."""

import asyncio

import pytest
import pytest_asyncio

from .conftest import Install, Site, StartSite, raw

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLUGIN = """
import asyncio
from typing import Any
from pydantic import BaseModel, model_serializer

router = Router()
state = {"cancelled": False, "held": 0, "closed": False}

class Item(BaseModel):
    name: str

class Secret(Item):
    password: str = "hunter2"

class Other(BaseModel):
    name: str

class Sour(BaseModel):
    name: str
    @model_serializer
    def ser(self) -> dict[str, Any]:
        raise ValueError("hunter2")

def get(path, **options):
    return router.get(path, permission="hub.signed_in", **options)

@get("/good")
async def good(ctx, call: Call) -> Item:
    return Item(name="ü")

@get("/nothing")
async def nothing(ctx, call: Call) -> None:
    return None

@get("/page")
async def page(ctx, call: Call) -> Page[Item]:
    return Page[Item](items=[Item(name="a")], next_cursor="b")

@get("/open-page")
async def open_page(ctx, call: Call) -> Page[Item]:
    return Page(items=[Item(name="a")])

@get("/subclass")
async def subclass(ctx, call: Call) -> Item:
    return Secret(name="a")

@get("/wrong/dict")
async def wrong_dict(ctx, call: Call) -> Item:
    return {"name": "hunter2"}

@get("/wrong/other")
async def wrong_other(ctx, call: Call) -> Item:
    return Other(name="hunter2")

@get("/wrong/none")
async def wrong_none(ctx, call: Call) -> Item:
    return None

@get("/wrong/some")
async def wrong_some(ctx, call: Call) -> None:
    return Item(name="hunter2")

@get("/wrong/page")
async def wrong_page(ctx, call: Call) -> Page[Item]:
    return Page(items=[Other(name="hunter2")])

@get("/wrong/inside")
async def wrong_inside(ctx, call: Call) -> Item:
    return Item.model_construct(name={"hunter2": 1})

@get("/wrong/serializer")
async def wrong_serializer(ctx, call: Call) -> Sour:
    return Sour(name="a")

@get("/wrong/stream")
async def wrong_stream(ctx, call: Call) -> Item:
    return StreamAnswer(body=None)

@get("/raises")
async def raises(ctx, call: Call) -> Item:
    raise RuntimeError("hunter2")

@get("/exits")
async def exits(ctx, call: Call) -> Item:
    raise asyncio.CancelledError("hunter2")

@get("/refuses")
async def refuses(ctx, call: Call) -> Item:
    raise errors.Conflict("Already there.", code="already_there", params={"name": "x"}, retry_after=2.2)

@get("/upstream")
async def upstream(ctx, call: Call) -> Item:
    raise errors.UpstreamError("Plex answered nonsense.", service="plex", field="MediaContainer")

@get("/upstream-slow")
async def upstream_slow(ctx, call: Call) -> Item:
    raise errors.UpstreamTimeout("Plex did not answer.", service="plex")

@get("/upstream-auth")
async def upstream_auth(ctx, call: Call) -> Item:
    raise errors.AuthFailed("Plex refuses our token.")

@get("/hangs", deadline=0.2)
async def hangs(ctx, call: Call) -> Item:
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        state["cancelled"] = True
        raise

@get("/stubborn", deadline=0.2)
async def stubborn(ctx, call: Call) -> Item:
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        state["held"] += 1
        await asyncio.sleep(0.5)
    return Item(name="too late")

@get("/slow")
async def slow(ctx, call: Call) -> Item:
    state["started"].set()
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        state["gone"].set()
        raise

async def pieces(count, fail):
    try:
        for number in range(count):
            yield b"%d," % number
        if fail:
            raise RuntimeError("hunter2")
    finally:
        state["closed"] = True

class Count(BaseModel):
    count: int = 3
    fail: bool = False

@get("/stream")
async def stream_it(ctx, call: Call[Empty, Count]) -> StreamAnswer:
    headers = {"X-Title": "a\\r\\nSet-Cookie: b=c", "Content-Security-Policy": "none", "Set-Cookie": "x=y"}
    return StreamAnswer(pieces(call.query.count, call.query.fail), "text/plain", headers)

@router.post("/made", permission="hub.signed_in", status=201)
async def made(ctx, call: Call) -> Item:
    return Item(name="new")

@get("/facts")
async def facts(ctx, call: Call) -> Item:
    return Item(name=" ".join(sorted(call.request.headers)) + " " + call.request_id)

@hookimpl
def hub_routes():
    return router
"""
PATH = "/api/v1/answers"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(install_once: Install, start_once: StartSite) -> Site:
    install_once("answers", PLUGIN)
    return await start_once()


def state() -> dict[str, object]:
    import sys

    found: dict[str, object] = sys.modules["synthetic_answers.plugin"].state
    return found


async def test_a_declared_model_leaves_as_json(site: Site) -> None:
    mia = await site.person()
    reply = await site.get(f"{PATH}/good", by=mia)
    assert (reply.status, reply.headers["Content-Type"], reply.json()) == (200, "application/json", {"name": "ü"})
    assert (await site.post(f"{PATH}/made", by=mia)).status == 201
    reply = await site.get(f"{PATH}/nothing", by=mia)
    assert (reply.status, reply.body) == (204, b"")


@pytest.mark.parametrize("path", ["page", "open-page"])
async def test_a_page_of_the_declared_model_leaves(site: Site, path: str) -> None:
    mia = await site.person()
    assert (await site.get(f"{PATH}/{path}", by=mia)).json()["items"] == [{"name": "a"}]


async def test_what_a_subclass_adds_stays_here(site: Site) -> None:
    mia = await site.person()
    assert (await site.get(f"{PATH}/subclass", by=mia)).json() == {"name": "a"}


@pytest.mark.parametrize(
    "path",
    ["dict", "other", "none", "some", "page", "inside", "serializer", "stream"],
)
async def test_anything_but_the_declared_model_is_a_500_that_tells_nothing(site: Site, path: str) -> None:
    mia = await site.person()
    reply = await site.get(f"{PATH}/wrong/{path}", by=mia)
    assert (reply.status, reply.json()["code"]) == (500, "internal_error")
    assert b"hunter2" not in reply.body


@pytest.mark.parametrize("path", ["raises", "exits"])
async def test_a_handler_that_raises_is_a_500_with_the_request_id_and_a_traceback_in_the_log_alone(
    site: Site, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    mia = await site.person()
    reply = await site.get(f"{PATH}/{path}", by=mia, headers={"X-Request-ID": "look-for-me"})
    assert reply.status == 500
    assert reply.json()["request_id"] == reply.headers["X-Request-ID"] == "look-for-me"
    assert b"hunter2" not in reply.body
    assert b"Traceback" not in reply.body
    logged = capsys.readouterr().out
    assert "look-for-me" in logged
    assert "request_failed" in logged
    assert (await site.get(f"{PATH}/good", by=mia)).status == 200


@pytest.mark.parametrize(
    ("path", "status", "code", "params"),
    [
        ("refuses", 409, "already_there", {"name": "x"}),
        ("upstream", 502, "upstream_error", {"service": "plex", "field": "MediaContainer"}),
        ("upstream-slow", 504, "upstream_timeout", {"service": "plex"}),
        ("upstream-auth", 502, "auth_failed", None),
    ],
)
async def test_an_error_raised_on_purpose_becomes_its_problem(
    site: Site, path: str, status: int, code: str, params: dict[str, str] | None
) -> None:
    mia = await site.person()
    reply = await site.get(f"{PATH}/{path}", by=mia)
    problem = reply.json()
    assert (reply.status, problem["status"], problem["code"], problem.get("params")) == (status, status, code, params)
    assert problem["type"] == "about:blank"
    assert problem["detail"]
    assert reply.headers.get("Retry-After") == ("3" if path == "refuses" else None)


async def test_a_handler_that_hangs_is_a_504_and_is_cancelled(site: Site) -> None:
    mia = await site.person()
    reply = await site.get(f"{PATH}/hangs", by=mia)
    assert (reply.status, reply.json()["code"]) == (504, "deadline_exceeded")
    assert state()["cancelled"]


async def test_a_handler_that_ignores_its_cancellation_is_a_504_and_keeps_its_context_until_it_ends(site: Site) -> None:
    mia = await site.person()
    async with asyncio.timeout(0.45):
        assert (await site.get(f"{PATH}/stubborn", by=mia)).status == 504
    generation = site.hub.host.runtimes["answers"]._current
    assert generation is not None
    assert generation.uses == 1
    async with asyncio.timeout(2):
        while generation.uses:
            await asyncio.sleep(0.01)


async def test_a_handler_whose_caller_left_is_cancelled(site: Site) -> None:
    mia = await site.person()
    state().update(started=asyncio.Event(), gone=asyncio.Event())
    call = asyncio.create_task(site.get(f"{PATH}/slow", by=mia))
    async with asyncio.timeout(5):
        await state()["started"].wait()  # type: ignore[attr-defined]
        call.cancel()
        await state()["gone"].wait()  # type: ignore[attr-defined]


async def test_a_stream_is_sent_in_pieces_and_may_not_set_headers_of_ours(site: Site) -> None:
    mia = await site.person()
    reply = await site.get(f"{PATH}/stream", by=mia)
    assert (reply.status, reply.body, reply.headers["Content-Type"]) == (200, b"0,1,2,", "text/plain")
    assert reply.headers["X-Title"] == "aSet-Cookie: b=c"
    assert "Set-Cookie" not in reply.headers
    assert reply.headers["Content-Security-Policy"] != "none"
    assert state()["closed"]


async def test_a_stream_that_breaks_off_is_seen_to_be_incomplete(site: Site) -> None:
    mia = await site.person()
    head = f"GET {PATH}/stream?fail=true HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {mia.token}\r\n\r\n"
    answer = await raw(site.port, head.encode())
    assert b"200 OK" in answer
    assert not answer.endswith(b"0\r\n\r\n")
    assert state()["closed"]


async def test_a_stream_that_fails_before_its_first_piece_is_a_500(site: Site) -> None:
    mia = await site.person()
    assert (await site.get(f"{PATH}/stream?count=0&fail=true", by=mia)).status == 500


@pytest.mark.parametrize("path", ["good", "page", "stream", "nothing"])
async def test_head_has_the_headers_of_get_and_no_body(site: Site, path: str) -> None:
    mia = await site.person()
    full, head = await site.get(f"{PATH}/{path}", by=mia), await site.call("HEAD", f"{PATH}/{path}", by=mia)
    assert (head.status, head.body) == (full.status, b"")
    assert head.headers.get("Content-Type") == full.headers.get("Content-Type")
    assert head.headers.get("Content-Length") in (full.headers.get("Content-Length"), None)


async def test_a_handler_sees_the_request_without_credentials(site: Site) -> None:
    mia = await site.person()
    reply = await site.get(f"{PATH}/facts", by=mia, headers={"Cookie": "a=b", "X-Request-ID": "given.1"})
    words = reply.json()["name"].split()
    assert words[-1] == "given.1"
    assert "user-agent" in words
    assert not {"authorization", "cookie", "proxy-authorization"} & set(words)
