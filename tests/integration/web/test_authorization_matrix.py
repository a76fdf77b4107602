"""Every mounted route × everybody who may call it: the verdict is the declared one. Routes are found by themselves."""

import re
import uuid
from uuid import UUID

import pytest
import pytest_asyncio

from medianest_hub.plugin_api import Role
from medianest_hub.plugin_api.people import ADMIN, SIGNED_IN
from medianest_hub.web.mounted import Mounted

from .conftest import Install, Site, Somebody, StartSite

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLUGIN = """
from uuid import UUID
from pydantic import BaseModel

router = Router()
owners = {}

class At(BaseModel):
    id: UUID

class Item(BaseModel):
    id: UUID

class Body(BaseModel):
    name: str

async def owner(ctx, call):
    return owners.get(call.path.id)

for method in ("GET", "DELETE"):
    @router.route(method, "/things/{id}", permission="use", owner=owner)
    async def thing(ctx, call: Call[At]) -> Item:
        return Item(id=call.path.id)

for method in ("POST", "PUT", "PATCH"):
    @router.route(method, "/things/{id}", permission="use", owner=owner)
    async def change(ctx, call: Call[At, Empty, Body]) -> Item:
        return Item(id=call.path.id)

@router.get("/admins", permission="run")
async def admins(ctx, call: Call) -> None:
    return None

@router.get("/guests", permission="look")
async def guests(ctx, call: Call) -> None:
    return None

@router.get("/open", public=True)
async def open_to_all(ctx, call: Call) -> None:
    return None

@hookimpl
def hub_plugin():
    permissions = [Permission("use", default=Role.MEMBER), Permission("look", default=Role.GUEST), Permission("run")]
    return PluginInfo(title="Matrix", api_version=1, permissions=permissions)

@hookimpl
def hub_routes():
    return router
"""
NO_OWNER = {
    "/api/v1/jobs/{id}": "the store finds only what the person may see, which differs for admins",
    "/api/v1/dashboard/{widget}": "a widget is nobody's; which ones somebody may see is decided by their permissions",
    "/ui/{version}/{file}": "files of the program itself, the same for everybody",
}
"""Routes for everybody with something in their path and nobody to ask whose it is, and why that is right."""


def path_of(one: Mounted, thing: str) -> str:
    """The route's path with `thing` (an id) or an odd word in it."""
    fields = one.models.path.model_fields
    return re.sub(r"\{(\w+)\}", lambda m: thing if fields[m[1]].annotation is UUID else "no-such", one.template)


async def ask(site: Site, one: Mounted, by: Somebody | None, thing: str) -> int:
    body = {} if one.route.method in ("POST", "PUT", "PATCH") else None
    return (await site.call(one.route.method, path_of(one, thing), by=by, json=body)).status


def may(one: Mounted, role: Role, site: Site) -> bool:
    """Whether the declaration lets that role in, worked out here anew."""
    if one.permission == SIGNED_IN:
        return True
    if one.permission == ADMIN:
        return role is Role.ADMIN
    source, _, name = str(one.permission).partition(".")
    permission = next(p for p in site.hub.host.plugins[source].info.permissions if p.name == name)
    return role.includes(permission.default)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(install_once: Install, start_once: StartSite) -> Site:
    install_once("matrix", PLUGIN)
    # Every plugin that is installed takes part; whatever they limit is out of the way.
    return await start_once(
        plugins__blocked="[]", **{f"limits__{zone}": "1000000/minute" for zone in ("auth", "youtube", "static")}
    )


async def test_every_route_gives_everybody_the_verdict_its_declaration_says(site: Site) -> None:
    cells = 0
    wrong: list[str] = []
    running = {name for name, runtime in site.hub.host.runtimes.items() if runtime.running}
    for one in site.mounted:
        if one.plugin is not None and one.plugin not in running:
            continue
        stranger = await ask(site, one, None, str(uuid.uuid4()))
        if (stranger == 401) != (one.permission is not None) or stranger >= 500:
            wrong.append(f"{one.route.method} {one.template}: a stranger got {stranger}")
        cells += 1
        for role in Role if one.permission is not None else ():
            somebody = await site.person(role.value, role)
            got = await ask(site, one, somebody, str(uuid.uuid4()))
            if (got == 403) == may(one, role, site) or got == 401 or got >= 500:
                wrong.append(f"{one.route.method} {one.template}: {role} got {got}")
            cells += 1
    assert not wrong
    assert cells > 60


async def test_an_object_is_its_owners_and_the_admins_and_nobody_elses(site: Site) -> None:
    import sys

    owners = sys.modules["synthetic_matrix.plugin"].owners
    mia, tom = await site.person("mia"), await site.person("tom")
    ada, gast = await site.person("ada", Role.ADMIN), await site.person("gast", Role.GUEST)
    thing = uuid.uuid4()
    owners[thing] = mia.id
    routes = [one for one in site.mounted if one.source == "matrix" and one.route.owner is not None]
    assert {one.route.method for one in routes} == {"GET", "DELETE", "POST", "PUT", "PATCH"}
    for one in routes:
        # Whoever is let in and sends no body hears about the body; whoever is not let in does not.
        good = 200 if one.route.method in ("GET", "DELETE") else 400
        verdicts = [await ask(site, one, by, str(thing)) for by in (mia, ada, tom, gast, None)]
        assert verdicts == [good, good, 404, 403, 401], one
        assert [await ask(site, one, by, str(uuid.uuid4())) for by in (mia, ada)] == [404, 404]


async def test_the_verdicts_come_in_their_order(site: Site) -> None:
    """Size before session, session before permission, permission before owner, owner before validation."""
    gast, mia = await site.person("gast", Role.GUEST), await site.person("mia")
    path = f"/api/v1/matrix/things/{uuid.uuid4()}"
    huge, bad = {"data": b"x" * 100_000}, {"json": {"wrong": 1}}
    assert (await site.post(path, **huge)).status == 413
    assert (await site.post(path, **bad)).status == 401
    assert (await site.post(path, by=gast, **bad)).status == 403
    assert (await site.post(path, by=mia, **bad)).status == 404
    assert (await site.call("PUT", "/api/v1/matrix/things/no-id", by=mia, **bad)).status == 400


async def test_no_route_with_somebodys_object_in_its_path_goes_without_an_owner(site: Site) -> None:
    unguarded = {
        one.template
        for one in site.mounted
        if "{" in one.template and one.permission not in (None, ADMIN) and one.route.owner is None
    }
    assert unguarded - {template for template in unguarded if _admins_only(site, template)} == set(NO_OWNER)


def _admins_only(site: Site, template: str) -> bool:
    return all(not may(one, Role.MEMBER, site) for one in site.mounted if one.template == template and one.permission)
