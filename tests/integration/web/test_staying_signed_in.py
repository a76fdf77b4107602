"""Refresh tokens over HTTP: the cookie, the body, each good once, and what becomes of a session whose token comes twice."""

from __future__ import annotations

import asyncio
from http.cookies import SimpleCookie
from typing import Any

import pytest
import pytest_asyncio

from medianest_hub.plugin_api import Role

from .conftest import Reply, Site, StartSite

pytestmark = pytest.mark.asyncio(loop_scope="module")

ME = "/api/v1/auth/session"
LOGIN = "/api/v1/auth/login"
REFRESH = "/api/v1/auth/refresh"
LOGOUT = "/api/v1/auth/logout"
PASSWORD = "tractor blue forty two"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(start_once: StartSite) -> tuple[Site, Site]:
    """Two replicas."""
    more = {"limits__auth": "1000/minute", "server__cors_origins": '["https://front.example"]'}
    one, two = await start_once(**more), await start_once(**more)
    for username in ("mia", "eve"):
        await one.parts.people.create(username, PASSWORD, Role.MEMBER)
    await one.person("ada", Role.ADMIN)
    return one, two


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(pair: tuple[Site, Site]) -> Site:
    return pair[0]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def https(start_once: StartSite, pair: tuple[Site, Site]) -> Site:
    """One behind TLS."""
    return await start_once(server__public_url="https://hub.example", limits__auth="1000/minute")


async def sign_in(site: Site, username: str = "mia", headers: dict[str, str] | None = None, **more: Any) -> Reply:
    reply = await site.post(LOGIN, json={"username": username, "password": PASSWORD, **more}, headers=headers)
    assert reply.status == 200, reply.body
    return reply


def morsel(reply: Reply) -> Any:
    """The refresh cookie an answer sets."""
    (found,) = SimpleCookie(reply.headers["Set-Cookie"]).values()
    assert found.key in ("mn_refresh", "__Secure-mn_refresh")
    return found


def carrying(reply: Reply) -> dict[str, str]:
    """The headers of a browser that has that answer's cookie."""
    return {"Cookie": f"other=1; {morsel(reply).key}={morsel(reply).value}"}


def bearing(reply: Reply) -> dict[str, str]:
    return {"Authorization": f"Bearer {reply.json()['access_token']}"}


