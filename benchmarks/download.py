"""A 300 MB download through the hub, against the `yt-dlp` command itself on the same local server."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.people import admin_token, call
from benchmarks.rows import Row
from medianest_hub.testing.hub import HubProcess, run_hub
from tests.simulators.media.server import MediaServer

SIZE_MB = 300
ROUNDS = 3
SETTINGS = {
    "plugins": {"youtube": {"allowed_hosts": ["127.0.0.1"], "allow_private_addresses": True}},
    "limits": {"api": "100000/second", "auth": "100000/second", "youtube": "100000/second"},
}


def measure() -> list[Row]:
    """One row: the hub's time, from the request to `done`, over the command's."""
    ratios, seconds = [], []
    with (
        MediaServer().running() as media,
        tempfile.TemporaryDirectory(prefix="mn-bench-", dir="/tmp") as folder,
        run_hub(Path(folder), SETTINGS) as hub,
    ):
        token = admin_token(hub)
        for number in range(ROUNDS):
            plain = _by_command(media, Path(folder), number)
            through = _by_hub(hub, token, media, number)
            ratios.append(through / plain)
            seconds.append(through)
    note = f"hub {statistics.median(seconds):.1f} s"
    return [Row(f"{SIZE_MB} MB download against the yt-dlp command", statistics.median(ratios), 1.10, "×", note=note)]


def _address(media: MediaServer, who: str, number: int) -> str:
    # A file of its own each time: the hub shares what it has, and neither side may profit from the other.
    return f"{media.url}/fault/no-range@9/{who}{number}/media/padded-{SIZE_MB << 20}.mp4"


def _by_command(media: MediaServer, folder: Path, number: int) -> float:
    command = [sys.executable, "-m", "yt_dlp", "--ignore-config", "--quiet", "-o", str(folder / f"plain{number}.mp4")]
    began = time.monotonic()
    subprocess.run([*command, _address(media, "plain", number)], check=True)
    return time.monotonic() - began


def _by_hub(hub: HubProcess, token: str, media: MediaServer, number: int) -> float:
    began = time.monotonic()
    row = call(
        hub, "POST", "/api/v1/youtube/downloads", {"url": _address(media, "hub", number), "container": "mp4"}, token
    )
    while (now := call(hub, "GET", f"/api/v1/youtube/downloads/{row['id']}", token=token))["state"] != "done":
        if now["state"] in ("failed", "cancelled"):
            raise RuntimeError(f"the download ended as {now['state']}: {now['failure']}")
        time.sleep(0.05)
    return time.monotonic() - began
