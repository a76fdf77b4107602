"""Data folders of hubs that begin with their tables made: a test that is not about the first start need not wait for it."""

from __future__ import annotations

import asyncio
import atexit
import secrets
import shutil
import subprocess  # nosec B404 # our own programs only, never a shell
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from structlog.testing import capture_logs

from medianest_hub.infrastructure.data_dir import DataDir
from medianest_hub.infrastructure.embedded.services import EmbeddedServices
from medianest_hub.infrastructure.migrations import migrate
from medianest_hub.settings import HubSettings
from medianest_hub.testing.servers import hurry


def lay_out(folder: Path) -> None:
    """Make `folder` the data folder of a hub that never ran: PostgreSQL with all tables, and a key of its own.

    The first one in a process is made by a real PostgreSQL, the others are copies of it. Only from the main thread.
    Raises `RuntimeError` with the words of the migration that failed.
    """
    data = DataDir(folder)
    data.prepare()
    # -a: as root the files are somebody else's, and stay theirs. Both paths are ours, and no shell reads them.
    subprocess.run(["cp", "-a", str(_made()), str(data.postgres)], check=True)  # nosec B603 B607 # noqa: S603, S607
    data.write(data.secret_key, secrets.token_urlsafe(48) + "\n")


@cache
def _made() -> Path:
    """A stopped PostgreSQL's files; they go when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="medianest-tables-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o711)
    data = DataDir(folder / "data")
    data.prepare()
    services = EmbeddedServices(HubSettings(data_dir=data.path), data)
    if services.postgres is None:
        raise ValueError("the embedded PostgreSQL is switched off")
    services.prepare()
    hurry(services.postgres.folder)
    try:
        services.start()
        services.wait_ready()
        with capture_logs(), ThreadPoolExecutor(1) as thread:  # a loop may be running in this one
            failures = thread.submit(asyncio.run, migrate(services.postgres.url)).result()
    finally:
        services.stop()
    if failures:
        raise RuntimeError("; ".join(f"{app}: {words}" for app, words in failures.items()))
    return data.postgres
