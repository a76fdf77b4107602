"""What is decided at Overseerr reaches whoever asked: at once by its webhook, and once with two workers and two webs."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import socketio

from medianest_hub.infrastructure import processes
from medianest_hub.infrastructure.data_dir import DataDir
from medianest_hub.testing.hub import Hub, HubClient, HubProcess, free_port, run_hub
from tests.e2e.two_workers import until
from tests.replicas import second_web
from tests.simulators.overseerr.server import OVERSEERR, SEERR, Kind, OverseerrSimulator

FILM, OTHER_FILM = 910001, 910002
HOOK = "/api/v1/plugins/overseerr/webhooks/notification/secret"
AT_ONCE = 1.0
"""Seconds within which whoever asked is to hear of it; measured, and shown."""


@pytest.fixture(params=[OVERSEERR, SEERR], ids=["overseerr", "seerr"])
def sim(request: pytest.FixtureRequest) -> Iterator[OverseerrSimulator]:
    with OverseerrSimulator(request.param).running() as simulator:
        simulator.add_user("mia", plex_id=1002)
        simulator.add_user("tom", email="tom@home.example")
        yield simulator


@pytest.fixture
def process(short_folder: Path, sim: OverseerrSimulator) -> Iterator[HubProcess]:
    overseerr = {"url": sim.url, "api_key": sim.api_key, "posters_url": sim.url, "poll_seconds": 3600}
    plugins = {"blocked": ["youtube", "plex", "uptime_kuma", "hello", "notify"], "overseerr": overseerr}
    with run_hub(short_folder, {"plugins": plugins}) as hub, second_worker(hub):
        yield hub


@contextmanager
def second_worker(hub: HubProcess) -> Iterator[None]:
    """Another worker beside the hub's own, on its Postgres and Valkey."""
    addresses = DataDir(hub.folder / "data").addresses()
    variables = {**hub.environment, **addresses, "MEDIANEST_WORKER__PORT": str(free_port())}
    with (hub.folder / "worker.log").open("ab") as log:
        worker = processes.spawn(
            [sys.executable, "-P", "-m", "medianest_hub", "worker"],
            death_signal=signal.SIGKILL,
            env=variables,
            output=log.fileno(),
        )
    try:
        yield
        assert worker.poll() is None
    finally:
        processes.stop(worker, (signal.SIGTERM, 15.0))


@pytest.fixture
async def hub(process: HubProcess) -> AsyncIterator[Hub]:
    async with Hub(process) as hub:
        yield hub


class Page:
    """An open page: every live event with its time."""

    def __init__(self) -> None:
        self.events: list[tuple[float, str, Any]] = []
        self.client = socketio.AsyncClient(reconnection=False)
        self.client.on("*", self._heard)

    def _heard(self, event: str, data: Any = None) -> None:
        self.events.append((time.monotonic(), event, data))

    def states(self) -> list[str | None]:
        """Of the requests, in the order they were heard."""
        return [data["state"] for _, event, data in self.events if event == "overseerr:request.changed"]

    def notifications(self) -> int:
        return sum(event == "notification:new" for _, event, _ in self.events)

    async def heard(self, check: Callable[[], bool]) -> float:
        """When the last event came that made it true."""
        await until(check)
        return self.events[-1][0]


async def kinds(client: HubClient) -> list[str]:
    """What somebody's list holds, the oldest first."""
    items = (await client.get("/api/v1/notifications")).json()["items"]
    return [item["kind"] for item in reversed(items)]


@pytest.fixture
async def mia(hub: Hub, sim: OverseerrSimulator) -> HubClient:
    """Matched with her user at Overseerr, once the hub has looked there for the first time."""
    mia = await hub.person("mia")
    me = (await mia.get("/api/v1/auth/session")).json()["user"]["id"]
    await hub.admin.until("/api/v1/overseerr/people", lambda reply: reply.status == 200, within=60)
    assert (await hub.admin.put(f"/api/v1/overseerr/people/{me}", json={"user_id": 2})).status == 200
    everybodys = "/api/v1/overseerr/manage/requests"
    await hub.admin.until(everybodys, lambda reply: reply.json()["freshness"]["as_of"] is not None, within=60)
    template = (await hub.admin.get("/api/v1/overseerr/webhook-template")).json()
    secret = (await hub.admin.post(HOOK)).json()
    assert template["address"] == secret["address"]
    await asyncio.to_thread(sim.set_webhook, secret["address"], secret["authorization"], template["json_payload"])
    return mia


