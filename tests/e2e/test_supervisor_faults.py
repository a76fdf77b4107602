"""What `serve` survives while it runs: children and servers that die, plugins that kill at import, a full disk."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.e2e.supervisor_run import READY, Serve, gone, wait_for


def test_crashed_children_are_restarted(serve: Callable[..., Serve]) -> None:
    hub = serve()
    hub.until_all_up()
    for role in ("web", "worker"):
        os.kill(hub.starts(role)[0], signal.SIGKILL)
        hub.until(f"{role} was killed by SIGKILL; starting it again in 0.1 s")
        wait_for(lambda role=role: len(hub.starts(role)) == 2)
    assert psutil.Process(hub.starts("web")[1]).is_running()


def test_pauses_between_restarts_grow(serve: Callable[..., Serve]) -> None:
    hub = serve("serve", "exit:1")
    for pause in ("0.1", "0.2", "0.4", "0.8"):
        hub.until(f"worker ended with exit code 1; starting it again in {pause} s")
    assert hub.stop() == 0


def test_what_a_dead_child_left_in_its_group_is_ended(serve: Callable[..., Serve], data: Path) -> None:
    hub = serve("serve", "leaves-child")
    hub.until(READY)
    wait_for((data / "left-child").exists)
    wait_for(lambda: (data / "left-child").read_text())
    left = psutil.Process(int((data / "left-child").read_text()))
    os.kill(hub.starts("worker")[0], signal.SIGKILL)
    assert gone([left]) == []


def test_killed_postgres_and_valkey_are_started_again(serve: Callable[..., Serve]) -> None:
    hub = serve()
    hub.until(READY)
    for name, program in (("PostgreSQL", "bin/postgres"), ("Valkey", "valkey-server")):
        process = hub.named(program)
        process.kill()
        hub.until(f"{name} was killed by SIGKILL; starting it again in 0.1 s")
        wait_for(lambda old=process, program=program: hub.all_named(program) not in ([], [old]))
    assert hub.starts("web") == hub.starts("web")[:1], "the hub's own processes stay"
    assert hub.stop() == 0


def test_exit_code_2_of_a_child_stops_all_without_restarting(serve: Callable[..., Serve]) -> None:
    hub = serve("serve", "exit:2")
    assert hub.wait() == 2
    assert len(hub.starts("worker")) == 1


def test_plugin_that_ends_the_process_at_import_is_quarantined(serve: Callable[..., Serve], data: Path) -> None:
    hub = serve("import-exits:evil serve")
    hub.until("the plugin evil is in quarantine: web ended with exit code 0 while importing it")
    hub.until(READY)
    entry = json.loads((data / "quarantine.json").read_text())["evil"]
    assert entry["reason"] == "web ended with exit code 0 while importing it"
    assert entry["at"].endswith("+00:00")
    assert not (data / "run" / "loading-web").exists()


def test_plugin_that_loops_at_import_is_ended_and_quarantined(serve: Callable[..., Serve], data: Path) -> None:
    hub = serve("serve", "import-hangs:endless serve", loading=0.5)
    hub.until("worker hangs while importing the plugin endless; ending it")
    hub.until("the plugin endless is in quarantine")
    wait_for(lambda: len(hub.starts("worker")) == 2)
    entry = json.loads((data / "quarantine.json").read_text())["endless"]
    assert entry["reason"] == "worker hung while importing it"


def test_crash_outside_any_import_blames_no_plugin(serve: Callable[..., Serve], data: Path) -> None:
    hub = serve("serve", "die serve")
    hub.until("worker was killed by SIGKILL; starting it again")
    assert not (data / "quarantine.json").exists()


def test_supervisor_goes_on_when_nobody_reads_its_lines(serve: Callable[..., Serve]) -> None:
    hub = serve()
    hub.until_all_up()
    hub.output.close()
    os.kill(hub.starts("worker")[0], signal.SIGKILL)
    wait_for(lambda: len(hub.starts("worker")) == 2)
    hub.process.terminate()
    assert hub.process.wait(30) == 0


def test_memory_of_the_supervisor_stays_small(serve: Callable[..., Serve]) -> None:
    hub = serve()
    hub.until(READY)
    assert psutil.Process(hub.process.pid).memory_full_info().pss < 40 * 2**20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", disk], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mounting a small disk takes root")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def fill(disk: Path) -> Path:
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (2**20, 4096, 1):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size) == size:
                    pass
    return ballast


def test_full_disk_is_one_clear_line_at_start_and_waited_out_while_running(
    serve: Callable[..., Serve], small_disk: Path
) -> None:
    hub = serve(at=small_disk / "data")
    hub.until(READY)
    pid_file = small_disk / "data" / "postgres" / "postmaster.pid"
    ballast = fill(small_disk)
    hub.named("bin/postgres").kill()
    hub.until("PostgreSQL was killed by SIGKILL")
    hub.until("No space left on device); starting it again")
    ballast.unlink()
    wait_for(lambda: hub.all_named("bin/postgres") and "ready" in pid_file.read_text() if pid_file.exists() else False)
    assert hub.stop() == 0

    fill(small_disk)
    again = serve(at=small_disk / "data")
    assert again.wait() == 2
    assert "cannot be written to: No space left on device" in again.text
    assert again.text.count("\n") == 1
