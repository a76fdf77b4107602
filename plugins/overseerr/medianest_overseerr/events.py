"""What this plugin tells other plugins and open pages of. Emits nothing itself."""

from __future__ import annotations

from typing import ClassVar, Literal

from medianest_hub.plugin_api import EventData
from medianest_overseerr.states import RequestState


class RequestChanged(EventData):
    """A request came into another state; the envelope's person is whose it is, where that is somebody of the hub.

    `was` is the state before, null for one that is new; `state` is null for one that was taken back. `title` is empty while
    it is not known.
    """

    type: ClassVar[str] = "overseerr:request.changed"

    request_id: int
    kind: Literal["movie", "tv"]
    tmdb_id: int
    title: str
    is4k: bool
    seasons: list[int]
    state: RequestState | None
    was: RequestState | None
