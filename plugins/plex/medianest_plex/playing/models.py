"""What people are shown of what is being played; makes it of rows, and asks nobody."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from medianest_plex.events import Kind


def heading(kind: str, title: str, *, grandparent: str = "", number: int | None, parent_number: int | None) -> str:
    """How it is called in one line: `Show · S01E02 · Episode`, `Artist · Track`, or the title alone."""
    parts = [title]
    if kind == Kind.EPISODE:
        place = f"S{parent_number:02}E{number:02}" if number is not None and parent_number is not None else ""
        parts = [grandparent, place, title]
    elif kind == Kind.TRACK:
        parts = [grandparent, title]
    return " · ".join(part for part in parts if part)


class NowPlaying(BaseModel):
    """Something that is being played.

    `title` is how it is called in one line, `name` its own title alone. `kind` is the server's word: `movie`, `episode`,
    `track`, `clip`, …, `live` for television, `other`. `mine`: whether it is the person's own session. Of others'
    `account`, `player`, `product`, `address` and `is_local` are null unless the person may see them.

    `state` is `playing`, `paused` or `buffering`. `decision` is `direct`, `copy` (other wrapping, same picture) or
    `transcode`. `item_id` is null for what is not in the index. `stale`: nobody knows whether it still goes on.
    """

    id: UUID
    instance: str
    mine: bool = False
    account: str | None = None
    player: str | None = None
    product: str | None = None
    address: str | None = None
    is_local: bool | None = None
    state: str
    item_id: UUID | None = None
    kind: str
    title: str
    name: str
    parent_title: str = ""
    grandparent_title: str = ""
    number: int | None = None
    parent_number: int | None = None
    year: int | None = None
    progress_ms: int = 0
    duration_ms: int | None = None
    decision: str = ""
    resolution: str = ""
    bandwidth_kbps: int | None = None
    started_at: datetime
    seen_at: datetime
    stale: bool = False
    thumb: str = Field(default="", exclude=True)
    """The picture's path at the server: never sent, it is what a link is made of."""


class PlayingChanged(BaseModel):
    """What open pages are sent as `plex:playing`: all that is being played. `mine` is false in it throughout.

    `complete`: with who plays it, on what and from where, for those who may see that. They get the other one as well, and
    pass over it. `items` is null where not all who are told may see all of it: then ask `GET /playing`.
    """

    complete: bool
    at: datetime
    items: list[NowPlaying] | None
