"""Small real pictures at the paths of TMDB's image service, another for each title; reads the catalogue, no request."""

from __future__ import annotations

import colorsys
import functools
import io
import re

from aiohttp import web
from PIL import Image, ImageDraw

from .world import World

PREFIX = "/t/p"
_NAME = re.compile(r"^([pb])([mt])(\d+)\.(jpg|png|webp)$")
_SIZE = re.compile(r"^(?:original|[wh]\d{2,4}(?:_and_h\d{2,4}(?:_[a-z]+\d*)?)?)$")
_KINDS = {"m": "movie", "t": "tv"}
_FORMATS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}


def routes(world: World) -> list[web.RouteDef]:
    """`/t/p/w300/….jpg`; needs no key, as anybody may ask TMDB."""

    async def answer(request: web.Request) -> web.Response:
        found = _NAME.match(request.match_info["name"])
        known = found is not None and world.catalogue.get(_KINDS[found[2]], int(found[3])) is not None
        if found is None or not known or not _SIZE.match(request.match_info["size"]):
            return web.Response(status=404, text="<h1>File not Found</h1>", content_type="text/html")
        kind = _FORMATS[found[4]]
        body = picture(int(found[3]), kind, (96, 54) if found[1] == "b" else (40, 60))
        headers = {"Cache-Control": "public, max-age=31919000"}
        return web.Response(body=body, content_type=f"image/{kind.lower()}", headers=headers)

    return [web.get(f"{PREFIX}/{{size}}/{{name}}", answer, name="picture")]


@functools.lru_cache(maxsize=512)
def picture(number: int, kind: str, size: tuple[int, int]) -> bytes:
    """The picture of that title, told from others by its colour and its bars."""
    width, height = size
    dark, light = (_colour(number * 0.618034 % 1, value) for value in (0.4, 0.8))
    made = Image.new("RGB", size, dark)
    draw = ImageDraw.Draw(made)
    for bit in range(16):
        if number >> bit & 1:
            left = width * bit // 16
            draw.rectangle((left, height // 2, left + max(1, width // 20), height), fill=light)
    out = io.BytesIO()
    made.save(out, kind, quality=70)
    return out.getvalue()


def _colour(hue: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.55, value)
    return int(red * 255), int(green * 255), int(blue * 255)
