"""Requests per second by `wrk`, always against 127.0.0.1 and for a bounded time."""

from __future__ import annotations

import re
import shutil
import subprocess


def available() -> bool:
    """Whether `wrk` is installed."""
    return shutil.which("wrk") is not None


def requests_per_second(url: str, token: str, seconds: int = 3, connections: int = 32) -> float:
    """The rate of good answers; raises `RuntimeError` when any was not 2xx."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-H", f"Authorization: Bearer {token}", url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(f"errors under load at {url}:\n{said}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    if found is None:
        raise RuntimeError(f"wrk said nothing of use:\n{said}")
    return float(found[1])
