"""A stranger's sign-in providers: whatever they do, nobody gets in who should not, and nothing ends in a 500."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from medianest_hub.plugin_api import Identity, Role, SignInStart
from medianest_hub.plugin_api.errors import AuthFailed, ConfigInvalid, Forbidden, NotReady, Unauthorized, UpstreamError
from medianest_hub.plugin_host.states import PluginState
from medianest_hub.web import provider_calls

from .conftest import Install, Reply, Site, Somebody, StartSite
from .sign_in_plugin import SOURCE, Door

START = SignInStart(url="https://door.example/in?a=b", state={"pin": "4711"}, poll_seconds=2)
MIA = Identity(subject="s-mia", username="mia", secret="the token of mia")


@pytest.fixture
async def site(install: Install, start_site: StartSite) -> Site:
    install("door", SOURCE)
    site = await start_site(
        auth__newcomers="auto", limits__sign_in="100000/minute", server__public_url="http://hub.lan:4000"
    )
    await site.person("ada", Role.ADMIN)
    return site


@pytest.fixture
def door(site: Site) -> Door:
    door = Door()
    door.will(begin=START, complete=None)
    return door


class Browser:
    """Somebody with cookies of their own."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    def cookie(self, name: str) -> str | None:
        return next((cookie.value for cookie in self.session.cookie_jar if cookie.key == name), None)

    async def post(self, path: str, body: dict[str, Any], by: Somebody | None = None, **headers: str) -> Reply:
        given = {**(by.headers if by else {}), **headers}
        async with self.session.post(f"{self._site.url}/api/v1/auth/{path}", json=body, headers=given) as answer:
            return Reply(answer.status, answer.headers.copy(), await answer.read())

    async def start(self, by: Somebody | None = None, provider: str = "door", **wishes: Any) -> Reply:
        return await self.post(f"{provider}/start", wishes, by)

    async def complete(self, by: Somebody | None = None, provider: str = "door", **answer: str) -> Reply:
        return await self.post(f"{provider}/complete", {"answer": answer}, by)


@pytest.fixture
async def browser(site: Site) -> AsyncIterator[Browser]:
    one = Browser(site)
    yield one
    await one.session.close()


