"""How `serve` ends: in time, whoever is deaf, and leaving no process behind."""

import signal
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.e2e.supervisor_run import READY, Serve, gone, wait_for


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


def test_stopping_ends_what_a_child_left_in_its_group(serve: Callable[..., Serve], data: Path) -> None:
    hub = serve("serve", "leaves-child")
    hub.until(READY)
    wait_for(lambda: (data / "left-child").exists() and (data / "left-child").read_text())
    left = psutil.Process(int((data / "left-child").read_text()))
    assert hub.stop() == 0
    assert gone([left]) == []
