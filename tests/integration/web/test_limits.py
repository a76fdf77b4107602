"""Rate limits: the same count over all replicas, by person or address, and never open because Redis is away."""

import asyncio
from typing import Any

import pytest
import redis

from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.embedded.valkey import EmbeddedValkey

from .conftest import Install, Reply, Site, Somebody, StartSite, raw

PLUGIN = """
from pydantic import BaseModel

router = Router()
done = []

@router.get("/free", permission="hub.signed_in")
async def free(ctx, call: Call) -> None:
    return None

@router.post("/dear", permission="hub.signed_in", limit="dear")
async def dear(ctx, call: Call) -> None:
    return None

@router.post("/tube", permission="hub.signed_in", limit="tube")
async def tube(ctx, call: Call) -> None:
    return None

@router.get("/open", public=True)
async def open_to_all(ctx, call: Call) -> None:
    return None

@router.post("/guarded", public=True, limit="auth")
async def guarded(ctx, call: Call) -> None:
    return None

@hookimpl
def hub_plugin():
    limits = [Limit("dear", "3/hour"), Limit("tube", "100/hour", setting="youtube")]
    return PluginInfo(title="Limits", api_version=1, limits=limits)

@hookimpl
def hub_routes():
    return router
"""
PATH = "/api/v1/limits"


@pytest.fixture(autouse=True)
def _plugin(install: Install) -> None:
    install("limits", PLUGIN)


async def many(
    count: int, *sites: Site, path: str = "/free", by: Somebody | None = None, method: str = "GET"
) -> list[Reply]:
    """That many calls at the same time, in turn to each site."""
    calls = (sites[number % len(sites)].call(method, PATH + path, by=by) for number in range(count))
    return await asyncio.gather(*calls)


def let_in(replies: list[Reply]) -> int:
    assert {reply.status for reply in replies} <= {204, 429}
    return sum(reply.status == 204 for reply in replies)


async def test_two_processes_share_one_count_exactly(start_site: StartSite) -> None:
    one, two = await start_site(limits__api="20/minute"), await start_site(limits__api="20/minute")
    mia, tom = await one.person("mia"), await one.person("tom")
    assert let_in(await many(60, one, two, by=mia)) == 20
    assert let_in(await many(5, one, two, by=mia)) == 0
    assert let_in(await many(60, two, one, by=tom)) == 20


async def test_two_sessions_of_a_person_share_one_count(start_site: StartSite) -> None:
    site = await start_site(limits__api="10/minute")
    first, second = await site.person("mia"), await site.person("mia")
    assert let_in(await many(10, site, by=first)) == 10
    assert let_in(await many(5, site, by=second)) == 0


async def test_a_refusal_says_when_to_come_again(start_site: StartSite) -> None:
    site = await start_site(limits__api="3/minute")
    mia = await site.person()
    await many(3, site, by=mia)
    reply = await site.get(f"{PATH}/free", by=mia)
    problem = reply.json()
    assert (reply.status, problem["code"], problem["params"]) == (
        429,
        "too_many_requests",
        {"zone": "api", "limit": "3/minute"},
    )
    assert 1 <= int(reply.headers["Retry-After"]) <= 60
    assert reply.headers["RateLimit-Policy"] == '"api";q=3;w=60'
    assert reply.headers["RateLimit"] == f'"api";r=0;t={reply.headers["Retry-After"]}'


async def test_every_counted_answer_says_how_many_are_left_of_the_scarcest_zone(start_site: StartSite) -> None:
    site = await start_site(limits__api="4/minute")
    mia = await site.person()
    replies = [await site.get(f"{PATH}/free", by=mia), await site.post(f"{PATH}/dear", by=mia)]
    replies += [await site.post(f"{PATH}/dear", by=mia), await site.get(f"{PATH}/free", by=mia)]
    said = [reply.headers["RateLimit"].partition(";t=") for reply in replies]
    assert [left for left, _, _ in said] == ['"api";r=3', '"api";r=2', '"api";r=1', '"api";r=0']
    assert all(1 <= int(seconds) <= 60 for _, _, seconds in said)
    tom = await site.person("tom")  # of four and of three, one is used: the dear ones are scarcer
    assert (await site.post(f"{PATH}/dear", by=tom)).headers["RateLimit"] == '"limits.dear";r=2;t=3600'


async def test_refusals_for_other_reasons_say_what_is_left_and_uncounted_answers_do_not(start_site: StartSite) -> None:
    site = await start_site(limits__api="4/minute")
    reply = await site.get(f"{PATH}/free")
    assert (reply.status, reply.headers["RateLimit"][:9]) == (401, '"api";r=3')
    assert "RateLimit" not in (await site.get("/api/health/live")).headers
    assert "RateLimit" not in (await site.get("/nowhere")).headers


