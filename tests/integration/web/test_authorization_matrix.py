"""Every mounted route × everybody who may call it: the verdict is the declared one. Routes are found by themselves.

The run ends with the number of cells; `make test ARGS=tests/integration/web/test_authorization_matrix.py` runs it alone.
"""

import re
import sys
import uuid
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
import pytest_asyncio

from medianest_hub.plugin_api import Role
from medianest_hub.plugin_api.people import ADMIN
from medianest_hub.settings import LimitSettings
from medianest_hub.web.mounted import Mounted
from tests.simulators.overseerr.server import OverseerrSimulator, Permission
from tests.simulators.plex.server import PlexSimulator

from .callers import COLUMNS, FORBIDDEN, GATE_CODES, IN, OPEN, UNKNOWN, Callers, Column, may
from .conftest import Install, Site, StartSite
from .own_things import MIA_AT_PLEX, OBJECTS
from .reasons import NO_OWNER, OWN_CREDENTIAL, PUBLIC

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLUGIN = """
import base64
from uuid import UUID
from pydantic import BaseModel

DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
heard = []

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

@router.get("/changers", permission="change")
async def changers(ctx, call: Call) -> None:
    return None

@router.get("/open", public=True)
async def open_to_all(ctx, call: Call) -> None:
    return None

class Link(BaseModel):
    link: str

@router.get("/dot", permission="look")
async def dot(ctx, call: Call) -> Link:
    return Link(link=ctx.images.link("dot", "."))

async def draw(ctx: Context[PluginSettings], ref: str, width: int, height: int) -> bytes:
    return DOT

async def hear(ctx: Context[PluginSettings], payload: Body) -> None:
    heard.append(payload.name)

@hookimpl
def hub_images():
    return [ImageSource("dot", draw)]

@hookimpl
def hub_webhooks():
    return [Webhook("by_header", hear, Body), Webhook("in_path", hear, Body, secret_in_path=True)]

@hookimpl
def hub_plugin():
    permissions = [
        Permission("use", default=Role.MEMBER),
        Permission("change", default=Role.MEMBER),
        Permission("look", default=Role.GUEST),
        Permission("run"),
    ]
    return PluginInfo(title="Matrix", api_version=1, permissions=permissions)

@hookimpl
def hub_routes():
    return router
"""
OWN, OFF = "401 by a credential of its own", "404 plugin_disabled"


def nothing(one: Mounted) -> str:
    """The id of something that is not there: Overseerr's are numbers."""
    return str(2**31 - 7) if one.template.startswith("/api/v1/overseerr/") else str(uuid.uuid4())


def path_of(one: Mounted, thing: str) -> str:
    """The route's path with `thing` (an id) or an odd word in it."""
    fields = one.models.path.model_fields
    kinds = (UUID, int) if thing.isdecimal() else (UUID,)
    return re.sub(r"\{(\w+)\}", lambda m: thing if fields[m[1]].annotation in kinds else "no-such", one.template)


async def ask(site: Site, one: Mounted, token: str, thing: str) -> tuple[str, str]:
    """The gate's verdict, and status and code of the answer."""
    body = {} if one.route.method in ("POST", "PUT", "PATCH") else None
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    reply = await site.call(one.route.method, path_of(one, thing), headers=headers, json=body)
    is_problem = reply.headers.get("Content-Type") == "application/problem+json"
    code = reply.json()["code"] if is_problem else ""
    if reply.status >= 500:
        return "a fault of the server", f"{reply.status} {code}"
    own = OWN if reply.status == 401 and code == OWN_CREDENTIAL.get(one.template) else None
    return own or GATE_CODES.get(code, IN if one.permission is not None else OPEN), f"{reply.status} {code}"


RESTING = """
router = Router()

@router.get("/bed", permission="use")
async def bed(ctx, call: Call) -> None:
    return None

@router.get("/door", public=True)
async def door(ctx, call: Call) -> None:
    return None

@hookimpl
def hub_plugin():
    return PluginInfo(title="Resting", api_version=1, permissions=[Permission("use", default=Role.MEMBER)])

@hookimpl
def hub_routes():
    return router
"""


