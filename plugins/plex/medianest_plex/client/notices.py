"""What a server says on `/:/websockets/notifications`, as far as it is used here; anything else is let pass.

Shapes: Plex's OpenAPI document, plexapi's `alert.py`, and https://forums.plex.tv/t/about-websocket-notifications/79679.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field, ValidationError

from medianest_plex.client.session_shapes import Key, Number, Parts, Small, Text
from medianest_plex.models import Answer

LIBRARY: Final = "com.plexapp.plugins.library"
PROCESSED, DELETED = 5, 9
"""States of a timeline entry: its metadata is there; it is gone."""


@dataclass(frozen=True, slots=True)
class Told:
    """What was told of one session. `state` is the server's word; None is what it did not say."""

    session_key: str
    rating_key: int | None
    state: str
    offset_ms: int | None


@dataclass(frozen=True, slots=True)
class Notices:
    """What one message tells. `changed` are keys of items in the library that are new, not as they were, or gone."""

    sessions: tuple[Told, ...] = ()
    changed: tuple[int, ...] = ()


class _PlayingEntry(Answer):
    session_key: Annotated[Text, Field(alias="sessionKey")] = ""
    rating_key: Annotated[Key, Field(alias="ratingKey")] = None
    state: Text = ""
    offset: Annotated[Number, Field(alias="viewOffset")] = None


class _TimelineEntry(Answer):
    identifier: Text = LIBRARY
    state: Small = None
    item: Annotated[Key, Field(alias="itemID")] = None


class _Container(Answer):
    type: Text = ""
    playing: Annotated[Parts[_PlayingEntry], Field(alias="PlaySessionStateNotification")] = []
    timeline: Annotated[Parts[_TimelineEntry], Field(alias="TimelineEntry")] = []


class _Message(Answer):
    container: Annotated[_Container, Field(alias="NotificationContainer")]


def read_notices(message: str | bytes) -> Notices | None:
    """What the message tells; None when it cannot be read."""
    try:
        container = _Message.model_validate_json(message).container
    except ValidationError:
        return None
    sessions = tuple(
        Told(one.session_key, one.rating_key, one.state, one.offset) for one in container.playing if one.session_key
    )
    changed = tuple(
        one.item
        for one in container.timeline
        if one.item is not None and one.identifier == LIBRARY and one.state in (PROCESSED, DELETED)
    )
    return Notices(sessions if container.type == "playing" else (), changed if container.type == "timeline" else ())
