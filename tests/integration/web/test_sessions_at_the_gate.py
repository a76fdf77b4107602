"""Who comes in: good tokens of live sessions of people who are still there, on every replica, with and without Redis."""

import asyncio
import time
from typing import Any
from uuid import uuid4

import jwt
import pytest
import redis

from medianest_hub.accounts.tokens import PURPOSE
from medianest_hub.infrastructure.embedded.postgres import EmbeddedPostgres
from medianest_hub.infrastructure.embedded.valkey import EmbeddedValkey
from medianest_hub.plugin_api import Role

from .conftest import Site, Somebody, StartSite

ME = "/api/v1/auth/session"


async def status(site: Site, somebody: Somebody) -> tuple[int, str]:
    reply = await site.get(ME, by=somebody)
    return reply.status, reply.json().get("code", "")


async def test_a_session_ended_on_one_replica_is_refused_on_the_other_at_once(start_site: StartSite) -> None:
    one, two = await start_site(), await start_site()
    mia = await one.person()
    assert await status(two, mia) == (200, "")
    await one.parts.sessions.end(mia.session_id)
    assert await status(two, mia) == (401, "session_ended")
    assert await status(one, mia) == (401, "session_ended")


async def test_an_emptied_redis_signs_nobody_out_and_revives_nobody(start_site: StartSite, redis_url: str) -> None:
    site = await start_site()
    mia, tom = await site.person("mia"), await site.person("tom")
    await site.parts.sessions.end(tom.session_id)
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    assert await status(site, mia) == (200, "")
    assert await status(site, tom) == (401, "session_ended")


async def test_with_redis_away_postgres_says_who_is_signed_in(
    start_site: StartSite, valkey_server: EmbeddedValkey
) -> None:
    one, two = await start_site(redis=valkey_server.url), await start_site(redis=valkey_server.url)
    mia, tom = await one.person("mia"), await one.person("tom")
    assert await status(one, mia) == (200, "")
    valkey_server.stop()
    assert await status(one, mia) == (200, "")
    assert await status(one, tom) == (200, "")
    await two.parts.sessions.end(mia.session_id)
    async with asyncio.timeout(1):
        while await status(one, mia) != (401, "session_ended"):
            await asyncio.sleep(0.02)
    assert await status(one, tom) == (200, "")


async def test_redis_emptied_or_away_sessions_go_on_by_their_refresh_tokens_and_end_when_one_is_used_again(
    start_site: StartSite, valkey_server: EmbeddedValkey
) -> None:
    site = await start_site(redis=valkey_server.url)
    mia = await site.person()
    used = await site.parts.refresh.issue(mia.session_id)

    async def refreshed(token: str) -> tuple[int, dict[str, Any]]:
        reply = await site.post("/api/v1/auth/refresh", json={"refresh_token": token})
        return reply.status, reply.json()

    with redis.Redis.from_url(valkey_server.url) as client:
        client.flushall()
    code, first = await refreshed(used)
    assert code == 200
    assert (await site.get(ME, headers={"Authorization": f"Bearer {first['access_token']}"})).status == 200
    valkey_server.stop()
    code, second = await refreshed(first["refresh_token"])
    assert code == 200
    mine = {"Authorization": f"Bearer {second['access_token']}"}
    assert (await site.get(ME, headers=mine)).status == 200
    code, refused = await refreshed(used)
    assert (code, refused["code"]) == (401, "refresh_reused")
    assert (await site.get(ME, headers=mine)).status == 401


async def test_a_redis_that_hangs_costs_a_second_and_not_the_answer(
    start_site: StartSite, valkey_server: EmbeddedValkey
) -> None:
    import os
    import signal

    site = await start_site(redis=valkey_server.url)
    mia = await site.person()
    assert await status(site, mia) == (200, "")
    with redis.Redis.from_url(valkey_server.url) as client:
        pid = client.info("server")["process_id"]
    os.kill(pid, signal.SIGSTOP)
    try:
        begin = time.monotonic()
        assert await status(site, mia) == (200, "")
        assert time.monotonic() - begin < 2.5
        begin = time.monotonic()
        assert await status(site, mia) == (200, "")
        assert time.monotonic() - begin < 0.5
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_with_postgres_away_the_known_go_on_and_nobody_else_gets_in(
    start_site: StartSite, own_postgres: EmbeddedPostgres
) -> None:
    site = await start_site(postgres=own_postgres.url)
    mia, tom = await site.person("mia"), await site.person("tom")
    assert await status(site, mia) == (200, "")
    own_postgres.stop()
    assert await status(site, mia) == (200, "")
    assert await status(site, tom) == (503, "database_away")
    own_postgres.start()


