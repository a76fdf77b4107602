"""Pictures as services send them, and as attackers do; a plugin that shows what the test lays out for it."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

from PIL import Image

PLUGIN = """
import asyncio
from pydantic import BaseModel

shelf = {}
asked = []
gates = {}

class Wanted(BaseModel):
    source: str = "poster"
    ref: str
    width: int = 0
    height: int = 0

class Link(BaseModel):
    link: str

async def fetch(ctx: Context[PluginSettings], ref: str, width: int, height: int) -> bytes:
    asked.append((ref, width, height))
    if ref in gates:
        await gates[ref].wait()
    found = shelf.get(ref)
    if isinstance(found, Exception):
        raise found
    if found is None:
        raise errors.NotFound("no such poster")
    return found

router = Router()

@router.get("/link", public=True)
async def link(ctx: Context[PluginSettings], call: Call[Empty, Wanted]) -> Link:
    wanted = call.query
    return Link(link=ctx.images.link(wanted.source, wanted.ref, width=wanted.width, height=wanted.height))

@hookimpl
def hub_routes():
    return router

@hookimpl
def hub_images():
    return [ImageSource("poster", fetch), ImageSource("small", fetch, max_bytes=1000)]
"""


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    into = io.BytesIO()
    picture.save(into, kind, **options)
    return into.getvalue()


def plain(width: int = 800, height: int = 600, colour: Any = "red", mode: str = "RGB") -> Image.Image:
    return Image.new(mode, (width, height), colour)


def noise(width: int, height: int) -> Image.Image:
    return Image.effect_noise((width, height), 80).convert("RGB")


def shown(content: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(content))
    picture.load()
    return picture


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_that_claims(width: int, height: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 1_000_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def webp_that_claims(width: int, height: int) -> bytes:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    inner = b"WEBPVP8X" + struct.pack("<I", 10) + b"\0" * 4 + sides
    return b"RIFF" + struct.pack("<I", len(inner)) + inner


def hostile() -> dict[str, Callable[[], bytes]]:
    """What must be refused, each without harm."""
    return {
        "bomb": lambda: png_that_claims(60_000, 60_000),
        "smaller bomb": lambda: png_that_claims(10_000, 10_000),
        "bomb below Pillow's own bound": lambda: png_that_claims(6_000, 6_000),
        "webp bomb": lambda: webp_that_claims(16_000, 16_000),
        "truncated": lambda: encoded(noise(300, 300), "JPEG")[:9_000],
        "svg": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        "html": lambda: b"<!doctype html><html><script>alert(1)</script>",
        "script that begins like a GIF": lambda: b"GIF89a/*" + b"\0" * 40 + b"*/=1;alert(1)",
        "html that begins like a JPEG": lambda: b"\xff\xd8\xff<script>alert(1)</script>",
        "nothing": lambda: b"",
        "scans without end": lambda: encoded(plain(), "JPEG")[:-2] + b"\xff\xda\x00\x08" * 5_000,
        "tiff": lambda: encoded(plain(20, 20), "TIFF"),
        "zeros": lambda: b"\0" * 100_000,
    }