def verdict(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.json().get("code", "") if reply.body else ""


async def test_a_browser_gets_the_token_in_a_cookie_no_script_can_read(site: Site) -> None:
    reply = await sign_in(site)
    assert reply.json()["refresh_token"] is None
    cookie = morsel(reply)
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/api/v1/auth")
    assert (cookie["secure"], cookie["max-age"]) == ("", "86400")
    assert morsel(await sign_in(site, remember=True))["max-age"] == str(90 * 86400)


async def test_over_https_the_cookie_is_secure_and_one_set_over_http_is_not_heard(https: Site) -> None:
    host = {"Host": "hub.example"}
    reply, planted = await sign_in(https, headers=host), await sign_in(https, "eve", headers=host)
    assert (morsel(reply)["secure"], morsel(reply).key) == (True, "__Secure-mn_refresh")
    both = f"mn_refresh={morsel(planted).value}; {carrying(reply)['Cookie']}"
    again = await https.post(REFRESH, headers={**host, "Cookie": both})
    assert again.json()["user"]["username"] == "mia"
    alone = await https.post(REFRESH, headers={**host, "Cookie": f"mn_refresh={morsel(planted).value}"})
    assert verdict(alone) == (401, "refresh_invalid")


async def test_the_cookie_gives_new_tokens_again_and_again_on_any_replica(pair: tuple[Site, Site]) -> None:
    one, two = pair
    reply = await sign_in(one)
    seen = {morsel(reply).value}
    for site in (two, one, two):
        reply = await site.post(REFRESH, headers=carrying(reply))
        assert reply.status == 200
        assert reply.json()["user"]["username"] == "mia"
        assert (await one.get(ME, headers=bearing(reply))).status == 200
        seen.add(morsel(reply).value)
    assert len(seen) == 4


async def test_a_native_client_has_it_in_the_answer_and_sends_it_in_the_body(site: Site) -> None:
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


async def test_a_token_used_again_ends_the_session_on_every_replica_and_clears_the_cookie(
    pair: tuple[Site, Site],
) -> None:
    one, two = pair
    first = await sign_in(one)
    second = await one.post(REFRESH, headers=carrying(first))
    assert (await two.get(ME, headers=bearing(second))).status == 200
    again = await two.post(REFRESH, headers=carrying(first))
    assert verdict(again) == (401, "refresh_reused")
    assert (morsel(again).value, morsel(again)["max-age"]) == ("", "0")
    assert verdict(await one.get(ME, headers=bearing(second))) == (401, "session_ended")
    assert verdict(await one.post(REFRESH, headers=carrying(second))) == (401, "refresh_invalid")


async def test_of_two_at_once_on_two_replicas_one_goes_on_and_nobody_is_signed_out(pair: tuple[Site, Site]) -> None:
    one, two = pair
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


async def test_rubbish_is_refused(site: Site) -> None:
    for token in ("x", "mnr_", "mnr_" + "A" * 86, "mnr_" + "!" * 86, "mn_" + "A" * 87, "mnr_ü" + "A" * 85, "A" * 256):
        assert verdict(await site.post(REFRESH, json={"refresh_token": token})) == (401, "refresh_invalid")
        ascii_token = token.encode("ascii", "replace").decode()
        assert verdict(await site.post(REFRESH, headers={"Cookie": f"mn_refresh={ascii_token}"}))[0] == 401
    assert verdict(await site.post(REFRESH)) == (401, "refresh_invalid")
    assert verdict(await site.post(REFRESH, json={"refresh_token": "A" * 257})) == (400, "validation_failed")


async def test_refreshing_is_no_credential_submission(start_once: StartSite, pair: tuple[Site, Site]) -> None:
    site = await start_once(limits__auth="1/minute", server__trusted_proxies='["127.0.0.1"]')
    away = {"X-Forwarded-For": "192.0.2.66"}
    reply = await sign_in(site, headers=away)
    for _ in range(3):
        reply = await site.post(REFRESH, headers={**carrying(reply), **away})
        assert reply.status == 200
    assert (await site.post(LOGIN, json={"username": "mia", "password": PASSWORD}, headers=away)).status == 429


async def test_somebody_disabled_is_not_refreshed(site: Site) -> None:
    person = await site.parts.people.create("kim", PASSWORD, Role.MEMBER)
    reply = await sign_in(site, "kim")
    await site.parts.people.change(person.id, status="disabled")
    assert verdict(await site.post(REFRESH, headers=carrying(reply))) == (401, "refresh_invalid")


async def test_signing_out_works_by_the_cookie_alone_and_takes_it_away(site: Site) -> None:
    reply = await sign_in(site)
    out = await site.post(LOGOUT, headers=carrying(reply))
    assert (out.status, morsel(out)["max-age"]) == (204, "0")
    assert (await site.get(ME, headers=bearing(reply))).status == 401
    assert verdict(await site.post(REFRESH, headers=carrying(reply))) == (401, "refresh_invalid")


async def test_signing_out_works_by_the_access_token_by_the_body_and_for_nobody(site: Site) -> None:
    by_token, by_body = await sign_in(site), await sign_in(site, client="native")
    assert (await site.post(LOGOUT, headers=bearing(by_token))).status == 204
    assert (await site.post(LOGOUT, json={"refresh_token": by_body.json()["refresh_token"]})).status == 204
    for reply in (by_token, by_body):
        assert (await site.get(ME, headers=bearing(reply))).status == 401
    assert (await site.post(LOGOUT)).status == 204


# Other sites' pages


async def test_a_page_of_another_site_can_use_no_cookie(site: Site) -> None:
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


async def test_a_page_of_the_same_host_without_tls_is_another_site(https: Site) -> None:
    site = https
    host = {"Host": "hub.example"}
    reply = await sign_in(site, headers=host)
    refused = await site.post(REFRESH, headers={**carrying(reply), **host, "Origin": "http://hub.example"})
    assert verdict(refused) == (403, "origin_refused")
    good = await site.post(REFRESH, headers={**carrying(reply), **host, "Origin": "https://hub.example"})
    assert good.status == 200


# Fixation


async def test_signing_in_adopts_nothing_the_browser_brought_and_ends_the_session_it_had(site: Site) -> None:
    planted = await sign_in(site, "eve")
    mine = await sign_in(site, "mia", headers={**carrying(planted), **bearing(planted)})
    assert morsel(mine).value != morsel(planted).value
    assert mine.json()["user"]["username"] == "mia"
    assert (await site.get(ME, headers=bearing(planted))).status == 401
    assert verdict(await site.post(REFRESH, headers=carrying(planted))) == (401, "refresh_invalid")
    assert (await site.post(REFRESH, headers=carrying(mine))).status == 200


def cleared(reply: Reply) -> set[tuple[str, str]]:
    """Path and domain of every refresh cookie the answer clears and does not set again."""
    lines = [SimpleCookie(line)["mn_refresh"] for line in reply.headers.getall("Set-Cookie", ())]  # type: ignore[attr-defined]
    return {
        (line["path"], line["domain"])
        for number, line in enumerate(lines)
        if line["max-age"] == "0" and not any(later["path"] == line["path"] and later.value for later in lines[number:])
    }


async def test_of_two_cookies_none_is_used_and_both_are_cleared_wherever_a_neighbour_can_have_set_one(
    site: Site,
) -> None:
    mine, planted = await sign_in(site, "mia"), await sign_in(site, "eve")
    port = site.url.rpartition(":")[2]
    host = {"Host": f"hub.local:{port}"}
    # The neighbour's has the longer path, and so comes first.
    both = {**host, "Cookie": "; ".join(carrying(one)["Cookie"] for one in (planted, mine))}
    many = {**host, "Cookie": f"{carrying(planted)['Cookie']};{'x=1;' * 150} {carrying(mine)['Cookie']}"}
    refused = await site.post(REFRESH, headers=both)
    assert verdict(refused) == verdict(await site.post(REFRESH, headers=many)) == (401, "cookie_ambiguous")
    paths = ["/", "/api", "/api/", "/api/v1", "/api/v1/", "/api/v1/auth", "/api/v1/auth/", "/api/v1/auth/refresh"]
    assert cleared(refused) == {(path, domain) for path in paths for domain in ("", "hub.local")}
    # Nor does either sign anybody out, or end as the session that was there before.
    left = await site.post(LOGOUT, headers=both)
    assert left.status == 204
    assert ("/api/v1/auth/logout", "") in cleared(left)
    fresh = await sign_in(site, "mia", headers=both)
    assert fresh.json()["user"]["username"] == "mia"
    assert ("/api/v1/auth/login", "") in cleared(fresh)
    assert ("/api/v1/auth", "") not in cleared(fresh)
    for one in (mine, planted):
        assert (await site.post(REFRESH, headers={**host, **carrying(one)})).status == 200


async def test_a_made_up_cookie_ends_nobodys_session(site: Site) -> None:
    import base64

    victim = await site.person("tom")
    forged = "mnr_" + base64.urlsafe_b64encode(victim.session_id.bytes + b"x" * 48).rstrip(b"=").decode()
    await sign_in(site, headers={"Cookie": f"mn_refresh={forged}"})
    assert verdict(await site.post(REFRESH, json={"refresh_token": forged})) == (401, "refresh_invalid")
    assert (await site.post(LOGOUT, json={"refresh_token": forged})).status == 204
    assert (await site.get(ME, by=victim)).status == 200


# Sessions


async def test_sessions_are_listed_with_device_and_ended_one_by_one(pair: tuple[Site, Site]) -> None:
    one, two = pair
    await one.parts.people.create("lea", PASSWORD, Role.MEMBER)
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    here = await sign_in(one, "lea", headers={"User-Agent": agent})
    there = await sign_in(one, "lea", client="native", remember=True)
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


async def test_somebody_elses_session_is_not_there(site: Site) -> None:
    mia, tom = await site.person("mia"), await site.person("tom")
    assert (await site.call("DELETE", f"/api/v1/auth/sessions/{tom.session_id}", by=mia)).status == 404
    assert (await site.get(ME, by=tom)).status == 200


async def test_all_of_mine_end_at_once_with_or_without_this_one(pair: tuple[Site, Site]) -> None:
    one, two = pair
    tom = await one.person("tom")
    await one.parts.people.create("zoe", PASSWORD, Role.MEMBER)
    first, second, third = [await sign_in(one, "zoe") for _ in range(3)]
    assert (await one.post("/api/v1/auth/logout-all", json={"keep": True}, headers=bearing(first))).json() == {
        "ended": 2
    }
    assert [(await two.get(ME, headers=bearing(reply))).status for reply in (first, second, third)] == [200, 401, 401]
    assert (await one.post("/api/v1/auth/logout-all", headers=bearing(first))).json() == {"ended": 1}
    assert (await two.get(ME, headers=bearing(first))).status == 401
    assert (await two.get(ME, by=tom)).status == 200


async def test_without_local_sign_in_there_is_no_way_to_send_a_password(start_once: StartSite) -> None:
    site = await start_once(auth__local="false")
    assert (await site.post(LOGIN, json={"username": "mia", "password": PASSWORD})).status == 404
    assert (await site.post(REFRESH)).status == 401


async def test_a_key_that_is_left_out_ends_access_tokens_with_the_restart_and_no_session(start_once: StartSite) -> None:
    """Keys are given at the start only: what a process has verified under one is forgotten with the process."""
    old, new = "o" * 40, "n" * 40
    before = await start_once(secret_key=old, limits__auth="1000/minute")
    await before.parts.people.create("lou", PASSWORD, Role.MEMBER)
    reply = await sign_in(before, "lou", client="native")
    assert (await before.get(ME, headers=bearing(reply))).status == 200
    both = await start_once(secret_key=f"{new} {old}")
    for _ in range(2):
        assert (await both.get(ME, headers=bearing(reply))).status == 200
    after = await start_once(secret_key=new)
    assert verdict(await after.get(ME, headers=bearing(reply))) == (401, "token_invalid")
    again = await after.post(REFRESH, json={"refresh_token": reply.json()["refresh_token"]})
    assert again.status == 200
    assert (await after.get(ME, headers=bearing(again))).status == 200
    assert verdict(await before.get(ME, headers=bearing(again))) == (401, "token_invalid")


async def test_a_copied_cookie_shows_in_the_list_where_it_is_used(
    start_once: StartSite, pair: tuple[Site, Site]
) -> None:
    site = await start_once(server__trusted_proxies='["127.0.0.0/8"]', limits__auth="1000/minute")

    def at(address: str, agent: str) -> dict[str, str]:
        return {"X-Forwarded-For": address, "User-Agent": agent}

    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    first = await sign_in(site, "eve", headers=at("192.0.2.1", firefox))
    copied = await site.post(REFRESH, headers=carrying(first) | at("198.51.100.7", "curl/8.0"))
    listed = (await site.get(f"{ME}s", headers=bearing(copied))).json()["items"]
    (one,) = [session for session in listed if session["current"]]
    assert one["address"] == "198.51.100.7"
    assert "Firefox" not in one["device"]
