"""Two worker processes on one database and one Redis, as a cluster has them, and who of them holds a stream."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg

from medianest_hub.infrastructure import processes
from medianest_hub.testing.hub import free_port


class Workers:
    """Worker processes on one database and one Redis; `running` has them by their number."""

    def __init__(self, folder: Path, postgres_url: str, redis_url: str, settings: Mapping[str, str]) -> None:
        self.folder = folder
        self.running: dict[int, subprocess.Popen[bytes]] = {}
        self.environment = {
            "PATH": os.environ["PATH"],
            "MEDIANEST_DATABASE__URL": postgres_url,
            "MEDIANEST_REDIS__URL": redis_url,
            "MEDIANEST_SECRET_KEY": "a-secret-key-of-these-tests-32-characters",
            "MEDIANEST_DATA_DIR": str(folder / "data"),
            "MEDIANEST_LOG__FORMAT": "json",
            **settings,
        }

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            process = processes.spawn(
                [sys.executable, "-m", "medianest_hub", "worker"],
                death_signal=signal.SIGKILL,
                env={**self.environment, "MEDIANEST_WORKER__PORT": str(free_port())},
                output=log.fileno(),
            )
        self.running[process.pid] = process

    async def holder(self, db: asyncpg.Connection[Any], stream: str) -> int:
        """The process that holds the stream: its holder's name ends with its number."""
        name: str = await db.fetchval("SELECT holder FROM medianest.leases WHERE name = $1", stream)
        (found,) = [pid for pid in self.running if str(pid) in name.replace(":", "-").split("-")]
        return found


@contextmanager
def two_workers(folder: Path, postgres_url: str, redis_url: str, settings: Mapping[str, str]) -> Iterator[Workers]:
    """Two of them with these settings, as environment variables; ended afterwards, also when they stand still."""
    made = Workers(folder, postgres_url, redis_url, settings)
    for _ in range(2):
        made.start()
    try:
        yield made
    finally:
        for process in made.running.values():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
            processes.stop(process, (signal.SIGTERM, 15.0))


async def until(check: Callable[[], Any], within: float = 30.0) -> Any:
    """What `check` answers, a coroutine or not, once it is true."""
    ends = time.monotonic() + within
    while True:
        found = check()
        if found := await found if inspect.isawaitable(found) else found:
            return found
        if time.monotonic() > ends:
            raise TimeoutError(f"not within {within:g} s")
        await asyncio.sleep(0.05)
