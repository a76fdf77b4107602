"""The whole way in with Plex, in a running hub beside a simulated Plex: friend, stranger, invitation, linking, revoking."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from medianest_hub.infrastructure.embedded.services import services_for
from medianest_hub.jobs.assembly import HubParts
from medianest_hub.jobs.rechecking import Rechecking
from medianest_hub.plugin_host.states import PluginState
from medianest_hub.settings import load_settings
from medianest_hub.testing.hub import Hub, HubClient, HubProcess, Reply, run_hub
from tests.simulators.plex.server import PlexSimulator

START, COMPLETE = "/api/v1/auth/plex/start", "/api/v1/auth/plex/complete"


@pytest.fixture(scope="module")
def plex() -> Iterator[PlexSimulator]:
    with PlexSimulator().running() as simulator:
        simulator.world.account("stranger", email="stranger@else.example")
        yield simulator


@contextmanager
def hub_beside(plex: PlexSimulator, **auth: Any) -> Iterator[HubProcess]:
    settings = {
        "auth": auth,
        "plugins": {
            "blocked": ["youtube"],
            "plex": {"url": plex.server_url, "plex_tv_url": plex.plex_tv_url, "app_url": plex.app_url},
        },
    }
    with tempfile.TemporaryDirectory(prefix="mn-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with run_hub(Path(folder), settings) as process:
            yield process


@pytest.fixture(scope="module")
def open_process(plex: PlexSimulator) -> Iterator[HubProcess]:
    with hub_beside(plex, newcomers="auto") as process:
        yield process


@pytest.fixture
async def hub(open_process: HubProcess) -> AsyncIterator[Hub]:
    async with Hub(open_process) as hub:
        await hub.stranger.until("/api/v1/auth/providers", offers_plex)
        yield hub


def offers_plex(reply: Reply) -> bool:
    return any(one["id"] == "plex" for one in reply.json()["items"])


@asynccontextmanager
async def another_worker(process: HubProcess) -> AsyncIterator[HubParts]:
    """A second worker of the running hub, in the test's own process: it does what the test says, when it says so."""
    with services_for(load_settings(None, process.environment)) as found:
        parts = await HubParts.open(found, "worker")
    try:
        runs = asyncio.Event()
        plex = parts.host.runtimes["plex"]
        parts.host.subscribe(lambda *_: runs.set() if plex.state is PluginState.RUNNING else None)
        await parts.host.reconcile()
        async with asyncio.timeout(10):
            await runs.wait()
        yield parts
    finally:
        await parts.close()


async def ask_again(process: HubProcess) -> None:
    """As when `auth.recheck_hours` have gone by."""
    async with another_worker(process) as parts:
        await parts.db.execute("UPDATE medianest.identities SET checked_at = now() - interval '30 days'")
        rechecking = Rechecking(parts)
        assert await rechecking.recheck() > 0
        while await rechecking.recheck():
            pass  # they are taken some at a time


async def still_in(person: HubClient) -> bool:
    return (await person.get("/api/v1/auth/session")).status == 200


async def thrown_out(person: HubClient) -> None:
    reply = await person.until("/api/v1/auth/session", lambda reply: reply.status == 401, within=1.0)
    assert reply.json()["code"] == "session_ended"


async def begin(client: HubClient, **wishes: Any) -> dict[str, Any]:
    reply = await client.post(START, json={"client": "native", **wishes})
    assert reply.status == 200, reply.body
    started: dict[str, Any] = reply.json()
    assert started["poll_seconds"] == 2
    return started


async def complete(client: HubClient, started: dict[str, Any]) -> Reply:
    return await client.post(COMPLETE, json={"client": "native", "attempt": started["attempt"]})


async def sign_in(client: HubClient, plex: PlexSimulator, who: str, **wishes: Any) -> Reply:
    """All of it, as one client: begin, say yes at Plex's page, complete."""
    started = await begin(client, **wishes)
    plex.approve(started["url"], who)
    return await complete(client, started)


def as_person(hub: Hub, reply: Reply) -> HubClient:
    assert (reply.status, reply.json()["state"]) == (200, "signed_in"), reply.body
    return HubClient(hub.session, hub.url, reply.json()["access_token"])


