"""The supervisor over real processes: order of starting, faults of every child, and nothing left behind."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import psutil
import pytest

from medianest_hub.infrastructure.processes import RunAs, spawn

DRIVER = Path(__file__).with_name("supervisor_driver.py")
READY = "MediaNest Hub is ready at http://127.0.0.1:"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: Callable[[], object], limit: float = 20.0) -> None:
    end = time.monotonic() + limit
    while not what():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


class Serve:
    """One `serve` as a process of its own, its children stand-ins."""

    def __init__(
        self,
        data: Path,
        web: str = "serve",
        worker: str = "serve",
        migrate: str = "exit:0",
        *,
        loading: float = 30.0,
        grace: float = 10.0,
        run_as: RunAs | None = None,
        **environ: str,
    ) -> None:
        self.data = data
        self.port = free_port()
        clean = {name: value for name, value in os.environ.items() if not name.startswith("MEDIANEST_")}
        reader, writer = os.pipe()
        self.output: IO[str] = os.fdopen(reader)
        self.seen: list[str] = []
        self.process = spawn(
            [sys.executable, DRIVER, str(grace), str(loading), *f"{web} -- {worker} -- {migrate}".split()],
            death_signal=signal.SIGKILL,
            env={
                **clean,
                "MEDIANEST_DATA_DIR": str(data),
                "MEDIANEST_SERVER__PORT": str(self.port),
                "MEDIANEST_WORKER__PORT": str(free_port()),
                "MEDIANEST_LOG__FORMAT": "console",
                **environ,
            },
            run_as=run_as,
            output=writer,
            cwd=str(data.parent),
        )
        os.close(writer)

    def until(self, text: str) -> str:
        """Read its output up to the line with `text`."""
        for line in self.output:
            self.seen.append(line)
            if text in line:
                return line
        raise AssertionError(f"it ended without saying {text!r}:\n{''.join(self.seen)}")

    def family(self) -> list[psutil.Process]:
        return [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]

    def named(self, name: str) -> psutil.Process:
        """Its direct child running `name`."""
        (found,) = self.all_named(name)
        return found

    def all_named(self, name: str) -> list[psutil.Process]:
        children = psutil.Process(self.process.pid).children()
        return [child for child in children if child.is_running() and name in " ".join(child.cmdline())]

    def until_all_up(self) -> None:
        """Ready, and the worker has come as far as to listen to signals."""
        self.until(READY)
        wait_for(lambda: (self.data / "up-worker").exists())

    def starts(self, role: str) -> list[int]:
        path = self.data / f"starts-{role}"
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    def stop(self, number: int = signal.SIGTERM, limit: float = 30.0) -> int:
        self.process.send_signal(number)
        return self.wait(limit)

    def wait(self, limit: float = 30.0) -> int:
        code = self.process.wait(limit)
        self.seen += self.output.readlines()
        return code

    @property
    def text(self) -> str:
        return "".join(self.seen)

    def close(self) -> None:
        if self.process.poll() is None:
            family = self.family()
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                for process in family:
                    if process.is_running():
                        process.kill()
                self.process.wait()
        self.output.close()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def serve(data: Path) -> Iterator[Callable[..., Serve]]:
    running: list[Serve] = []

    def start(*args: str, at: Path = data, **options: object) -> Serve:
        running.append(Serve(at, *args, **options))  # type: ignore[arg-type]
        return running[-1]

    yield start
    for one in running:
        one.close()


def gone(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those of `processes` still there after 20 s."""
    return psutil.wait_procs(processes, timeout=20)[1]


def test_first_start_migrates_once_then_is_ready_and_sigterm_leaves_nothing(
    serve: Callable[..., Serve], data: Path
) -> None:
    hub = serve("orderly", "orderly")
    hub.until_all_up()
    assert hub.seen[-1] == f"{READY}{hub.port}\n"
    assert len(hub.starts("migrate")) == 1
    family = hub.family()
    assert hub.stop() == 0
    assert gone(family) == []
    assert (data / "orderly-web").exists()
    assert (data / "orderly-worker").exists()
    assert not list(data.rglob(".s.PGSQL*")), "sockets are left"
    assert (data / "secret.key").stat().st_mode & 0o777 == 0o600

    again = serve()
    again.until(READY)
    assert len(again.starts("migrate")) == 1, "a database that exists is not migrated without need"


def test_children_are_told_where_everything_is(serve: Callable[..., Serve], data: Path) -> None:
    hub = serve()
    hub.until(READY)
    environ = psutil.Process(hub.starts("web")[0]).environ()
    assert environ["MEDIANEST_SUPERVISED"] == "1"
    assert environ["MEDIANEST_SECRET_KEY_FILE"] == str(data / "secret.key")
    assert environ["MEDIANEST_QUARANTINE"] == str(data / "quarantine.json")
    assert environ["MEDIANEST_LOADING_JOURNAL"] == str(data / "run" / "loading-web")
    assert environ["MEDIANEST_DATABASE__URL"].startswith("postgresql://app@/app?host=")


