"""Somebody playing something: its state, and how `/status/sessions` and notifications tell it. Changes nothing else."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from .access import OWNER
from .item_json import item_json, media_json, section_json
from .items import Item, Media
from .library import Library
from .world import Account

PLAYERS = {
    "Chrome": ("Plex Web", "Chrome", "131.0", "Linux", "", "4.145.1"),
    "Apple TV": ("Plex for Apple TV", "tvOS", "18.1", "Apple TV", "Apple TV", "8.45"),
    "SHIELD Android TV": ("Plex for Android (TV)", "Android", "11", "SHIELD Android TV", "NVIDIA", "10.26.0.2578"),
    "Pixel": ("Plex for Android (Mobile)", "Android", "15", "Pixel 8", "Google", "10.26.0.2578"),
    "Plexamp": ("Plexamp", "macOS", "21.4.0", "macOS", "", "4.11.3"),
}
"""Product, platform, its version, device, vendor and version by the player's title."""
TYPED = frozenset({"Player", "Session", "TranscodeSession"})
"""The parts of a session whose numbers are numbers in JSON. All others are strings."""


@dataclass(eq=False)
class Playing:
    """`offset` in milliseconds; `state` is `playing`, `paused`, `buffering` or `stopped`. `local` is a player at home."""

    key: int
    item: Item
    account: Account
    person: int
    player: str
    transcode: bool
    local: bool = True
    relayed: bool = False
    secure: bool = True
    address: str = "192.0.2.11"
    state: str = "playing"
    offset: int = 0
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def client(self) -> str:
        """The identifier of the player."""
        return hashlib.sha1(f"{self.player} of {self.person}".encode()).hexdigest()[:24]

    @property
    def session_id(self) -> str:
        """The identifier a session is ended by."""
        return hashlib.sha1(f"session {self.key} of {self.client}".encode()).hexdigest()[:24]

    @property
    def transcode_key(self) -> str:
        """The key of its transcoding."""
        return f"/transcode/sessions/{self.session_id[::-1]}"

    @property
    def bandwidth(self) -> int:
        """In kbit/s."""
        media = self.item.media[0] if self.item.media else None
        return 0 if media is None else min(media.bitrate, 4000) if self.transcode else media.bitrate

    def notification(self) -> dict[str, Any]:
        """One entry of `PlaySessionStateNotification`."""
        said = {
            "sessionKey": str(self.key),
            "clientIdentifier": self.client,
            "guid": "",
            "ratingKey": str(self.item.rating_key),
            "url": "",
            "key": f"/library/metadata/{self.item.rating_key}",
            "viewOffset": self.offset,
            "playQueueItemID": self.key * 10 + 1,
            "playQueueID": self.key,
            "state": self.state,
        }
        return said | ({"transcodeSession": self.transcode_key.rpartition("/")[2]} if self.transcode else {})


def session_json(library: Library, one: Playing) -> dict[str, Any]:
    """One entry of `/status/sessions`, with Plex's types: strings but for the player, the session and the transcoding."""
    item = library.get(one.item.rating_key) or one.item
    said = item_json(library, item, one.person, place=True) | section_json(library, item)
    said |= {"sessionKey": str(one.key), "viewOffset": one.offset}
    said["key"] = f"/library/metadata/{item.rating_key}"
    if item.media:
        said["Media"] = [_played(item, item.media[0], one)]
    said["User"] = {
        "id": str(one.person),
        "thumb": f"https://plex.tv/users/{one.account.uuid}/avatar?c={one.account.joined_at}",
        "title": one.account.username or one.account.title,
    }
    said["Player"] = player_json(one)
    said["Session"] = {"id": one.session_id, "bandwidth": one.bandwidth, "location": "lan" if one.local else "wan"}
    if one.transcode:
        said["TranscodeSession"] = transcode_json(one)
    said |= one.extra
    return {name: value if name in TYPED else as_strings(value) for name, value in said.items() if value is not None}


