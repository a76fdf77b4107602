"""What a hundred installed plugins cost: start, and each request."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks import load
from benchmarks.people import admin_token
from benchmarks.rows import Row
from benchmarks.start_and_memory import start
from medianest_hub.testing.hub import run_hub

COUNT = 100
ROUNDS = 5
# Signed in, through the whole gate and to Postgres; the same answer however many plugins there are (the session's lists
# their permissions, the jobs' their tasks).
PATH = "/api/v1/youtube/downloads"


def measure() -> list[Row]:
    """Rows for a hundred synthetic plugins beside none."""
    with tempfile.TemporaryDirectory(prefix="mn-bench-", dir="/tmp") as text:
        folder = Path(text)
        subprocess.run(
            [sys.executable, "-m", "benchmarks.synthetic_plugins", str(folder / "plugins"), str(COUNT)], check=True
        )
        few, many = folder / "few", folder / "many"
        start(few)
        with installed(folder / "plugins"):
            start(many)
        starts: dict[str, list[float]] = {"few": [], "many": []}
        for _ in range(3):
            starts["few"].append(start(few))
            with installed(folder / "plugins"):
                starts["many"].append(start(many))
        more = statistics.median(starts["many"]) - statistics.median(starts["few"])
        return [Row(f"{COUNT} plugins installed, start", more, 1.0, "s more"), _request_row(folder, few, many)]


def _request_row(folder: Path, few: Path, many: Path) -> Row:
    what = f"{COUNT} plugins installed, per request"
    if not load.available():
        return Row(what, None, 5, "% more", note="wrk is not installed")
    with ExitStack() as stack:
        small = stack.enter_context(run_hub(few, {}))
        with installed(folder / "plugins"):
            large = stack.enter_context(run_hub(many, {}))
        tokens = {hub.url: admin_token(hub) for hub in (small, large)}
        ratios = []
        for _ in range(ROUNDS):
            one, hundred = (
                load.requests_per_second(hub.url + PATH, tokens[hub.url], seconds=2) for hub in (small, large)
            )
            ratios.append(one / hundred)
    return Row(what, (statistics.median(ratios) - 1) * 100, 5, "% more")


@contextmanager
def installed(folder: Path) -> Iterator[None]:
    """While in the block, programs started find the plugins of that folder."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(folder)
    try:
        yield
    finally:
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before
