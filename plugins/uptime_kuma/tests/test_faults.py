"""Whatever Uptime Kuma does wrong: reading goes on, it is said in words, nothing is lost, and every page still answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

import pytest

from medianest_hub.plugin_api import HealthStatus, Viewer
from medianest_hub.testing import make_call
from medianest_uptime_kuma import health, plugin, routes
from medianest_uptime_kuma.models import Status
from tests.simulators.uptime_kuma.server import KumaSimulator

from .conftest import PASSWORD, USERNAME, VERSIONS, Ctx, sent, until, watching
from .household import ADMIN, MEMBER
from .reading import (
    QUICK,
    be_impatient,
    hurried,
    is_now,
    is_well,
    logged,
    monitors,
    reading,
    source_of,
    trouble,
    with_fields,
)

COMMON = ("reset", "empty", "html_404", "html", "not_json", "other_shape", "nothing", "redirect", "json_403")
STATUSES = ("429", "500", "502", "503", "504")
LATE = ("hang", "no_ack", "cut", "endless", "huge", "refuse")
HTTP = (*COMMON, *STATUSES, *LATE)
BEATS = ("reset", "html", "html_404", "500", "hang", "huge", "json_403")
"""Beats are asked for like pages, a moment later: of each kind of fault one."""

OWN = ("not_json", "other_shape", "half")
"""What a version says otherwise than the other, and so can spoil otherwise."""

HANDSHAKE = {
    "refuse": "it answered 400",
    "reset": "closed the connection without an answer",
    "empty": "closed the connection without an answer",
    "html": "it answered 200",
    "html_401": "Something before Uptime Kuma",
    "html_404": "it answered 404",
    "not_json": "it answered 200",
    "nothing": "it answered 200",
    "cut": "it answered 200",
    "redirect": "redirected elsewhere",
    "503": "it answered 503",
    "hang": "opened no live connection within",
}
TOKEN = {
    "no_ack": "did not answer loginByToken within",
    "other_shape": "answered a log-in with something unexpected",
    "nothing": "answered a log-in with something unexpected",
    "cut": "ended the connection",
    "huge": "cannot be read",
}
BURST = {
    "no_ack": "sent no list of monitors within",
    "half": "list of monitors is not as it should be",
    "other_shape": "list of monitors is not as it should be",
    "huge": "cannot be read",
}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    be_impatient(monkeypatch)


@pytest.fixture
def kuma(request) -> Iterator[KumaSimulator]:
    """In the version asked for."""
    simulator = KumaSimulator(request.param)
    simulator.faults.huge_bytes = 400_000
    for name, tags in (("Web", ["family"]), ("Nas", [])):
        simulator.beat(simulator.add(name, tags=tags).id, 1, ping=12)
    simulator.post_incident("main", "Disk swap")
    simulator.start_maintenance("Planned work", [2])
    simulator.world.started -= 7200
    with simulator.running():
        yield simulator


async def call_each_route(ctx: Ctx, monitor_id: Any) -> dict[str, Any]:
    """What every route answers to an admin, by the name of the route; raising is what none may do."""
    path = routes.MonitorPath(id=monitor_id)
    asked = {
        "monitors": make_call(person=ADMIN, query=routes.MonitorsQuery()),
        "monitor": make_call(person=ADMIN, path=path),
        "history": make_call(person=ADMIN, path=path, query=routes.HistoryQuery()),
        "summary": make_call(person=ADMIN),
        "incidents": make_call(person=ADMIN, query=routes.IncidentsQuery(state="all")),
        "maintenance": make_call(person=ADMIN),
    }
    assert {route.name for route in routes.router.routes} == asked.keys()
    return {route.name: await route.handler(ctx, asked[route.name]) for route in routes.router.routes}


async def load_each_widget(ctx: Ctx) -> dict[str, Any]:
    """What every tile shows to an admin, and that a member's loads as well."""
    for one in plugin.hub_widgets():
        await one(ctx, Viewer(person=MEMBER, role=MEMBER.role))
    return {one.name: await one(ctx, Viewer(person=ADMIN, role=ADMIN.role)) for one in plugin.hub_widgets()}


