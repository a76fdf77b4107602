"""Every change an admin makes, every way in and every refusal is written down by itself, with who did it and no secret."""

import asyncio
import json
import re
import sys
import time
import uuid
from typing import Any

import pytest
import pytest_asyncio

from medianest_hub.audit import AuditEntry, Filter
from medianest_hub.audit.writing import PATIENCE
from medianest_hub.plugin_api import Role
from medianest_hub.plugin_api.people import ADMIN
from medianest_hub.web.auditing import MAY_BE_LEFT_OUT, QUIET, READS
from medianest_hub.web.mounted import Mounted

from .conftest import Install, Site, Somebody, StartSite
from .test_authorization_matrix import path_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

PASSWORD = "tractor blue forty two"
SECRET = "s3cret-of-the-plugin-that-must-not-show"
PLUGIN = """
import asyncio
from pydantic import BaseModel, SecretStr

router = Router()
entered, go_on = asyncio.Event(), asyncio.Event()

class At(BaseModel):
    name: str

class Settings(PluginSettings):
    url: str = "http://localhost"
    api_key: SecretStr | None = None

@router.post("/things/{name}", permission="run")
async def run_thing(ctx, call: Call[At]) -> None:
    return None

@router.delete("/things/{name}", permission="hub.admin")
async def delete_thing(ctx, call: Call[At]) -> None:
    raise RuntimeError("nobody foresaw this")

@router.post("/slow", permission="run")
async def slow(ctx, call: Call) -> None:
    entered.set()
    await go_on.wait()

@router.post("/late", permission="run", deadline=0.05)
async def late(ctx, call: Call) -> None:
    await go_on.wait()

@router.post("/mine", permission="use")
async def mine(ctx, call: Call) -> None:
    return None

@router.get("/admins", permission="run")
async def admins(ctx, call: Call) -> None:
    return None

@hookimpl
def hub_plugin():
    permissions = [Permission("run"), Permission("use", default=Role.MEMBER)]
    return PluginInfo(title="Audited", api_version=1, permissions=permissions, settings=Settings)

@hookimpl
def hub_routes():
    return router
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(install_once: Install, start_once: StartSite) -> Site:
    install_once("audited", PLUGIN)
    limits = {f"limits__{zone}": "1000000/minute" for zone in ("auth", "youtube", "static", "images")}
    return await start_once(plugins__blocked="[]", **limits)


async def entries(site: Site, **wanted: Any) -> list[AuditEntry]:
    return list(await site.parts.audit.list(Filter(**wanted), limit=200))


async def told(site: Site, request_id: str) -> list[AuditEntry]:
    """What was written down of one request."""
    return [entry for entry in await entries(site) if entry.request_id == request_id]


async def ask(site: Site, one: Mounted, by: Somebody | None, **more: Any) -> tuple[int, list[AuditEntry]]:
    request_id = uuid.uuid4().hex
    body = {} if one.route.method in ("POST", "PUT", "PATCH") else None
    path = path_of(one, str(uuid.uuid4()))
    headers = {"X-Request-ID": request_id}
    reply = await site.call(one.route.method, path, by=by, **({"json": body, "headers": headers} | more))
    return reply.status, await told(site, request_id)


def changes_something(one: Mounted, site: Site) -> bool:
    """Whether it is to be told of, worked out here anew: every change in the core, and what only admins may in plugins."""
    if one.route.method == "GET":
        return False
    if one.follows is not None and not site.hub.host.runtimes[one.follows].running:
        return False  # it is not there
    if one.plugin is None or one.permission == ADMIN:
        return True
    if one.permission is None:
        return False  # a webhook, or open to everybody
    source, _, name = one.permission.partition(".")
    declared = {permission.name: permission.default for permission in site.hub.host.plugins[source].info.permissions}
    return declared.get(name) is Role.ADMIN


async def test_every_change_by_an_admin_is_written_down_whatever_came_of_it(site: Site) -> None:
    sys.modules["synthetic_audited.plugin"].go_on.set()
    silent, walked = [], 0
    for one in site.mounted:
        if not changes_something(one, site) or (one.name in QUIET and one.permission != ADMIN):
            continue
        status, written = await ask(site, one, await site.person("ada", Role.ADMIN))
        walked += 1
        expected = "ok" if status < 400 else "refused" if status in (401, 403, 429) else "failed"
        if [(entry.action, entry.actor_name, entry.result) for entry in written] != [(one.name, "ada", expected)]:
            if one.name in MAY_BE_LEFT_OUT and status < 400:
                continue
            silent.append(f"{one.route.method} {one.template} ({status}): {written}")
    assert silent == []
    assert walked > 8


async def test_every_exception_is_a_route_there_is(site: Site) -> None:
    names = {one.name: one.route.method for one in site.mounted}
    assert {*QUIET, *MAY_BE_LEFT_OUT, *READS} - names.keys() == set()
    assert {names[name] for name in READS} == {"GET"}
    assert "GET" not in {names[name] for name in {*QUIET, *MAY_BE_LEFT_OUT}}


async def test_reading_and_what_members_do_with_plugins_is_not_written_down(site: Site) -> None:
    audited = {one.name for one in site.mounted if one.audited}
    assert "audited.run_thing" in audited
    assert audited.isdisjoint({"audited.mine", "audited.admins", "plugins.plugins", "audit.list_entries"})


async def test_a_member_who_tries_is_written_down_as_refused_and_a_stranger_is_not(site: Site) -> None:
    mia = await site.person("mia")
    one = next(one for one in site.mounted if one.name == "plugins.disable")
    status, (written,) = await ask(site, one, mia)
    assert status == 403
    assert (written.actor_id, written.actor_name, written.result, written.code) == (
        mia.id,
        "mia",
        "refused",
        "forbidden",
    )
    assert (written.target_kind, written.target_id) == ("plugin", "no-such")
    assert await ask(site, one, None) == (401, [])
    ended = await site.person("mia")
    await site.parts.sessions.end(ended.session_id)
    assert await ask(site, one, ended) == (401, [])


async def test_an_entry_says_who_did_what_to_what_from_where(site: Site) -> None:
    ada = await site.person("ada", Role.ADMIN)
    reply = await site.post("/api/v1/audited/things/lamp", by=ada, headers={"X-Request-ID": "lamp-1"})
    assert reply.status == 204
    (written,) = await told(site, "lamp-1")
    assert (written.action, written.actor_kind, written.actor_id) == ("audited.run_thing", "person", ada.id)
    assert (written.target_kind, written.target_id, written.address) == ("things", "lamp", "127.0.0.1")


async def test_a_handler_that_broke_or_was_too_late_is_written_down_as_failed(site: Site) -> None:
    ada = await site.person("ada", Role.ADMIN)
    sys.modules["synthetic_audited.plugin"].go_on.clear()
    await site.call("DELETE", "/api/v1/audited/things/lamp", by=ada, headers={"X-Request-ID": "broken-1"})
    await site.post("/api/v1/audited/late", by=ada, headers={"X-Request-ID": "late-1"})
    assert [(one.result, one.code) for one in await told(site, "broken-1")] == [("failed", "internal_error")]
    assert [(one.result, one.code) for one in await told(site, "late-1")] == [("failed", "deadline_exceeded")]


async def test_whoever_hangs_up_before_the_answer_is_written_down_all_the_same(site: Site) -> None:
    plugin = sys.modules["synthetic_audited.plugin"]
    plugin.go_on.clear()
    plugin.entered.clear()
    ada = await site.person("ada", Role.ADMIN)
    lines = ("POST /api/v1/audited/slow HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {ada.token}")
    head = "\r\n".join((*lines, "X-Request-ID: gone-1", "Content-Length: 0", "", ""))
    _, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(head.encode())
    async with asyncio.timeout(10):
        await plugin.entered.wait()
        writer.close()
        while not (written := await told(site, "gone-1")):
            await asyncio.sleep(0.02)
    assert [(one.action, one.result, one.code) for one in written] == [("audited.slow", "failed", "client_gone")]


async def test_a_log_that_cannot_be_written_for_now_holds_nobody_up_and_misses_nothing(site: Site) -> None:
    ada = await site.person("ada", Role.ADMIN)
    began = time.monotonic()
    async with site.parts.db.transaction() as tx:
        await tx.execute("LOCK TABLE medianest.audit IN SHARE MODE")
        headers = {"X-Request-ID": "locked-1"}
        assert (await site.post("/api/v1/audited/things/lamp", by=ada, headers=headers)).status == 204
        assert time.monotonic() - began < 10 * PATIENCE
        assert await told(site, "locked-1") == []
    async with asyncio.timeout(20):
        while not (written := await told(site, "locked-1")):
            await asyncio.sleep(0.02)
    assert [entry.result for entry in written] == ["ok"]


# Signing in


async def sign_in(site: Site, username: str, password: str, request_id: str) -> int:
    body = {"username": username, "password": password, "client": "native"}
    return (await site.post("/api/v1/auth/login", json=body, headers={"X-Request-ID": request_id})).status


async def whole_log(site: Site) -> str:
    return json.dumps([dict(row) for row in await site.parts.db.fetch("SELECT * FROM medianest.audit")], default=str)


async def test_signing_in_is_written_down_with_the_account_where_there_is_one(site: Site) -> None:
    person = await site.parts.people.create("tom", PASSWORD, Role.MEMBER)
    assert await sign_in(site, "tom", PASSWORD, "in-1") == 200
    assert await sign_in(site, " Tom ", "wrong-password-of-tom", "in-2") == 401
    assert await sign_in(site, "typed-my-passw0rd-here", "wrong", "in-3") == 401
    (good,), (wrong,), (unknown,) = [await told(site, f"in-{number}") for number in (1, 2, 3)]
    assert (good.actor_kind, good.actor_id, good.actor_name, good.result) == ("person", person.id, "tom", "ok")
    assert (wrong.actor_kind, wrong.result, wrong.code) == ("anonymous", "refused", "wrong_credentials")
    assert (wrong.target_kind, wrong.target_id, wrong.target_name) == ("user", str(person.id), "tom")
    assert (unknown.actor_kind, unknown.target_id, unknown.target_name) == ("anonymous", "", "")
    assert unknown.details == {"account": "unknown"}
    log = await whole_log(site)
    for typed in ("wrong-password-of-tom", "typed-my-passw0rd-here", PASSWORD):
        assert typed not in log


async def test_a_body_that_is_none_is_no_attempt_to_sign_in(site: Site) -> None:
    for body in ({"data": b"{"}, {"json": {"username": "tom"}}):
        await site.post("/api/v1/auth/login", headers={"X-Request-ID": "no-try"}, **body)
    assert await told(site, "no-try") == []


async def test_being_slowed_is_written_down(site: Site) -> None:
    await site.parts.people.create("slow", PASSWORD, Role.MEMBER)
    statuses = [await sign_in(site, "slow", "wrong wrong wrong", f"slow-{number}") for number in range(7)]
    assert statuses[-1] == 429
    (written,) = await told(site, "slow-6")
    assert (written.result, written.code, written.target_name) == ("refused", "sign_in_slowed", "slow")


async def test_staying_signed_in_is_not_written_down_but_a_token_used_twice_is(site: Site) -> None:
    await site.parts.people.create("rosa", PASSWORD, Role.MEMBER)
    body = {"username": "rosa", "password": PASSWORD, "client": "native"}
    first = (await site.post("/api/v1/auth/login", json=body)).json()["refresh_token"]
    ids = ("refresh-1", "refresh-2", "refresh-3")
    statuses = []
    for request_id in ids:
        given = {"refresh_token": first if request_id != "refresh-3" else "mnr_nonsense"}
        reply = await site.post("/api/v1/auth/refresh", json=given, headers={"X-Request-ID": request_id})
        statuses.append(reply.status)
    assert statuses == [200, 401, 401]
    again, reused, unknown = [await told(site, request_id) for request_id in ids]
    assert (again, unknown) == ([], [])
    assert [(one.action, one.result, one.code) for one in reused] == [("auth.refresh", "refused", "refresh_reused")]
    assert (reused[0].target_kind, reused[0].target_name) == ("session", "rosa")
    assert first not in await whole_log(site)


# What changed


async def test_a_change_of_settings_names_the_fields_and_holds_no_secret(site: Site) -> None:
    ada = await site.person("ada", Role.ADMIN)
    path = "/api/v1/plugins/audited/settings?force"
    values = {"url": "http://elsewhere", "api_key": SECRET}
    reply = await site.call("PUT", path, by=ada, json={"values": values}, headers={"X-Request-ID": "set-1"})
    assert reply.status == 200
    (written,) = await told(site, "set-1")
    assert (written.action, written.target_kind, written.target_id) == ("plugins.change_settings", "plugin", "audited")
    assert written.details["fields"] == ["api_key", "url"]
    wrong = {"values": {"url": 7, "api_key": SECRET, "odd": SECRET}}
    await site.call("PUT", path, by=ada, json=wrong, headers={"X-Request-ID": "set-2"})
    assert [one.result for one in await told(site, "set-2")] == ["failed"]
    assert SECRET not in await whole_log(site)


async def test_a_change_of_role_or_permissions_says_how_it_was_and_how_it_is(site: Site) -> None:
    ada = await site.person("ada", Role.ADMIN)
    tina = await site.parts.people.create("tina", PASSWORD, Role.GUEST)
    path = f"/api/v1/users/{tina.id}"
    await site.call("PATCH", path, by=ada, json={"role": "member"}, headers={"X-Request-ID": "role-1"})
    overrides = {"audited.run": True, "audited.use": False}
    headers = {"X-Request-ID": "role-2"}
    await site.call("PUT", f"{path}/permissions", by=ada, json={"overrides": overrides}, headers=headers)
    (role,), (permissions,) = await told(site, "role-1"), await told(site, "role-2")
    assert (role.target_id, role.target_name, role.result) == (str(tina.id), "tina", "ok")
    assert (role.details["role_before"], role.details["role"]) == ("guest", "member")
    assert role.details["fields"] == ["role"]
    assert (permissions.details["granted"], permissions.details["denied"]) == (["audited.run"], ["audited.use"])
    assert (permissions.details["granted_before"], permissions.details["denied_before"]) == ([], [])
    assert permissions.target_name == "tina"
    # A denial that is left out is gone, and the entry is where it is still to be seen.
    headers = {"X-Request-ID": "role-3"}
    await site.call("PUT", f"{path}/permissions", by=ada, json={"overrides": {}}, headers=headers)
    (removed,) = await told(site, "role-3")
    assert {name: value for name, value in removed.details.items() if value} == {
        "granted_before": ["audited.run"], "denied_before": ["audited.use"],
    }  # fmt: skip


async def test_permissions_that_were_refused_say_what_was_wanted(site: Site) -> None:
    ada = await site.person("ada", Role.ADMIN)
    tilda = await site.parts.people.create("tilda", PASSWORD, Role.GUEST)
    wanted, nobody = {"overrides": {"hub.admin": True, "audited.use": False}}, uuid.uuid4()
    for person_id, status in ((tilda.id, 400), (nobody, 404)):
        path, headers = f"/api/v1/users/{person_id}/permissions", {"X-Request-ID": f"wanted-{status}"}
        assert (await site.call("PUT", path, by=ada, json=wanted, headers=headers)).status == status
        (written,) = await told(site, f"wanted-{status}")
        assert (written.result, written.target_id) == ("failed", str(person_id))
        assert written.details == {"granted": ["hub.admin"], "denied": ["audited.use"]}


async def test_a_refused_demotion_of_the_last_admin_says_what_was_wanted(site: Site) -> None:
    ada = await site.person("ada", Role.ADMIN)
    reply = await site.call(
        "PATCH", f"/api/v1/users/{ada.id}", by=ada, json={"role": "guest"}, headers={"X-Request-ID": "last"}
    )
    assert (reply.status, reply.json()["code"]) == (409, "last_admin")
    (written,) = await told(site, "last")
    assert (written.result, written.code, written.target_name) == ("failed", "last_admin", "ada")
    assert (written.details["role_before"], written.details["role"]) == ("admin", "guest")


async def test_what_is_done_with_an_api_key_names_the_person_and_the_key_and_never_holds_it(site: Site) -> None:
    ada = await site.person("ada", Role.ADMIN)
    wanted = {"name": "backup script", "permissions": ["audited.run"]}
    made = await site.post("/api/v1/api-keys", by=ada, json=wanted, headers={"X-Request-ID": "key-1"})
    assert made.status == 201, made.body
    (key,) = re.findall(r"mn_[A-Za-z0-9_-]{43}", made.body.decode())
    headers = {"Authorization": f"Bearer {key}", "X-Request-ID": "key-2"}
    assert (await site.post("/api/v1/audited/things/lamp", headers=headers)).status == 204
    (creation,), (use,) = await told(site, "key-1"), await told(site, "key-2")
    assert (creation.target_kind, creation.target_name) == ("api_key", "backup script")
    assert creation.details["permissions"] == ["audited.run"]
    assert (use.actor_kind, use.actor_id, use.actor_name) == ("api_key", ada.id, "ada")
    assert use.details == {"key_id": creation.target_id}
    assert key not in await whole_log(site)


async def test_cancelling_ones_own_job_is_nobodys_business(site: Site) -> None:
    mia, ada = await site.person("mia"), await site.person("ada", Role.ADMIN)

    async def cancel(by: Somebody, request_id: str) -> None:
        job = await site.parts.jobs.enqueue("audited", "main", "x", {}, person=mia.id)
        headers = {"X-Request-ID": request_id}
        assert (await site.call("DELETE", f"/api/v1/jobs/{job}", by=by, headers=headers)).status == 204

    await cancel(mia, "own-job")
    await cancel(ada, "others-job")
    assert await told(site, "own-job") == []
    (written,) = await told(site, "others-job")
    assert (written.action, written.target_kind) == ("jobs.cancel_job", "job")
