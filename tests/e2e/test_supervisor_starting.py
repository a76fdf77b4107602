"""How `serve` starts: in order, on data of its own, and with one clear line where it cannot."""

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.e2e.supervisor_run import READY, Serve, gone


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
    hub.until_all_up()
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


def test_outside_database_without_its_key_is_one_clear_line_before_anything_is_made(
    serve: Callable[..., Serve], data: Path
) -> None:
    hub = serve(MEDIANEST_DATABASE__URL="postgresql://me:hunter2@127.0.0.1:1/x")
    assert hub.wait() == 2
    assert hub.text == (
        "medianest: database.url is set, so secret_key must be too (MEDIANEST_SECRET_KEY or "
        "MEDIANEST_SECRET_KEY_FILE); make one with `openssl rand -hex 32` and keep it\n"
    )
    assert not (data / "valkey").exists()
    assert hub.starts("web") == []


@pytest.mark.parametrize(("worker", "most"), [("serve", 2), ("exit:75 serve", 3)])
def test_schema_behind_is_migrated_and_the_processes_start_again(
    serve: Callable[..., Serve], worker: str, most: int
) -> None:
    hub = serve("exit:75 serve", worker)
    hub.until_all_up()
    # One of both may be stopped for the migration before it came to say the same, and then says it after that.
    assert 2 <= len(hub.starts("migrate")) <= most
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


@pytest.mark.parametrize("name", ["a name with spaces, and a comma", "n" * 120])
def test_any_path_will_do_for_the_data(serve: Callable[..., Serve], tmp_path: Path, name: str) -> None:
    hub = serve(at=tmp_path / name)
    hub.until(READY)
    sockets = Path(psutil.Process(hub.starts("web")[0]).environ()["MEDIANEST_DATABASE__URL"].split("host=")[1]).parent
    assert sockets.exists()
    assert hub.stop() == 0
    assert not sockets.exists()
