"""Small real pictures, another for each item, in the formats Plex serves; reads no library."""

from __future__ import annotations

import colorsys
import functools
import io
import re
from urllib.parse import urlsplit

from aiohttp import web
from PIL import Image, ImageDraw

from .access import Viewer
from .containers import refusal
from .pms import Pms

_PATH = re.compile(r"^/(?:library/(?:metadata|collections)|playlists)/(\d+)/(thumb|art|composite|banner)(?:/\d+)?$")
_SIZES = {"thumb": (40, 60), "art": (96, 54), "composite": (60, 60), "banner": (76, 14)}
_FORMATS = ("JPEG", "PNG", "WEBP")
_MOST = 4000


def routes(pms: Pms) -> list[web.RouteDef]:
    """`/photo/:/transcode`, and pictures at their own paths."""

    async def transcode(request: web.Request, who: Viewer) -> web.Response:
        found = _PATH.match(urlsplit(request.query.get("url", "")).path)
        size = [request.query.get(name, "") for name in ("width", "height")]
        if (
            not all(one.isdigit() and 0 < int(one) <= _MOST for one in size)
            or urlsplit(request.query.get("url", "")).netloc
        ):
            return refusal(400)
        if found is None or pms.item(found[1], who) is None:
            return refusal(404)
        kind = "PNG" if request.query.get("format") == "png" else "JPEG"
        return _answer(kind, picture(int(found[1]), found[2], kind, (int(size[0]), int(size[1]))))

    async def own(request: web.Request, who: Viewer) -> web.Response:
        found = _PATH.match(request.path)
        item = pms.item(found[1], who) if found is not None else None
        if found is None or item is None:
            return refusal(404)
        kind = _FORMATS[item.rating_key % len(_FORMATS)]
        return _answer(kind, picture(item.rating_key, found[2], kind, _SIZES[found[2]]))

    at = r"/{of:library/metadata|library/collections|playlists}/{id:\d+}/{kind:thumb|art|composite|banner}"
    return [
        web.get("/photo/:/transcode", pms.open_to(transcode), name="transcode"),
        web.get(at + r"/{stamp:\d+}", pms.open_to(own), name="picture"),
        web.get(at, pms.open_to(own), name="picture:bare"),
    ]


def _answer(kind: str, picture: bytes) -> web.Response:
    headers = {"Cache-Control": "max-age=2592000"}
    return web.Response(body=picture, content_type=f"image/{kind.lower()}", headers=headers)


@functools.lru_cache(maxsize=512)
def picture(key: int, name: str, kind: str, size: tuple[int, int]) -> bytes:
    """The picture of that item, with stripes and a number as one tells posters apart."""
    width, height = size
    hue = key * 0.618034 % 1
    dark, light = _colour(hue, 0.35), _colour(hue, 0.75)
    made = Image.new("RGB", size, dark)
    draw = ImageDraw.Draw(made)
    for bit in range(12):
        if key >> bit & 1:
            left = width * bit // 12
            draw.rectangle((left, height // 2, left + max(1, width // 14), height), fill=light)
    draw.text((width * 0.08, height * 0.08), f"{name[0].upper()}{key}", fill=light, font_size=max(8, height // 6))
    out = io.BytesIO()
    made.save(out, kind, quality=70)
    return out.getvalue()


def _colour(hue: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.6, value)
    return int(red * 255), int(green * 255), int(blue * 255)
