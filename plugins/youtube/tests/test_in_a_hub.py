"""The plugin in a running hub: web process, worker, PostgreSQL and Valkey, asked over HTTP as people would."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psutil
import pytest

from medianest_hub.plugin_api import Role
from medianest_hub.testing import Hub, HubClient, Reply

from .test_resuming import processes_in

ROOT = "/api/v1/youtube"


@pytest.fixture(scope="session")
def hub_settings() -> dict[str, Any]:
    return {
        "limits": {"youtube": "1000/hour"},
        "plugins": {
            "youtube": {
                "allowed_hosts": ["127.0.0.1"],
                "allow_private_addresses": True,
                "min_free_gb": 0,
                "stall_seconds": 8,
            }
        },
    }


async def ask(person: HubClient, url: str, **fields: Any) -> dict[str, Any]:
    reply = await person.post(f"{ROOT}/downloads", json={"url": url, **fields})
    assert reply.status == 202, reply.body
    return dict(reply.json())


async def until(person: HubClient, download: dict[str, Any], *states: str, within: float = 60) -> dict[str, Any]:
    reply = await person.until(
        f"{ROOT}/downloads/{download['id']}", lambda reply: reply.json()["state"] in states, within
    )
    return dict(reply.json())


async def until_bytes(person: HubClient, download: dict[str, Any], least: int) -> None:
    def enough(reply: Reply) -> bool:
        return bool(reply.json()["progress"]["downloaded_bytes"] >= least)

    await person.until(f"{ROOT}/downloads/{download['id']}", enough, 30)


def finished_files(hub: Hub) -> list[Path]:
    return [file for file in downloads(hub).glob("*-*.*") if file.is_file()]


def downloads(hub: Hub) -> Path:
    # Not rglob: it fails on folders of downloads that go while it looks.
    (found,) = (path for path, _, _ in os.walk(Path(hub.process.folder, "data")) if Path(path).name == "downloads")
    return Path(found)


def worker_of(hub: Hub) -> int:
    children = psutil.Process(hub.process.process.pid).children(recursive=True)
    (worker,) = [child for child in children if child.cmdline()[-1:] == ["worker"]]
    return worker.pid


async def test_a_link_becomes_a_file_that_can_be_fetched_in_parts_and_by_link(hub, media):
    grace = await hub.person("grace")
    asked = await ask(grace, media.clip(path="media/dash/manifest.mpd"), quality="1080", container="mkv")
    done = await until(grace, asked, "done", "failed")
    assert done["state"] == "done", done

    path = f"{ROOT}/downloads/{asked['id']}"
    whole = await grace.get(f"{path}/file")
    assert whole.status == 200
    assert len(whole.body) == done["size"]
    part = await grace.get(f"{path}/file", headers={"Range": "bytes=100-199"})
    assert (part.status, part.body) == (206, whole.body[100:200])

    link = (await grace.post(f"{path}/link")).json()["url"]
    assert link.startswith("/api/v1/youtube/files/")
    linked = await hub.stranger.get(link.removeprefix(hub.url), headers={"Range": "bytes=-50"})
    assert (linked.status, linked.body) == (206, whole.body[-50:])
    assert (await hub.stranger.get(link.removeprefix(hub.url)[:-3])).status == 403

    assert (await grace.delete(path)).status == 204
    assert (await grace.get(path)).status == 404
    assert (await hub.stranger.get(link.removeprefix(hub.url))).status == 404


async def test_nobody_sees_another_persons_downloads_but_an_admin(hub, media):
    grace, alan = await hub.person("grace"), await hub.person("alan")
    asked = await ask(grace, media.clip())
    path = f"{ROOT}/downloads/{asked['id']}"

    for method, way in (("GET", ""), ("DELETE", ""), ("POST", "/retry"), ("GET", "/file"), ("POST", "/link")):
        assert (await alan.request(method, path + way)).status == 404
        assert (await hub.stranger.request(method, path + way)).status == 401
    assert asked["id"] not in [one["id"] for one in (await alan.get(f"{ROOT}/downloads")).json()["items"]]
    assert (await hub.admin.get(path)).status == 200
    guest = await hub.person("guest", Role.GUEST)
    assert (await guest.get(f"{ROOT}/downloads")).status == 403
    assert (await guest.post(f"{ROOT}/downloads", json={"url": media.clip()})).status == 403


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body.url"),
        ({"url": "https://example.org/x"}, "body.url"),
        ({"url": "nonsense"}, "body.url"),
        ({"url": "http://127.0.0.1/x", "quality": "5000"}, "body.quality"),
        ({"url": "http://127.0.0.1/x", "container": "exe"}, "body.container"),
        ({"url": "http://127.0.0.1/x", "options": ["--exec", "id"]}, "body.options"),
        ({"url": "http://127.0.0.1/x", "quality": "audio", "container": "mkv"}, "body"),
        ({"url": "http://127.0.0.1/x", "subtitles": [".*"]}, "body"),
    ],
)
async def test_what_cannot_be_is_refused_naming_the_field(hub, body, field):
    reply = await hub.admin.post(f"{ROOT}/downloads", json=body)

    assert reply.status == 400
    assert field in {problem["field"] for problem in reply.json()["errors"]}, reply.json()


async def test_a_failure_is_shown_with_its_class_and_words(hub, media):
    failed = await until(hub.admin, await ask(hub.admin, media.clip("status:404", "hub")), "failed")

    assert failed["failure"]["code"] == "unavailable"
    assert failed["failure"]["message"].endswith(".")


async def test_a_preview_tells_and_downloads_nothing(hub, media):
    before = len(finished_files(hub))
    reply = await hub.admin.post(f"{ROOT}/preview", json={"url": media.clip(path="media/hls/master.m3u8")})

    assert reply.status == 200, reply.body
    assert reply.json()["duration"] == pytest.approx(6, abs=0.2)
    assert {one["quality"] for one in reply.json()["qualities"]} == {"best", "360", "audio"}
    assert len(finished_files(hub)) == before


async def test_a_killed_yt_dlp_is_begun_again_and_ends_with_one_whole_file(hub, media):
    asked = await ask(hub.admin, media.clip("slow:200000", "kill-yt-dlp"))
    await until_bytes(hub.admin, asked, 150_000)
    for folder in (downloads(hub) / ".work").iterdir():
        for pid in processes_in(folder):
            os.kill(pid, signal.SIGKILL)

    done = await until(hub.admin, asked, "done", "failed")
    assert done["state"] == "done", done
    whole = await hub.admin.get(f"{ROOT}/downloads/{asked['id']}/file")
    assert whole.body == (media.folder / "clip.mp4").read_bytes()
    await hub.admin.delete(f"{ROOT}/downloads/{asked['id']}")


async def test_a_killed_worker_costs_no_download_and_no_half_file_is_offered(hub, media):
    before = set(finished_files(hub))
    asked = await ask(hub.admin, media.clip("slow:150000", "kill-worker"))
    await until_bytes(hub.admin, asked, 150_000)
    os.kill(worker_of(hub), signal.SIGKILL)

    path = f"{ROOT}/downloads/{asked['id']}"
    seen = set()
    while (row := (await hub.admin.get(path)).json())["state"] not in ("done", "failed"):
        seen.add(row["state"])
        assert (await hub.admin.get(f"{path}/file")).status in (409, 200)
        await asyncio.sleep(0.2)
    assert row["state"] == "done", row
    whole = await hub.admin.get(f"{path}/file")
    assert whole.body == (media.folder / "clip.mp4").read_bytes()
    assert len(set(finished_files(hub)) - before) == 1
    assert not any(processes_in(folder) for folder in (downloads(hub) / ".work").iterdir())


async def test_cancelling_in_the_hub_ends_the_process(hub, media):
    before = set((downloads(hub) / ".work").iterdir())
    asked = await ask(hub.admin, media.clip("slow:100000", "cancel-hub"))
    await until_bytes(hub.admin, asked, 50_000)
    assert (await hub.admin.delete(f"{ROOT}/downloads/{asked['id']}")).status == 204

    assert (await until(hub.admin, asked, "cancelled"))["state"] == "cancelled"
    async with asyncio.timeout(10):
        while set((downloads(hub) / ".work").iterdir()) - before:
            await asyncio.sleep(0.05)


async def test_nobody_cancels_as_a_job_what_another_waits_for(hub, media):
    grace, alan = await hub.person("grace"), await hub.person("alan")
    link = media.clip("slow:300000", "shared-job")
    asked, also = await ask(grace, link), await ask(alan, link)

    refused = await grace.delete(f"/api/v1/jobs/{asked['job_id']}")
    assert (refused.status, refused.json()["code"]) == (409, "job_not_cancellable")
    assert (await grace.delete(f"{ROOT}/downloads/{asked['id']}")).status == 204

    assert (await until(alan, also, "done", "failed", "cancelled"))["state"] == "done"


async def test_the_hub_shows_tiles_checks_and_metrics(hub, media):
    ada = hub.admin
    await until(ada, await ask(ada, media.clip()), "done")

    tiles = {tile["title"]: tile for tile in (await ada.get("/api/v1/dashboard")).json()["items"]}
    assert {"Downloads", "Download disk"} <= tiles.keys()
    grace = await hub.person("grace")
    assert "Download disk" not in {tile["title"] for tile in (await grace.get("/api/v1/dashboard")).json()["items"]}

    def all_checked(reply: Reply) -> bool:
        return all(name in reply.body.decode() for name in ("yt_dlp", "ffmpeg", "javascript", "free_space", "folder"))

    await ada.until("/api/health", all_checked, 20)
    worker_metrics = await asyncio.to_thread(urlopen, f"{hub.process.worker_url}/metrics")
    with worker_metrics:
        assert 'medianest_youtube_downloads_total{result="done"}' in worker_metrics.read().decode()
