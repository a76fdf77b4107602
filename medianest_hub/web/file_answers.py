"""Sends files with Range, ETag and If-Range (RFC 9110); opens what a handler named and nothing else."""

from __future__ import annotations

import asyncio
import os
import re
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sanic import Request

from medianest_hub.plugin_api.answers import FileAnswer
from medianest_hub.plugin_api.errors import NotFound, RangeNotSatisfiable
from medianest_hub.web.answers import etag_matches, send_pieces
from medianest_hub.web.header_block import MEDIA_CSP, REVALIDATE, Answer, HeaderBlock, header_lines, header_value

_PIECE: Final = 256 * 1024
_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class OutOfRange(RangeNotSatisfiable):
    """Carries the file's size, which the answer must name."""

    def __init__(self, size: int) -> None:
        super().__init__("The file has no such part.", params={"size": size})
        self.size = size


@dataclass(frozen=True, slots=True)
class _OpenFile:
    descriptor: int
    size: int
    etag: str
    modified: str


async def send_file(
    request: Request[Any, Any], answer: FileAnswer, status: int, block: HeaderBlock, extra: bytes
) -> Answer | None:
    """The answer for `HEAD`, 304 and 416; None once a body was sent. Raises `NotFound` for a file that is not there."""
    file = await asyncio.to_thread(_open, answer.path)
    try:
        pairs = [
            (b"etag", f'"{file.etag}"'.encode()),
            (b"last-modified", file.modified.encode()),
            (b"accept-ranges", b"bytes"),
            (b"content-disposition", _disposition(answer)),
        ]
        common = block.lines(header_value(answer.content_type), MEDIA_CSP, REVALIDATE) + extra
        if etag_matches(request.headers.get("if-none-match"), file.etag):
            return Answer(304, b"", common + header_lines(pairs))
        begin, end = 0, file.size
        part = _part(request, file)
        if part is not None:
            begin, end = part
            status = 206
            pairs.append((b"content-range", b"bytes %d-%d/%d" % (begin, end - 1, file.size)))
        head = Answer(status, b"", common + header_lines(pairs), {"content-length": end - begin})
        if request.method == "HEAD" or begin == end:
            return head
        response = await request.respond(head)
        await send_pieces(request, response, b"", _pieces(file, begin, end))
        return None
    finally:
        os.close(file.descriptor)


def _open(path: Path) -> _OpenFile:
    try:
        # O_NONBLOCK: a named pipe in the place of a file must not hold a thread for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as error:  # ValueError: a path no file can have
        raise NotFound("The file is not there.", code="file_missing") from error
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise NotFound("The file is not there.", code="file_missing")
    etag = f"{found.st_mtime_ns:x}-{found.st_size:x}-{found.st_ino:x}"
    return _OpenFile(descriptor, found.st_size, etag, formatdate(found.st_mtime, usegmt=True))


def _part(request: Request[Any, Any], file: _OpenFile) -> tuple[int, int] | None:
    """The asked-for part as begin and end; None for the whole. Several parts at once are answered with the whole."""
    asked = request.headers.get("range")
    if asked is None or request.method not in ("GET", "HEAD"):
        return None
    condition = request.headers.get("if-range")
    if condition is not None and condition not in (f'"{file.etag}"', file.modified):
        return None
    found = _RANGE.fullmatch(asked.strip().replace(" ", ""))
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:  # the last n bytes
        begin, end = max(0, file.size - int(found[2])), file.size
    else:
        begin = int(found[1])
        end = min(file.size, int(found[2]) + 1) if found[2] else file.size
        if found[2] and int(found[2]) < begin:
            return None
    if begin >= end:
        raise OutOfRange(file.size)
    return begin, end


async def _pieces(file: _OpenFile, begin: int, end: int) -> AsyncIterator[bytes]:
    while begin < end:
        piece = await asyncio.to_thread(os.pread, file.descriptor, min(_PIECE, end - begin), begin)
        if not piece:
            raise EOFError("the file became shorter while it was sent")
        begin += len(piece)
        yield piece


def _disposition(answer: FileAnswer) -> bytes:
    kind = "inline" if answer.inline else "attachment"
    if answer.filename is None:
        return kind.encode()
    plain = re.sub(r"[^A-Za-z0-9 ._()\[\]-]", "_", answer.filename)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(answer.filename, safe='')}".encode()
