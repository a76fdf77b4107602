"""Start to ready, first and later, and the memory of each process at rest (PSS, with all plugins installed here)."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.rows import Row
from medianest_hub.testing.hub import HubProcess, run_hub

SECOND_STARTS = 3
REST_SECONDS = 8.0


def measure() -> list[Row]:
    """Rows for start and memory."""
    firsts, seconds = [], []
    memory: dict[str, float] = {}
    for _ in range(2):
        with tempfile.TemporaryDirectory(prefix="mn-bench-", dir="/tmp") as folder:
            firsts.append(start(Path(folder)))
            seconds += [start(Path(folder)) for _ in range(SECOND_STARTS)]
            if not memory:
                with run_hub(Path(folder), {}) as hub:
                    time.sleep(REST_SECONDS)  # what start-up used is given back by then
                    memory = memory_by_role(hub)
    return [
        Row("start to ready, embedded, second start", statistics.median(seconds), 2.0, "s"),
        Row("start to ready, embedded, first start", statistics.median(firsts), 6.0, "s"),
        Row("memory at rest, web (PSS)", memory["web"], 120, "MB"),
        Row("memory at rest, worker (PSS)", memory["worker"], 110, "MB"),
        Row("memory at rest, supervisor (PSS)", memory["supervisor"], 40, "MB"),
    ]


def start(folder: Path, settings: dict[str, object] | None = None) -> float:
    """Seconds from the command to the first good answer of `/api/health/ready`."""
    began = time.monotonic()
    with run_hub(folder, settings or {}):
        return time.monotonic() - began


def memory_by_role(hub: HubProcess) -> dict[str, float]:
    """PSS in MB of the supervisor and of its web and worker children."""
    found = {"supervisor": pss(hub.process.pid)}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            words = (path.parent / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if parent == hub.process.pid and b"medianest_hub" in words:
            found["worker" if b"worker" in words else "web"] = pss(int(path.parent.name))
    return found


def pss(pid: int) -> float:
    """The process's proportional share of memory, in MB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise LookupError(f"no Pss for {pid}")