@pytest.fixture(scope="module")
def plex() -> Iterator[PlexSimulator]:
    with PlexSimulator().running() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def overseerr() -> Iterator[OverseerrSimulator]:
    with OverseerrSimulator().running() as simulator:
        simulator.fill(movies=1000)
        simulator.add_user("mia", plex_id=int(MIA_AT_PLEX), permissions=Permission.REQUEST | Permission.CREATE_ISSUES)
        yield simulator


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(
    install_once: Install, start_once: StartSite, plex: PlexSimulator, overseerr: OverseerrSimulator
) -> Site:
    install_once("matrix", PLUGIN)
    install_once("resting", RESTING)
    # Every plugin that is installed takes part; whatever they limit is out of the way.
    started = await start_once(
        plugins__blocked="[]",
        plugins__uptime_kuma__url="http://127.0.0.1:9",
        plugins__uptime_kuma__status_pages='["main"]',
        plugins__plex__url=plex.server_url,
        plugins__plex__plex_tv_url=plex.plex_tv_url,
        plugins__plex__token=plex.world.token(plex.world.owner),
        plugins__overseerr__url=overseerr.url,
        plugins__overseerr__api_key=overseerr.api_key,
        plugins__resting__enabled="false",
        **{f"limits__{zone}": "1000000/minute" for zone in LimitSettings.model_fields},
    )
    hooks = (
        *(("matrix", "by_header"), ("matrix", "in_path")),
        *(("uptime_kuma", "notification"), ("plex", "media"), ("overseerr", "notification")),
    )
    for plugin, hook in hooks:
        await secret_of(started, hook, plugin)
    return started


async def secret_of(site: Site, hook: str, plugin: str = "matrix") -> str:
    """A new secret of that webhook, without which it would not be there."""
    ada = await site.person("ada", Role.ADMIN)
    made = await site.post(f"/api/v1/plugins/{plugin}/webhooks/{hook}/secret", by=ada)
    assert made.status == 201, made.body
    return str(made.json()["secret"])


def open_routes(site: Site) -> list[Mounted]:
    """Those whose source runs."""
    running = {name for name, runtime in site.hub.host.runtimes.items() if runtime.running}
    return [one for one in site.mounted if one.needs is None or one.needs in running]


def expected_of(one: Mounted, column: Column, site: Site) -> str:
    """The verdict that the declaration of the route holds for that caller."""
    if one.permission is not None:
        return column.expected(one, site)
    return OWN if one.template in OWN_CREDENTIAL else OPEN


async def test_every_route_gives_everybody_the_verdict_its_declaration_says(
    site: Site, record_property: Callable[[str, object], None]
) -> None:
    callers, cells = Callers(site), 0
    wrong: list[str] = []
    for one in open_routes(site):
        for column in COLUMNS:
            expected = expected_of(one, column, site)
            token = await column.token(callers, one)
            verdict, answer = await ask(site, one, token, str(uuid.uuid4()))
            cells += 1
            if verdict != expected:
                wrong.append(f"{one.route.method} {one.template}: {column.name} got {answer}, should be {expected}")
    assert not wrong, "\n".join(wrong)
    assert cells == len(open_routes(site)) * len(COLUMNS)
    assert cells > 500
    routes = f"{len(open_routes(site))} routes x {len(COLUMNS)} callers"
    record_property("shown", f"authorization matrix: {cells} cells ({routes}), all as declared")


async def test_an_object_is_its_owners_and_the_admins_and_nobody_elses(
    site: Site, record_property: Callable[[str, object], None]
) -> None:
    """Every route with an owner, on a thing there is. Each verdict on a fresh one, since some remove it."""
    callers, cells = Callers(site), 0
    wrong: list[str] = []
    mia, tom = await site.person("mia"), await site.person("tom")
    kinds = set()
    for one in open_routes(site):
        if one.route.owner is None:
            continue
        kind = next((prefix for prefix in OBJECTS if one.template.startswith(prefix)), None)
        assert kind is not None, f"say in OBJECTS how something at {one.template} comes to be"
        kinds.add(kind)
        keys_may = one.permission != "hub.account"
        theirs = "404 not_found" if keys_may else "403 forbidden"
        for name, token, expected in (
            ("the owner", mia.token, IN),
            ("an admin", await callers.admin(one), IN),
            ("another member", tom.token, "404 not_found"),
            ("another member's key", await callers.key("tom", Role.MEMBER, other(one)), theirs),
            ("the owner's key", await callers.key("mia", Role.MEMBER, other(one)), IN if keys_may else theirs),
            ("a guest", await callers.guest(one), "404 not_found" if may(one, Role.GUEST, site) else "403 forbidden"),
            ("a disabled admin", await callers.disabled(one), UNKNOWN),
            ("an ended session", await callers.ended(one), UNKNOWN),
            ("the owner's key for something else", await callers.key("mia", Role.MEMBER, "matrix.change"), FORBIDDEN),
            ("nobody", "", UNKNOWN),
        ):
            verdict, answer = await ask(site, one, token, str(await OBJECTS[kind](site, mia)))
            got = IN if verdict == IN and answer != "404 not_found" else verdict
            cells += 1
            if expected not in (got, answer):
                wrong.append(f"{one.route.method} {one.template}: {name} got {answer}, should be {expected}")
    assert not wrong, "\n".join(wrong)
    assert kinds == set(OBJECTS)
    record_property("shown", f"authorization matrix: {cells} cells of somebody's own things, all as declared")