async def test_requests_of_one_turn_are_told_a_number_that_is_not_too_high(start_site: StartSite) -> None:
    site = await start_site(limits__api="30/minute")
    mia = await site.person()
    replies = await many(20, site, by=mia)
    left = sorted(int(reply.headers["RateLimit"].partition("r=")[2].partition(";")[0]) for reply in replies)
    assert all(number <= 30 - position for position, number in enumerate(reversed(left), 1))
    assert left[0] == 10


async def test_there_is_room_again_after_the_time_named(start_site: StartSite) -> None:
    site = await start_site(limits__api="2/second")
    mia = await site.person()
    replies = await many(3, site, by=mia)
    wait = next(int(reply.headers["Retry-After"]) for reply in replies if reply.status == 429)
    await asyncio.sleep(wait + 0.05)
    assert let_in(await many(2, site, by=mia)) == 2


async def test_refused_requests_do_not_make_the_wait_longer(start_site: StartSite) -> None:
    site = await start_site(limits__api="2/second")
    mia = await site.person()
    loop = asyncio.get_running_loop()
    let_in_between: list[tuple[float, float]] = []
    async with asyncio.timeout(20):
        while len(let_in_between) < 6:
            asked_at = loop.time()
            if (await site.get(f"{PATH}/free", by=mia)).status == 204:
                let_in_between.append((asked_at, loop.time()))
    pairs = zip(let_in_between, let_in_between[2:], strict=False)
    assert all(later[1] - earlier[0] > 0.98 for earlier, later in pairs)


async def test_a_route_counts_in_its_own_zone_too_and_a_core_setting_overrides_it(start_site: StartSite) -> None:
    site = await start_site(limits__youtube="2/hour")
    mia = await site.person()
    assert let_in(await many(10, site, path="/dear", by=mia, method="POST")) == 3
    replies = await many(10, site, path="/tube", by=mia, method="POST")
    assert let_in(replies) == 2
    assert next(reply for reply in replies if reply.status == 429).json()["params"]["zone"] == "limits.tube"
    assert let_in(await many(5, site, by=mia)) == 5


async def test_strangers_are_counted_by_address_and_a_bad_token_makes_nobody_else_of_them(
    start_site: StartSite,
) -> None:
    site = await start_site(limits__api="4/minute")
    replies = [await site.get(f"{PATH}/open", headers={"Authorization": f"Bearer {n}"}) for n in range(6)]
    assert [reply.status for reply in replies] == [204] * 4 + [429] * 2
    mia = await site.person()
    assert (await site.get(f"{PATH}/free", by=mia)).status == 204


async def test_what_has_ended_counts_against_whoever_still_sends_it_and_not_against_its_owner(
    start_site: StartSite,
) -> None:
    one, two = await start_site(limits__api="20/minute"), await start_site(limits__api="20/minute")
    mia, stolen = await one.person("mia"), await one.person("mia")
    person = await one.parts.people.get(mia.id)
    assert person is not None
    key, token = await one.parts.api_keys.create(person, "k", ["hub.signed_in"])
    leaked = Somebody(mia.id, key.id, token)
    for thief in (stolen, leaked):
        assert (await one.get(f"{PATH}/free", by=thief)).status == 204
    await one.parts.sessions.end(stolen.session_id)
    await one.parts.api_keys.revoke(key.id)
    for site, thief in ((one, stolen), (one, leaked), (two, stolen), (two, leaked)):
        reply = await site.get(f"{PATH}/free", by=thief)
        assert (reply.status, "retry-after" in reply.headers) == (401, False)  # learnt here, and counted as before
    refused = [reply.status for thief in (stolen, leaked) for reply in await many(30, one, two, by=thief)]
    assert (refused.count(401), refused.count(429)) == (18, 42)  # a key is a stranger at first sight: two were counted
    left = await many(30, one, two, by=mia)
    assert let_in(left) == 16  # the others by what was hers, before it was known to have ended
    assert (await one.get(f"{PATH}/open")).status == 429  # a stranger from there


async def test_a_forwarded_address_is_believed_from_a_trusted_proxy_alone(start_site: StartSite) -> None:
    def asked(site: Site, address: str) -> object:
        return site.get(f"{PATH}/open", headers={"X-Forwarded-For": address})

    plain = await start_site(limits__api="2/minute")
    statuses = [(await asked(plain, f"192.0.2.{n}")).status for n in range(4)]  # type: ignore[misc]
    assert statuses == [204, 204, 429, 429]
    behind = await start_site(limits__api="2/minute", server__trusted_proxies="127.0.0.0/8,10.0.0.0/8")
    for chain in ("192.0.2.1", "evil, 192.0.2.1", "203.0.113.9, 192.0.2.1, 10.1.1.1"):
        status = (await asked(behind, chain)).status  # type: ignore[misc]
        assert status == (429 if chain.endswith("10.1.1.1") else 204)
    for address, status in (
        ("2001:db8::1", 204),
        ("2001:db8::ffff", 204),
        ("2001:db8:0:0:9::1", 429),
        ("2001:db8:0:1::1", 204),
    ):
        assert (await asked(behind, address)).status == status  # type: ignore[misc]


