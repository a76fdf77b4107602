"""What other plugins may hear of a Plex server: what is played, what came in, and whether it is there.

`instance` says which server it is, as in rows and answers. The envelope's instance is the plugin's, which is one for all of
its servers.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel

from medianest_hub.plugin_api import EventData
from medianest_plex.settings import FIRST


class Kind(StrEnum):
    """What something in a library is."""

    MOVIE = "movie"
    SHOW = "show"
    SEASON = "season"
    EPISODE = "episode"
    ARTIST = "artist"
    ALBUM = "album"
    TRACK = "track"


class Played(BaseModel):
    """What is played, without who plays it. `title` is the movie's, or `show · S01E02 · episode`."""

    playing_id: UUID
    kind: str
    title: str
    year: int | None = None


class PlayingStarted(EventData):
    """Somebody began to play something. The envelope's `person` is who, where the hub knows them."""

    type: ClassVar[str] = "plex:playing.started"

    played: Played
    at: datetime
    instance: str = FIRST


class PlayingStopped(EventData):
    """It ended, or was not heard of any more. `seconds`: how long it went on."""

    type: ClassVar[str] = "plex:playing.stopped"

    played: Played
    at: datetime
    seconds: float
    instance: str = FIRST


class ItemAdded(EventData):
    """Something new in a library, gathered: a season is one event however many episodes came, as is a whole show or album.

    `item_id` is the movie, show, season, album or artist; `count` how many episodes or tracks came with it, 1 for a movie.
    """

    type: ClassVar[str] = "plex:item.added"

    item_id: UUID
    section: str
    kind: Kind
    title: str
    year: int | None = None
    count: int = 1
    external_ids: dict[str, str] = {}
    at: datetime
    instance: str = FIRST


class ServerDown(EventData):
    """The Plex server does not answer any more; `reason` says how."""

    type: ClassVar[str] = "plex:server.down"

    name: str
    reason: str
    at: datetime
    instance: str = FIRST


class ServerUp(EventData):
    """It answers again. `seconds`: how long it did not, where that is known."""

    type: ClassVar[str] = "plex:server.up"

    name: str
    at: datetime
    seconds: float | None = None
    instance: str = FIRST
