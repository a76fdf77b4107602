"""Handlers that raise, hang, ignore being cancelled or return rubbish cost their own call and nothing else."""

from __future__ import annotations

import json
from typing import Any

import asyncpg
import pytest

from medianest_hub.testing import Hub, Reply

Connection = asyncpg.Connection


@pytest.fixture(autouse=True)
async def same_processes(hub: Hub) -> Any:
    """Whatever a test here provokes: web and worker are the same processes afterwards, and answer."""

    async def pids() -> dict[str, int]:
        items = (await hub.admin.get("/api/v1/plugins")).json()["items"]
        return {one["role"]: one["pid"] for card in items if card["name"] == "healthy" for one in card["processes"]}

    before = await pids()
    yield
    assert await pids() == before
    assert (await hub.stranger.get("/api/health/ready")).status == 200


@pytest.mark.parametrize(
    ("route", "status", "code"),
    [
        ("raise", 500, "internal_error"),
        ("exit", 500, "internal_error"),
        ("hang", 504, "deadline_exceeded"),
        ("unheeding", 504, "deadline_exceeded"),
        ("garbage", 500, "internal_error"),
    ],
)
async def test_a_route_that_errs_is_a_problem_that_gives_nothing_away(
    hub: Hub, route: str, status: int, code: str
) -> None:
    reply = await hub.stranger.get(f"/api/v1/erring/{route}")
    assert (reply.status, reply.json()["code"]) == (status, code)
    assert reply.json()["request_id"]
    assert not [word for word in ("inside story", "hunter2", "Traceback") if word in reply.body.decode()]


@pytest.mark.parametrize("task", ["raises", "exits", "hangs"])
async def test_a_task_that_errs_is_a_failed_job_and_the_next_one_runs(hub: Hub, task: str) -> None:
    async def end(name: str) -> Any:
        job = (await hub.admin.post(f"/api/v1/erring/jobs/{name}")).json()["id"]
        ended = {"done", "failed", "cancelled"}
        reply = await hub.admin.until(f"/api/v1/jobs/{job}", lambda reply: reply.json()["state"] in ended, within=20)
        return reply.json()

    failed = await end(task)
    assert failed["state"] == "failed"
    assert failed["error_code"]
    assert (await end("works"))["state"] == "done"


async def test_widgets_that_err_are_tiles_with_a_reason_beside_those_that_work(hub: Hub) -> None:
    def settled(reply: Reply) -> bool:
        return {tile["title"]: tile["state"] for tile in reply.json()["items"] if tile["plugin"] == "erring"} == {
            "Raises": "error",
            "Hangs": "error",
            "Garbage": "error",
            "Works": "ok",
        }

    reply = await hub.admin.until("/api/v1/dashboard", settled)
    assert "no luck in the widget" not in reply.body.decode()
    assert next(tile["state"] for tile in reply.json()["items"] if tile["title"] == "Sum of healthy") in ("ok", "stale")


async def test_checks_that_err_are_down_and_the_hub_is_degraded_not_down(hub: Hub) -> None:
    def settled(reply: Reply) -> bool:
        checks = {check["name"]: check["status"] for check in reply.json()["checks"] if check["plugin"] == "erring"}
        return checks == {"raises": "down", "hangs": "down", "unheeding": "down", "garbage": "down", "works": "ok"}

    reply = await hub.admin.until("/api/health", settled, within=20)
    assert reply.json()["status"] == "degraded"


async def test_streams_that_end_are_begun_again_and_one_that_hangs_disturbs_none(
    hub: Hub, database: Connection
) -> None:
    beats = "SELECT count FROM plugin_healthy.counts WHERE what = 'beats'"
    before = await database.fetchval(beats)
    await hub.admin.until("/api/v1/healthy/counts", lambda reply: reply.json()["counts"]["beats"] > (before or 0) + 5)
    leases = {row["name"] for row in await database.fetch("SELECT name FROM medianest.leases")}
    assert {"raises", "returns", "hangs", "beat"} <= {name.rpartition(":")[2] for name in leases}


async def test_what_went_wrong_is_in_the_log_with_the_plugins_name(hub: Hub) -> None:
    await hub.stranger.get("/api/v1/erring/raise")
    lines = [json.loads(line) for line in hub.process.log.splitlines() if line.startswith("{")]
    told = [line for line in lines if "an inside story" in json.dumps(line)]
    assert told
    assert all("erring" in json.dumps(line) for line in told)
