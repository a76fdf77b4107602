"""One `serve` under test, as a process of its own with stand-ins for children, and what to wait for in it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import psutil

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


def gone(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those of `processes` still there after 20 s."""
    return psutil.wait_procs(processes, timeout=20)[1]
