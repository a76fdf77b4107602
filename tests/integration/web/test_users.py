"""Admins see to people over HTTP: list, make, change, delete; what is taken away is gone at once in every process."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from medianest_hub.plugin_api import Identity, Role

from .conftest import Install, Site, Somebody, StartSite

USERS = "/api/v1/users"
PASSWORD = "tractor blue forty two"
PLUGIN = """
router = Router()

@router.get("/", permission="look")
async def look(ctx, call: Call) -> None:
    return None

@router.get("/run", permission="run")
async def run(ctx, call: Call) -> None:
    return None

@hookimpl
def hub_plugin():
    permissions = [Permission("look", title="Look", default=Role.GUEST), Permission("run")]
    return PluginInfo(title="Weather", api_version=1, permissions=permissions)

@hookimpl
def hub_routes():
    return router
"""


@pytest.fixture
async def site(install: Install, start_site: StartSite) -> Site:
    install("weather", PLUGIN)
    return await start_site(limits__auth="1000/minute")


@pytest.fixture
async def root(site: Site) -> Somebody:
    return await site.person("root", Role.ADMIN)


async def within_a_second(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(1.0):
        while not await condition():
            await asyncio.sleep(0.01)


async def code_of(answer: Awaitable[Any]) -> tuple[int, str]:
    reply = await answer
    return reply.status, reply.json()["code"] if reply.status >= 400 else ""


async def test_somebody_made_with_a_password_signs_in_at_once(site: Site, root: Somebody) -> None:
    new = {
        "username": "Mia",
        "password": PASSWORD,
        "display_name": " Mia K ",
        "email": "mia@example.org",
        "role": "guest",
    }
    made = await site.post(USERS, by=root, json=new)
    assert made.status == 201
    user = made.json()["user"]
    assert made.json()["password_link"] is None
    assert (user["status"], user["role"], user["display_name"]) == ("active", "guest", "Mia K")
    assert user["email_verified"] is True
    assert PASSWORD not in made.body.decode()
    signed_in = await site.post("/api/v1/auth/login", json={"username": "mia", "password": PASSWORD})
    assert signed_in.status == 200
    assert await code_of(site.post(USERS, by=root, json=new)) == (409, "username_taken")


async def test_somebody_made_without_a_password_is_let_in_by_the_link_once(site: Site, root: Somebody) -> None:
    made = (await site.post(USERS, by=root, json={"username": "Mia"})).json()
    assert made["user"]["status"] == "invited"
    url = made["password_link"]["url"]
    path, _, token = url.partition("#")
    assert path == site.url + "/reset-password"
    use = {"token": token, "password": PASSWORD, "client": "native"}
    refused = await site.post("/api/v1/auth/password/reset", json={**use, "password": "short"})
    assert (refused.status, refused.json()["code"]) == (400, "password_refused")
    answer = await site.post("/api/v1/auth/password/reset", json=use)
    assert answer.status == 200
    me = await site.get(USERS + "/me", headers={"Authorization": f"Bearer {answer.json()['access_token']}"})
    assert me.json()["status"] == "active"
    assert await code_of(site.post("/api/v1/auth/password/reset", json=use)) == (403, "link_invalid")


async def test_somebody_invited_without_a_way_in_is_not_made_active_but_given_one(site: Site, root: Somebody) -> None:
    made = (await site.post(USERS, by=root, json={"username": "Mia"})).json()["user"]
    path, active = f"{USERS}/{made['id']}", {"status": "active"}
    refused = await site.call("PATCH", path, by=root, json=active)
    assert (refused.status, refused.json()["code"]) == (409, "no_way_in")
    assert "password link" in refused.json()["detail"]
    assert (await site.get(path, by=root)).json()["status"] == "invited"
    await site.parts.identities.link(UUID(made["id"]), "plex", Identity(subject="m", username="mia"))
    assert (await site.call("PATCH", path, by=root, json=active)).json()["status"] == "active"


async def test_bad_input_is_refused_with_its_field(site: Site, root: Somebody) -> None:
    mia = await site.person("mia")
    for method, path, body in (
        ("POST", USERS, {"username": "x" * 70}),
        ("POST", USERS, {"username": "tom", "password": "short"}),
        ("POST", USERS, {"username": "tom", "email": "no address"}),
        ("POST", USERS, {"username": "tom", "email": "tom@\u212aitchen.example"}),
        ("POST", USERS, {"username": "tom", "email": "to\u00adm@kitchen.example"}),
        ("POST", USERS, {"username": "tom", "role": "emperor"}),
        ("POST", USERS, {"username": "tom", "status": "active"}),
        ("PATCH", f"{USERS}/{mia.id}", {"status": "invited"}),
        ("PATCH", f"{USERS}/{mia.id}", {"display_name": "a\u0000b"}),
        ("PATCH", f"{USERS}/{mia.id}", {"username": "tom"}),
    ):
        reply = await site.call(method, path, by=root, json=body)
        assert reply.status == 400, body
        assert reply.json()["errors"], body


async def test_a_list_is_filtered_and_goes_on_by_its_cursor(site: Site, root: Somebody) -> None:
    for name, role in (("anna", Role.MEMBER), ("Bert", Role.GUEST), ("carl", Role.GUEST), ("Dora", Role.MEMBER)):
        await site.parts.people.create(name, None, role, display_name=f"{name} Smith", email=f"{name}@home.test")
    await site.parts.people.change((await site.person("Dora")).id, status="disabled")

    async def names(**query: str) -> list[str]:
        found: list[str] = []
        while True:
            page = (await site.get(USERS, by=root, params=query)).json()
            found += [one["username"] for one in page["items"]]
            if page["next_cursor"] is None:
                return found
            query["cursor"] = page["next_cursor"]

    assert await names(limit="2") == ["anna", "Bert", "carl", "Dora", "root"]
    assert await names(role="guest", limit="1") == ["Bert", "carl"]
    assert await names(status="disabled") == ["Dora"]
    assert await names(q="SMITH") == ["anna", "Bert", "carl", "Dora"]
    assert await names(q="carl@") == ["carl"]
    assert await names(q="%") == []


async def test_only_admins_see_to_others_and_everybody_to_their_own_name(site: Site, root: Somebody) -> None:
    mia, tom = await site.person("mia"), await site.person("tom", Role.GUEST)
    for method, path in (
        ("GET", USERS),
        ("POST", USERS),
        ("GET", f"{USERS}/{tom.id}"),
        ("PATCH", f"{USERS}/{mia.id}"),
        ("DELETE", f"{USERS}/{mia.id}"),
        ("GET", f"{USERS}/{mia.id}/permissions"),
        ("PUT", f"{USERS}/{mia.id}/permissions"),
        ("POST", f"{USERS}/{mia.id}/password-link"),
    ):
        assert (await site.call(method, path, by=mia, json={})).status == 403
    changed = await site.call("PATCH", USERS + "/me", by=tom, json={"display_name": "Tommy"})
    assert changed.json()["display_name"] == "Tommy"
    for more in ("role", "status", "email"):
        body = {"display_name": "x", more: "admin"}
        assert (await site.call("PATCH", USERS + "/me", by=tom, json=body)).status == 400


async def test_an_address_is_written_and_removed(site: Site, root: Somebody) -> None:
    mia = await site.person("mia")
    path = f"{USERS}/{mia.id}"
    written = (await site.call("PATCH", path, by=root, json={"email": "mia@example.org"})).json()
    assert (written["email"], written["email_verified"]) == ("mia@example.org", True)
    kept = (await site.call("PATCH", path, by=root, json={"role": "guest"})).json()
    assert kept["email"] == "mia@example.org"
    removed = (await site.call("PATCH", path, by=root, json={"email": None})).json()
    assert (removed["email"], removed["email_verified"], removed["role"]) == (None, False, "guest")


async def test_the_last_admin_cannot_be_taken_away_by_anybody(site: Site, root: Somebody) -> None:
    path = f"{USERS}/{root.id}"
    for body in ({"role": "member"}, {"status": "disabled"}):
        assert await code_of(site.call("PATCH", path, by=root, json=body)) == (409, "last_admin")
    assert await code_of(site.call("DELETE", path, by=root)) == (409, "last_admin")
    assert (await site.get(path, by=root)).json()["status"] == "active"


@pytest.mark.parametrize("how", ["demote", "disable", "delete"])
async def test_two_admins_who_throw_each_other_out_at_once_leave_one(site: Site, root: Somebody, how: str) -> None:
    other = await site.person("other", Role.ADMIN)

    async def against(whom: Somebody, by: Somebody) -> int:
        path = f"{USERS}/{whom.id}"
        if how == "delete":
            return (await site.call("DELETE", path, by=by)).status
        body = {"role": "member"} if how == "demote" else {"status": "disabled"}
        return (await site.call("PATCH", path, by=by, json=body)).status

    statuses = await asyncio.gather(against(other, root), against(root, other))
    admins = await site.parts.people.list(role=Role.ADMIN, status="active")
    assert len(admins) == 1
    assert sum(status < 300 for status in statuses) == 1


async def test_somebody_disabled_is_out_of_every_process_within_a_second(
    site: Site, root: Somebody, start_site: StartSite
) -> None:
    there, mia = await start_site(), await site.person("mia")
    assert (await there.get(USERS + "/me", by=mia)).status == 200
    disabled = await site.call("PATCH", f"{USERS}/{mia.id}", by=root, json={"status": "disabled"})
    assert disabled.json()["status"] == "disabled"

    async def is_out() -> bool:
        return (await there.get(USERS + "/me", by=mia)).status == 401

    await within_a_second(is_out)
    await site.call("PATCH", f"{USERS}/{mia.id}", by=root, json={"status": "active"})
    assert (await site.get(USERS + "/me", by=mia)).status == 401  # the session has ended for good


async def test_somebody_deleted_is_gone_everywhere_and_plugins_are_told_in_the_same_transaction(
    site: Site, root: Somebody, start_site: StartSite
) -> None:
    there, mia = await start_site(), await site.person("mia")
    await there.get(USERS + "/me", by=mia)
    await site.parts.people.set_secret("plex", "main", mia.id, "token", "x")
    assert (await site.call("DELETE", f"{USERS}/{mia.id}", by=root)).status == 204

    async def is_out() -> bool:
        return (await there.get(USERS + "/me", by=mia)).status == 401

    await within_a_second(is_out)
    assert await code_of(site.get(f"{USERS}/{mia.id}", by=root)) == (404, "no_such_person")
    assert await code_of(site.call("DELETE", f"{USERS}/{mia.id}", by=root)) == (404, "no_such_person")
    told = await site.parts.db.fetch("SELECT type, source, person_id, data FROM medianest.outbox")
    assert [(row["type"], row["source"], row["person_id"]) for row in told] == [("hub:person.removed", "hub", mia.id)]
    assert '"mia"' in told[0]["data"]
    for table in ("sessions", "person_secrets", "refresh_tokens"):
        owner = "person_id" if table == "person_secrets" else "user_id"
        if table != "refresh_tokens":
            assert not await site.parts.db.fetchval(
                f"SELECT count(*) FROM medianest.{table} WHERE {owner} = $1", mia.id
            )


async def test_a_new_role_is_in_force_everywhere_within_a_second(
    site: Site, root: Somebody, start_site: StartSite
) -> None:
    there, boss = await start_site(), await site.person("boss", Role.ADMIN)
    assert (await there.get(USERS, by=boss)).status == 200
    await site.call("PATCH", f"{USERS}/{boss.id}", by=root, json={"role": "member"})
    assert (await site.get(USERS, by=boss)).status == 403  # here at once

    async def is_less() -> bool:
        return (await there.get(USERS, by=boss)).status == 403

    await within_a_second(is_less)
    assert (await there.get(USERS + "/me", by=boss)).status == 200


async def test_grants_and_denials_are_in_force_everywhere_within_a_second(
    site: Site, root: Somebody, start_site: StartSite
) -> None:
    there, mia = await start_site(), await site.person("mia")
    assert (await there.get("/api/v1/weather/run", by=mia)).status == 403
    path = f"{USERS}/{mia.id}/permissions"
    wanted = {"overrides": {"weather.run": True, "weather.look": False}}
    answer = (await site.call("PUT", path, by=root, json=wanted)).json()
    assert "weather.run" in answer["in_force"]
    assert "weather.look" not in answer["in_force"]
    assert (await site.get("/api/v1/weather/run", by=mia)).status == 204
    assert (await site.get("/api/v1/weather/", by=mia)).status == 403

    async def is_there() -> bool:
        statuses = [(await there.get(f"/api/v1/weather/{rest}", by=mia)).status for rest in ("run", "")]
        return statuses == [204, 403]

    await within_a_second(is_there)
    assert (await site.call("PUT", path, by=root, json={"overrides": {}})).json()["overrides"] == []
    assert (await site.get("/api/v1/weather/", by=mia)).status == 204


async def test_the_example_in_the_documentation_is_taken(start_site: StartSite) -> None:
    """With the plugins of this project: an example must not name a permission nobody declares."""
    site = await start_site(plugins__blocked="[]")
    root, mia = await site.person("root", Role.ADMIN), await site.person("mia")
    page = Path(__file__).parents[3] / "docs" / "api" / "people.md"
    examples = re.findall(r"`(\{\"overrides\".*?\})`", page.read_text(), re.DOTALL)
    assert examples
    for example in examples:
        reply = await site.call("PUT", f"{USERS}/{mia.id}/permissions", by=root, json=json.loads(example))
        assert reply.status == 200, (example, reply.body)


@pytest.mark.parametrize(
    "name", ["hub.signed_in", "hub.account", "hub.admin", "hub.people", "weather.nothing", "gone.use"]
)
async def test_a_permission_of_the_core_or_of_nobody_is_not_overridden(site: Site, root: Somebody, name: str) -> None:
    mia = await site.person("mia")
    wanted = {"overrides": {name: True}}
    reply = await site.call("PUT", f"{USERS}/{mia.id}/permissions", by=root, json=wanted)
    assert (reply.status, reply.json()["code"]) == (400, "override_refused")
    assert [one["field"] for one in reply.json()["errors"]] == [f"body.overrides.{name}"]


async def test_an_override_of_a_plugin_that_is_gone_is_kept_and_shown_as_unknown(site: Site, root: Somebody) -> None:
    mia = await site.person("mia")
    await site.parts.db.execute(
        "INSERT INTO medianest.permission_overrides (user_id, permission, allowed) VALUES ($1, 'gone.use', true)",
        mia.id,
    )
    path = f"{USERS}/{mia.id}/permissions"
    [shown] = (await site.get(path, by=root)).json()["overrides"]
    assert (shown["permission"], shown["known"]) == ("gone.use", False)
    wanted = {"overrides": {"gone.use": True, "weather.run": True}}
    answer = (await site.call("PUT", path, by=root, json=wanted)).json()
    assert [one["permission"] for one in answer["overrides"]] == ["gone.use", "weather.run"]
    assert "gone.use" not in answer["in_force"]


async def test_all_permissions_are_listed_with_who_has_them(site: Site, root: Somebody) -> None:
    found = {one["name"]: one for one in (await site.get(USERS + "/permissions", by=root)).json()["items"]}
    assert found["weather.look"] == {
        "name": "weather.look",
        "title": "Look",
        "source": "weather",
        "default_role": "guest",
        "fixed": False,
    }
    assert found["hub.admin"]["fixed"] is True


async def test_an_admin_sees_and_ends_somebodys_sessions(site: Site, root: Somebody) -> None:
    mia = await site.person("mia")
    path = f"{USERS}/{mia.id}/sessions"
    assert [one["id"] for one in (await site.get(path, by=root)).json()["items"]] == [str(mia.session_id)]
    assert (await site.call("DELETE", path, by=root)).json() == {"ended": 1}
    assert (await site.get(USERS + "/me", by=mia)).status == 401
    assert await code_of(site.call("DELETE", f"{USERS}/{uuid4()}/sessions", by=root)) == (404, "no_such_person")


async def test_a_reading_of_somebody_is_one_question(site: Site, root: Somebody) -> None:
    mia = await site.person("mia")
    wanted = {"overrides": {"weather.run": True}}
    await site.call("PUT", f"{USERS}/{mia.id}/permissions", by=root, json=wanted)
    site.parts.people.forget()
    asked = 0
    original = site.parts.db.fetchrow

    async def counted(sql: str, *args: Any) -> Any:
        nonlocal asked
        asked += "medianest.users" in sql
        return await original(sql, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(site.parts.db, "fetchrow", counted)
        person = await site.parts.people.get(mia.id)
    assert person is not None
    assert person.can("weather.run")
    assert asked == 1