async def says_that_nobody_knows(ctx: Ctx, words: str) -> None:
    """Too long unheard: all is unknown, everything else is still there, and health says why."""
    (first, *_) = (await monitors(ctx)).values()
    answers = await call_each_route(ctx, first.id)
    assert answers["summary"].freshness.stale
    assert answers["summary"].unknown == answers["summary"].total == 2
    assert {one.status for one in answers["monitors"].items} == {Status.UNKNOWN}
    assert answers["monitor"].status is Status.UNKNOWN
    assert [one.title for one in answers["incidents"].items] == ["Disk swap"]
    assert [one.title for one in answers["maintenance"].items] == ["Planned work"]
    tiles = await load_each_widget(ctx)
    for name in ("status", "monitors"):
        assert {cell.status for cell in tiles[name].cells} == {"unknown"}
    assert {item.title for item in tiles["incidents"].items} == {"Disk swap", "Planned work"}
    found = await health.uptime_kuma(ctx)
    assert found.status is HealthStatus.DOWN
    assert found.detail.startswith("Nothing was heard of Uptime Kuma since ")
    assert found.detail.endswith(words)


class Reader:
    """A way in at work, put through one fault after the other."""

    def __init__(self, ctx: Ctx, kuma: KumaSimulator, patience: float) -> None:
        self.ctx = ctx
        self.kuma = kuma
        self.patience = patience

    async def kept(self) -> tuple[Any, ...]:
        rows = await self.ctx.db.fetch("SELECT id, name, number, gone_at FROM plugin_uptime_kuma.monitor ORDER BY name")
        return tuple(tuple(row.values()) for row in rows)

    async def beats(self) -> int:
        return await self.ctx.db.fetchval("SELECT count(*) FROM plugin_uptime_kuma.beat")

    async def bears(self, what: str, spoil: Callable[[], Awaitable[None]], expected: str = "") -> str:
        """The words in which the fault is said; all the rest of what must hold is held here."""
        ctx = self.ctx
        kept, beats, downs = await self.kept(), await self.beats(), logged(ctx, "uptime_kuma_down")
        await spoil()
        try:
            words = await until(lambda: trouble(ctx, expected))
            assert "Uptime Kuma" in words, what
            assert words.endswith("."), what
            assert (await source_of(ctx)).connected is False, what
            assert (await health.uptime_kuma(ctx)).status is HealthStatus.DEGRADED, what
            self.let_pass(self.patience + 5)
            await says_that_nobody_knows(ctx, await trouble(ctx))
        except (AssertionError, TimeoutError) as error:
            error.add_note(f"while Uptime Kuma's fault is {what}")
            raise
        assert logged(ctx, "uptime_kuma_down") == downs + 1, what
        await self.recovers(what)
        assert await self.kept() == kept, what
        assert await self.beats() >= beats, what
        assert sent(ctx, "monitor.changed") == [], what
        return words

    async def recovers(self, what: str) -> None:
        self.kuma.faults.clear()
        self.kuma.beat(1, 1, ping=12)
        self.kuma.beat(2, 1, ping=12)
        try:
            await until(lambda: is_well(self.ctx), 20)
            await until(lambda: is_now(self.ctx, "Web", Status.UP))
        except TimeoutError as error:
            error.add_note(f"after Uptime Kuma's fault was {what}")
            raise

    def let_pass(self, seconds: float) -> None:
        self.ctx.clock.ahead += seconds
        self.kuma.world.advance(seconds)