async def test_a_forged_line_before_the_proxys_own_changes_nothing(start_site: StartSite) -> None:
    """Some proxies add a line of their own rather than to the one that came."""
    site = await start_site(limits__api="2/minute", server__trusted_proxies="127.0.0.0/8")
    lines = [
        b"GET /api/v1/limits/open HTTP/1.1",
        b"Host: hub",
        b"X-Forwarded-For: 203.0.113.%d",
        b"X-Forwarded-For: 192.0.2.1",
    ]
    head = b"\r\n".join([*lines, b"Connection: close", b"", b""])
    answers = [await raw(site.port, head % number) for number in range(3)]
    assert [answer.split()[1] for answer in answers] == [b"204", b"204", b"429"]


async def test_health_is_not_counted(start_site: StartSite) -> None:
    site = await start_site(limits__api="1/minute")
    assert {(await site.get("/api/health/ready")).status for _ in range(5)} == {200}


async def test_with_redis_away_this_process_counts_alone_and_guards_sign_in_more_strictly(
    start_site: StartSite, valkey_server: EmbeddedValkey
) -> None:
    site = await start_site(redis=valkey_server.url, limits__api="10/minute", limits__auth="6/minute")
    mia = await site.person()
    assert let_in(await many(2, site, by=mia)) == 2
    valkey_server.stop()
    assert let_in(await many(30, site, by=mia)) == 10
    replies = await many(6, site, path="/guarded", method="POST")
    assert let_in(replies) == 3
    refused = next(reply for reply in replies if reply.status == 429)
    assert 1 <= int(refused.headers["Retry-After"]) <= 60


async def test_a_redis_that_refuses_to_write_does_not_open_the_gate(
    start_site: StartSite, valkey_server: EmbeddedValkey
) -> None:
    site = await start_site(redis=valkey_server.url, limits__api="5/minute")
    mia = await site.person()
    with redis.Redis.from_url(valkey_server.url) as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", 1)
    assert let_in(await many(20, site, by=mia)) == 5


async def test_limits_survive_a_forgotten_script(start_site: StartSite, redis_url: str) -> None:
    site = await start_site(limits__api="4/minute")
    mia = await site.person()
    assert let_in(await many(2, site, by=mia)) == 2
    with redis.Redis.from_url(redis_url) as client:
        client.script_flush()
    assert let_in(await many(4, site, by=mia)) == 2


async def test_whoever_tries_one_address_after_the_other_is_counted_and_preflights_are_not(
    start_site: StartSite,
) -> None:
    site = await start_site(limits__api="10/minute", server__cors_origins='["https://front.example"]')
    asking = {"Origin": "https://front.example", "Access-Control-Request-Method": "GET"}
    for _ in range(20):
        assert (await site.call("OPTIONS", f"{PATH}/free", headers=asking)).status == 204
    calls = [("GET", "/nowhere"), ("DELETE", f"{PATH}/free"), ("POST", "/api/v2/login")] * 4
    replies = [await site.call(method, path) for method, path in calls]
    assert [reply.status for reply in replies] == [404, 405, 404] * 3 + [404, 429, 429]
    assert replies[-1].json()["code"] == "too_many_requests"
    assert 1 <= int(replies[-1].headers["Retry-After"]) <= 60
    assert replies[-1].headers["RateLimit-Policy"]
    assert (await site.call("OPTIONS", f"{PATH}/free", headers=asking)).status == 204
    assert (await site.get("/api/health/live")).status == 200


async def test_what_counts_nobody_asks_the_database_about_nobody(
    start_site: StartSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A good token is no way to load Postgres where nothing is counted."""
    site = await start_site()
    mia = await site.person()
    person = await site.parts.people.get(mia.id)
    assert person is not None
    _, key = await site.parts.api_keys.create(person, "a script", ["hub.signed_in"], None)
    asked: list[str] = []
    for name in ("fetch", "fetchrow", "fetchval", "execute"):
        plain = getattr(Database, name)

        async def noted(self: Any, sql: str, *args: Any, _plain: Any = plain) -> Any:
            asked.append(sql)
            return await _plain(self, sql, *args)

        monkeypatch.setattr(Database, name, noted)

    def about_people() -> list[str]:
        return [sql for sql in asked if "medianest.sessions" in sql or "medianest.api_keys" in sql]

    for _ in range(3):
        for token in (mia.token, key):
            for path in ("/api/health/live", "/api/health/ready"):
                await site.get(path, headers={"Authorization": f"Bearer {token}"})
    assert about_people() == []
    await site.get(f"{PATH}/open", by=mia)
    assert about_people()
