"""API keys over HTTP: shown once, worth no more than they name, refused everywhere at once when they are revoked."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from medianest_hub.accounts.api_keys import MOST_PER_PERSON
from medianest_hub.plugin_api import Role

from .conftest import Install, Reply, Site, Somebody, StartSite

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEYS = "/api/v1/api-keys"
ME = "/api/v1/auth/session"
PLUGIN = """
from pydantic import BaseModel
from medianest_hub.plugin_api import AnswerCache, EVERYONE, PERSON, ROLE
from medianest_hub.plugin_api.kinds import Text

router = Router()

class Seen(BaseModel):
    permissions: list[str]
    role: str
    admin: bool

def seen(call):
    return Seen(permissions=sorted(call.caller.permissions), role=call.caller.role, admin=call.caller.is_admin)

@router.get("/mine", permission="look")
async def mine(ctx, call: Call) -> Seen:
    return seen(call)

@router.get("/kept", permission="look", cache=AnswerCache(60))
async def kept(ctx, call: Call) -> Seen:
    return seen(call)

@router.get("/other", permission="use")
async def other(ctx, call: Call) -> Seen:
    return seen(call)

loads = []

def told(viewer):
    loads.append(1)
    rights = sorted(viewer.person.permissions) if viewer.person else []
    return Text(text=" ".join([str(viewer.role), *rights]))

@widget("own", title="Own", permission="look", scope=PERSON, ttl=3600)
async def own(ctx, viewer) -> Text:
    return told(viewer)

@widget("role", title="Role", permission="look", scope=ROLE, ttl=3600)
async def role(ctx, viewer) -> Text:
    return told(viewer)

@widget("all", title="For everybody signed in", permission="hub.signed_in", scope=EVERYONE, ttl=3600)
async def everyone(ctx, viewer) -> Text:
    return Text(text="hello")

@hookimpl
def hub_widgets():
    return [own, role, everyone]

@hookimpl
def hub_plugin():
    return PluginInfo(title="Keys", api_version=1, permissions=[Permission("look", default=Role.MEMBER),
                                                               Permission("use", default=Role.MEMBER)])

@hookimpl
def hub_routes():
    return router
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(install_once: Install, start_once: StartSite) -> tuple[Site, Site]:
    """Two replicas."""
    install_once("keys", PLUGIN)
    return await start_once(), await start_once()


async def make(site: Site, by: Somebody, *permissions: str, **more: Any) -> Reply:
    return await site.post(KEYS, by=by, json={"name": "a script", "permissions": list(permissions), **more})


async def key_of(site: Site, by: Somebody, *permissions: str, **more: Any) -> dict[str, Any]:
    reply = await make(site, by, *permissions, **more)
    assert reply.status == 201, reply.body
    return dict(reply.json())


