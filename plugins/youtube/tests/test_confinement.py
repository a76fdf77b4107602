"""What yt-dlp's process may not do, whatever lies about in its folder and whatever the disk is like."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from medianest_youtube.failures import DownloadFailed, Failure
from medianest_youtube.video import Progress, Stage
from medianest_youtube.workspace import Workspace

from .test_resuming import processes_in

PLUGIN = "import pathlib\npathlib.Path({path!r}).touch()\n"


async def test_configuration_and_plugins_lying_in_its_folders_are_not_read(download, media, tmp_path):
    witness = tmp_path / "ran"
    home = download.folder / "home"
    for place in (download.folder, home, home / "yt-dlp", home / ".config" / "yt-dlp"):
        place.mkdir(parents=True, exist_ok=True)
        for name in ("yt-dlp.conf", "config"):
            (place / name).write_text(f"--exec 'touch {witness}'\n")
        for package in ("yt_dlp_plugins", "yt-dlp-plugins/evil/yt_dlp_plugins", "plugins/evil/yt_dlp_plugins"):
            for kind in ("extractor", "postprocessor"):
                (place / package / kind).mkdir(parents=True, exist_ok=True)
                (place / package / kind / "evil.py").write_text(PLUGIN.format(path=str(witness)))
    (download.folder / "sitecustomize.py").write_text(PLUGIN.format(path=str(witness)))

    await download(media.clip())

    assert not witness.exists()


async def test_the_process_is_humble_and_knows_nothing_of_the_hub(download, media, monkeypatch):
    monkeypatch.setenv("MEDIANEST_SECRET_KEY", "not for yt-dlp")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    seen: dict[str, str] = {}

    async def on_progress(progress: Progress) -> None:
        if progress.stage is Stage.DOWNLOADING:
            for pid in processes_in(download.folder):
                process = Path(f"/proc/{pid}")
                with contextlib.suppress(OSError):  # it may end while it is looked at
                    seen.update(
                        environment=(process / "environ").read_text(),
                        command=(process / "cmdline").read_text(),
                        status=(process / "status").read_text(),
                        nice=(process / "stat").read_text().rpartition(")")[2].split()[16],
                    )

    download.on_progress = on_progress
    await download(media.clip("slow:600000", "humble"))

    assert "MEDIANEST" not in seen["environment"]
    assert "HTTPS_PROXY" not in seen["environment"]
    assert media.url not in seen["command"]
    assert int(seen["nice"]) >= 10
    assert "NoNewPrivs:\t1" in seen["status"]


@contextlib.contextmanager
def small_disk(path: Path, size: str) -> Iterator[Path]:
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can be mounted by root alone")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def grow(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)


async def test_a_full_disk_is_said_in_words_and_the_rest_comes_when_there_is_room(
    download, make_runner, media, tmp_path
):
    with small_disk(tmp_path / "disk", "500k") as disk:
        download.runner = make_runner(min_free_bytes=0)
        download.runner.workspace.root = disk
        with pytest.raises(DownloadFailed) as caught:
            await download(media.clip("chunked", "full"))
        assert caught.value.failure is Failure.NO_SPACE
        assert caught.value.wait_before(1) is not None

        grow(disk)
        finished = await download(media.clip("chunked", "full"))
        assert finished.size == (media.folder / "clip.mp4").stat().st_size


async def test_what_is_known_not_to_fit_is_not_begun(download, make_runner, media, tmp_path):
    with small_disk(tmp_path / "disk", "1m") as disk:
        download.runner = make_runner(min_free_bytes=0)
        download.runner.workspace.root = disk
        with pytest.raises(DownloadFailed) as caught:
            await download(media.clip())

    assert caught.value.failure is Failure.NO_SPACE
    assert not any(progress.downloaded for progress in download.progress)


async def test_the_floor_of_free_space_holds_while_a_download_runs(download, make_runner, media, tmp_path):
    with small_disk(tmp_path / "disk", "2m") as disk:
        download.runner = make_runner(min_free_bytes=1_500_000)
        download.runner.workspace.root = disk
        with pytest.raises(DownloadFailed) as caught:
            await download(media.clip("slow:200000+chunked", "floor"))

    assert caught.value.failure is Failure.NO_SPACE


async def test_a_file_larger_than_allowed_is_never_finished(download, make_runner, media):
    download.runner = make_runner(max_bytes=400_000)
    for faults in ("chunked", "slow:300000+chunked", ""):
        with pytest.raises(DownloadFailed) as caught:
            await download(media.clip(faults, "large"))
        assert caught.value.failure is Failure.TOO_LARGE

    assert not [file for file in download.runner.workspace.root.iterdir() if file.is_file()]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "downloads")


async def test_only_a_plain_file_in_its_own_folder_is_accepted(workspace, tmp_path, download):
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(b"secret")
    async with workspace.working_on(download.file_id) as (folder, _):
        (folder / "media.mp4").symlink_to(secret)
        with pytest.raises(DownloadFailed):
            workspace.accept("media.mp4", download.file_id, "mp4")
        (folder / "media.mp4").unlink()
        os.link(secret, folder / "media.mp4")
        with pytest.raises(DownloadFailed):
            workspace.accept("media.mp4", download.file_id, "mp4")
        for reported in ("../../../secret.mp4", str(secret), "lock", "media.mkv", "."):
            with pytest.raises(DownloadFailed):
                workspace.accept(reported, download.file_id, "mp4")

    assert secret.read_bytes() == b"secret"


async def test_a_folder_that_cannot_be_written_is_a_storage_failure(tmp_path, download):
    (tmp_path / "file").touch()
    with pytest.raises(DownloadFailed) as caught:
        async with Workspace(tmp_path / "file").working_on(download.file_id):
            pass

    assert caught.value.failure is Failure.STORAGE


async def test_the_lock_of_a_removed_folder_is_no_lock(workspace, download):
    async with workspace.working_on(download.file_id) as (folder, _):
        waiting = asyncio.ensure_future(workspace.working_on(download.file_id).__aenter__())
        await asyncio.sleep(0.15)
        assert not waiting.done()
        (folder / "lock").unlink()
        (folder / "home").rmdir()
        folder.rmdir()
    again, _ = await waiting
    assert (again / "lock").exists()


async def test_discarding_removes_what_is_unfinished_and_what_is_finished(workspace, download):
    async with workspace.working_on(download.file_id) as (folder, _):
        (folder / "media.mp4.part").write_bytes(b"x")
        workspace.finished(download.file_id, "mp4").write_bytes(b"x")
        assert workspace.known_ids() == {download.file_id}
    workspace.discard(download.file_id)

    assert workspace.known_ids() == set()
