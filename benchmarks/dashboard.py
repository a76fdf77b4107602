"""The signed-in, cached dashboard against bare Sanic and, where the shared bench is beside the checkout, an Express peer."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import load
from benchmarks.people import admin_token
from benchmarks.rows import Row
from medianest_hub.testing.hub import HubProcess, run_hub

COMPARE = Path(__file__).resolve().parents[2] / "shared" / "bench" / "compare.py"
ROUNDS = 3


def measure() -> list[Row]:
    """Rows for the dashboard request."""
    bare, peer = "GET /api/v1/dashboard against bare Sanic", "GET /api/v1/dashboard against the Express peer"
    if not load.available():
        return [
            Row(name, None, target, "×", True, "wrk is not installed") for name, target in ((bare, 0.55), (peer, 6))
        ]
    with tempfile.TemporaryDirectory(prefix="mn-bench-", dir="/tmp") as folder, run_hub(Path(folder), {}) as hub:
        token = admin_token(hub)
        if COMPARE.is_file() and shutil.which("npm") and shutil.which("node"):
            ratios = _compare(hub, token)
            note = (
                f"{ratios['rps']['hub']} requests/s of {ratios['body_bytes']} bytes, p99 {ratios['p99_ms']['hub']} ms"
            )
            return [
                Row(bare, ratios["hub/bare"], 0.55, "×", True, note),
                Row(peer, ratios["hub/express"], 6.0, "×", True, f"Express {ratios['rps']['peer']} requests/s"),
            ]
        return [
            Row(bare, _against_bare(hub, token), 0.55, "×", True),
            Row(peer, None, 6.0, "×", True, "needs the shared bench, node and npm"),
        ]


def _compare(hub: HubProcess, token: str) -> dict[str, object]:
    socket = hub.folder / "data" / "run" / "sockets" / "vk" / "valkey.sock"
    said = subprocess.run(
        [sys.executable, COMPARE, "--url", f"{hub.url}/api/v1/dashboard", "--token", token, "--redis", str(socket)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, object] = json.loads(said.stdout)
    return found


def _against_bare(hub: HubProcess, token: str) -> float:
    program = (
        "import sys; from sanic import Sanic, raw\n"
        "app = Sanic('bare'); body = b'x' * int(sys.argv[2])\n"
        "async def bare(_): return raw(body, content_type='application/json')\n"
        "app.add_route(bare, '/bare')\n"
        "app.run('127.0.0.1', int(sys.argv[1]), single_process=True, access_log=False, motd=False)\n"
    )
    bare = subprocess.Popen(
        [sys.executable, "-c", program, "4801", "2000"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        targets = {"hub": f"{hub.url}/api/v1/dashboard", "bare": "http://127.0.0.1:4801/bare"}
        rounds = [{name: load.requests_per_second(url, token) for name, url in targets.items()} for _ in range(ROUNDS)]
    finally:
        bare.terminate()
        bare.wait(10)
    return statistics.median(one["hub"] / one["bare"] for one in rounds)
