"""`medianest worker` as real processes: killed, stopped, misconfigured, cut off from Redis."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import aiohttp
import psutil
import pytest

from medianest_hub.infrastructure import processes
from medianest_hub.infrastructure.embedded.valkey import EmbeddedValkey
from medianest_hub.plugin_api import JobState
from medianest_hub.testing.distributions import plugin_source, write_distribution

from .conftest import Bench, Process, eventually

SECRET = "a-secret-key-of-these-tests-32-characters"

PROBE = plugin_source("""
import asyncio, os, time
from datetime import timedelta
from pathlib import Path

NOTES = Path(os.environ["PROBE_NOTES"])

def note(*words):
    with NOTES.open("a") as file:
        file.write(" ".join(map(str, (os.getpid(), *words))) + "\\n")

@task("slow", retries=0)
async def slow(ctx: Context, job: Job) -> None:
    note("slow", job.attempt)
    while not NOTES.with_suffix(".go").exists():
        await asyncio.sleep(0.05)
    note("slow-done", job.attempt)

@task("quick")
async def quick(ctx: Context, job: Job) -> None:
    note("quick")

@task("tick", every=timedelta(seconds=1))
async def tick(ctx: Context, job: Job) -> None:
    note("tick")

@stream("ear")
async def ear(ctx: Context, lease: Lease) -> None:
    note("ear", lease.fence)
    await asyncio.Event().wait()

@hookimpl
def hub_tasks():
    return [slow, quick, tick]

@hookimpl
def hub_streams():
    return [ear]
""")


class Workers:
    """Starts worker processes on one database and one Redis and reads what their plugin noted."""

    def __init__(self, folder: Path, postgres_url: str, redis_url: str) -> None:
        self.folder = folder
        self.notes_file = folder / "notes"
        self.notes_file.touch()
        write_distribution(folder / "installed", "probe", PROBE)
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(folder / "installed"),
            "PROBE_NOTES": str(self.notes_file),
            "MEDIANEST_DATABASE__URL": postgres_url,
            "MEDIANEST_REDIS__URL": redis_url,
            "MEDIANEST_SECRET_KEY": SECRET,
            "MEDIANEST_DATA_DIR": str(folder / "data"),
            "MEDIANEST_LOG__FORMAT": "json",
            "MEDIANEST_PLUGINS__BLOCKED": '["youtube", "hello"]',
        }
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self, **more: str) -> subprocess.Popen[bytes]:
        environment = {"MEDIANEST_WORKER__PORT": str(free_port()), **self.environment, **more}
        with (self.folder / "log").open("ab") as log:
            process = processes.spawn(
                [sys.executable, "-m", "medianest_hub", "worker"],
                death_signal=signal.SIGKILL,
                env=environment,
                output=log.fileno(),
            )
        self.running.append(process)
        return process

    def notes(self, kind: str) -> list[tuple[int, list[str]]]:
        """What was noted under that word: process id and the rest."""
        lines = [line.split() for line in self.notes_file.read_text().splitlines()]
        return [(int(words[0]), words[2:]) for words in lines if words[1] == kind]

    def let_go(self) -> None:
        """Let the slow task end."""
        self.notes_file.with_suffix(".go").touch()

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()


@pytest.fixture
def workers(tmp_path: Path, postgres_url: str, redis_url: str) -> Iterator[Workers]:
    made = Workers(tmp_path, postgres_url, redis_url)
    yield made
    for process in made.running:
        processes.stop(process, (signal.SIGTERM, 15.0))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def ended(process: subprocess.Popen[bytes], within: float) -> int:
    """The exit code; the time is measured by the caller's limit."""
    await eventually(lambda: process.poll() is not None, within=within)
    assert process.returncode is not None
    return process.returncode


async def slow_job_begun(hub: Process, workers: Workers, process: subprocess.Popen[bytes]) -> UUID:
    job_id = await hub.jobs.enqueue("probe", "main", "slow", {})
    await eventually(lambda: workers.notes("slow") == [(process.pid, ["1"])], within=15)
    return job_id


async def test_a_killed_worker_is_taken_over_from(hub: Process, workers: Workers) -> None:
    one = workers.start()
    job_id = await slow_job_begun(hub, workers, one)
    await eventually(lambda: workers.notes("ear") == [(one.pid, ["1"])])
    two = workers.start()
    two_is_there = asyncio.create_task(_processes(hub, 2))
    await two_is_there
    one.kill()
    killed = time.monotonic()
    # The stream within 15 seconds, the job as soon as its worker counts as dead, the periodic task all along.
    await eventually(lambda: workers.notes("ear") == [(one.pid, ["1"]), (two.pid, ["2"])], within=15)
    await eventually(lambda: workers.notes("slow") == [(one.pid, ["1"]), (two.pid, ["2"])], within=10)
    ticked = sum(pid == two.pid for pid, _ in workers.notes("tick"))
    assert abs(ticked - (time.monotonic() - killed)) < 4
    workers.let_go()
    view = await hub.ended(job_id)
    assert (view.state, view.attempt) == (JobState.DONE, 2)
    assert [pid for pid, _ in workers.notes("slow-done")] == [two.pid]


