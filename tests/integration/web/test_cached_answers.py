"""Answers kept for a while: per person or for all, out of date by tag, and never somebody else's."""

import asyncio
import sys

import pytest
import pytest_asyncio

from medianest_hub.infrastructure.embedded.valkey import EmbeddedValkey
from medianest_hub.plugin_api import Role

from .conftest import Install, Site, StartSite

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLUGIN = """
import asyncio
from uuid import UUID
from pydantic import BaseModel
from medianest_hub.web.answer_cache import cache_for_at_most

router = Router()
counts = {}
state = {}

class Answer(BaseModel):
    text: str
    count: int

class Q(BaseModel):
    q: str = ""

class At(BaseModel):
    id: UUID

def answer(name, call):
    counts[name] = counts.get(name, 0) + 1
    return Answer(text=call.caller.username, count=counts[name])

@router.get("/mine", permission="hub.signed_in", cache=AnswerCache(ttl=60, tags=["items"]))
async def mine(ctx, call: Call[Empty, Q]) -> Answer:
    return answer("mine", call)

@router.get("/all", permission="hub.signed_in", cache=AnswerCache(ttl=60, per="everyone"))
async def everyone(ctx, call: Call) -> Answer:
    return answer("all", call)

@router.get("/short", permission="hub.signed_in", cache=AnswerCache(ttl=60))
async def short(ctx, call: Call) -> Answer:
    cache_for_at_most(state["seconds"])
    return answer("short", call)

@router.get("/slow", permission="hub.signed_in", cache=AnswerCache(ttl=60, tags=["items"]))
async def slow(ctx, call: Call) -> Answer:
    state["started"].set()
    await state["go"].wait()
    return answer("slow", call)

@router.get("/fails", permission="hub.signed_in", cache=AnswerCache(ttl=60))
async def fails(ctx, call: Call) -> Answer:
    answer("fails", call)
    raise errors.Unavailable("no")

async def owner(ctx, call):
    return call.path.id

@router.get("/owned/{id}", permission="hub.signed_in", owner=owner, cache=AnswerCache(ttl=60, per="everyone"))
async def owned(ctx, call: Call[At]) -> Answer:
    return answer("owned", call)

@router.get("/admins", permission="hub.admin", cache=AnswerCache(ttl=60, per="everyone"))
async def admins(ctx, call: Call) -> Answer:
    return answer("admins", call)

@router.post("/bump", permission="hub.signed_in")
async def bump(ctx, call: Call) -> None:
    await ctx.cache.bump("items")

@hookimpl
def hub_plugin():
    return PluginInfo(title="Kept", api_version=1, permissions=[Permission("more", default=Role.MEMBER)])

@hookimpl
def hub_routes():
    return router
"""
PATH = "/api/v1/kept"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def replicas(install_once: Install, start_once: StartSite) -> tuple[Site, Site]:
    install_once("kept", PLUGIN)
    return await start_once(), await start_once()


@pytest.fixture
def site(replicas: tuple[Site, Site], redis_url: str) -> Site:
    """A web process whose plugin has counted nothing yet; Redis is empty."""
    sys.modules["synthetic_kept.plugin"].counts.clear()
    return replicas[0]


@pytest.fixture
def other(replicas: tuple[Site, Site]) -> Site:
    """Another one, on the same Postgres and Redis."""
    return replicas[1]


def state() -> dict[str, object]:
    found: dict[str, object] = sys.modules["synthetic_kept.plugin"].state
    return found


async def test_the_second_request_is_answered_from_the_cache_with_an_etag(site: Site) -> None:
    mia = await site.person()
    first, second = await site.get(f"{PATH}/mine", by=mia), await site.get(f"{PATH}/mine", by=mia)
    assert first.json() == second.json() == {"text": "mia", "count": 1}
    assert first.headers["ETag"] == second.headers["ETag"]
    reply = await site.get(f"{PATH}/mine", by=mia, headers={"If-None-Match": first.headers["ETag"]})
    assert (reply.status, reply.body) == (304, b"")


async def test_another_query_is_another_answer(site: Site) -> None:
    mia = await site.person()
    counts = [(await site.get(f"{PATH}/mine?q={q}", by=mia)).json()["count"] for q in ("a", "b", "a")]
    assert counts == [1, 2, 1]


async def test_a_personal_answer_is_nobody_elses(site: Site) -> None:
    mia, tom = await site.person("mia"), await site.person("tom")
    for _ in range(2):
        assert (await site.get(f"{PATH}/mine", by=mia)).json()["text"] == "mia"
        assert (await site.get(f"{PATH}/mine", by=tom)).json()["text"] == "tom"


