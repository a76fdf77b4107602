"""The whole way: sign in, send a link, watch it over Socket.IO, fetch the file; and the same while things are killed."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
import socketio

from medianest_hub.testing.hub import Hub, HubProcess, run_hub
from tests.e2e.processes_of_a_hub import child
from tests.simulators.media.server import MediaServer

DOWNLOADS = "/api/v1/youtube/downloads"
FINAL = ("done", "failed", "cancelled")


@pytest.fixture(scope="module")
def media() -> Iterator[MediaServer]:
    with MediaServer().running() as server:
        yield server


@pytest.fixture
def process(short_folder: Path) -> Iterator[HubProcess]:
    settings = {
        "plugins": {"youtube": {"allowed_hosts": ["127.0.0.1"], "allow_private_addresses": True}},
        "limits": {"api": "100000/second", "auth": "100000/second", "youtube": "100000/second"},
    }
    with run_hub(short_folder, settings) as hub:
        yield hub


@pytest.fixture
async def hub(process: HubProcess) -> AsyncIterator[Hub]:
    async with Hub(process) as hub:
        await hub.admin.until("/api/v1/plugins", lambda reply: b'"running"' in reply.body)
        yield hub


async def send(hub: Hub, url: str, **choice: Any) -> str:
    reply = await hub.admin.post(DOWNLOADS, json={"url": url, "quality": "best", "container": "mp4", **choice})
    assert reply.status == 202, reply.body
    row = reply.json()
    assert row["state"] in ("queued", "fetching_info")  # the worker may be quicker than the answer
    return str(row["id"])


async def finished(hub: Hub, download: str, within: float = 60) -> dict[str, Any]:
    reply = await hub.admin.until(
        f"{DOWNLOADS}/{download}", lambda reply: reply.json()["state"] in FINAL, within=within
    )
    row: dict[str, Any] = reply.json()
    return row


def probe(content: bytes, folder: Path) -> dict[str, Any]:
    path = folder / "fetched"
    path.write_bytes(content)
    command = ["ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", str(path)]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return found


def media_files(process: HubProcess) -> list[Path]:
    folder = process.folder / "data" / "plugins" / "youtube"
    return [path for path in folder.rglob("*") if path.suffix in (".mp4", ".part", ".ytdl") and path.is_file()]


async def test_mp4_hls_and_dash_arrive_whole_with_progress_on_the_socket(
    hub: Hub, media: MediaServer, tmp_path: Path
) -> None:
    events: list[tuple[str, Any]] = []
    client = socketio.AsyncClient()
    client.on("*", lambda event, data=None: events.append((event, data)))
    await client.connect(hub.url, auth={"token": hub.admin.token}, transports=["websocket"])
    try:
        links = [
            media.clip("slow:900000", "e2e"),
            media.clip(path="media/hls/master.m3u8"),
            media.clip(path="media/dash/manifest.mpd"),
        ]
        ids = [await send(hub, link) for link in links]
        rows = [await finished(hub, one) for one in ids]
        assert [row["state"] for row in rows] == ["done"] * 3, [row["failure"] for row in rows]
        for row in rows:
            reply = await hub.admin.get(f"{DOWNLOADS}/{row['id']}/file")
            assert reply.status == 200
            assert len(reply.body) == row["size"]
            kinds = {stream["codec_type"] for stream in probe(reply.body, tmp_path)["streams"]}
            assert {"video", "audio"} <= kinds
        async with asyncio.timeout(5):
            while [name for name, _ in events].count("job:done") < 3:
                await asyncio.sleep(0.05)
        progressed = {str(data.get("id") or data.get("job")) for name, data in events if name == "youtube:progress"}
        assert set(ids) & progressed
        assert any(name == "job:progress" for name, _ in events)
        assert any(name == "widget:changed" for name, _ in events)
    finally:
        await client.disconnect()


async def test_a_finished_file_is_served_in_parts_and_by_signed_link(hub: Hub, media: MediaServer) -> None:
    download = await send(hub, media.clip())
    assert (await finished(hub, download))["state"] == "done"
    whole = (await hub.admin.get(f"{DOWNLOADS}/{download}/file")).body
    part = await hub.admin.get(f"{DOWNLOADS}/{download}/file", headers={"Range": "bytes=100-199"})
    assert (part.status, part.body) == (206, whole[100:200])
    link = (await hub.admin.post(f"{DOWNLOADS}/{download}/link")).json()["url"]
    stranger = await hub.stranger.get(link.removeprefix(hub.url), headers={"Range": "bytes=0-9"})
    assert (stranger.status, stranger.body) == (206, whole[:10])
    assert (await hub.stranger.get(f"{DOWNLOADS}/{download}/file")).status == 401
    other = await hub.person("eve")
    assert (await other.get(f"{DOWNLOADS}/{download}/file")).status == 404


async def test_worker_killed_in_mid_download_ends_in_exactly_one_file(hub: Hub, media: MediaServer) -> None:
    download = await send(hub, media.clip("slow:250000", "killed-worker"))
    await hub.admin.until(f"{DOWNLOADS}/{download}", lambda reply: reply.json()["progress"]["downloaded_bytes"] > 0)
    worker = child(hub.process, "worker")
    below = worker.children(recursive=True)
    worker.kill()
    offered = await hub.admin.get(f"{DOWNLOADS}/{download}/file")
    assert offered.status in (404, 409)
    async with asyncio.timeout(10):
        while any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in below):
            await asyncio.sleep(0.05)
    row = await finished(hub, download, within=90)
    assert row["state"] == "done", row["failure"]
    assert [path.suffix for path in media_files(hub.process)] == [".mp4"]
    assert (await hub.admin.get(f"{DOWNLOADS}/{download}/file")).body == (media.folder / "clip.mp4").read_bytes()


async def test_yt_dlp_killed_in_mid_download_is_run_again(hub: Hub, media: MediaServer) -> None:
    download = await send(hub, media.clip("slow:250000", "killed-ytdlp"))
    await hub.admin.until(f"{DOWNLOADS}/{download}", lambda reply: reply.json()["progress"]["downloaded_bytes"] > 0)
    for process in child(hub.process, "worker").children(recursive=True):
        if "yt_dlp" in " ".join(process.cmdline()):
            process.kill()
    row = await finished(hub, download, within=90)
    assert row["state"] == "done", row["failure"]
    assert [path.suffix for path in media_files(hub.process)] == [".mp4"]


async def test_all_fifty_queued_downloads_finish_after_redis_was_emptied(hub: Hub, media: MediaServer) -> None:
    ids = [await send(hub, media.clip("no-range", f"flush-{number}")) for number in range(50)]
    url = f"unix://{hub.process.folder / 'data/run/sockets/vk/valkey.sock'}"
    with redis.Redis.from_url(url) as client:
        client.flushall()
    states: list[str] = []
    async with asyncio.timeout(240):
        while len(states) < 50 or any(state not in FINAL for state in states):
            await asyncio.sleep(0.5)
            items = (await hub.admin.get(f"{DOWNLOADS}?limit=200")).json()["items"]
            states = [item["state"] for item in items if item["id"] in ids]
    assert states == ["done"] * 50
    assert len(media_files(hub.process)) == 50