def bearing(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def verdict(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.json().get("code", "") if reply.body else ""


async def test_a_key_is_shown_once_and_kept_as_a_hash(pair: tuple[Site, Site]) -> None:
    one, two = pair
    mia = await one.person("mia")
    made = await key_of(one, mia, "keys.look")
    key = made["key"]
    assert (len(key), key[:8]) == (46, made["hint"])
    listed = await two.get(KEYS, by=mia)
    assert key.encode() not in listed.body
    assert made["id"] in {item["id"] for item in listed.json()["items"]}
    row = await one.parts.db.fetchrow("SELECT * FROM medianest.api_keys k WHERE id = $1", made["id"])
    assert row is not None
    assert key not in str(dict(row))


async def test_a_key_may_what_it_names_and_nothing_else_also_on_a_replica_that_never_saw_it(
    pair: tuple[Site, Site],
) -> None:
    one, two = pair
    ada = await one.person("ada", Role.ADMIN)
    key = (await key_of(one, ada, "keys.look"))["key"]
    for site in (two, one, two):
        seen = (await site.get("/api/v1/keys/mine", headers=bearing(key))).json()
        assert seen == {"permissions": ["keys.look"], "role": "guest", "admin": False}
    for path in ("/api/v1/keys/other", ME, "/api/v1/plugins", KEYS, "/api/v1/jobs", "/api/v1/auth/sessions"):
        assert verdict(await two.get(path, headers=bearing(key))) == (403, "forbidden"), path
    complete = (await key_of(one, ada, "hub.admin", "hub.signed_in"))["key"]
    assert (await two.get("/api/v1/plugins", headers=bearing(complete))).status == 200
    assert (await two.get(ME, headers=bearing(complete))).json()["permissions"] == ["hub.admin", "hub.signed_in"]


async def test_answers_kept_for_a_person_are_not_mixed_up_with_those_for_their_keys(pair: tuple[Site, Site]) -> None:
    one, two = pair
    mia = await one.person("mia")
    keys = [(await key_of(one, mia, *names))["key"] for names in (["keys.look"], ["keys.look", "keys.use"])]
    for site in (one, two, one):
        for key, names in zip(keys, (["keys.look"], ["keys.look", "keys.use"]), strict=True):
            assert (await site.get("/api/v1/keys/kept", headers=bearing(key))).json()["permissions"] == names
        whole = (await site.get("/api/v1/keys/kept", by=mia)).json()
        assert {"hub.account", "keys.use"} < set(whole["permissions"])
        assert whole["role"] == "member"


async def test_the_dashboard_shows_a_key_only_what_it_may_see_and_is_loaded_once_for_each(
    pair: tuple[Site, Site],
) -> None:
    one, two = pair
    ben = await one.person("ben", Role.ADMIN)
    key = bearing((await key_of(one, ben, "hub.signed_in", "keys.look"))["key"])
    blind = bearing((await key_of(one, ben, "keys.use", "hub.signed_in"))["key"])

    async def tiles(site: Site, headers: dict[str, str]) -> dict[str, str]:
        async with asyncio.timeout(10):
            while True:
                items = (await site.get("/api/v1/dashboard", headers=headers)).json()["items"]
                if all(item["data"] for item in items if item["plugin"] == "keys"):
                    break
        return {item["id"].rpartition(".")[2]: item["data"]["text"] for item in items if item["plugin"] == "keys"}

    whole = await tiles(one, ben.headers)
    assert "hub.admin" in whole["own"]
    assert whole["role"] == "admin"
    loads = sys.modules["synthetic_keys.plugin"].loads
    for site in (one, two, one):
        assert await tiles(site, key) == {"own": "guest hub.signed_in keys.look", "role": "guest", "all": "hello"}
        assert await tiles(site, ben.headers) == whole
        assert await tiles(site, blind) == {"all": "hello"}
    assert len(loads) == 4


@pytest.mark.parametrize(
    ("permissions", "code"),
    [
        (["hub.account"], "api_key_refused"),
        (["keys.look", "hub.admin"], "api_key_refused"),
        (["no.such"], "api_key_refused"),
        ([], "validation_failed"),
        (["x" * 200], "validation_failed"),
        (["keys.look"] * 201, "validation_failed"),
    ],
    ids=["account", "not theirs", "unknown", "none", "long", "many"],
)
async def test_keys_that_cannot_be(pair: tuple[Site, Site], permissions: list[str], code: str) -> None:
    mia = await pair[0].person("mia")
    assert verdict(await make(pair[0], mia, *permissions)) == (400, code)


async def test_an_admins_key_takes_nobodys_account_not_even_its_owners(pair: tuple[Site, Site]) -> None:
    one, _ = pair
    root, mia = await one.person("root", Role.ADMIN), await one.person("mia")
    assert verdict(await make(one, root, "hub.people")) == (400, "api_key_refused")
    session = (await one.get("/api/v1/auth/session", by=root)).json()["permissions"]
    everything = [name for name in session if name not in ("hub.account", "hub.people")]
    made = await key_of(one, root, *everything)
    for method, path, body in (
        ("POST", f"/api/v1/users/{root.id}/password-link", {}),
        ("POST", f"/api/v1/users/{mia.id}/password-link", {}),
        ("PATCH", f"/api/v1/users/{mia.id}", {"role": "admin"}),
        ("PATCH", f"/api/v1/users/{root.id}", {"email": "thief@example.org"}),
        ("PUT", f"/api/v1/users/{mia.id}/permissions", {"overrides": {}}),
        ("DELETE", f"/api/v1/users/{mia.id}", None),
        ("POST", "/api/v1/users", {"username": "thief", "role": "admin", "password": "tractor blue forty two"}),
        ("POST", "/api/v1/invites", {"role": "admin"}),
        ("POST", "/api/v1/api-keys", {"name": "more", "permissions": ["hub.admin"]}),
    ):
        reply = await one.call(method, path, headers=bearing(made["key"]), json=body)
        assert verdict(reply) == (403, "forbidden"), path
    # What only shuts out is left to it.
    for method, path in (("GET", "/api/v1/users"), ("DELETE", f"/api/v1/users/{mia.id}/sessions")):
        assert (await one.call(method, path, headers=bearing(made["key"]))).status == 200, path


async def test_a_past_end_or_a_time_without_its_zone_is_refused(pair: tuple[Site, Site]) -> None:
    mia = await pair[0].person("mia")
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    assert verdict(await make(pair[0], mia, "keys.look", expires_at=past)) == (400, "api_key_refused")
    naive = verdict(await make(pair[0], mia, "keys.look", expires_at="2030-01-01T00:00:00"))
    assert naive == (400, "validation_failed")


async def test_a_person_has_at_most_fifty_however_many_are_made_at_once(pair: tuple[Site, Site]) -> None:
    one, two = pair
    tom = await one.person("tom")
    replies = await asyncio.gather(*(make(site, tom, "keys.look") for site in pair for _ in range(30)))
    assert sorted(reply.status for reply in replies) == [201] * MOST_PER_PERSON + [409] * 10
    assert {verdict(reply)[1] for reply in replies if reply.status == 409} == {"too_many_api_keys"}
    listed = (await two.get(KEYS, by=tom)).json()["items"]
    assert len(listed) == MOST_PER_PERSON
    assert (await two.call("DELETE", f"{KEYS}/{listed[0]['id']}", by=tom)).status == 204
    assert (await make(one, tom, "keys.look")).status == 201


async def test_a_revoked_key_is_refused_on_every_replica_at_once(pair: tuple[Site, Site]) -> None:
    one, two = pair
    mia = await one.person("mia")
    made = await key_of(one, mia, "keys.look")
    for site in pair:
        assert (await site.get("/api/v1/keys/mine", headers=bearing(made["key"]))).status == 200
    assert (await one.call("DELETE", f"{KEYS}/{made['id']}", by=mia)).status == 204
    for site in (two, one):
        refused = await site.get("/api/v1/keys/mine", headers=bearing(made["key"]))
        assert verdict(refused) == (401, "api_key_invalid")
    assert (await one.call("DELETE", f"{KEYS}/{made['id']}", by=mia)).status == 404


async def test_somebody_elses_key_is_not_there_but_an_admin_may_revoke_it(pair: tuple[Site, Site]) -> None:
    one, _ = pair
    mia, eve, ada = await one.person("mia"), await one.person("eve"), await one.person("ada", Role.ADMIN)
    made = await key_of(one, mia, "keys.look")
    assert (await one.call("DELETE", f"{KEYS}/{made['id']}", by=eve)).status == 404
    assert (await one.get("/api/v1/keys/mine", headers=bearing(made["key"]))).status == 200
    assert (await one.call("DELETE", f"{KEYS}/{made['id']}", by=ada)).status == 204


async def test_an_expired_key_says_so_whether_or_not_it_was_known(pair: tuple[Site, Site]) -> None:
    one, two = pair
    mia = await one.person("mia")
    soon = (datetime.now(UTC) + timedelta(seconds=1.5)).isoformat()
    made = await key_of(one, mia, "keys.look", expires_at=soon)
    assert (await one.get("/api/v1/keys/mine", headers=bearing(made["key"]))).status == 200
    async with asyncio.timeout(10):
        while (reply := await one.get("/api/v1/keys/mine", headers=bearing(made["key"]))).status == 200:
            await asyncio.sleep(0.05)
    assert verdict(reply) == (401, "api_key_expired")
    for _ in range(2):
        assert verdict(await two.get("/api/v1/keys/mine", headers=bearing(made["key"]))) == (401, "api_key_expired")


@pytest.mark.parametrize("key", ["mn_", "mn_short", "mn_" + "A" * 43, "mn_" + "ü" * 43, "mn_" + "A" * 9000])
async def test_keys_nobody_made_are_refused(pair: tuple[Site, Site], key: str) -> None:
    for _ in range(2):
        reply = await pair[0].get(ME, headers=bearing(key))
        assert reply.status in (401, 400 if not key.isascii() else 431 if len(key) > 8000 else 401)
        if reply.status == 401:
            assert verdict(reply)[1] == "api_key_invalid"


async def test_a_key_of_somebody_disabled_or_short_of_a_permission_is_worth_what_they_are(
    pair: tuple[Site, Site],
) -> None:
    one, two = pair
    await one.person("ada", Role.ADMIN)
    kim = await one.person("kim")
    made = await key_of(one, kim, "keys.look")
    assert (await two.get("/api/v1/keys/mine", headers=bearing(made["key"]))).status == 200
    await one.parts.people.set_role(kim.id, Role.GUEST)
    async with asyncio.timeout(2):
        while verdict(await two.get("/api/v1/keys/mine", headers=bearing(made["key"]))) != (403, "forbidden"):
            await asyncio.sleep(0.02)
    await one.parts.people.change(kim.id, status="disabled")
    async with asyncio.timeout(2):
        while verdict(await two.get("/api/v1/keys/mine", headers=bearing(made["key"]))) != (401, "api_key_invalid"):
            await asyncio.sleep(0.02)


async def test_its_last_use_is_noted_once_and_not_with_every_request(pair: tuple[Site, Site]) -> None:
    one, _ = pair
    mia = await one.person("mia")
    made = await key_of(one, mia, "keys.look")
    query = "SELECT last_used_at FROM medianest.api_keys WHERE id = $1"
    assert await one.parts.db.fetchval(query, made["id"]) is None
    await one.get("/api/v1/keys/mine", headers=bearing(made["key"]))
    first = await one.parts.db.fetchval(query, made["id"])
    assert first is not None
    for _ in range(3):
        await one.get("/api/v1/keys/mine", headers=bearing(made["key"]))
    assert await one.parts.db.fetchval(query, made["id"]) == first


async def test_whoever_uses_a_key_was_seen_and_nobody_else(pair: tuple[Site, Site]) -> None:
    one, _ = pair
    mia, uma = await one.person("mia"), await one.person("uma")
    made = await key_of(one, mia, "keys.look")
    await one.parts.db.execute("UPDATE medianest.users SET last_seen_at = now() - interval '30 days'")
    await one.get("/api/v1/keys/mine", headers=bearing(made["key"]))
    seen = "SELECT last_seen_at > now() - interval '1 minute' FROM medianest.users WHERE id = $1"
    assert [await one.parts.db.fetchval(seen, somebody.id) for somebody in (mia, uma)] == [True, False]


async def test_a_flood_of_unknown_keys_reaches_postgres_once_for_each_and_only_as_far_as_the_limit_goes(
    start_once: StartSite,
) -> None:
    site = await start_once(limits__api="20/minute", server__trusted_proxies='["127.0.0.1"]')
    from_there = {"X-Forwarded-For": "192.0.2.77"}
    asked = "SELECT count FROM (SELECT sum(idx_scan) AS count FROM pg_stat_user_indexes WHERE indexrelname = $1) s"
    index = "api_keys_key_hash_key"

    async def looked_up() -> int:
        await site.parts.db.execute("SELECT pg_stat_force_next_flush()")
        return int(await site.parts.db.fetchval(asked, index) or 0)

    before = await looked_up()
    for _ in range(5):
        assert verdict(await site.get(ME, headers={**bearing("mn_" + "B" * 43), **from_there})) == (
            401,
            "api_key_invalid",
        )
    replies = [await site.get(ME, headers={**bearing(f"mn_{number:043}"), **from_there}) for number in range(30)]
    assert [reply.status for reply in replies] == [401] * 15 + [429] * 15
    async with asyncio.timeout(5):
        while (count := await looked_up() - before) < 16:  # other connections tell of theirs a moment later
            await asyncio.sleep(0.05)
    assert count == 16


async def test_making_one_wants_a_fresh_sign_in_and_tells_the_person(pair: tuple[Site, Site]) -> None:
    one, _ = pair
    fay = await one.person("fay")
    aged = "UPDATE medianest.sessions SET authenticated_at = now() - interval '6 minutes' WHERE id = $1"
    await one.parts.db.execute(aged, fay.session_id)
    assert verdict(await make(one, fay, "hub.signed_in")) == (403, "confirm_first")
    assert (await one.get(KEYS, by=fay)).json()["items"] == []
    await one.parts.sessions.confirm(fay.session_id)
    await key_of(one, fay, "hub.signed_in")
    told = (await one.get("/api/v1/notifications", by=fay)).json()["items"]
    assert [(item["kind"], item["title"]) for item in told] == [("hub.api_key_made", "A new API key can act for you")]


async def test_a_session_that_is_being_ended_makes_none(pair: tuple[Site, Site]) -> None:
    one, _ = pair
    gil = await one.person("gil")
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with one.parts.db.transaction() as tx:
        await tx.execute("UPDATE medianest.sessions SET ended_at = now() WHERE id = $1", gil.session_id)
        making = asyncio.ensure_future(make(one, gil, "hub.signed_in"))
        async with asyncio.timeout(5):
            while not await one.parts.db.fetchval(waiting):
                await asyncio.sleep(0.005)
    assert verdict(await making) == (403, "confirm_first")