async def _processes(hub: Process, count: int) -> None:
    async def there() -> bool:
        return bool(await hub.db.fetchval("SELECT count(*) = $1 FROM medianest.processes", count))

    await eventually(there, within=15)


async def test_a_worker_asked_to_stop_hands_its_job_and_stream_over(hub: Process, workers: Workers) -> None:
    one = workers.start()
    job_id = await slow_job_begun(hub, workers, one)
    await eventually(lambda: len(workers.notes("ear")) == 1)
    two = workers.start()
    await _processes(hub, 2)
    one.send_signal(signal.SIGTERM)
    assert await ended(one, within=12) == 0
    await eventually(lambda: (two.pid, ["1"]) in workers.notes("slow"), within=3)
    await eventually(lambda: (two.pid, ["2"]) in workers.notes("ear"), within=3)
    workers.let_go()
    view = await hub.ended(job_id)
    assert (view.state, view.attempt) == (JobState.DONE, 1)
    two.send_signal(signal.SIGINT)
    assert await ended(two, within=5) == 0
    assert "Traceback" not in workers.log


async def test_the_worker_says_how_it_is_on_its_own_port(hub: Process, workers: Workers) -> None:
    port = free_port()
    workers.start(MEDIANEST_WORKER__PORT=str(port), MEDIANEST_METRICS__TOKEN="let-me-see")
    job_id = await hub.jobs.enqueue("probe", "main", "quick", {})
    await hub.ended(job_id, within=15)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
        async with client.get("/health/live") as answer:
            assert (answer.status, await answer.json()) == (200, {"status": "ok"})
        async with client.get("/health/ready") as answer:
            said = await answer.json()
            assert (answer.status, said["status"]) == (200, "ok")
        async with client.get("/metrics") as answer:
            assert answer.status == 401
        async with client.get("/metrics", headers={"Authorization": "Bearer let-me-see"}) as answer:
            text = await answer.text()
    assert 'medianest_jobs_total{outcome="done",plugin="probe",task="quick"} 1.0' in text
    assert 'medianest_stream_held{plugin="probe",stream="ear"} 1.0' in text
    # A second worker on the same port goes on without one.
    second = workers.start(MEDIANEST_WORKER__PORT=str(port))
    await _processes(hub, 2)
    assert f"127.0.0.1:{port} cannot be used" in workers.log
    assert second.poll() is None


async def test_without_a_token_its_figures_are_for_callers_at_home(hub: Process, workers: Workers) -> None:
    port = free_port()
    workers.start(MEDIANEST_WORKER__PORT=str(port))
    await _processes(hub, 1)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
        async with client.get("/metrics") as answer:
            assert answer.status == 200
        async with client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"}) as answer:
            assert answer.status == 401
            assert "metrics.token" in await answer.text()


async def test_redis_away_costs_next_to_nothing_and_is_survived(
    bench: Bench, tmp_path: Path, valkey_server: EmbeddedValkey
) -> None:
    bench.redis_url = valkey_server.url
    hub = await bench.process()
    workers = Workers(tmp_path, bench.postgres_url, valkey_server.url)
    process = workers.start()
    try:
        await hub.ended(await hub.jobs.enqueue("probe", "main", "quick", {}), within=15)
        valkey_server.stop()
        assert not await hub.redis.publish("anything", {})
        before = psutil.Process(process.pid).cpu_times()
        lines = len(workers.log.splitlines())
        await asyncio.sleep(3)
        after = psutil.Process(process.pid).cpu_times()
        assert (after.user + after.system) - (before.user + before.system) < 0.6
        assert len(workers.log.splitlines()) - lines < 20
        assert len(workers.notes("tick")) >= 3, "periodic tasks go on without Redis"
        valkey_server.start()
        await eventually(lambda: not hub.redis.is_away)
        await hub.ended(await hub.jobs.enqueue("probe", "main", "quick", {}), within=5)
    finally:
        processes.stop(process, (signal.SIGTERM, 15.0))


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"MEDIANEST_DATABASE__URL": "empty"}, 75, "medianest migrate"),
        ({"MEDIANEST_DATABASE__URL": "missing"}, 2, "database"),
        ({"MEDIANEST_SECRET_KEY": ""}, 2, "secret_key"),
    ],
    ids=["schema behind", "no such database", "no key"],
)
async def test_what_only_the_operator_can_mend_is_one_line_and_an_exit_code(
    workers: Workers, empty_postgres_url: str, postgres_url: str, change: dict[str, str], code: int, words: str
) -> None:
    urls = {"empty": empty_postgres_url, "missing": postgres_url.replace("/test_", "/no_such_")}
    if change.get("MEDIANEST_SECRET_KEY") == "":
        workers.environment.pop("MEDIANEST_SECRET_KEY")
        change = {}
    process = workers.start(**{name: urls.get(value, value) for name, value in change.items()})
    assert await ended(process, within=20) == code
    said = [line for line in workers.log.splitlines() if not line.startswith("{")]
    assert len(said) == 1
    assert words in said[0]
