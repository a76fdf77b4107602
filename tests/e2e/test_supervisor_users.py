"""Whose the servers are: an ordinary user under root, whoever started `serve` otherwise."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from medianest_hub.infrastructure.processes import RunAs
from tests.e2e.supervisor_run import READY, Serve, gone

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
