"""Another web process beside a running hub, on its Postgres and Valkey, as an operator with a load balancer has it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from medianest_hub.infrastructure import processes
from medianest_hub.infrastructure.data_dir import DataDir
from medianest_hub.testing.hub import HubProcess, free_port, wait_ready


@contextmanager
def second_web(hub: HubProcess, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """`medianest serve --role web` with the hub's settings on a port of its own; yields its address.

    `environment` comes on top. What it says is in `web-PORT.log` in the hub's folder.
    """
    port = free_port()
    variables = {
        **hub.environment,
        **DataDir(hub.folder / "data").addresses(),
        "MEDIANEST_SERVER__PORT": str(port),
        **(environment or {}),
    }
    log_file = hub.folder / f"web-{port}.log"
    with log_file.open("ab") as log:
        process = processes.spawn(
            [sys.executable, "-P", "-m", "medianest_hub", "serve", "--role", "web"],
            death_signal=signal.SIGTERM,
            env=variables,
            output=log.fileno(),
        )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_ready(url, process, log_file)
        yield url
    finally:
        processes.stop(process, (signal.SIGTERM, 20.0))