async def test_a_friend_is_let_in_after_saying_yes_at_plex(hub: Hub, plex: PlexSimulator) -> None:
    plex.world.friend("fred", email="fred@home.example", friendly_name="Fred Friend")
    started = await begin(hub.stranger, return_to="/account")
    assert (await complete(hub.stranger, started)).json()["state"] == "pending"

    back = plex.approve(started["url"], "fred")
    assert back == f"{hub.url}/sign-in/done?provider=plex"
    reply = await complete(hub.stranger, started)

    fred = as_person(hub, reply)
    assert reply.json()["return_to"] == "/account"
    assert (reply.json()["user"]["username"], reply.json()["user"]["role"]) == ("fred", "member")
    assert (await fred.get("/api/v1/auth/session")).status == 200
    assert (await complete(hub.stranger, started)).json()["code"] == "attempt_over"
    (linked,) = (await fred.get("/api/v1/auth/identities")).json()["items"]
    assert (linked["provider"], linked["username"], linked["withdrawn"]) == ("plex", "fred", None)


async def test_the_same_account_is_the_same_person_next_time(hub: Hub, plex: PlexSimulator) -> None:
    account = plex.world.friend("early-name")
    first = await sign_in(hub.stranger, plex, "early-name")
    account.username = account.title = "late-name"
    second = await sign_in(hub.stranger, plex, "late-name")

    assert first.json()["user"]["id"] == second.json()["user"]["id"]


async def test_a_browser_signs_in_by_cookies_alone(hub: Hub, plex: PlexSimulator) -> None:
    plex.world.friend("browsing")
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), headers={"Origin": hub.url}) as session:
        browser = HubClient(session, hub.url)
        reply = await browser.post(START, json={})
        assert (reply.status, reply.json()["attempt"]) == (200, None), reply.body
        plex.approve(reply.json()["url"], "browsing")
        done = await browser.post(COMPLETE, json={})
        assert done.json()["state"] == "signed_in", done.body
        assert done.json().get("refresh_token") is None
        assert (await browser.post("/api/v1/auth/refresh", json={})).status == 200

        elsewhere = await HubClient(hub.session, hub.url).post(COMPLETE, json={})
        assert elsewhere.status in (403, 410)


async def test_a_stranger_is_refused_and_nobody_is_made(hub: Hub, plex: PlexSimulator) -> None:
    reply = await sign_in(hub.stranger, plex, "stranger")

    assert (reply.status, reply.json()["code"]) == (403, "not_a_member")
    assert "Ask its owner" in reply.json()["detail"]
    people = (await hub.admin.get("/api/v1/users?limit=200")).json()["items"]
    assert "stranger" not in {one["username"] for one in people}


async def test_somebody_who_waits_too_long_begins_again(hub: Hub, plex: PlexSimulator) -> None:
    started = await begin(hub.stranger)
    plex.world.pins.clear()
    reply = await complete(hub.stranger, started)
    assert (reply.status, reply.json()["code"]) == (410, "plex_pin_expired")


async def test_while_plex_is_away_the_same_sign_in_goes_on_afterwards(hub: Hub, plex: PlexSimulator) -> None:
    plex.world.friend("patient")
    started = await begin(hub.stranger)
    plex.approve(started["url"], "patient")
    plex.faults.set("user", "500")
    try:
        reply = await complete(hub.stranger, started)
    finally:
        plex.faults.clear()
    assert (reply.status, reply.json()["code"]) == (502, "upstream_error")

    as_person(hub, await complete(hub.stranger, started))


async def test_the_owner_adds_plex_to_an_account_there_is(hub: Hub, plex: PlexSimulator) -> None:
    reply = await sign_in(hub.admin, plex, "owner", link=True, return_to="/account")
    assert (reply.status, reply.json()["state"]) == (200, "linked"), reply.body

    signed_in = await sign_in(hub.stranger, plex, "owner")
    assert signed_in.json()["user"]["username"] == "ada"
    assert signed_in.json()["user"]["role"] == "admin"


