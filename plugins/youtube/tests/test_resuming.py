"""A download that was cut off goes on where it ended, and never joins two versions of a file."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from medianest_youtube.failures import DownloadFailed, Failure
from medianest_youtube.options import Choice, Container, Quality, extractor_parameters, quiet_parameters
from medianest_youtube.video import Progress, Stage
from medianest_youtube.yt_dlp_process.guarded import GuardedYoutubeDL

SMALL = "media/hls/v144.m3u8"
"""Quickly made into webm."""


def processes_in(folder: Path) -> list[int]:
    """The processes whose working folder this is: yt-dlp and what it started."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.readlink(entry / "cwd") == str(folder) and "Z" not in (entry / "stat").read_text().split()[2]:
                found.append(int(entry.name))
    return found


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def is_yt_dlp(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return b"yt_dlp_process" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


async def gone(folder: Path) -> None:
    async with asyncio.timeout(15):
        while processes_in(folder):
            await asyncio.sleep(0.05)


def kill_when(folder: Path, ripe: Callable[[Progress], bool]) -> Callable[[Progress], Awaitable[None]]:
    async def on_progress(progress: Progress) -> None:
        if ripe(progress):
            for pid in processes_in(folder):
                os.kill(pid, signal.SIGKILL)

    return on_progress


def ranges(media, path: str, since: int) -> list[int]:
    """Where the asked-for parts of a path begin, in the order asked."""
    found = [one["range"] for one in media.requests[since:] if one["path"].endswith(path) and one["range"]]
    return [int(text.removeprefix("bytes=").split("-")[0]) for text in found]


async def cut_off(download, url: str, choice: Choice | None = None, *, fragments: int = 0) -> None:
    download.on_progress = kill_when(
        download.folder,
        lambda progress: progress.downloaded > 150_000 and (progress.fragment or 0) >= fragments,
    )
    with pytest.raises(DownloadFailed) as caught:
        await download(url, *([choice] if choice else []))
    assert caught.value.failure is Failure.KILLED
    assert caught.value.wait_before(1) is not None
    download.on_progress = None


async def test_a_killed_download_goes_on_where_it_was(download, media):
    url = media.clip("slow:400000", "killed")
    await cut_off(download, url)
    before = len(media.requests)

    finished = await download(url)

    assert any(start > 100_000 for start in ranges(media, "clip.mp4", before))
    assert finished.path.read_bytes() == (media.folder / "clip.mp4").read_bytes()


async def test_a_remote_file_that_changed_between_attempts_is_fetched_from_its_beginning(download, media):
    # The GETs: 0 looking, 1 downloading, cut off; then 2 looking again, 3 going on.
    url = media.clip("slow:400000+changed:2", "between")
    await cut_off(download, url)

    finished = await download(url)

    assert finished.path.read_bytes() == (media.folder / "other.mp4").read_bytes()


@pytest.mark.parametrize("faults", ["changed:3", "changed:3+no-validators"])
def test_a_file_fetched_in_chunks_that_changes_between_them_is_not_joined_either(media, tmp_path, faults):
    class Parent:
        def send(self, kind: str, **fields: object) -> None: ...

        def receive(self) -> dict[str, bool]:
            return {"go": True}

    url = media.clip(faults, f"chunks-{faults}")
    params = {**quiet_parameters(), **extractor_parameters(url), "format": "b*", "http_chunk_size": 100_000}
    params["outtmpl"] = {"default": f"{tmp_path}/media.%(ext)s"}
    with GuardedYoutubeDL(params, Parent(), tmp_path) as ydl:
        ydl.extract_info(url)

    assert (tmp_path / "media.mp4").read_bytes() == (media.folder / "other.mp4").read_bytes()


@pytest.mark.parametrize("also", ["", "+no-validators"])
async def test_a_remote_file_that_changes_while_it_is_downloaded_is_not_joined_with_its_old_self(download, media, also):
    finished = await download(media.clip(f"reset@1+changed:2{also}", f"during{also}"))

    assert finished.path.read_bytes() == (media.folder / "other.mp4").read_bytes()


async def test_a_stream_goes_on_with_the_fragments_it_lacks(download, media):
    url = media.clip("slow:300000", "stream", "media/hls/v360.m3u8")
    await cut_off(download, url, fragments=1)
    before = len(media.requests)

    finished = await download(url)

    asked = [one["path"] for one in media.requests[before:] if one["range"] != "bytes=0-0"]
    assert not any(path.endswith("_000.ts") for path in asked)
    assert finished.duration == pytest.approx(6, abs=0.3)


async def test_parts_of_other_formats_than_now_chosen_are_thrown_away(download, media):
    url = media.clip("slow:300000", "formats", "media/dash/manifest.mpd")
    await cut_off(download, url, Choice(Quality.BEST, Container.MKV))
    (download.folder / "media.m4a").write_bytes(b"of another time")

    finished = await download(url, Choice(Quality.AUDIO, Container.M4A))

    assert finished.duration == pytest.approx(6, abs=0.3)


async def test_a_step_killed_half_way_is_done_again(download, media):
    choice = Choice(Quality.BEST, Container.WEBM)
    download.on_progress = kill_when(download.folder, lambda progress: progress.stage is Stage.PROCESSING)
    with pytest.raises(DownloadFailed):
        await download(media.clip(path=SMALL), choice)
    (download.folder / "media.webm").write_bytes(b"half")
    download.on_progress = None

    finished = await download(media.clip(path=SMALL), choice)

    assert finished.duration == pytest.approx(6, abs=0.3)


async def test_cancelling_leaves_no_process_and_keeps_the_part(download, media):
    begun = asyncio.Event()

    async def on_progress(progress: Progress) -> None:
        if progress.downloaded > 100_000:
            begun.set()

    download.on_progress = on_progress
    running = asyncio.ensure_future(download(media.clip("slow:300000", "cancelled")))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert processes_in(download.folder) == []
    assert (download.folder / "media.mp4.part").stat().st_size > 0


async def test_a_second_attempt_waits_for_the_first_to_end(download, media):
    first = asyncio.ensure_future(download(media.clip("slow:500000", "twice")))
    second = asyncio.ensure_future(download(media.clip("slow:500000", "twice")))

    finished = await asyncio.gather(first, second)

    assert finished[0].path == finished[1].path
    assert len([file for file in finished[0].path.parent.iterdir() if file.is_file()]) == 1


WORKER = """
    import asyncio, sys, uuid
    from pathlib import Path
    from medianest_youtube.addresses import HostRules
    from medianest_youtube.limits import Limits
    from medianest_youtube.options import Choice, Container, Quality, extractor_parameters, quiet_parameters
    from medianest_youtube.runner import Runner
    from medianest_youtube.workspace import Workspace

    async def main():
        runner = Runner(Workspace(Path(sys.argv[1])), HostRules.of(["127.0.0.1"], allow_private=True), Limits(min_free_bytes=0))
        async def on_info(info): pass
        async def on_progress(progress): print(progress.stage, progress.downloaded, flush=True)
        await runner.download(uuid.UUID(sys.argv[2]), sys.argv[3], Choice(Quality.BEST, Container(sys.argv[4])),
                              on_info=on_info, on_progress=on_progress)

    asyncio.run(main())
"""


async def hold_ffmpeg(folder: Path) -> None:
    """Wait for what yt-dlp started, and stop it where it is, so that it is still there when both are killed."""
    async with asyncio.timeout(20):
        while not (others := [pid for pid in processes_in(folder) if not is_yt_dlp(pid)]):
            await asyncio.sleep(0.005)
    for pid in others:
        os.kill(pid, signal.SIGSTOP)


async def kill_worker(download, url: str, container: str, until: Callable[[bytes], bool], *also: str) -> None:
    """Begin in a process of its own, and kill it when its output says so; with it the processes named in `also`."""
    arguments = (str(download.runner.workspace.root), str(download.file_id), url, container)
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(WORKER), *arguments, stdout=subprocess.PIPE
    )
    assert worker.stdout is not None
    while not until(line := await worker.stdout.readline()):
        assert line, "the worker ended too soon"
    if "yt_dlp" in also:
        await hold_ffmpeg(download.folder)
    victims = [pid for pid in processes_in(download.folder) if "yt_dlp" in also and is_yt_dlp(pid)]
    for pid in victims:  # held, so that it does not tidy up between its worker's end and its own
        os.kill(pid, signal.SIGSTOP)
    for pid in [worker.pid, *victims]:
        os.kill(pid, signal.SIGKILL)
    await worker.wait()


async def test_yt_dlp_ends_with_its_worker_and_another_worker_goes_on(download, media):
    url = media.clip("slow:400000", "worker")
    await kill_worker(
        download, url, "mp4", lambda line: line.startswith(b"downloading") and int(line.split()[1]) > 150_000
    )
    await gone(download.folder)
    before = len(media.requests)

    finished = await download(url)

    assert any(start > 100_000 for start in ranges(media, "clip.mp4", before))
    assert finished.path.read_bytes() == (media.folder / "clip.mp4").read_bytes()


async def test_an_ffmpeg_left_behind_by_two_kills_is_ended_before_the_next_attempt(download, media):
    await kill_worker(download, media.clip(path=SMALL), "webm", lambda line: line.startswith(b"processing"), "yt_dlp")
    left = processes_in(download.folder)
    assert left

    finished = await download(media.clip(path=SMALL), Choice(Quality.BEST, Container.WEBM))

    assert finished.duration == pytest.approx(6, abs=0.3)
    assert not any(is_alive(pid) for pid in left)