def test_kill_of_the_supervisor_takes_every_child_along_and_the_next_start_recovers(
    serve: Callable[..., Serve], data: Path
) -> None:
    hub = serve("deaf", "deaf")
    hub.until_all_up()
    family = hub.family()
    assert len(family) > 5
    hub.process.kill()
    hub.process.wait()
    assert gone(family) == []

    again = serve()
    again.until(READY)
    assert again.stop() == 0


def test_start_right_after_a_kill_waits_for_the_dying(serve: Callable[..., Serve]) -> None:
    hub = serve()
    hub.until(READY)
    hub.process.kill()
    again = serve()
    again.until(READY)
    hub.process.wait()


def test_start_over_a_database_that_was_killed_too_clears_its_stale_files(
    serve: Callable[..., Serve], data: Path
) -> None:
    hub = serve()
    hub.until(READY)
    family = hub.family()
    hub.process.send_signal(signal.SIGSTOP)  # or it would start them again
    for process in (hub.named("bin/postgres"), hub.named("valkey-server"), hub.process):
        process.kill()
    hub.process.wait()
    assert gone(family) == []
    # The number in the stale file now belongs to a living process, which PostgreSQL takes for itself.
    pid_file = data / "postgres" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    serve().until(READY)


def test_second_serve_on_the_same_data_is_refused_and_the_first_goes_on(
    serve: Callable[..., Serve], data: Path
) -> None:
    hub = serve()
    hub.until(READY)
    second = serve()
    assert second.wait() == 2
    assert second.text == (
        f"medianest: another medianest (process {hub.process.pid}) already uses the data directory {data}\n"
    )
    assert {process.pid for process in hub.family()} >= {hub.starts("web")[0], hub.starts("worker")[0]}


