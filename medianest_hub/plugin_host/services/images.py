"""Links to pictures: opaque ids that hold, sealed, which picture of which plugin is meant. Fetches and shows nothing.

An id is the link's whole right: whoever has one may see that picture until it expires, and no id can be made or changed
without the hub's key. Sealing is deterministic (AES-SIV, RFC 5297), so that the same picture has the same address for a
day and browsers can keep it.
"""

from __future__ import annotations

import base64
import binascii
import struct
import time
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from medianest_hub.infrastructure.secrets import SecretBox
from medianest_hub.plugin_api.errors import BadInput, Gone, NotFound
from medianest_hub.plugin_host.declarations import LoadedPlugin

PATH: Final = "/api/v1/images/"
STEPS: Final = (48, 96, 160, 240, 320, 480, 640, 960, 1280, 2048)
"""Pixels a side may be asked for: few, so that one picture is not kept in a hundred sizes. More is shown as the last."""

LONGEST_REF: Final = 1000
"""Bytes."""

LONGEST_ID: Final = 1600
"""Letters of the longest id there can be."""

AVATAR: Final = "avatar"
"""The core's own source: somebody's picture as their sign-in provider has it."""

_DAY: Final = 86400
_PURPOSE: Final = "images"
_HEAD: Final = struct.Struct(">HBB")
"""The day it ends, counted from 1970, and both sides as numbers of steps; then the names, each ended by a zero byte."""


@dataclass(frozen=True, slots=True)
class PictureRef:
    """Which picture: the source of a plugin (empty for the core's own), what it calls the picture, and the box to fit it in.

    `width` and `height` are steps, or 0 for any.
    """

    plugin: str
    instance: str
    source: str
    ref: str
    width: int = 0
    height: int = 0


class ImageLinks:
    """Makes ids and reads them, with the hub's key ring: ids made under an older key of the ring are read, too."""

    def __init__(self, box: SecretBox, now: Callable[[], float] = time.time, *, below: str = "") -> None:
        """`below`: the path the hub is reached below, `/media`."""
        self._box = box
        self._path = below + PATH
        self._now = now
        self._ciphers: dict[str, AESSIV] = {}

    def link(self, picture: PictureRef) -> str:
        """The picture's path, as browsers see it. Good until the end of the day (UTC) after this one."""
        return self._path + self.id(picture)

    def id(self, picture: PictureRef) -> str:
        """As `link`, the id alone."""
        ends = int(self._now() // _DAY) + 2
        sides = (_step(picture.width), _step(picture.height))
        names = (picture.plugin, picture.instance, picture.source, picture.ref)
        content = _HEAD.pack(ends, *sides) + b"\0".join(name.encode() for name in names)
        key_id = self._box.current
        sealed = bytes.fromhex(key_id) + self._cipher(key_id).encrypt(content, None)
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def open(self, id: str) -> PictureRef:
        """What the id means. Raises `NotFound` for one that was not made here, `Gone` for one that has expired."""
        try:
            sealed = base64.b64decode(id + "=" * (-len(id) % 4), altchars=b"-_", validate=True)
            content = self._cipher(sealed[:4].hex()).decrypt(sealed[4:], None)
        except (ValueError, KeyError, InvalidTag, binascii.Error):
            raise NotFound("There is no such picture.", code="no_such_picture") from None
        ends, *sides = _HEAD.unpack_from(content)
        if self._now() >= ends * _DAY:
            raise Gone("The link of this picture has expired; load the page again.", code="link_expired")
        plugin, instance, source, ref = content[_HEAD.size :].decode().split("\0", 3)
        return PictureRef(plugin, instance, source, ref, *(STEPS[side - 1] if side else 0 for side in sides))

    def avatar_link(self, person_id: UUID, url: str | None) -> str | None:
        """The path of somebody's picture, None for somebody without. `url` is where their provider has it.

        The link holds a fingerprint of the address, not the address: with another picture it is another link.
        """
        if not url:
            return None
        return self.link(PictureRef("", "", AVATAR, f"{person_id.hex}.{fingerprint(url)}", 240, 240))

    def _cipher(self, key_id: str) -> AESSIV:
        known = self._ciphers.get(key_id)
        if known is None:
            # Half of AES-SIV's key authenticates, half encrypts: two derived keys make one for AES-256.
            parts = (self._box.derive(f"{_PURPOSE}:{half}", key_id) for half in ("mac", "encrypt"))
            known = self._ciphers[key_id] = AESSIV(b"".join(parts))
        return known


class PluginImages:
    """Implements `plugin_api.services.Images` for one plugin instance."""

    def __init__(self, links: ImageLinks, plugin: LoadedPlugin, instance: str) -> None:
        self._links = links
        self._plugin = plugin
        self._instance = instance

    def link(self, source: str, ref: str, *, width: int = 0, height: int = 0) -> str:
        """The path of that picture."""
        check_picture(source, ref, width, height)
        if self._plugin.image_source(source) is None:
            words = f"The plugin {self._plugin.name} declares no image source {source!r}."
            raise BadInput(words, code="unknown_image_source")
        return self._links.link(PictureRef(self._plugin.name, self._instance, source, ref, width, height))


def check_picture(source: str, ref: str, width: int, height: int) -> None:
    """Raises `BadInput` for what no link can hold."""
    try:
        size = len(ref.encode())
    except UnicodeEncodeError:
        size = 0
    if not 0 < size <= LONGEST_REF or "\0" in ref:
        words = f"The ref of a picture of {source!r} must be 1 to {LONGEST_REF} bytes of UTF-8 without a zero byte."
        raise BadInput(words, code="bad_image_ref")
    if width < 0 or height < 0:
        raise BadInput("The sides of a picture are 0 (any) or more.", code="bad_image_size")


def fingerprint(url: str) -> str:
    """What tells one address from another."""
    return blake2b(url.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _step(side: int) -> int:
    """The number of the least step that is not smaller, 0 for any."""
    return 0 if side <= 0 else min(bisect_left(STEPS, side), len(STEPS) - 1) + 1