async def test_somebody_disabled_or_removed_is_out_though_their_token_is_good(start_site: StartSite) -> None:
    one, two = await start_site(), await start_site()
    await one.person("ada", Role.ADMIN)
    mia = await one.person("mia")
    assert await status(two, mia) == (200, "")
    await one.parts.people.change(mia.id, status="disabled")
    async with asyncio.timeout(2):
        while await status(two, mia) != (401, "session_ended"):
            await asyncio.sleep(0.02)


async def test_a_change_of_role_is_in_force_on_every_replica_at_once(start_site: StartSite) -> None:
    one, two = await start_site(), await start_site()
    await one.person("ada", Role.ADMIN)
    eve = await one.person("eve", Role.ADMIN)
    assert (await two.get("/api/v1/plugins", by=eve)).status == 200
    await one.parts.people.set_role(eve.id, Role.MEMBER)
    async with asyncio.timeout(2):
        while (await two.get("/api/v1/plugins", by=eve)).status != 403:
            await asyncio.sleep(0.02)


async def test_tokens_nobody_here_issued_are_refused(start_site: StartSite) -> None:
    site = await start_site()
    mia = await site.person()
    good = jwt.decode(mia.token, options={"verify_signature": False})
    head = {"kid": jwt.get_unverified_header(mia.token)["kid"]}
    key = site.parts.secrets.derive(PURPOSE, head["kid"])

    def signed(claims: dict[str, object], secret: bytes = key, algorithm: str = "HS256", **header: object) -> str:
        return jwt.encode({**good, **claims}, secret, algorithm=algorithm, headers={**head, **header})

    hour = 3600
    attempts = {
        "other key": signed({}, b"k" * 32),
        "none": jwt.encode(good, None, algorithm="none", headers=head),
        "other algorithm": signed({}, key.ljust(64, b"x"), algorithm="HS512"),
        "unknown kid": signed({}, kid="../../dev/null"),
        "other kid": signed({}, kid="1"),
        "other audience": signed({"aud": "elsewhere"}),
        "other issuer": signed({"iss": "elsewhere"}),
        "expired": signed({"exp": int(time.time()) - hour}),
        "no session": signed({"sid": None}),
        "unknown session": signed({"sid": str(uuid4())}),
        "unknown person": signed({"sub": str(uuid4())}),
        "tampered": mia.token[:-4] + ("AAAA" if not mia.token.endswith("AAAA") else "BBBB"),
        "empty": "",
        "odd": "ü.ü.ü",
        "huge": "x" * 9000,
    }
    for name, token in attempts.items():
        reply = await site.get(ME, headers={"Authorization": f"Bearer {token}"})
        assert reply.status == 401, name
    assert (await site.get(ME, headers={"Authorization": f"bearer {mia.token}"})).status == 200


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "token", "Bearer a b", ", Bearer x"])
async def test_other_ways_to_authenticate_are_refused(start_site: StartSite, header: str) -> None:
    site = await start_site()
    reply = await site.get(ME, headers={"Authorization": header})
    assert (reply.status, reply.headers["WWW-Authenticate"]) == (401, "Bearer")


async def test_a_public_route_serves_whoever_has_a_bad_token(start_site: StartSite) -> None:
    site = await start_site()
    mia = await site.person()
    await site.parts.sessions.end(mia.session_id)
    for headers in (mia.headers, {"Authorization": "Bearer nonsense"}, {}):
        assert (await site.get("/api/v1/setup", headers=headers)).status == 200


async def test_while_the_hub_starts_it_is_alive_and_not_ready(start_site: StartSite) -> None:
    site = await start_site(open=False)
    assert (await site.get("/api/health/live")).status == 200
    for path in ("/api/health/ready", ME, "/api/v1/setup", "/api/openapi.json"):
        reply = await site.get(path)
        assert reply.status == 503
        assert reply.headers["Retry-After"] == "1"