async def bears_all(reader: Reader, faults: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Route and fault to words, for faults that the next look meets."""
    said = {}
    for route, fault in faults:

        async def spoil(route: str = route, fault: str = fault) -> None:
            reader.kuma.faults.set(route, fault)

        said[f"{route} {fault}"] = await reader.bears(f"{route} {fault}", spoil)
    return said


def by_version(*of_both: tuple[str, str], of_new: Iterable[tuple[str, str]]) -> list[Any]:
    """All faults on the newer version, and on the older those it can answer otherwise with."""
    old, new = VERSIONS
    route = of_both[0][0]
    return [
        pytest.param(old, list(of_both), id=f"{old}-{route}"),
        pytest.param(new, list(dict.fromkeys([*of_both, *of_new])), id=f"{new}-{route}"),
    ]


@pytest.mark.parametrize(
    ("kuma", "faults"),
    by_version(
        *(("metrics", fault) for fault in OWN if fault != "half"), of_new=(("metrics", fault) for fault in HTTP)
    ),
    indirect=["kuma"],
)
async def test_by_metrics(make, kuma, faults):
    kuma.world.limit_keys = False
    made = await make(kuma.url, api_key=kuma.world.api_key(), members_see="everything")
    made = await made_with_announcements(made, kuma)
    ctx = hurried(made, QUICK)
    async with reading(ctx) as stream:
        await until(lambda: is_well(ctx))
        said = await bears_all(Reader(ctx, kuma, 31), faults)
        assert not stream.done()
    assert "name no monitor" in said["metrics other_shape"]
    if kuma.world.v2:
        assert "answered more than 300000 bytes" in said["metrics huge"]
        assert "did not answer within" in said["metrics hang"]


@pytest.mark.parametrize(
    ("kuma", "faults"),
    [
        *by_version(*(("page", fault) for fault in OWN), of_new=(("page", fault) for fault in HTTP)),
        *by_version(*(("beats", fault) for fault in OWN), of_new=(("beats", fault) for fault in BEATS)),
    ],
    indirect=["kuma"],
)
async def test_by_status_page(make, kuma, faults):
    ctx = await make(kuma.url, status_pages=["main"], members_see="everything")
    async with reading(ctx) as stream:
        await until(lambda: is_well(ctx))
        await bears_all(Reader(ctx, kuma, 150), faults)
        assert not stream.done()


@pytest.mark.parametrize(
    ("kuma", "tables"),
    [
        pytest.param(VERSIONS[0], {"burst": BURST, "login_by_token": TOKEN}, id=VERSIONS[0]),
        pytest.param(VERSIONS[1], {"burst": BURST, "login_by_token": TOKEN, "socket": HANDSHAKE}, id=VERSIONS[1]),
    ],
    indirect=["kuma"],
)
async def test_by_live_connection(make, kuma, tables):
    ctx = await make(kuma.url, username=USERNAME, password=PASSWORD, members_see="everything")
    async with watching(ctx):
        await until(lambda: announced(ctx))
        reader = Reader(ctx, kuma, 60)
        for route, table in tables.items():
            for fault, words in table.items():

                async def spoil(route: str = route, fault: str = fault) -> None:
                    kuma.faults.set(route, fault)
                    await asyncio.to_thread(kuma.kick)

                await reader.bears(f"{route} {fault}", spoil, words)
    assert kuma.logins == 1  # a fault is no refusal: the token is kept, and log-ins are rare
    await asyncio.to_thread(kuma.until, lambda: kuma.connected == 0)


async def announced(ctx: Ctx) -> bool:
    """Whether all that the checks look for has been read."""
    return bool(
        await is_well(ctx)
        and await ctx.db.fetchval("SELECT count(*) FROM plugin_uptime_kuma.incident")
        and await ctx.db.fetchval("SELECT count(*) FROM plugin_uptime_kuma.maintenance")
        and await is_now(ctx, "Nas", Status.UP)
    )


async def made_with_announcements(ctx: Ctx, kuma: KumaSimulator) -> Ctx:
    """What another way read before: the metrics tell of no incidents."""
    before = with_fields(ctx, status_pages=["main"])
    async with reading(before):
        await until(lambda: announced(before))
    return ctx
