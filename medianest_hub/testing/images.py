"""`ctx.images` kept in memory: remembers which pictures a handler linked to. No key and no server."""

from __future__ import annotations

from dataclasses import dataclass

from medianest_hub.plugin_host.services.images import check_picture


@dataclass(frozen=True, slots=True)
class LinkedPicture:
    """One picture a handler linked to."""

    source: str
    ref: str
    width: int
    height: int


class MemoryImages:
    """`made` holds each picture once, in order; its link ends with its number: `/api/v1/images/made-0`."""

    def __init__(self) -> None:
        self.made: list[LinkedPicture] = []

    def link(self, source: str, ref: str, *, width: int = 0, height: int = 0) -> str:
        """A path; the same for the same picture. `BadInput` for what no link of the hub's could hold."""
        check_picture(source, ref, width, height)
        picture = LinkedPicture(source, ref, width, height)
        if picture not in self.made:
            self.made.append(picture)
        return f"/api/v1/images/made-{self.made.index(picture)}"
