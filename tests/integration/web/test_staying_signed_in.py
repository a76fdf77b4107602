"""Refresh tokens over HTTP: the cookie, the body, each good once, and what becomes of a session whose token comes twice."""

from __future__ import annotations

import asyncio
from http.cookies import SimpleCookie
from typing import Any

import redis

from medianest_hub.infrastructure.embedded.valkey import EmbeddedValkey
from medianest_hub.plugin_api import Role

from .conftest import Reply, Site, StartSite

ME = "/api/v1/auth/session"
LOGIN = "/api/v1/auth/login"
REFRESH = "/api/v1/auth/refresh"
LOGOUT = "/api/v1/auth/logout"
PASSWORD = "tractor blue forty two"


async def somebody(site: Site, username: str = "mia", role: Role = Role.MEMBER) -> None:
    await site.parts.people.create(username, PASSWORD, role)


async def sign_in(site: Site, username: str = "mia", headers: dict[str, str] | None = None, **more: Any) -> Reply:
    reply = await site.post(LOGIN, json={"username": username, "password": PASSWORD, **more}, headers=headers)
    assert reply.status == 200, reply.body
    return reply


def morsel(reply: Reply) -> Any:
    """The refresh cookie an answer sets."""
    return SimpleCookie(reply.headers["Set-Cookie"])["mn_refresh"]


def carrying(reply: Reply) -> dict[str, str]:
    """The headers of a browser that has that answer's cookie."""
    return {"Cookie": f"other=1; mn_refresh={morsel(reply).value}"}


def bearing(reply: Reply) -> dict[str, str]:
    return {"Authorization": f"Bearer {reply.json()['access_token']}"}


