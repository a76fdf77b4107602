"""Signing in by OpenID Connect, end to end over HTTP: the whole hub, a real provider nobody here wrote, its own login form."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from medianest_hub.plugin_api import Role
from medianest_hub.testing.hub import Hub, HubProcess, Reply, free_port, run_hub
from tests.e2e.oidc_provider import CLIENT_ID, CLIENT_SECRET, Browser, OidcServer

PEOPLE = {
    "mia": [],
    "tom": [],
    "boss": ["hub-admins", "family"],
    "kid": ["guests"],
    "lena": [],
    "nora": [],
    "max": [],
    "otto": [],
    "ute": [],
}


@dataclass(frozen=True)
class World:
    hub: HubProcess
    provider: OidcServer
    back: str


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    port = free_port()
    back = f"http://127.0.0.1:{port}/sign-in/done?provider=oidc"
    provider = OidcServer(tmp_path_factory.mktemp("canaille"), back, PEOPLE)
    provider.start()
    settings: dict[str, Any] = {
        "server": {"port": port},
        "plugins": {"blocked": ["youtube", "plex", "hello"]},
        "limits": {"sign_in": "100000/second"},
        "auth": {
            "newcomers": "auto",
            "oidc": {
                "issuer": provider.url,
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "scopes": ["openid", "profile", "email", "groups"],
                "admin_values": ["hub-admins"],
                "member_values": ["family"],
                "guest_values": ["guests"],
            },
        },
    }
    try:
        with run_hub(tmp_path_factory.mktemp("h"), settings) as hub:
            yield World(hub, provider, back)
    finally:
        provider.stop()


@pytest.fixture
async def hub(world: World) -> AsyncIterator[Hub]:
    async with Hub(world.hub) as running:
        yield running


class Page:
    """One browser: its cookies at the hub, and at the provider."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        self.browser = Browser()

    async def __aenter__(self) -> Page:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()
        await self.browser.__aexit__()

    @property
    def cookies(self) -> set[str]:
        return {cookie.key for cookie in self._session.cookie_jar}

    async def post(self, path: str, body: dict[str, Any], token: str | None = None, **headers: str) -> Reply:
        given = {**headers, **({"Authorization": f"Bearer {token}"} if token else {})}
        async with self._session.post(f"{self._world.hub.url}/api/v1/auth/{path}", json=body, headers=given) as answer:
            return Reply(answer.status, answer.headers.copy(), await answer.read())

    async def start(self, token: str | None = None, **wishes: Any) -> str:
        reply = await self.post("oidc/start", wishes, token)
        assert reply.status == 200, reply.body
        url: str = reply.json()["url"]
        return url

    async def at_provider(self, name: str, url: str, consent: str = "accept") -> dict[str, str]:
        return await self.browser.sign_in(url, self._world.back, name, consent=consent)

    async def complete(self, answer: dict[str, str], token: str | None = None, **headers: str) -> Reply:
        await self._world.provider.another_second()
        return await self.post("oidc/complete", {"answer": answer}, token, **headers)

    async def sign_in(self, name: str, **wishes: Any) -> Reply:
        return await self.complete(await self.at_provider(name, await self.start(**wishes)))


@pytest.fixture
async def page(world: World) -> AsyncIterator[Page]:
    async with Page(world) as one:
        yield one


async def test_somebody_new_comes_in_and_is_the_same_person_the_next_time(hub: Hub, world: World, page: Page) -> None:
    ways = (await hub.stranger.get("/api/v1/auth/providers")).json()["items"]
    assert {"id": "oidc", "title": "Single sign-on", "icon": "key-round", "kind": "redirect"} in ways
    first = await page.sign_in("mia", remember=True, return_to="/account")
    assert first.status == 200, first.body
    found = first.json()
    assert (found["state"], found["return_to"], found["user"]["username"]) == ("signed_in", "/account", "mia")
    assert found["refresh_token"] is None
    assert page.cookies == {"mn_refresh"}
    async with Page(world) as other:
        again = (await other.sign_in("mia")).json()
    assert again["user"]["id"] == found["user"]["id"]
    mine = await hub.stranger.get(
        "/api/v1/auth/identities", headers={"Authorization": f"Bearer {found['access_token']}"}
    )
    (linked,) = mine.json()["items"]
    assert (linked["provider"], linked["username"], linked["email"]) == ("oidc", "mia", "mia@example.org")
    assert linked["email_verified"] is False, "this provider never says that an address is verified"