async def test_an_answer_for_everyone_is_shared_and_still_asks_for_the_permission(site: Site) -> None:
    mia, tom = await site.person("mia"), await site.person("tom")
    ada = await site.person("ada", Role.ADMIN)
    assert (await site.get(f"{PATH}/all", by=mia)).json() == (await site.get(f"{PATH}/all", by=tom)).json()
    assert (await site.get(f"{PATH}/admins", by=ada)).status == 200
    assert (await site.get(f"{PATH}/admins", by=tom)).status == 403
    assert (await site.get(f"{PATH}/admins")).status == 401


async def test_a_cached_answer_does_not_let_a_stranger_see_an_owners_object(site: Site) -> None:
    mia, tom = await site.person("mia"), await site.person("tom")
    for _ in range(2):
        assert (await site.get(f"{PATH}/owned/{mia.id}", by=mia)).status == 200
        assert (await site.get(f"{PATH}/owned/{mia.id}", by=tom)).status == 404


async def test_replicas_share_answers(site: Site, other: Site) -> None:
    mia = await site.person()
    assert (await site.get(f"{PATH}/mine", by=mia)).json() == (await other.get(f"{PATH}/mine", by=mia)).json()


async def test_a_bumped_tag_makes_answers_out_of_date_on_every_replica(site: Site, other: Site) -> None:
    mia = await site.person()
    await site.get(f"{PATH}/mine", by=mia)
    await other.post(f"{PATH}/bump", by=mia)
    assert (await site.get(f"{PATH}/mine", by=mia)).json()["count"] == 2


async def test_an_answer_made_before_a_bump_is_not_kept_after_it(site: Site) -> None:
    mia = await site.person()
    state().update(started=asyncio.Event(), go=asyncio.Event())
    under_way = asyncio.create_task(site.get(f"{PATH}/slow", by=mia))
    await state()["started"].wait()  # type: ignore[attr-defined]
    await site.post(f"{PATH}/bump", by=mia)
    state()["go"].set()  # type: ignore[attr-defined]
    assert (await under_way).json()["count"] == 1
    assert (await site.get(f"{PATH}/slow", by=mia)).json()["count"] == 2


async def test_requests_at_the_same_time_make_one_answer_and_one_leaving_spoils_it_for_none(site: Site) -> None:
    mia = await site.person()
    state().update(started=asyncio.Event(), go=asyncio.Event())
    first = asyncio.create_task(site.get(f"{PATH}/slow", by=mia))
    await state()["started"].wait()  # type: ignore[attr-defined]
    others = [asyncio.create_task(site.get(f"{PATH}/slow", by=mia)) for _ in range(10)]
    await site.get(f"{PATH}/mine", by=mia)  # a round trip later they all wait
    first.cancel()
    state()["go"].set()  # type: ignore[attr-defined]
    assert {(await other).json()["count"] for other in others} == {1}


@pytest.mark.parametrize(("seconds", "made"), [(0, 3), (-1, 3), (0.05, 2), (1000, 1)])
async def test_a_handler_may_shorten_the_life_of_its_answer(site: Site, seconds: float, made: int) -> None:
    mia = await site.person()
    state()["seconds"] = seconds
    await site.get(f"{PATH}/short", by=mia)
    await site.get(f"{PATH}/short", by=mia)
    await asyncio.sleep(0.1)
    assert (await site.get(f"{PATH}/short", by=mia)).json()["count"] == made


async def test_a_failure_is_not_kept(site: Site) -> None:
    mia = await site.person()
    assert [(await site.get(f"{PATH}/fails", by=mia)).status for _ in range(2)] == [503, 503]
    assert sys.modules["synthetic_kept.plugin"].counts == {"fails": 2}


async def test_other_rights_are_another_answer(site: Site) -> None:
    mia = await site.person("lea")
    assert (await site.get(f"{PATH}/mine", by=mia)).json()["count"] == 1
    await site.parts.people.set_role(mia.id, Role.GUEST)
    assert (await site.get(f"{PATH}/mine", by=mia)).json()["count"] == 2


async def test_with_redis_away_every_request_makes_its_answer(
    site: Site, start_once: StartSite, valkey_server: EmbeddedValkey
) -> None:
    site = await start_once(redis=valkey_server.url)
    mia = await site.person()
    await site.get(f"{PATH}/mine", by=mia)
    valkey_server.stop()
    counts = [(await site.get(f"{PATH}/mine", by=mia)).json()["count"] for _ in range(2)]
    assert counts == [2, 3]
