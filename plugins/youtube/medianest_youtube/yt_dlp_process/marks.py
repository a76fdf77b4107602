"""Remembers which version of a remote file the bytes on disk are from, so that two versions are never joined.

yt-dlp goes on where a part file ends and trusts that the rest belongs to it; when the remote file changed meanwhile
the result is spliced, and nothing says so.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Mark:
    """What a server says about a file's version: ETag, Last-Modified and whole length, each None where unknown."""

    etag: str | None = None
    modified: str | None = None
    length: int | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str], status: int) -> Mark:
        """From an answer's headers (case-insensitive)."""
        total: str | None
        if status == 206:
            total = (headers.get("Content-Range") or "").rpartition("/")[2]
        else:
            total = headers.get("Content-Length") if not headers.get("Content-Encoding") else None
        return cls(headers.get("ETag"), headers.get("Last-Modified"), int(total) if total and total.isdigit() else None)

    def agrees(self, other: Mark) -> bool:
        """Whether both are surely of one version: something to compare, and no difference in it."""
        pairs = [(self.etag, other.etag), (self.modified, other.modified), (self.length, other.length)]
        known = [(mine, theirs) for mine, theirs in pairs if mine is not None and theirs is not None]
        return bool(known) and all(mine == theirs for mine, theirs in known)

    @property
    def condition(self) -> str | None:
        """The value for `If-Range`, or None. A weak tag may not stand there (RFC 9110, 13.1.5)."""
        if self.etag is not None and not self.etag.startswith("W/"):
            return self.etag
        return self.modified


class Marks:
    """The marks of one working folder, by name; kept in a file, for the next attempt, unless `lasting` is false."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._marks: dict[str, Mark] = {}
        self._lasting: set[str] = set()
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            self._marks = {name: Mark(**fields) for name, fields in stored.items()}
            self._lasting = set(self._marks)
        except (OSError, ValueError, TypeError, AttributeError):
            self._marks = {}  # nothing remembered: parts without a mark are not continued

    def get(self, name: str) -> Mark | None:
        """What is known about this file."""
        with self._lock:
            return self._marks.get(name)

    def put(self, name: str, mark: Mark, *, lasting: bool = True) -> None:
        """Remember it, on disk before the first byte of the file is."""
        with self._lock:
            if self._marks.get(name) == mark:
                return
            self._marks[name] = mark
            if not lasting:
                return
            self._lasting.add(name)
            self._write()

    def forget(self, file: str) -> None:
        """Everything about this file: it begins anew."""
        with self._lock:
            self._marks = {name: mark for name, mark in self._marks.items() if name.split(" ")[0] != file}
            self._lasting &= self._marks.keys()
            self._write()

    def _write(self) -> None:
        text = json.dumps({name: asdict(self._marks[name]) for name in self._lasting})
        side = self._path.with_suffix(".new")
        side.write_text(text, encoding="utf-8")
        os.replace(side, self._path)
