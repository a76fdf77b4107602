"""The rights this plugin defines, by name; who has one by default is said in `plugin`."""

from __future__ import annotations

from typing import Final

BROWSE: Final = "browse"
"""The permission to see the library, and what is being played."""

SEE_OTHERS_PLAYING: Final = "see_others_playing"
"""The permission to see who plays it, on what, and from where."""

SCAN: Final = "scan"
"""The permission to have a folder scanned."""


def full(permission: str) -> str:
    """Its whole name, by which `Person.can` knows it."""
    return f"plex.{permission}"
