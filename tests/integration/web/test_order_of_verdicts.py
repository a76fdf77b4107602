"""A request with several things wrong hears of the first alone, in one order for every route; front ends may read each."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
import pytest_asyncio

from medianest_hub.plugin_api import Role

from .conftest import Install, Reply, Site, Somebody, StartSite, raw

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLUGIN = """
from uuid import UUID
from pydantic import BaseModel
from medianest_hub.plugin_api.errors import Conflict

router = Router()
owners = {}

class At(BaseModel):
    id: UUID

class Body(BaseModel):
    name: str

async def owner(ctx, call):
    return owners.get(call.path.id)

@router.post("/things/{id}", permission="use", owner=owner, limit="few", body_limit=1000)
async def change(ctx, call: Call[At, Empty, Body]) -> None:
    raise Conflict("It is always taken.")

@router.post("/broken", permission="use")
async def broken(ctx, call: Call) -> None:
    raise RuntimeError("inside")

@hookimpl
def hub_plugin():
    permissions = [Permission("use", default=Role.MEMBER)]
    return PluginInfo(title="Order", api_version=1, permissions=permissions, limits=[Limit("few", "20/hour")])

@hookimpl
def hub_routes():
    return router
"""
PATH = "/api/v1/order/things"
FRONT = "https://front.example"
HUGE = {"data": b"x" * 100_000}
WRONG = {"json": {"wrong": 1}}
RIGHT = {"json": {"name": "a"}}


@dataclass
class Cast:
    """Everybody it takes. `worn` is a person whose limit is used up, `left` one whose session has ended."""

    site: Site
    mia: Somebody
    tom: Somebody
    gast: Somebody
    worn: Somebody
    left: Somebody
    thing: uuid.UUID

    async def post(self, by: Somebody | None, **more: object) -> Reply:
        return await self.site.post(f"{PATH}/{self.thing}", by=by, **more)  # type: ignore[arg-type]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cast(install_once: Install, start_once: StartSite) -> Cast:
    import sys

    install_once("order", PLUGIN)
    site = await start_once(
        server__cors_origins=FRONT, server__public_url="https://hub.example", server__trusted_proxies="127.0.0.0/8"
    )
    people = {name: await site.person(name) for name in ("mia", "tom", "worn")}
    gast, left = await site.person("gast", Role.GUEST), await site.person("left", Role.GUEST)
    await site.parts.sessions.end(left.session_id)
    cast = Cast(site, people["mia"], people["tom"], gast, people["worn"], left, uuid.uuid4())
    sys.modules["synthetic_order.plugin"].owners[cast.thing] = cast.mia.id
    for _ in range(20):
        assert (await cast.post(cast.worn, **RIGHT)).status == 404
    assert (await cast.post(cast.worn, **RIGHT)).status == 429
    return cast


def forged(by: Somebody) -> Somebody:
    """With a token whose signature is not ours."""
    return Somebody(by.id, by.session_id, by.token[:-8] + "AAAAAAAA")


def code(reply: Reply) -> str:
    return f"{reply.status} {reply.json()['code']}"


async def test_host_before_size(cast: Cast) -> None:
    reply = await cast.post(cast.mia, **HUGE, headers={"Host": "evil.example"})
    assert code(reply) == "421 host_refused"


async def test_size_before_rate_limit(cast: Cast) -> None:
    assert code(await cast.post(cast.worn, **HUGE)) == "413 too_large"


async def test_rate_limit_before_cors(cast: Cast) -> None:
    """A foreign origin is never refused, it is only not let read: so the limit shows, and to the front end alone."""
    for origin, readable in ((FRONT, True), ("https://evil.example", False)):
        reply = await cast.post(cast.worn, **RIGHT, headers={"Origin": origin})
        assert code(reply) == "429 too_many_requests"
        assert ("Access-Control-Allow-Origin" in reply.headers) == readable


async def test_cors_before_token(cast: Cast) -> None:
    """A preflight brings no token, and is answered without."""
    ask = {"Origin": FRONT, "Access-Control-Request-Method": "POST"}
    reply = await cast.site.call("OPTIONS", f"{PATH}/{cast.thing}", headers=ask)
    assert (reply.status, reply.headers["Access-Control-Allow-Origin"]) == (204, FRONT)


async def test_rate_limit_before_token(cast: Cast, start_once: StartSite) -> None:
    site = await start_once(limits__api="2/hour")
    replies = [await site.get("/api/v1/jobs", headers={"Authorization": "Bearer none"}) for _ in range(3)]
    assert [code(reply) for reply in replies] == ["401 token_invalid"] * 2 + ["429 too_many_requests"]


async def test_rate_limit_before_session(cast: Cast) -> None:
    """A session that has ended is counted, too: whoever has its token cannot ask more often than others from there."""
    elsewhere = {"X-Forwarded-For": "203.0.113.9"}
    for _ in range(1 + 20):  # the first against its owner, for it is not known yet to have ended
        assert code(await cast.post(cast.left, **RIGHT, headers=elsewhere)) == "401 session_ended"
    assert code(await cast.post(cast.left, **RIGHT, headers=elsewhere)) == "429 too_many_requests"


async def test_token_before_session(cast: Cast) -> None:
    gone = await cast.site.person("gone")
    await cast.site.parts.sessions.end(gone.session_id)
    assert code(await cast.post(forged(gone), **RIGHT)) == "401 token_invalid"
    assert code(await cast.post(gone, **RIGHT)) == "401 session_ended"


async def test_session_before_permission(cast: Cast) -> None:
    guest = await cast.site.person("another-guest", Role.GUEST)
    await cast.site.parts.sessions.end(guest.session_id)
    assert code(await cast.post(guest, **RIGHT)) == "401 session_ended"


async def test_permission_before_owner(cast: Cast) -> None:
    assert code(await cast.post(cast.gast, **RIGHT)) == "403 forbidden"


async def test_owner_before_validation(cast: Cast) -> None:
    assert code(await cast.post(cast.tom, **WRONG)) == "404 not_found"


async def test_validation_before_handler(cast: Cast) -> None:
    assert code(await cast.post(cast.mia, **WRONG)) == "400 validation_failed"
    assert code(await cast.post(cast.mia, **RIGHT)) == "409 conflict"


Refused = Callable[[Cast, dict[str, str]], Awaitable[Reply]]

REFUSALS: dict[int, Refused] = {
    400: lambda cast, said: cast.site.post(f"{PATH}/no-id", by=cast.mia, headers=said, **WRONG),
    401: lambda cast, said: cast.post(None, headers=said, **RIGHT),
    403: lambda cast, said: cast.post(cast.gast, headers=said, **RIGHT),
    404: lambda cast, said: cast.site.get("/no/such/address", headers=said),
    405: lambda cast, said: cast.site.call("PATCH", f"{PATH}/{cast.thing}", headers=said),
    409: lambda cast, said: cast.post(cast.mia, headers=said, **RIGHT),
    413: lambda cast, said: cast.post(cast.mia, headers=said, **HUGE),
    415: lambda cast, said: cast.post(cast.mia, headers={**said, "Content-Type": "text/x"}, data=b"{}"),
    421: lambda cast, said: cast.post(cast.mia, headers={**said, "Host": "evil.example"}, **RIGHT),
    429: lambda cast, said: cast.post(cast.worn, headers=said, **RIGHT),
    500: lambda cast, said: cast.site.post("/api/v1/order/broken", by=cast.mia, headers=said, json={}),
}


@pytest.mark.parametrize("status", REFUSALS)
async def test_the_front_end_may_read_every_refusal_and_nobody_else(cast: Cast, status: int) -> None:
    reply = await REFUSALS[status](cast, {"Origin": FRONT, "X-Request-ID": "abc-1"})
    assert reply.status == status
    assert reply.headers["Access-Control-Allow-Origin"] == FRONT
    assert reply.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Origin" in reply.headers["Vary"]
    assert reply.headers["X-Request-ID"] == "abc-1"
    reply = await REFUSALS[status](cast, {"Origin": "https://evil.example"})
    assert not [name for name in reply.headers if name.startswith("Access-Control")]


async def test_a_head_too_large_to_be_read_is_refused_without_looking_into_it(cast: Cast) -> None:
    answer = await raw(cast.site.port, b"GET / HTTP/1.1\r\nHost: hub\r\nX: " + b"a" * 20_000 + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