def said(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.json().get("code", reply.json().get("state"))


async def test_polling_goes_on_until_the_provider_knows_who_it_is(site: Site, door: Door, browser: Browser) -> None:
    begun = await browser.start(remember=True, return_to="/account?tab=1")
    assert begun.json() == {"url": START.url, "poll_seconds": 2.0, "attempt": None}
    assert door.seen[-1] == ("begin", "http://hub.lan:4000/sign-in/done?provider=door")
    (cookie,) = begun.headers.getall("Set-Cookie")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/api/v1/auth" in cookie
    assert (await browser.complete()).json() == {"state": "pending", "poll_seconds": 2.0}
    assert door.seen[-1] == ("complete", {"pin": "4711"}, {})
    door.will(complete=MIA)
    done = await browser.complete(code="x")
    assert (done.status, done.json()["state"], done.json()["return_to"]) == (200, "signed_in", "/account?tab=1")
    assert b"the token of mia" not in done.body
    assert browser.cookie("mn_attempt") is None
    assert browser.cookie("mn_refresh")
    person = await site.parts.people.by_username("mia")
    assert person is not None
    assert await site.parts.people.secret("door", "main", person.id, "sign_in") == "the token of mia"
    kept = await site.parts.db.fetchrow(
        "SELECT provider, remember FROM medianest.sessions WHERE user_id = $1", person.id
    )
    assert tuple(kept) == ("door", True)
    assert said(await browser.complete()) == (410, "attempt_over")


async def test_providers_are_listed_while_they_work_and_have_no_way_in_while_switched_off(
    site: Site, door: Door, browser: Browser
) -> None:
    ways = (await site.get("/api/v1/auth/providers")).json()["items"]
    assert [(one["id"], one["kind"]) for one in ways] == [
        ("local", "password"), ("door", "poll"), ("door-back", "redirect"),
    ]  # fmt: skip
    runtime = site.parts.host.runtimes["door"]
    await runtime.stop(PluginState.NEEDS_ATTENTION)
    assert said(await browser.start()) == (503, "plugin_unavailable")
    # By its switch: who only stops it finds it started again.
    await site.post("/api/v1/plugins/door/disable", by=await site.person("ada", Role.ADMIN))
    async with asyncio.timeout(10):
        while said(await browser.start()) != (404, "plugin_disabled"):
            await asyncio.sleep(0.02)
    assert [one["id"] for one in (await site.get("/api/v1/auth/providers")).json()["items"]] == ["local"]


async def test_without_an_issuer_there_is_no_openid_connect_at_all(site: Site, browser: Browser) -> None:
    assert said(await browser.start(provider="oidc")) == (404, "not_found")


BAD_STARTS: list[Any] = [
    None, "https://door.example", SignInStart(url="javascript:alert(1)"), SignInStart(url="//door.example"),
    SignInStart(url="https://door.example/\r\nSet-Cookie: a=b"), SignInStart(url="https:///no-host"),
    SignInStart(url="https://door.example/" + "x" * 9000),
    SignInStart.model_construct(url=7, state={}, poll_seconds=None),
    SignInStart(url="https://door.example", state={"a": "x" * 20_000}),
    SignInStart(url="https://door.example", state={"a": "\0"}),
    RuntimeError("boom"), KeyError("boom"), SystemExit(3),
]  # fmt: skip


async def test_rubbish_at_the_beginning_is_the_providers_fault(site: Site, door: Door, browser: Browser) -> None:
    for answer in BAD_STARTS:
        door.will(begin=answer)
        reply = await browser.start()
        assert said(reply) == (502, "upstream_error"), answer
        assert b"boom" not in reply.body
        assert browser.cookie("mn_attempt") is None
    assert await site.parts.db.fetchval("SELECT count(*) FROM medianest.sign_in_attempts") == 0


BAD_IDENTITIES: list[Any] = [
    "mia", {"subject": "x", "username": "x"}, Identity(subject="", username="mia"),
    Identity(subject="x" * 300, username="mia"), Identity(subject="a\0b", username="mia"),
    Identity(subject="x", username="mia", role="emperor"), Identity(subject="x", username="mia", secret="s" * 20_000),
    Identity.model_construct(subject=7, username=None), RuntimeError("boom"), SystemExit(3),
]  # fmt: skip


async def test_rubbish_at_the_end_lets_nobody_in_and_the_attempt_waits(
    site: Site, door: Door, browser: Browser
) -> None:
    await browser.start()
    for answer in BAD_IDENTITIES:
        door.will(complete=answer)
        assert said(await browser.complete()) == (502, "upstream_error"), answer
    assert await site.parts.db.fetchval("SELECT count(*) FROM medianest.identities") == 0
    door.will(complete=MIA)
    assert (await browser.complete()).status == 200


async def test_what_a_provider_says_on_purpose_is_passed_on_and_decides_what_becomes_of_the_attempt(
    site: Site, door: Door, browser: Browser
) -> None:
    goes_on = [(NotReady("later"), 503), (UpstreamError("away", service="Door"), 502)]
    ends = [(Forbidden("no", code="not_a_friend"), 403), (AuthFailed("wrong"), 502), (ConfigInvalid("bad"), 400)]
    await browser.start()
    for error, status in goes_on:
        door.will(complete=error)
        assert (await browser.complete()).status == status
    for error, status in ends:
        await browser.start()
        door.will(complete=error)
        assert said(await browser.complete()) == (status, error.error_code)
        assert said(await browser.complete()) == (410, "attempt_over")
    await browser.start()
    door.will(complete=Unauthorized("who?"))
    assert (await browser.complete()).status == 403, "401 would tell a page that its own session is over"


async def test_a_provider_that_hangs_is_cut_off_and_the_attempt_waits(
    site: Site, door: Door, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider_calls, "BEGIN_SECONDS", 0.2)
    monkeypatch.setattr(provider_calls, "COMPLETE_SECONDS", 0.2)
    never = asyncio.Event()

    async def stubborn(*_: object) -> None:
        while not never.is_set():
            try:
                await never.wait()
            except asyncio.CancelledError:
                continue

    door.will(begin=stubborn)
    assert said(await browser.start()) == (504, "upstream_timeout")
    door.will(begin=START, complete=stubborn)
    await browser.start()
    assert said(await browser.complete()) == (504, "upstream_timeout")
    door.will(complete=MIA)
    assert (await browser.complete()).status == 200
    never.set()


async def test_of_two_completions_at_once_one_signs_in(site: Site, door: Door, browser: Browser) -> None:
    both = asyncio.Barrier(2)

    async def slow(*_: object) -> Identity:
        await both.wait()
        return MIA

    await browser.start()
    door.will(complete=slow)
    first = asyncio.create_task(browser.complete())
    while both.n_waiting == 0:
        await asyncio.sleep(0)
    second = await browser.complete()
    assert said(second) == (409, "attempt_busy")
    await both.wait()
    assert (await first).status == 200
    assert await site.parts.db.fetchval("SELECT count(*) FROM medianest.sessions WHERE provider = 'door'") == 1


async def test_an_attempt_is_one_providers_one_browsers_and_one_kind_of_clients(
    site: Site, door: Door, browser: Browser
) -> None:
    door.will(complete=MIA)
    token = (await browser.post("door/start", {"client": "native"})).json()["attempt"]
    native = {"client": "native", "attempt": token}
    assert said(await browser.post("door-back/complete", native)) == (410, "attempt_over")
    assert said(await browser.post("door/complete", {"attempt": token})) == (410, "attempt_over")
    done = await browser.post("door/complete", native)
    assert done.json()["refresh_token"]
    await browser.start()
    cookie = browser.cookie("mn_attempt")
    assert said(await browser.post("door/complete", {"client": "native", "attempt": cookie})) == (410, "attempt_over")
    for wrong in ("", "x" * 200, "nonsense"):
        assert said(await browser.post("door/complete", {"client": "native", "attempt": wrong})) == (
            410,
            "attempt_over",
        )


async def test_pages_of_other_sites_can_neither_begin_nor_finish(site: Site, door: Door, browser: Browser) -> None:
    evil = {"Origin": "https://evil.example"}
    assert said(await browser.post("door/start", {}, **evil)) == (403, "origin_refused")
    await browser.start()
    assert said(await browser.post("door/complete", {}, **evil)) == (403, "origin_refused")


async def test_the_way_back_stays_on_this_hub(site: Site, door: Door, browser: Browser) -> None:
    for path in ("https://evil.example", "//evil.example", "/\\evil.example", "/a\tb", "account", "", "/\\\\x"):
        reply = await browser.start(return_to=path)
        assert said(reply) == (400, "validation_failed"), path


async def test_what_is_kept_of_an_attempt_is_hashed_and_sealed(site: Site, door: Door, browser: Browser) -> None:
    await browser.start(invite="secret-invitation")
    row = await site.parts.db.fetchrow("SELECT token_hash, sealed FROM medianest.sign_in_attempts")
    token = browser.cookie("mn_attempt") or ""
    assert token.encode() not in bytes(row["token_hash"])
    for secret in (token, "4711", "secret-invitation"):
        assert secret not in row["sealed"]
    # Copied to another row, it opens nothing.
    await browser.start()
    await site.parts.db.execute("UPDATE medianest.sign_in_attempts SET sealed = $1", row["sealed"])
    assert said(await browser.complete()) == (410, "attempt_over")


async def test_attempts_expire_and_are_bounded(
    site: Site, door: Door, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medianest_hub.accounts.attempts.MOST", 3)
    for _ in range(6):
        await browser.start()
    assert await site.parts.db.fetchval("SELECT count(*) FROM medianest.sign_in_attempts") == 3
    assert (await browser.complete()).status == 200, "the newest is kept"
    await site.parts.db.execute("UPDATE medianest.sign_in_attempts SET expires_at = now() - interval '1 second'")
    assert said(await browser.complete()) == (410, "attempt_over")


async def test_of_two_cookies_of_an_attempt_none_is_used_and_both_are_cleared(
    site: Site, door: Door, browser: Browser
) -> None:
    door.will(complete=MIA)
    await browser.start()
    mine = browser.cookie("mn_attempt")
    path = "/api/v1/auth/door/complete"
    both = {"Cookie": f"mn_attempt=planted; mn_attempt={mine}", "Host": "hub.lan:4000"}
    refused = await site.post(path, json={}, headers=both)
    assert said(refused) == (401, "cookie_ambiguous")
    lines = refused.headers.getall("Set-Cookie", ())  # type: ignore[attr-defined]
    assert all(line.startswith("mn_attempt=; Max-Age=0; ") for line in lines)
    for one in (path, "/api/v1/auth", "/"):
        assert any(f"Path={one}" in line.split("; ") for line in lines), one
    assert (await browser.complete()).json()["state"] == "signed_in"  # it was left as it was


async def test_strangers_can_begin_only_so_often(install: Install, start_site: StartSite) -> None:
    install("door", SOURCE)
    site = await start_site(limits__sign_in="3/minute", limits__auth="1/minute")
    Door().will(begin=START, complete=None)
    got = [(await site.post("/api/v1/auth/door/start", json={})).status for _ in range(4)]
    assert got == [200, 200, 200, 429]
    # Polling is not counted by it, nor by `auth`.
    polls = {(await site.post("/api/v1/auth/door/complete", json={})).status for _ in range(8)}
    assert polls == {410}


async def test_newcomers_wait_where_an_admin_is_to_approve(install: Install, start_site: StartSite) -> None:
    install("door", SOURCE)
    site = await start_site(auth__newcomers="approve")
    await site.person("ada", Role.ADMIN)
    Door().will(begin=START, complete=MIA)
    browser = Browser(site)
    try:
        await browser.start()
        assert (await browser.complete()).json() == {"state": "awaiting_approval"}
        assert browser.cookie("mn_refresh") is None
    finally:
        await browser.session.close()


async def test_linking_wants_a_fresh_sign_in_and_the_session_that_asked(
    site: Site, door: Door, browser: Browser
) -> None:
    mia, tom = await site.person("mia"), await site.person("tom")
    door.will(complete=MIA)
    assert said(await browser.start(link=True)) == (401, "unauthorized")
    await site.parts.db.execute(
        "UPDATE medianest.sessions SET authenticated_at = now() - interval '1 hour' WHERE id = $1", mia.session_id
    )
    assert said(await browser.start(mia, link=True)) == (403, "confirm_first")
    await site.parts.sessions.confirm(mia.session_id)
    assert (await browser.start(mia, link=True)).status == 200
    for by in (None, tom):
        assert (await browser.complete(by)).status in (401, 410)
        await browser.start(mia, link=True)
    assert (await browser.complete(mia)).json() == {"state": "linked", "return_to": "/"}
    listed = (await site.get("/api/v1/auth/identities", by=mia)).json()["items"]
    assert [(one["provider"], one["title"], one["withdrawn"]) for one in listed] == [("door", "The door", None)]
    await browser.start(tom, link=True)
    assert said(await browser.complete(tom)) == (409, "identity_taken")


async def test_a_session_that_ends_while_the_provider_is_asked_links_nothing(
    site: Site, door: Door, browser: Browser
) -> None:
    mia = await site.person("mia")

    async def slow(state: object, answer: object) -> Identity:
        # As another process ends it: nothing here has heard of it.
        await site.parts.db.execute("UPDATE medianest.sessions SET ended_at = now() WHERE id = $1", mia.session_id)
        return MIA

    door.will(complete=slow)
    assert (await browser.start(mia, link=True)).status == 200
    assert said(await browser.complete(mia)) == (410, "attempt_over")
    assert await site.parts.identities.of_person(mia.id) == []


async def test_the_last_way_in_cannot_be_unlinked_and_another_can(site: Site, door: Door, browser: Browser) -> None:
    door.will(complete=MIA)
    await browser.start()
    token = (await browser.complete()).json()["access_token"]
    mine = {"Authorization": f"Bearer {token}"}
    (first,) = (await site.get("/api/v1/auth/identities", headers=mine)).json()["items"]
    path = f"/api/v1/auth/identities/{first['id']}"
    assert said(await site.call("DELETE", path, headers=mine)) == (409, "last_way_in")
    stranger = await site.person("tom")
    assert (await site.call("DELETE", path, by=stranger)).status == 404
    person = await site.parts.people.by_username("mia")
    assert person is not None
    await site.parts.people.set_password(person.id, "tractor blue forty two")
    assert (await site.call("DELETE", path, headers=mine)).status == 204
    assert await site.parts.people.secret("door", "main", person.id, "sign_in") is None
    assert (await site.get("/api/v1/auth/session", headers=mine)).status == 200, "the session that asked goes on"


async def test_a_password_confirms_who_somebody_is_and_a_wrong_one_slows(site: Site) -> None:
    somebody = await site.person("mia")
    await site.parts.people.set_password(somebody.id, "tractor blue forty two")
    await site.parts.db.execute("UPDATE medianest.sessions SET authenticated_at = now() - interval '1 hour'")
    wrong = await site.post("/api/v1/auth/confirm", by=somebody, json={"password": "not this one"})
    assert said(wrong) == (403, "wrong_password")
    assert not await site.parts.sessions.fresh(somebody.session_id)
    right = await site.post("/api/v1/auth/confirm", by=somebody, json={"password": "tractor blue forty two"})
    assert right.status == 204
    assert await site.parts.sessions.fresh(somebody.session_id)


async def test_every_outcome_is_described(site: Site) -> None:
    document = json.loads((await site.get("/api/openapi.json")).body)
    answer = document["paths"]["/api/v1/auth/door/complete"]["post"]["responses"]["200"]
    text = json.dumps(document["components"]["schemas"])
    assert answer
    for state in ("signed_in", "pending", "awaiting_approval", "linked"):
        assert f'"{state}"' in text
