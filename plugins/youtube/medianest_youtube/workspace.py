"""The download folder: a working folder per download that one process at a time may use, and the finished files."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import shutil
import signal
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final
from uuid import UUID

from medianest_youtube.failures import DownloadFailed, Failure

LOCK_SECONDS: Final = 20.0


class Workspace:
    """`root` holds the finished files as `<id>.<ext>`; `.work/<id>/` what is not finished. One file system, so that a
    finished file appears whole or not at all.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, file_id: UUID) -> Path:
        """The working folder of a download, there or not."""
        return self.root / ".work" / str(file_id)

    def finished(self, file_id: UUID, extension: str) -> Path:
        """Where the finished file is, or will be."""
        return self.root / f"{file_id}.{extension}"

    def free_bytes(self) -> int:
        """What is left for us on the file system. Raises `DownloadFailed` (storage) when it cannot be asked."""
        try:
            return shutil.disk_usage(self.root).free
        except OSError as error:
            raise DownloadFailed(Failure.STORAGE, f"{self.root}: {error.strerror}") from error

    @contextlib.asynccontextmanager
    async def working_on(self, file_id: UUID) -> AsyncIterator[tuple[Path, int]]:
        """The working folder and a descriptor of its lock, to be passed to the process that works in it.

        The lock stands as long as anyone has it open: a yt-dlp whose worker was killed winds down before another
        begins. Raises `DownloadFailed` (storage, or internal when it is still held after `LOCK_SECONDS`).
        """
        folder = self.folder(file_id)
        lock = await _lock(folder)
        try:
            await asyncio.to_thread(_end_leftovers, folder)
            yield folder, lock
        finally:
            os.close(lock)

    def accept(self, reported: str, file_id: UUID, extension: str) -> Path:
        """Move the one finished file out of its working folder; returns where it is now.

        Raises `DownloadFailed` if what was reported is not a plain file inside that folder.
        """
        folder = self.folder(file_id).resolve()
        path = Path(os.path.realpath(folder / reported))
        if path.parent != folder or path.suffix != f".{extension}" or path.name != f"media.{extension}":
            raise DownloadFailed(Failure.INTERNAL, f"the file is not where it belongs: {path.name}")
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or found.st_size == 0:
            raise DownloadFailed(Failure.BAD_MEDIA, "not a plain file")
        target = self.finished(file_id, extension)
        path.rename(target)
        shutil.rmtree(folder, ignore_errors=True)
        return target

    def discard(self, file_id: UUID) -> None:
        """Remove everything of a download, finished or not."""
        shutil.rmtree(self.folder(file_id), ignore_errors=True)
        for file in self.root.glob(f"{file_id}.*"):
            file.unlink(missing_ok=True)

    @staticmethod
    def is_whole(path: Path, size: int | None) -> bool:
        """Whether a finished file is there with the size it had."""
        try:
            found = path.lstat()
        except OSError:
            return False
        return stat.S_ISREG(found.st_mode) and found.st_size == size

    def touched(self, file_id: UUID) -> float:
        """When something of a download was last written, in seconds since 1970; 0 if there is nothing."""
        times = [0.0]
        for path in [*self.root.glob(f"{file_id}.*"), self.folder(file_id), *self.folder(file_id).glob("*")]:
            with contextlib.suppress(OSError):
                times.append(path.lstat().st_mtime)
        return max(times)

    def known_ids(self) -> set[UUID]:
        """The ids of everything that lies in the folder, finished or not; files of others are left out."""
        found = set()
        for file in [*self.root.glob("*.*"), *self.root.glob(".work/*")]:
            with contextlib.suppress(ValueError):
                found.add(UUID(file.stem))
        return found


async def _lock(folder: Path) -> int:
    try:
        async with asyncio.timeout(LOCK_SECONDS):
            while True:
                if (lock := _try_lock(folder)) is not None:
                    return lock
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise DownloadFailed(Failure.INTERNAL, "another process still works on this download") from None
    except OSError as error:
        failure = Failure.NO_SPACE if error.errno in (errno.ENOSPC, errno.EDQUOT) else Failure.STORAGE
        raise DownloadFailed(failure, f"{folder}: {error.strerror}") from error


def _try_lock(folder: Path) -> int | None:
    (folder / "home").mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever had it may have removed the folder: then this is the lock of nothing.
        if os.fstat(lock).st_ino == (folder / "lock").stat().st_ino:
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(lock)
        raise
    os.close(lock)
    return None


def _end_leftovers(folder: Path) -> None:
    """End what an earlier attempt started and nobody can reach any more: our own processes that work in this folder."""
    here = str(folder.resolve())
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or entry.name == str(os.getpid()):
            continue
        with contextlib.suppress(OSError):
            if entry.stat().st_uid == os.getuid() and os.readlink(entry / "cwd") == here:
                os.kill(int(entry.name), signal.SIGKILL)