async def test_a_native_app_keeps_the_attempt_itself_and_gets_a_refresh_token(page: Page) -> None:
    begun = (await page.post("oidc/start", {"client": "native"})).json()
    assert page.cookies == set()
    answer = await page.at_provider("tom", begun["url"])
    done = await page.post("oidc/complete", {"client": "native", "attempt": begun["attempt"], "answer": answer})
    assert done.status == 200, done.body
    assert done.json()["refresh_token"].startswith("mnr_")
    assert page.cookies == set()


async def test_groups_become_roles_and_an_unmapped_one_does_not(hub: Hub, world: World, page: Page) -> None:
    assert (await page.sign_in("boss")).json()["user"]["role"] == "admin"
    async with Page(world) as other:
        assert (await other.sign_in("kid")).json()["user"]["role"] == "guest"
    async with Page(world) as third:
        assert (await third.sign_in("mia")).json()["user"]["role"] == "member"


async def test_an_unverified_address_does_not_make_somebody_another_person(hub: Hub, page: Page) -> None:
    lena = await hub.person("lena")
    known = (await lena.get("/api/v1/auth/session")).json()["user"]["id"]
    await hub.admin.request("PATCH", f"/api/v1/users/{known}", json={"email": "lena@example.org"})
    came = (await page.sign_in("lena")).json()
    assert came["user"]["id"] != known


async def test_linking_adds_a_way_in_to_whoever_is_signed_in(hub: Hub, world: World, page: Page) -> None:
    nora = await hub.person("nora")
    me = (await nora.get("/api/v1/auth/session")).json()["user"]["id"]
    url = await page.start(token=nora.token, link=True)
    answer = await page.at_provider("nora", url)
    refused = await page.complete(answer)
    assert (refused.status, refused.json()["code"]) == (401, "unauthorized")
    linked = await page.complete(answer, nora.token)
    assert (linked.status, linked.json()["state"]) == (200, "linked"), linked.body
    async with Page(world) as other:
        assert (await other.sign_in("nora")).json()["user"]["id"] == me
        # Somebody else's account stays theirs.
        max_ = await hub.person("max", Role.MEMBER)
        taken = await other.complete(
            await other.at_provider("nora", await other.start(token=max_.token, link=True)), max_.token
        )
    assert (taken.status, taken.json()["code"]) == (409, "identity_taken")


async def test_an_attempt_and_a_code_are_good_once(world: World, page: Page) -> None:
    url = await page.start()
    answer = await page.at_provider("max", url)
    assert (await page.complete(answer)).status == 200
    replayed = await page.complete(answer)
    assert (replayed.status, replayed.json()["code"]) == (410, "attempt_over")
    # The code of before with an attempt of now: its state is another.
    await page.start()
    stolen = await page.complete(answer)
    assert (stolen.status, stolen.json()["code"]) == (400, "state_mismatch")
    # And with the state put right, the provider itself refuses the code.
    url = await page.start()
    state = dict(part.split("=", 1) for part in url.partition("?")[2].split("&"))["state"]
    spent = await page.complete({**answer, "state": state})
    assert (spent.status, spent.json()["code"]) == (410, "attempt_over")


async def test_an_answer_counts_only_in_the_browser_that_began(world: World, page: Page) -> None:
    """Login CSRF: a victim's browser is led to the hub with the attacker's answer."""
    answer = await page.at_provider("otto", await page.start())
    async with Page(world) as victim:
        bare = await victim.complete(answer)
        assert (bare.status, bare.json()["code"]) == (410, "attempt_over")
        await victim.start()
        mixed = await victim.complete(answer)
        assert (mixed.status, mixed.json()["code"]) == (400, "state_mismatch")
        assert "mn_refresh" not in victim.cookies
    foreign = await page.complete(answer, Origin="https://evil.example")
    assert (foreign.status, foreign.json()["code"]) == (403, "origin_refused")
    assert (await page.complete(answer)).status == 200, "the attempt itself is none the worse"


async def test_an_answer_of_another_issuer_is_a_mix_up(page: Page) -> None:
    answer = await page.at_provider("otto", await page.start())
    assert "iss" in answer, "this provider names itself (RFC 9207)"
    for wrong in ({**answer, "iss": "https://evil.example"}, {k: v for k, v in answer.items() if k != "iss"}):
        refused = await page.complete(wrong)
        assert (refused.status, refused.json()["code"]) == (400, "state_mismatch")
    assert (await page.complete(answer)).status == 200


async def test_a_provider_that_is_away_is_a_problem_with_words_and_the_attempt_waits(world: World, page: Page) -> None:
    answer = await page.at_provider("ute", await page.start())
    world.provider.stop()
    away = await page.complete(answer)
    assert away.status in (502, 503), away.body
    assert "cannot be reached" in away.json()["detail"]
    world.provider.start()
    done = await page.complete(answer)
    assert done.status == 200, done.body
