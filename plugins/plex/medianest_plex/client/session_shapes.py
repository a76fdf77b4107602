"""How `/status/sessions` and the Plex Pass webhook write down what is played; decides nothing.

Numbers are strings in most places, parts may be missing, and older servers name the list after what is in it. What is only
shown is let be missing when it cannot be read, so that one odd session hides no other.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field

from medianest_plex.models import Answer, Name

_BIGGEST = 2**63 - 1
_BIGGEST_SMALL = 2**31 - 1


def _number(value: Any) -> int | None:
    if isinstance(value, str):
        text = value.strip()
        value = float(text) if text.replace(".", "", 1).removeprefix("-").isdecimal() and text.isascii() else None
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > _BIGGEST:
        return None
    return int(value)


def _small(value: Any) -> int | None:
    number = _number(value)
    return number if number is not None and abs(number) <= _BIGGEST_SMALL else None


def _key(value: Any) -> int | None:
    """Not by way of `float`, which loses the last digits of a long one."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _BIGGEST else None


def _flag(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"1": True, "true": True, "0": False, "false": False}.get(str(value).lower())


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _given(value: Any) -> Any:
    return {} if value is None else value


def _listed(value: Any) -> Any:
    return [] if value is None else value


PartT = TypeVar("PartT")

Part = Annotated[PartT, BeforeValidator(_given)]
"""A part that may be missing, or null."""

Parts = Annotated[list[PartT], BeforeValidator(_listed)]
"""A list that may be missing, or null."""

Number = Annotated[int | None, BeforeValidator(_number)]
"""A whole number, however it was written; None where it is none."""

Small = Annotated[int | None, BeforeValidator(_small)]
"""One of no more than 32 bits."""

Key = Annotated[int | None, BeforeValidator(_key)]
"""The server's own number of something. Items that are not in its libraries (live television, what a service streams) have
none."""

Flag = Annotated[bool | None, BeforeValidator(_flag)]
"""`true`, `"1"` or `1`; None where it is not said."""

Text = Annotated[Name, BeforeValidator(_text)]
"""A name that may be missing, or a number."""


class UserPart(Answer):
    """Whose session it is. An older server leaves all but the name out, or the name empty."""

    id: Key = None
    title: Text = ""


class PlayerPart(Answer):
    """What it is played on. `machine_identifier` stays the same for as long as the program is installed there."""

    address: Text = ""
    device: Text = ""
    local: Flag = None
    machine_identifier: Annotated[Text, Field(alias="machineIdentifier")] = ""
    product: Text = ""
    public_address: Annotated[Text, Field(alias="remotePublicAddress")] = ""
    state: Text = ""
    title: Text = ""
    user_id: Annotated[Key, Field(alias="userID")] = None


class SessionPart(Answer):
    """How it goes over the network. `bandwidth` in kbit/s."""

    bandwidth: Small = None
    location: Text = ""


class TranscodePart(Answer):
    """What is made anew on the way: `direct`, `copy` or `transcode` for picture and sound."""

    video_decision: Annotated[Text, Field(alias="videoDecision")] = ""
    audio_decision: Annotated[Text, Field(alias="audioDecision")] = ""


class StreamPart(Answer):
    """A picture (1), sound (2) or subtitle (3)."""

    kind: Annotated[Small, Field(alias="streamType")] = None
    decision: Text = ""


class FilePart(Answer):
    """A file, and what is done with it."""

    decision: Text = ""
    selected: Flag = None
    streams: Annotated[Parts[StreamPart], Field(alias="Stream")] = []


class MediaPart(Answer):
    """One of the versions there are of something. `bitrate` in kbit/s."""

    bitrate: Small = None
    resolution: Annotated[Text, Field(alias="videoResolution")] = ""
    selected: Flag = None
    parts: Annotated[Parts[FilePart], Field(alias="Part")] = []
    transcoding: Annotated[TranscodePart | None, Field(alias="TranscodeSession")] = None


class ItemPart(Answer):
    """What is played. Times in milliseconds."""

    type: Text = ""
    rating_key: Annotated[Key, Field(alias="ratingKey")] = None
    section_key: Annotated[Small, Field(alias="librarySectionID")] = None
    title: Text = ""
    parent_title: Annotated[Text, Field(alias="parentTitle")] = ""
    grandparent_title: Annotated[Text, Field(alias="grandparentTitle")] = ""
    number: Annotated[Small, Field(alias="index")] = None
    parent_number: Annotated[Small, Field(alias="parentIndex")] = None
    year: Small = None
    thumb: Text = ""
    parent_thumb: Annotated[Text, Field(alias="parentThumb")] = ""
    grandparent_thumb: Annotated[Text, Field(alias="grandparentThumb")] = ""
    duration: Number = None
    offset: Annotated[Number, Field(alias="viewOffset")] = None
    live: Flag = None


class SessionEntry(ItemPart):
    """One session: what is played, and how."""

    session_key: Annotated[Text, Field(alias="sessionKey")] = ""
    media: Annotated[Parts[MediaPart], Field(alias="Media")] = []
    user: Annotated[Part[UserPart], Field(alias="User")] = UserPart()
    player: Annotated[Part[PlayerPart], Field(alias="Player")] = PlayerPart()
    session: Annotated[Part[SessionPart], Field(alias="Session")] = SessionPart()
    transcoding: Annotated[TranscodePart | None, Field(alias="TranscodeSession")] = None


class SessionsContainer(Answer):
    """The list, under one name or another; there is none when nothing is played."""

    metadata: Annotated[Parts[SessionEntry], Field(alias="Metadata")] = []
    videos: Annotated[Parts[SessionEntry], Field(alias="Video")] = []
    tracks: Annotated[Parts[SessionEntry], Field(alias="Track")] = []
    photos: Annotated[Parts[SessionEntry], Field(alias="Photo")] = []

    @property
    def entries(self) -> list[SessionEntry]:
        """All of them."""
        return [*self.metadata, *self.videos, *self.tracks, *self.photos]


class SessionsAnswer(Answer):
    """The answer of `/status/sessions`."""

    container: Annotated[SessionsContainer, Field(alias="MediaContainer")]