def other(one: Mounted) -> str:
    """What a key for that route names; for accounts nothing helps."""
    return "hub.signed_in" if one.permission == "hub.account" else str(one.permission)


async def test_things_that_are_not_there_are_not_there_for_their_would_be_owner_either(site: Site) -> None:
    mia, ada = await site.person("mia"), await site.person("ada", Role.ADMIN)
    for one in open_routes(site):
        if one.route.owner is not None:
            answers = [await ask(site, one, by.token, nothing(one)) for by in (mia, ada)]
            assert [answer for _, answer in answers] == ["404 not_found"] * 2, one.template


async def test_no_route_with_somebodys_object_in_its_path_goes_without_an_owner(site: Site) -> None:
    unguarded = {
        one.template
        for one in site.mounted
        if "{" in one.template and one.permission != ADMIN and one.route.owner is None
    }
    assert unguarded - {template for template in unguarded if _admins_only(site, template)} == set(NO_OWNER)


async def test_no_route_is_public_without_a_reason(site: Site) -> None:
    public = {one.template for one in site.mounted if one.permission is None}
    assert public == set(PUBLIC), "say in reasons.py why strangers may use it, or remove what is gone"
    assert set(OWN_CREDENTIAL) < set(PUBLIC)


async def test_what_is_off_is_not_there_for_anybody(site: Site) -> None:
    callers, there = Callers(site), open_routes(site)
    off = [one for one in site.mounted if one not in there]
    assert {one.needs for one in off} == {"resting"}
    for one in off:
        for column in COLUMNS:
            verdict, answer = await ask(site, one, await column.token(callers, one), str(uuid.uuid4()))
            # Whom the hub does not know is told so first.
            told = verdict if expected_of(one, column, site) == UNKNOWN else answer
            assert told in (UNKNOWN, OFF), f"{one.route.method} {one.template}: {column.name}"
            assert (told == OFF) is (expected_of(one, column, site) != UNKNOWN), column.name


async def test_the_webhooks_secret_and_the_pictures_link_open_what_no_token_does(site: Site) -> None:
    mia, heard = await site.person("mia"), sys.modules["synthetic_matrix.plugin"].heard
    in_header, in_path = await secret_of(site, "by_header"), await secret_of(site, "in_path")
    hooks = "/api/v1/hooks/matrix"
    bearer = {"Authorization": f"Bearer {in_header}"}
    assert (await site.post(f"{hooks}/by_header", headers=bearer, json={"name": "a"})).status == 200
    assert (await site.post(f"{hooks}/in_path/{in_path}", json={"name": "b"})).status == 200
    assert (await site.post(f"{hooks}/in_path/{in_header}", json={"name": "c"})).status == 404
    assert (await site.post(f"{hooks}/by_header", by=mia, json={"name": "d"})).status == 401
    assert heard == ["a", "b"]
    link = (await site.get("/api/v1/matrix/dot", by=mia)).json()["link"]
    assert (await site.get(link)).status == 200
    assert (await site.get(link[:-4] + "AAAA", by=mia)).status == 404


def _admins_only(site: Site, template: str) -> bool:
    routes = [one for one in site.mounted if one.template == template]
    return all(one.permission is not None and not may(one, Role.MEMBER, site) for one in routes)