def verdict(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.json().get("code", "") if reply.body else ""


async def test_a_browser_gets_the_token_in_a_cookie_no_script_can_read(start_site: StartSite) -> None:
    site = await start_site()
    await somebody(site)
    reply = await sign_in(site)
    assert reply.json()["refresh_token"] is None
    cookie = morsel(reply)
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/api/v1/auth")
    assert (cookie["secure"], cookie["max-age"]) == ("", "86400")
    assert morsel(await sign_in(site, remember=True))["max-age"] == str(90 * 86400)


async def test_over_https_the_cookie_is_secure(start_site: StartSite) -> None:
    site = await start_site(server__public_url="https://hub.example")
    await somebody(site)
    reply = await sign_in(site, headers={"Host": "hub.example"})
    assert morsel(reply)["secure"] is True


async def test_the_cookie_gives_new_tokens_again_and_again_on_any_replica(start_site: StartSite) -> None:
    one, two = await start_site(), await start_site()
    await somebody(one)
    reply = await sign_in(one)
    seen = {morsel(reply).value}
    for site in (two, one, two):
        reply = await site.post(REFRESH, headers=carrying(reply))
        assert reply.status == 200
        assert reply.json()["user"]["username"] == "mia"
        assert (await one.get(ME, headers=bearing(reply))).status == 200
        seen.add(morsel(reply).value)
    assert len(seen) == 4


async def test_a_native_client_has_it_in_the_answer_and_sends_it_in_the_body(start_site: StartSite) -> None:
    site = await start_site()
    await somebody(site)
    reply = await sign_in(site, client="native")
    assert "Set-Cookie" not in reply.headers
    for _ in range(2):
        token = reply.json()["refresh_token"]
        assert token.startswith("mnr_")
        reply = await site.post(REFRESH, json={"refresh_token": token})
        assert reply.status == 200
        assert "Set-Cookie" not in reply.headers
    assert verdict(await site.post(REFRESH, json={"refresh_token": token})) == (401, "refresh_reused")
    assert (await site.get(ME, headers=bearing(reply))).status == 401


async def test_a_token_used_again_ends_the_session_on_every_replica_and_clears_the_cookie(start_site: StartSite) -> None:
    one, two = await start_site(), await start_site()
    await somebody(one)
    first = await sign_in(one)
    second = await one.post(REFRESH, headers=carrying(first))
    assert (await two.get(ME, headers=bearing(second))).status == 200
    again = await two.post(REFRESH, headers=carrying(first))
    assert verdict(again) == (401, "refresh_reused")
    assert (morsel(again).value, morsel(again)["max-age"]) == ("", "0")
    assert verdict(await one.get(ME, headers=bearing(second))) == (401, "session_ended")
    assert verdict(await one.post(REFRESH, headers=carrying(second))) == (401, "refresh_invalid")


async def test_of_two_at_once_on_two_replicas_one_goes_on_and_nobody_is_signed_out(start_site: StartSite) -> None:
    one, two = await start_site(), await start_site()
    await somebody(one)
    reply = await sign_in(one)
    for _ in range(8):
        answers = await asyncio.gather(*(site.post(REFRESH, headers=carrying(reply)) for site in (one, two)))
        winners = [answer for answer in answers if answer.status == 200]
        assert len(winners) == 1, [verdict(answer) for answer in answers]
        # A machine so busy that it takes up the second only after the first was done calls that a re-use, as it must.
        (loser,) = (answer for answer in answers if answer.status != 200)
        assert verdict(loser) == (409, "refresh_raced")
        assert "Set-Cookie" not in loser.headers
        (reply,) = winners
    assert (await one.get(ME, headers=bearing(reply))).status == 200


async def test_rubbish_is_refused(start_site: StartSite) -> None:
    site = await start_site()
    for token in ("x", "mnr_", "mnr_" + "A" * 86, "mnr_" + "!" * 86, "mn_" + "A" * 87, "mnr_ü" + "A" * 85, "A" * 256):
        assert verdict(await site.post(REFRESH, json={"refresh_token": token})) == (401, "refresh_invalid")
        ascii_token = token.encode("ascii", "replace").decode()
        assert verdict(await site.post(REFRESH, headers={"Cookie": f"mn_refresh={ascii_token}"}))[0] == 401
    assert verdict(await site.post(REFRESH)) == (401, "refresh_invalid")
    assert verdict(await site.post(REFRESH, json={"refresh_token": "A" * 257})) == (400, "validation_failed")


async def test_refreshing_is_no_credential_submission(start_site: StartSite) -> None:
    site = await start_site(limits__auth="1/minute")
    await somebody(site)
    reply = await sign_in(site)
    for _ in range(3):
        reply = await site.post(REFRESH, headers=carrying(reply))
        assert reply.status == 200
    assert (await site.post(LOGIN, json={"username": "mia", "password": PASSWORD})).status == 429


async def test_somebody_disabled_is_not_refreshed(start_site: StartSite) -> None:
    site = await start_site()
    await site.person("ada", Role.ADMIN)
    await somebody(site)
    reply = await sign_in(site)
    person = await site.parts.people.by_username("mia")
    assert person is not None
    await site.parts.people.set_status(person.id, "disabled")
    assert verdict(await site.post(REFRESH, headers=carrying(reply))) == (401, "refresh_invalid")


async def test_signing_out_works_by_the_cookie_alone_and_takes_it_away(start_site: StartSite) -> None:
    site = await start_site()
    await somebody(site)
    reply = await sign_in(site)
    out = await site.post(LOGOUT, headers=carrying(reply))
    assert (out.status, morsel(out)["max-age"]) == (204, "0")
    assert (await site.get(ME, headers=bearing(reply))).status == 401
    assert verdict(await site.post(REFRESH, headers=carrying(reply))) == (401, "refresh_invalid")


async def test_signing_out_works_by_the_access_token_by_the_body_and_for_nobody(start_site: StartSite) -> None:
    site = await start_site()
    await somebody(site)
    by_token, by_body = await sign_in(site), await sign_in(site, client="native")
    assert (await site.post(LOGOUT, headers=bearing(by_token))).status == 204
    assert (await site.post(LOGOUT, json={"refresh_token": by_body.json()["refresh_token"]})).status == 204
    for reply in (by_token, by_body):
        assert (await site.get(ME, headers=bearing(reply))).status == 401
    assert (await site.post(LOGOUT)).status == 204


# Other sites' pages


async def test_a_page_of_another_site_can_use_no_cookie(start_site: StartSite) -> None:
    site = await start_site(server__cors_origins='["https://front.example"]')
    await somebody(site)
    foreign = (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": f"http://127.0.0.1:{site.port + 1}"},
        {"Sec-Fetch-Site": "cross-site"},
    )
    reply = await sign_in(site)
    for headers in foreign:
        for path in (REFRESH, LOGOUT):
            assert verdict(await site.post(path, headers={**carrying(reply), **headers})) == (403, "origin_refused")
        body = {"username": "mia", "password": PASSWORD}
        assert verdict(await site.post(LOGIN, json=body, headers=headers)) == (403, "origin_refused")
        out = await site.post("/api/v1/auth/logout-all", headers={**bearing(reply), **headers})
        assert verdict(out) == (403, "origin_refused")
    for origin in ("https://front.example", site.url, "HTTPS://FRONT.example"):
        reply = await site.post(REFRESH, headers={**carrying(reply), "Origin": origin})
        assert reply.status == 200, origin


async def test_a_page_of_the_same_host_without_tls_is_another_site(start_site: StartSite) -> None:
    site = await start_site(server__public_url="https://hub.example")
    await somebody(site)
    host = {"Host": "hub.example"}
    reply = await sign_in(site, headers=host)
    refused = await site.post(REFRESH, headers={**carrying(reply), **host, "Origin": "http://hub.example"})
    assert verdict(refused) == (403, "origin_refused")
    good = await site.post(REFRESH, headers={**carrying(reply), **host, "Origin": "https://hub.example"})
    assert good.status == 200


# Fixation


async def test_signing_in_adopts_nothing_the_browser_brought_and_ends_the_session_it_had(start_site: StartSite) -> None:
    site = await start_site()
    await somebody(site)
    await somebody(site, "eve")
    planted = await sign_in(site, "eve")
    mine = await sign_in(site, "mia", headers={**carrying(planted), **bearing(planted)})
    assert morsel(mine).value != morsel(planted).value
    assert mine.json()["user"]["username"] == "mia"
    assert (await site.get(ME, headers=bearing(planted))).status == 401
    assert verdict(await site.post(REFRESH, headers=carrying(planted))) == (401, "refresh_invalid")
    assert (await site.post(REFRESH, headers=carrying(mine))).status == 200


async def test_a_made_up_cookie_ends_nobodys_session(start_site: StartSite) -> None:
    import base64

    site = await start_site()
    await somebody(site)
    victim = await site.person("tom")
    forged = "mnr_" + base64.urlsafe_b64encode(victim.session_id.bytes + b"x" * 48).rstrip(b"=").decode()
    await sign_in(site, headers={"Cookie": f"mn_refresh={forged}"})
    assert verdict(await site.post(REFRESH, json={"refresh_token": forged})) == (401, "refresh_invalid")
    assert (await site.post(LOGOUT, json={"refresh_token": forged})).status == 204
    assert (await site.get(ME, by=victim)).status == 200


# Redis


async def test_redis_emptied_or_away_people_stay_signed_in(start_site: StartSite, valkey_server: EmbeddedValkey) -> None:
    site = await start_site(redis=valkey_server.url)
    await somebody(site)
    reply = await sign_in(site)
    with redis.Redis.from_url(valkey_server.url) as client:
        client.flushall()
    reply = await site.post(REFRESH, headers=carrying(reply))
    assert (await site.get(ME, headers=bearing(reply))).status == 200
    valkey_server.stop()
    before, reply = reply, await site.post(REFRESH, headers=carrying(reply))
    assert (await site.get(ME, headers=bearing(reply))).status == 200
    assert verdict(await site.post(REFRESH, headers=carrying(before))) == (401, "refresh_reused")
    assert (await site.get(ME, headers=bearing(reply))).status == 401


# Sessions


async def test_sessions_are_listed_with_device_and_ended_one_by_one(start_site: StartSite) -> None:
    one, two = await start_site(), await start_site()
    await somebody(one)
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    here = await sign_in(one, headers={"User-Agent": agent})
    there = await sign_in(one, client="native", remember=True)
    listed = (await two.get("/api/v1/auth/sessions", headers=bearing(here))).json()["items"]
    assert {(item["device"], item["current"], item["remember"]) for item in listed} == {
        ("Firefox on Linux", True, False),
        ("a Python program", False, True),
    }
    assert {item["address"] for item in listed} == {"127.0.0.1"}
    (other,) = (item["id"] for item in listed if not item["current"])
    assert (await two.get(ME, headers=bearing(there))).status == 200
    assert (await one.call("DELETE", f"/api/v1/auth/sessions/{other}", headers=bearing(here))).status == 204
    assert (await two.get(ME, headers=bearing(there))).status == 401
    assert (await two.get(ME, headers=bearing(here))).status == 200


async def test_somebody_elses_session_is_not_there(start_site: StartSite) -> None:
    site = await start_site()
    mia, tom = await site.person("mia"), await site.person("tom")
    assert (await site.call("DELETE", f"/api/v1/auth/sessions/{tom.session_id}", by=mia)).status == 404
    assert (await site.get(ME, by=tom)).status == 200


async def test_all_of_mine_end_at_once_with_or_without_this_one(start_site: StartSite) -> None:
    one, two = await start_site(), await start_site()
    await somebody(one)
    tom = await one.person("tom")
    first, second, third = [await sign_in(one) for _ in range(3)]
    assert (await one.post("/api/v1/auth/logout-all", json={"keep": True}, headers=bearing(first))).json() == {"ended": 2}
    assert [(await two.get(ME, headers=bearing(reply))).status for reply in (first, second, third)] == [200, 401, 401]
    assert (await one.post("/api/v1/auth/logout-all", headers=bearing(first))).json() == {"ended": 1}
    assert (await two.get(ME, headers=bearing(first))).status == 401
    assert (await two.get(ME, by=tom)).status == 200


async def test_without_local_sign_in_there_is_no_way_to_send_a_password(start_site: StartSite) -> None:
    site = await start_site(auth__local="false")
    await somebody(site)
    assert (await site.post(LOGIN, json={"username": "mia", "password": PASSWORD})).status == 404
    assert (await site.post(REFRESH)).status == 401
