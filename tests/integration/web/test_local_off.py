"""Without passwords (`auth.local` off): no route, link or page for one, no hub that no admin can get into, no last way lost."""

from uuid import UUID

import pytest

from medianest_hub.plugin_api import Identity, Role
from medianest_hub.plugin_api.errors import Conflict

from .conftest import Install, Site, StartSite
from .sign_in_plugin import SOURCE
from .web_processes import StartProcess

USERS = "/api/v1/users"
PASSWORD = "tractor blue forty two"
OIDC = {
    "auth__oidc__issuer": "https://id.example",
    "auth__oidc__client_id": "hub",
    "auth__oidc__client_secret": "s" * 32,
}


@pytest.fixture
async def site(install: Install, start_site: StartSite) -> Site:
    install("door", SOURCE)
    return await start_site(auth__local="false")


async def test_nobody_is_made_with_a_password_or_a_link_to_set_one(site: Site) -> None:
    root = await site.person("root", Role.ADMIN)
    refused = await site.post(USERS, by=root, json={"username": "mia", "password": PASSWORD})
    assert (refused.status, refused.json()["code"]) == (409, "local_off")
    made = await site.post(USERS, by=root, json={"username": "mia", "email": "mia@home.test"})
    assert (made.status, made.json()["user"]["status"], made.json()["password_link"]) == (201, "invited", None)
    mia = made.json()["user"]["id"]
    assert (await site.post(f"{USERS}/{mia}/password-link", by=root, json={})).status == 404
    active = await site.call("PATCH", f"{USERS}/{mia}", by=root, json={"status": "active"})
    assert (active.status, active.json()["code"]) == (409, "no_way_in")
    # By the address they are let in all the same.
    identity = Identity(subject="mia", username="mia", email="mia@home.test", email_verified=True)
    admitted = await site.parts.joining.admit("door", identity)
    assert admitted.person is not None
    assert admitted.person.id == UUID(mia)


async def test_nobody_is_set_up_who_could_never_come_back(site: Site) -> None:
    token = await site.parts.first_run.make_token()
    body = {"token": token, "username": "root", "password": PASSWORD}
    assert (await site.post("/api/v1/setup", json=body)).status in (404, 405)
    assert not await site.parts.people.anyone()
    assert [(await site.get(page)).status for page in ("/setup", "/reset-password", "/sign-in")] == [404, 404, 200]


async def test_a_password_is_no_other_way_in(site: Site) -> None:
    mia = await site.parts.people.create("mia", PASSWORD, Role.MEMBER)
    only = await site.parts.identities.link(mia.id, "door", Identity(subject="mia", username="mia"))
    with pytest.raises(Conflict, match="link another account"):
        await site.parts.identities.unlink(mia.id, only.id)
    await site.parts.identities.link(mia.id, "oidc", Identity(subject="mia", username="mia"))
    await site.parts.identities.unlink(mia.id, only.id)


async def test_a_hub_no_admin_could_get_into_does_not_start(start_site: StartSite, start_process: StartProcess) -> None:
    async def refuses() -> bool:
        web = await start_process(auth__local="false", **OIDC)
        if await web.process.wait() != 2:
            return False
        lines = [line for line in web.log.splitlines() if "auth.local is off, but no active admin" in line]
        assert len(lines) == 1, web.log
        assert "Traceback" not in web.log
        return True

    assert await refuses()  # as at the very first start
    parts = (await start_site()).parts
    root = await parts.people.create("root", PASSWORD, Role.ADMIN)
    mia = await parts.people.create("mia", PASSWORD, Role.MEMBER)
    await parts.identities.link(mia.id, "oidc", Identity(subject="mia", username="mia"))
    linked = await parts.identities.link(root.id, "gone", Identity(subject="root", username="root"))
    assert await refuses()  # a member's way in, and one by a provider there is not
    await parts.db.execute("UPDATE medianest.identities SET provider = 'oidc' WHERE id = $1", linked.id)
    web = await start_process(auth__local="false", **OIDC)
    await web.until("/api/health/ready", 200)
    assert await web.stop() == 0
    await parts.db.execute("UPDATE medianest.identities SET withdrawn = 'removed' WHERE id = $1", linked.id)
    assert await refuses()
