"""Rendered pictures kept on disk, the least recently shown dropped first. A cache: whatever happens to it, nothing is lost.

Blocks, so it is called off the loop. Several processes may use one folder: files are replaced whole, and each is checked
against its own digest, so that half a file is the same as none.
"""

from __future__ import annotations

import contextlib
import os
import struct
import tempfile
import threading
import time
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final

import structlog

log = structlog.get_logger(__name__)

_MAGIC: Final = b"MNP1"
_HEAD: Final = struct.Struct(">4sQ16s")
_SUFFIX: Final = ".pic"
_PART: Final = ".part"
_LOOK_AFTER: Final = 64
"""How many are written before the folder is looked at again: another process may be filling it, too."""
_ABANDONED_SECONDS: Final = 3600.0
_FULL_TO: Final = 0.9


@dataclass(frozen=True, slots=True)
class Kept:
    """A picture; `fetched` is when, in seconds since 1970. `etag` is the digest of `content`."""

    content: bytes
    etag: str
    fetched: int


class PictureStore:
    """Keeps at most about `most_bytes` in `folder`, which is made when first needed."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder = folder
        self._most = most_bytes
        self._written = 0
        self._size: int | None = None
        self._lock = threading.Lock()
        self._complained = False

    def read(self, key: str) -> Kept | None:
        """The picture, or None; it counts as shown just now."""
        path = self._path(key)
        try:
            raw = path.read_bytes()
        except OSError:
            return None
        kept = _parsed(raw)
        with contextlib.suppress(OSError):
            if kept is None:  # half written when the machine went down, or not ours
                path.unlink()
            else:
                os.utime(path)
        return kept

    def write(self, key: str, content: bytes, fetched: int | None = None) -> Kept:
        """Keep it where that is possible; a full disk or a folder that is not ours only means it is made anew next time."""
        digest = blake2b(content, digest_size=16).digest()
        at = int(time.time()) if fetched is None else fetched
        try:
            self._put(key, _HEAD.pack(_MAGIC, at, digest) + content)
        except OSError as error:
            if not self._complained:
                self._complained = True
                log.warning("pictures_not_kept", folder=str(self._folder), error=error.strerror)
        else:
            self._complained = False
            self._grown(_HEAD.size + len(content))
        return Kept(content, digest.hex(), at)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}{_SUFFIX}"

    def _put(self, key: str, raw: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, part = tempfile.mkstemp(dir=self._folder, suffix=_PART)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(raw)
            os.replace(part, self._path(key))
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(part)
            raise

    def _grown(self, by: int) -> None:
        with self._lock:
            self._written += 1
            if self._size is not None:
                self._size += by
            if self._size is None or self._size > self._most or self._written >= _LOOK_AFTER:
                self._written = 0
                self._size = self._swept()

    def _swept(self) -> int:
        """The size of the folder, after what was shown longest ago made room."""
        found: list[tuple[float, int, str]] = []
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    with contextlib.suppress(OSError):  # another process was faster
                        about = entry.stat(follow_symlinks=False)
                        if entry.name.endswith(_SUFFIX):
                            found.append((about.st_mtime, about.st_size, entry.path))
                        elif entry.name.endswith(_PART) and about.st_mtime < time.time() - _ABANDONED_SECONDS:
                            os.unlink(entry.path)
        except OSError:
            return 0
        size = sum(bytes_ for _, bytes_, _ in found)
        if size <= self._most:
            return size
        for _, bytes_, path in sorted(found):
            if size <= self._most * _FULL_TO:
                break
            with contextlib.suppress(OSError):
                os.unlink(path)
            size -= bytes_
        return size


def _parsed(raw: bytes) -> Kept | None:
    if len(raw) <= _HEAD.size:
        return None
    magic, fetched, digest = _HEAD.unpack_from(raw)
    content = raw[_HEAD.size :]
    if magic != _MAGIC or blake2b(content, digest_size=16).digest() != digest:
        return None
    return Kept(content, digest.hex(), fetched)