def _played(item: Item, media: Media, one: Playing) -> dict[str, Any]:
    said = media_json(item, media)
    said["selected"] = True
    part = said["Part"][0]
    part |= {"decision": "transcode" if one.transcode else "directplay", "selected": True, "Stream": []}
    if one.transcode:
        said |= {"bitrate": one.bandwidth, "protocol": "dash", "optimizedForStreaming": True}
        part |= {"bitrate": one.bandwidth, "protocol": "dash", "optimizedForStreaming": True}
        if media.resolution:
            said |= {"container": "mp4", "videoCodec": "h264", "audioCodec": "aac", "videoResolution": "720p"}
            said |= {"width": 1280, "height": 720, "audioChannels": 2}
    if media.resolution:
        part["Stream"].append(_stream(media, 1, 0, said["videoCodec"], f"{said['videoResolution']} (H.264)", one))
    part["Stream"].append(_stream(media, 2, 1, said["audioCodec"], "English (AAC Stereo)", one))
    return said


def _stream(media: Media, kind: int, index: int, codec: str, title: str, one: Playing) -> dict[str, Any]:
    said: dict[str, Any] = {
        "id": media.part_id * 10 + kind,
        "streamType": kind,
        "codec": codec,
        "index": index,
        "bitrate": media.bitrate if kind == 1 else 320,
        "default": True,
        "selected": True,
        "displayTitle": title,
        "extendedDisplayTitle": title,
        "language": "English",
        "languageCode": "eng",
    }
    if one.transcode:
        said |= {"decision": "transcode", "location": "segments-video" if kind == 1 else "segments-audio"}
    if not media.resolution:
        said |= {"gain": "-10.60", "peak": "0.988556", "albumGain": "-9.71", "albumPeak": "0.998444"}
        said |= {"albumRange": "10.019548", "duration": one.item.duration}
    return said


def player_json(one: Playing) -> dict[str, Any]:
    """`Player` of a session."""
    product, platform, platform_version, device, vendor, version = PLAYERS.get(one.player, PLAYERS["Chrome"])
    return {
        "address": one.address,
        "device": device,
        "machineIdentifier": one.client,
        "model": "standalone" if product == "Plex Web" else "",
        "platform": platform,
        "platformVersion": platform_version,
        "product": product,
        "profile": "Web" if product == "Plex Web" else platform,
        "remotePublicAddress": "198.51.100.7",
        "state": one.state,
        "title": one.player,
        "vendor": vendor,
        "version": version,
        "local": one.local,
        "relayed": one.relayed,
        "secure": one.secure,
        "userID": one.person,
    }


def transcode_json(one: Playing) -> dict[str, Any]:
    """`TranscodeSession` of a session."""
    duration = one.item.duration or 0
    media = one.item.media[0] if one.item.media else None
    ahead = min(100.0, 100 * one.offset / duration + 3.5) if duration else -1
    return {
        "key": one.transcode_key,
        "throttled": False,
        "complete": False,
        "progress": ahead,
        "size": -22,
        "speed": 12.600000381469727,
        "error": False,
        "duration": duration,
        "remaining": 260,
        "context": "streaming",
        "sourceVideoCodec": media.video_codec if media else "",
        "sourceAudioCodec": media.audio_codec if media else "",
        "videoDecision": "transcode",
        "audioDecision": "transcode",
        "protocol": "dash",
        "container": "mp4",
        "videoCodec": "h264",
        "audioCodec": "aac",
        "audioChannels": 2,
        "transcodeHwRequested": True,
        "transcodeHwFullPipeline": False,
        "timeStamp": 1700000000.5,
        "maxOffsetAvailable": 314.764633,
        "minOffsetAvailable": 0.0,
    }


def as_strings(value: Any) -> Any:
    """Every number and switch in it as text."""
    if isinstance(value, dict):
        return {name: as_strings(one) for name, one in value.items()}
    if isinstance(value, list):
        return [as_strings(one) for one in value]
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value) if isinstance(value, int | float) else value


def local_number(account: Account, owner: Account | None) -> int:
    """What the server calls that account."""
    return OWNER if account is owner else account.id
