"""Makes whatever bytes a service sent into one small, clean WebP picture, or refuses them. No I/O; blocks, so not on the loop.

Nothing of the file itself gets through: the pixels are decoded and encoded anew, so no metadata, no second format hidden
in the first and no markup leave the hub. What it is, its first bytes say, never a header or a name.
"""

from __future__ import annotations

import io
import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING, Final

from medianest_hub.infrastructure.heap import give_large_blocks_back
from medianest_hub.plugin_api.errors import HubError
from medianest_hub.plugin_host.services.images import STEPS

if TYPE_CHECKING:
    from PIL import Image

CONTENT_TYPE: Final = "image/webp"
MOST_PIXELS: Final = 12_500_000
"""Of what must be decoded whole: 50 MB, and as much again where some of it is transparent."""
MOST_JPEG_PIXELS: Final = 40_000_000
"""JPEG is decoded at an eighth, a quarter or a half of its size where that is enough, as it nearly always is."""
_LARGE_PIXELS: Final = 4_000_000
_LARGE_JPEG_PIXELS: Final = 12_500_000
_one_large: Final = threading.Lock()
"""Held by whoever decodes a large one: two of them side by side would need more memory than all the rest of the process."""

_MOST_SCANS: Final = 100
"""A progressive JPEG has about ten scans. Thousands of empty ones fit into a small file, and each costs a whole decoding."""
_QUALITY: Final = 80
_EFFORT: Final = 2
_ORIENTATION: Final = 0x0112


class UnusablePicture(HubError):
    """What the service sent is no picture the hub shows. 502."""

    code = "picture_unusable"
    status = 502


def render(content: bytes, width: int, height: int) -> bytes:
    """A WebP picture that fits into `width` times `height` pixels (0: any), never larger than it was.

    Reads JPEG, PNG, WebP, GIF (its first frame) and AVIF. Raises `UnusablePicture`.
    """
    kind = sniff(content)
    if kind is None:
        raise UnusablePicture("The service sent something that is no picture.")
    if kind == "JPEG" and content.count(b"\xff\xda") > _MOST_SCANS:
        raise UnusablePicture("The picture has too many scans.")
    try:
        return _rendered(content, kind, width or STEPS[-1], height or STEPS[-1])
    except UnusablePicture:
        raise
    except Exception as error:  # whatever a decoder makes of a hostile file
        raise UnusablePicture(f"The picture cannot be read ({type(error).__name__}).") from None


def sniff(content: bytes) -> str | None:
    """Pillow's name of the format, by the first bytes; None for what is not shown."""
    if content.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    if content[4:12] in (b"ftypavif", b"ftypavis"):
        return "AVIF"
    return None


def _rendered(content: bytes, kind: str, width: int, height: int) -> bytes:
    from PIL import Image

    give_large_blocks_back()
    _load_reader(kind)
    with Image.open(io.BytesIO(content), formats=(kind,)) as picture:  # reads the head alone
        most, large = (MOST_JPEG_PIXELS, _LARGE_JPEG_PIXELS) if kind == "JPEG" else (MOST_PIXELS, _LARGE_PIXELS)
        pixels = picture.width * picture.height
        if pixels > most:
            raise UnusablePicture(f"The picture has more than {most // 1_000_000} million pixels.")
        with _one_large if pixels > large else nullcontext():
            return _encoded(picture, width, height)


def _encoded(picture: Image.Image, width: int, height: int) -> bytes:
    """Its pixels, upright and fitted into the box, as WebP. Raises whatever the decoder makes of a damaged file."""
    from PIL import Image

    turn = _turn(picture)
    if turn is not None and turn.value >= Image.Transpose.ROTATE_90 and turn is not Image.Transpose.ROTATE_180:
        width, height = height, width
    size = _fitted(picture.size, width, height)
    picture.draft(None, size)
    shown = _in_colour(picture)
    if shown.size != size:
        shown = shown.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    if turn is not None:
        shown = shown.transpose(turn)
    written = io.BytesIO()
    # Named, since Pillow would otherwise take them over from the file.
    shown.save(written, "WEBP", quality=_QUALITY, method=_EFFORT, exif=b"", xmp=b"", icc_profile=b"")
    return written.getvalue()


def _load_reader(kind: str) -> None:
    """Only the one needed: asked for a format it does not know yet, Pillow would load all forty."""
    import importlib

    names = {"JPEG": "Jpeg", "PNG": "Png", "GIF": "Gif", "WEBP": "WebP", "AVIF": "Avif"}
    for name in {names[kind], "WebP"}:
        importlib.import_module(f"PIL.{name}ImagePlugin")


def _turn(picture: Image.Image) -> Image.Transpose | None:
    """What makes it stand upright, as its EXIF says."""
    from PIL.Image import Transpose

    try:
        said = picture.getexif().get(_ORIENTATION)
    except Exception:  # a picture whose EXIF is broken is shown as it lies
        return None
    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return turns.get(said) if isinstance(said, int) else None


def _fitted(size: tuple[int, int], width: int, height: int) -> tuple[int, int]:
    scale = min(width / size[0], height / size[1], 1.0)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _in_colour(picture: Image.Image) -> Image.Image:
    """The pixels, decoded, as RGB, or as RGBA where some are transparent. Raises what a damaged file makes of it."""
    picture.load()
    if picture.mode in ("RGB", "RGBA"):
        return picture
    if picture.mode.startswith("I;16") or picture.mode == "I":
        return picture.point(lambda value: value / 256).convert("L").convert("RGB")
    return picture.convert("RGBA" if picture.has_transparency_data else "RGB")