def test_taken_port_is_one_clear_line(serve: Callable[..., Serve], data: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        hub = serve(MEDIANEST_SERVER__PORT=str(port))
        assert hub.wait() == 2
    assert hub.text == (
        f"medianest: server.port {port} on server.host 127.0.0.1 is taken by another program; "
        "stop it, or choose another (MEDIANEST_SERVER__PORT)\n"
    )
    assert not (data / "postgres").exists()


def test_address_that_is_not_ours_is_one_clear_line(serve: Callable[..., Serve]) -> None:
    hub = serve(MEDIANEST_SERVER__HOST="192.0.2.1")
    assert hub.wait() == 2
    assert hub.text.count("\n") == 1
    assert "on server.host 192.0.2.1 cannot be listened on" in hub.text


def test_data_directory_that_is_a_file_is_one_clear_line(serve: Callable[..., Serve], data: Path) -> None:
    data.write_text("")
    hub = serve()
    assert hub.wait() == 2
    assert hub.text == (
        f"medianest: the data directory {data} cannot be written to: File exists; "
        "put that right, or choose another with data_dir (MEDIANEST_DATA_DIR)\n"
    )


def test_data_directory_without_its_key_is_refused_rather_than_given_a_new_one(
    serve: Callable[..., Serve], data: Path
) -> None:
    hub = serve()
    hub.until(READY)
    hub.stop()
    (data / "secret.key").unlink()
    again = serve()
    assert again.wait() == 2
    assert "put the key back from a backup" in again.text
    assert again.text.count("\n") == 1


def test_crashed_children_are_restarted(serve: Callable[..., Serve]) -> None:
    hub = serve()
    hub.until(READY)
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


def test_schema_behind_is_migrated_and_the_processes_start_again(serve: Callable[..., Serve]) -> None:
    hub = serve("exit:75 serve", "exit:75 serve")
    hub.until(READY)
    assert len(hub.starts("migrate")) == 2
    assert hub.stop() == 0


def test_migrating_that_changes_nothing_is_given_up(serve: Callable[..., Serve]) -> None:
    hub = serve("exit:75")
    assert hub.wait() == 2
    assert "migrating did not change that" in hub.text


def test_failing_migration_is_tried_again_then_given_up(serve: Callable[..., Serve]) -> None:
    hub = serve(migrate="exit:1")
    assert hub.wait() == 2
    assert "the database could not be migrated: migrate ended with exit code 1" in hub.text
    assert hub.starts("web") == []


def test_schema_newer_than_the_program_is_passed_on_as_exit_code_2(serve: Callable[..., Serve]) -> None:
    hub = serve(migrate="exit:2")
    assert hub.wait() == 2
    assert len(hub.starts("migrate")) == 1


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


def test_deaf_children_are_killed_after_the_grace(serve: Callable[..., Serve]) -> None:
    hub = serve("deaf", "deaf", grace=0.5)
    hub.until_all_up()
    family = hub.family()
    assert hub.stop() == 0
    assert gone(family) == []


def test_second_ctrl_c_hurries(serve: Callable[..., Serve], data: Path) -> None:
    hub = serve("deaf", "orderly", grace=600)
    hub.until_all_up()
    hub.process.send_signal(signal.SIGINT)
    wait_for((data / "orderly-worker").exists)
    assert hub.stop(signal.SIGINT) == 0


def test_ctrl_c_before_readiness_leaves_nothing(serve: Callable[..., Serve]) -> None:
    hub = serve("exit:1", "exit:1")
    hub.until("starting it again")
    family = hub.family()
    assert hub.stop(signal.SIGINT) == 0
    assert gone(family) == []


def test_supervisor_goes_on_when_nobody_reads_its_lines(serve: Callable[..., Serve]) -> None:
    hub = serve()
    hub.until(READY)
    hub.output.close()
    os.kill(hub.starts("worker")[0], signal.SIGKILL)
    wait_for(lambda: len(hub.starts("worker")) == 2)
    hub.process.terminate()
    assert hub.process.wait(30) == 0


@pytest.mark.parametrize("name", ["a name with spaces, and a comma", "n" * 120])
def test_any_path_will_do_for_the_data(serve: Callable[..., Serve], tmp_path: Path, name: str) -> None:
    hub = serve(at=tmp_path / name)
    hub.until(READY)
    sockets = Path(psutil.Process(hub.starts("web")[0]).environ()["MEDIANEST_DATABASE__URL"].split("host=")[1]).parent
    assert sockets.exists()
    assert hub.stop() == 0
    assert not sockets.exists()


def test_memory_of_the_supervisor_stays_small(serve: Callable[..., Serve]) -> None:
    hub = serve()
    hub.until(READY)
    assert psutil.Process(hub.process.pid).memory_full_info().pss < 40 * 2**20


def test_stopping_ends_what_a_child_left_in_its_group(serve: Callable[..., Serve], data: Path) -> None:
    hub = serve("serve", "leaves-child")
    hub.until(READY)
    wait_for(lambda: (data / "left-child").exists() and (data / "left-child").read_text())
    left = psutil.Process(int((data / "left-child").read_text()))
    assert hub.stop() == 0
    assert gone([left]) == []


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


root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
NOBODY = RunAs(65534, 65534, 2)  # an ordinary user who may read, as the tests may be in a closed folder


@root_only
def test_as_root_the_servers_are_an_ordinary_user_behind_closed_parent_folders(
    serve: Callable[..., Serve], tmp_path: Path
) -> None:
    closed = tmp_path / "home"
    closed.mkdir(mode=0o700)
    closed.chmod(0o700)
    hub = serve(at=closed / "data")
    hub.until(READY)
    for program in ("bin/postgres", "valkey-server"):
        assert hub.named(program).uids().real != 0
    assert closed.stat().st_mode & 0o777 == 0o700
    assert hub.stop() == 0
    again = serve(at=closed / "data")
    again.until(READY)


@root_only
def test_an_ordinary_user_runs_everything_as_themselves(serve: Callable[..., Serve], tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    os.chown(home, NOBODY.user, NOBODY.group)
    hub = serve(at=home / "data", run_as=NOBODY)
    hub.until(READY)
    family = hub.family()
    assert {process.uids().real for process in family} == {NOBODY.user}
    assert hub.stop() == 0
    assert gone(family) == []
    # Root on the same data afterwards: the servers stay with the owner of the data.
    by_root = serve(at=home / "data")
    by_root.until(READY)
    assert by_root.named("bin/postgres").uids().real == NOBODY.user
    assert by_root.stop() == 0


@root_only
def test_data_put_back_by_root_are_handed_to_the_servers(serve: Callable[..., Serve], data: Path) -> None:
    hub = serve()
    hub.until(READY)
    assert hub.stop() == 0
    for folder in (data / "postgres", data / "valkey"):
        for path in (folder, *folder.rglob("*")):
            os.chown(path, 0, 0)
    again = serve()
    again.until(READY)
    assert again.stop() == 0


@root_only
def test_directory_an_ordinary_user_may_not_write_is_one_clear_line(
    serve: Callable[..., Serve], tmp_path: Path
) -> None:
    hub = serve(at=tmp_path / "data", run_as=NOBODY)
    assert hub.wait() == 2
    assert f"the data directory {tmp_path / 'data'} cannot be written to: Permission denied" in hub.text
    assert hub.text.count("\n") == 1