async def test_whoever_asked_hears_of_it_once_and_at_once(
    hub: Hub, sim: OverseerrSimulator, mia: HubClient, record_property: Callable[[str, object], None]
) -> None:
    page, hook = Page(), sim.world.webhook
    with second_web(hub.process) as other:
        await page.client.connect(other, auth={"token": mia.token}, transports=["websocket"])
        try:
            request = await asyncio.to_thread(sim.request, "mia", ("movie", FILM))
            await page.heard(lambda: page.states() == ["pending"])
            approved = time.monotonic()
            await asyncio.to_thread(sim.approve, request)
            event = await page.heard(lambda: page.states() == ["pending", "processing"])
            notification = await page.heard(lambda: page.notifications() == 1)
            took = max(event, notification) - approved
            dialect = "Seerr" if sim.world.seerr else "Overseerr"
            record_property(
                "shown", f"{dialect}: approved there, event and notification after {took:.2f} s (≤ {AT_ONCE:g} s)"
            )

            # The same once more by the other web process, and everything looked at, at the same moment.
            again = f"{other}/api/v1/hooks/overseerr/notification"
            for address in (again, hook.url):
                assert await sim.notify(Kind.MEDIA_APPROVED, address, hook.authorization, request=request) == 200
            await asyncio.to_thread(sim.arrive, request)
            await page.heard(lambda: page.notifications() == 2)
            there = "completed" if sim.world.seerr else "available"
            assert page.states() == ["pending", "processing", there]
            assert await kinds(mia) == ["overseerr.request_approved", "overseerr.request_available"]
            assert await kinds(hub.admin) == ["overseerr.request_pending"]
            activity = (await mia.get("/api/v1/activity")).json()["items"]
            assert [one["kind"] for one in reversed(activity)] == [
                "overseerr.requested",
                "overseerr.request_approved",
                "overseerr.request_available",
            ]
        finally:
            await page.client.disconnect()


@pytest.mark.parametrize("sim", [SEERR], indirect=True)
async def test_what_others_asked_for_and_what_strangers_post_reaches_nobody(
    hub: Hub, sim: OverseerrSimulator, mia: HubClient
) -> None:
    page, hook = Page(), sim.world.webhook
    await page.client.connect(hub.url, auth={"token": mia.token}, transports=["websocket"])
    try:
        his = await asyncio.to_thread(sim.request, "tom", ("movie", OTHER_FILM))
        hers = await asyncio.to_thread(sim.request, "mia", ("movie", FILM))
        await page.heard(lambda: page.states() == ["pending"])
        await asyncio.to_thread(sim.approve, his)
        for authorization in ("", "Bearer mnw_of-somebody-else"):
            assert await sim.notify(Kind.MEDIA_APPROVED, hook.url, authorization, request=hers) == 401
        await sim.reached(lambda: len(hook.sent) == 3)
        assert {status for _, status in hook.sent} == {200}
        await asyncio.to_thread(sim.decline, hers)
        await page.heard(lambda: page.notifications() == 1)
        assert page.states() == ["pending", "declined"]
        assert await kinds(mia) == ["overseerr.request_declined"]
        assert "tom" not in repr(page.events)
        assert sorted(await kinds(hub.admin)) == ["overseerr.request_pending"] * 2
    finally:
        await page.client.disconnect()


async def act(client: HubClient, action: dict[str, Any], **more: str) -> Any:
    """Press the button, as a page does."""
    reply = await client.request(action["method"], action["path"], json={**action["body"], **more})
    assert reply.status in (200, 201), reply.body
    return reply.json()


@pytest.mark.parametrize("sim", [SEERR], indirect=True)
async def test_a_member_searches_asks_and_hears_when_it_has_arrived(
    hub: Hub, sim: OverseerrSimulator, mia: HubClient
) -> None:
    name = sim.world.catalogue.get("movie", FILM).name  # type: ignore[union-attr]

    async def found() -> dict[str, Any]:
        reply = await mia.get("/api/v1/media/search", params={"q": name})
        (hit,) = [one for one in reply.json()["items"] if one["external_ids"].get("tmdb") == str(FILM)]
        assert isinstance(hit, dict)
        return hit

    hit = await found()
    assert (hit["state"], hit["requests"]) == ("requestable", [])
    (button,) = hit["actions"]
    await act(mia, button)
    assert [one.requested_by.id for one in sim.world.requests.values()] == [2]

    async def is_marked() -> bool:
        hit = await found()
        return [(one["state"], one["mine"]) for one in hit["requests"]] == [("pending", True)] and not hit["actions"]

    await until(is_marked)

    async def waiting() -> Any:
        tile = (await hub.admin.get("/api/v1/dashboard/overseerr.main.waiting")).json()
        return tile["data"]["items"]

    (line,) = await until(waiting)
    assert (line["title"].startswith(name), line["subtitle"]) == (True, "mia")
    await act(hub.admin, next(one for one in line["actions"] if one["id"] == "approve"))
    await asyncio.to_thread(sim.arrive, sim.world.requests[1])

    async def has_arrived() -> bool:
        return (await kinds(mia))[-1:] == ["overseerr.request_available"]

    await until(has_arrived)

    async def is_there() -> bool:
        card = (await mia.get("/api/v1/dashboard/overseerr.main.my_requests")).json()["data"]["items"][0]
        return bool(card["badge"] == "There")

    await until(is_there)
    assert await until(lambda: _nothing(waiting))


async def _nothing(ask: Callable[[], Any]) -> bool:
    return await ask() == []
