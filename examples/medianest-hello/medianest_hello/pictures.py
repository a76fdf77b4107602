"""The pictures: a badge of squares for each author. A real plugin would fetch its service's pictures here, in `fetch`.

The hub decides what becomes of the bytes: it looks at what they are, makes them small and keeps them. People see only its
own links, made with `ctx.images.link`.
"""

from __future__ import annotations

import hashlib
import struct
import zlib

from medianest_hello.settings import HelloSettings
from medianest_hub.plugin_api import Context, ImageSource, errors

_SQUARES = 5
_PIXELS = 16


async def draw(ctx: Context[HelloSettings], ref: str, width: int, height: int) -> bytes:
    """The badge of the author whose id `ref` is, as PNG. The size asked for is a hint, and not needed here."""
    if not ref:
        raise errors.NotFound("a badge needs somebody to belong to")
    return _png(hashlib.sha256(ref.encode()).digest())


badge = ImageSource("badge", draw, max_bytes=64 * 1024)


def _png(digest: bytes) -> bytes:
    colour, paper = digest[:3], b"\xf0\xf0\xf0"
    rows = bytearray()
    for y in range(_SQUARES):
        # The right half mirrors the left: a face is more easily known again than a pattern.
        left = [digest[3 + y * 3 + x] % 2 == 1 for x in range(3)]
        line = b"".join((colour if filled else paper) * _PIXELS for filled in (*left, left[1], left[0]))
        rows += (b"\0" + line) * _PIXELS
    side = _SQUARES * _PIXELS
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", head)
        + _chunk(b"IDAT", zlib.compress(bytes(rows)))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
