"""Finds the processes of a running hub by what they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import psutil

from medianest_hub.testing.hub import HubProcess

ROLES: dict[str, Callable[[str], bool]] = {
    "web": lambda line: "medianest_hub serve --role web" in line,
    "worker": lambda line: "medianest_hub worker" in line,
    "postgres": lambda line: "/bin/postgres -D" in line,
    "valkey": lambda line: "valkey-server" in line,
}


def family(hub: HubProcess) -> list[psutil.Process]:
    """The supervisor and everything below it, now."""
    supervisor = psutil.Process(hub.process.pid)
    return [supervisor, *supervisor.children(recursive=True)]


def child(hub: HubProcess, role: str) -> psutil.Process:
    """The hub's own child of that role; `LookupError` while there is none."""
    for process in psutil.Process(hub.process.pid).children():
        try:
            if ROLES[role](" ".join(process.cmdline())):
                return process
        except psutil.NoSuchProcess:
            continue
    raise LookupError(role)


def alive(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Those that have not ended; zombies count as ended."""
    return [one for one in processes if not _has_ended(one)]


def _has_ended(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