async def test_no_token_of_plexs_is_shown_or_written_down(hub: Hub, plex: PlexSimulator) -> None:
    plex.world.friend("discreet")
    reply = await sign_in(hub.stranger, plex, "discreet")
    person = as_person(hub, reply)
    audit = await hub.admin.get("/api/v1/audit")
    assert b'"plex"' in audit.body
    shown = [reply.body, (await person.get("/api/v1/auth/identities")).body, audit.body]
    text = b"".join(shown).decode() + hub.process.log

    secrets = [
        *plex.world.tokens,
        *plex.world.home.access_tokens.values(),
        *(one.code for one in plex.world.pins.values()),
    ]
    assert secrets
    assert [one for one in secrets if one in text] == []


async def test_a_token_revoked_later_is_noticed_and_ends_what_began_by_it(hub: Hub, plex: PlexSimulator) -> None:
    revoked, kept = plex.world.friend("revoked"), plex.world.friend("kept")
    first = as_person(hub, await sign_in(hub.stranger, plex, "revoked"))
    second = as_person(hub, await sign_in(hub.stranger, plex, "revoked"))
    other = as_person(hub, await sign_in(hub.stranger, plex, "kept"))
    await ask_again(hub.process)
    assert [await still_in(one) for one in (first, second, other)] == [True] * 3

    plex.world.revoke(revoked)
    await ask_again(hub.process)

    await thrown_out(first)
    await thrown_out(second)
    assert await still_in(other)
    assert kept.id in plex.world.home.shared_with
    # Still a friend: signing in again is all it takes.
    as_person(hub, await sign_in(hub.stranger, plex, "revoked"))


async def test_a_share_taken_back_is_noticed_and_the_way_in_is_shut(hub: Hub, plex: PlexSimulator) -> None:
    account = plex.world.friend("former")
    person = as_person(hub, await sign_in(hub.stranger, plex, "former"))
    plex.world.unshare(account)
    await ask_again(hub.process)

    await thrown_out(person)
    again = await sign_in(hub.stranger, plex, "former")
    assert (again.status, again.json()["code"]) == (403, "not_a_member")


async def test_while_plex_cannot_say_nobody_is_thrown_out(hub: Hub, plex: PlexSimulator) -> None:
    account = plex.world.friend("calm")
    person = as_person(hub, await sign_in(hub.stranger, plex, "calm"))
    plex.world.revoke(account)
    plex.faults.set("user", "html")
    try:
        await ask_again(hub.process)
    finally:
        plex.faults.clear()
    assert await still_in(person)


async def test_who_has_a_password_too_keeps_those_sessions(hub: Hub, plex: PlexSimulator) -> None:
    grace = await hub.person("grace")
    plex.world.friend("grace-at-plex")
    linked = await sign_in(grace, plex, "grace-at-plex", link=True)
    assert linked.json()["state"] == "linked", linked.body
    by_plex = as_person(hub, await sign_in(hub.stranger, plex, "grace-at-plex"))
    plex.world.revoke(plex.world.find("grace-at-plex"))
    await ask_again(hub.process)

    await thrown_out(by_plex)
    assert await still_in(grace)


async def test_by_invitation_only_a_friend_needs_one(plex: PlexSimulator) -> None:
    plex.world.friend("invited")
    with hub_beside(plex) as process:
        async with Hub(process) as hub:
            await hub.stranger.until("/api/v1/auth/providers", offers_plex)
            refused = await sign_in(hub.stranger, plex, "invited")
            assert (refused.status, refused.json()["code"]) == (403, "invite_needed")

            made = await hub.admin.post("/api/v1/invites", json={"role": "guest"})
            token = made.json()["url"].partition("#")[2].rpartition("=")[2]
            reply = await sign_in(hub.stranger, plex, "invited", invite=token)
            as_person(hub, reply)
            assert reply.json()["user"]["role"] == "guest"
            as_person(hub, await sign_in(hub.stranger, plex, "invited"))

            stranger = await sign_in(hub.stranger, plex, "stranger", invite=token)
            assert (stranger.status, stranger.json()["code"]) == (403, "not_a_member")
