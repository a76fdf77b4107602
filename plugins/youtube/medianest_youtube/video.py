"""What is known about a video and how far its download is, as the process told it; plain values, checked once here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from medianest_youtube.addresses import HostRules
from medianest_youtube.words import clean


class Stage(StrEnum):
    """Where a running download is."""

    FETCHING_INFO = "fetching_info"
    DOWNLOADING = "downloading"
    PROCESSING = "processing"


@dataclass(frozen=True, slots=True)
class QualityOffer:
    """A quality worth offering; `estimated_size` in bytes, None where the site does not say."""

    quality: str
    height: int | None
    estimated_size: int | None


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """One video. `duration` in seconds, `size` the bytes of the chosen formats as far as told, `live` also before it begins."""

    id: str
    extractor: str
    title: str
    uploader: str | None
    duration: float | None
    thumbnail: str | None
    webpage_url: str
    live: bool
    size: int | None
    formats: tuple[tuple[str, int | None], ...]
    protocols: tuple[str, ...]
    subtitles: tuple[str, ...]
    qualities: tuple[QualityOffer, ...]

    @classmethod
    def parse(cls, fields: Mapping[str, Any], rules: HostRules) -> VideoInfo:
        """From `yt_dlp_process.summary`'s fields. A picture the rules do not allow is left out."""
        thumbnail = fields.get("thumbnail")
        formats = fields.get("formats") or []
        return cls(
            id=clean(str(fields["id"])),
            extractor=clean(str(fields["extractor"])),
            title=clean(str(fields["title"]) or str(fields["id"])),
            uploader=_text(fields.get("uploader")),
            duration=fields.get("duration"),
            thumbnail=thumbnail if isinstance(thumbnail, str) and rules.allows_picture(thumbnail) else None,
            webpage_url=clean(str(fields.get("webpage_url") or "")),
            live=bool(fields.get("live")),
            size=fields.get("size"),
            formats=tuple((str(one["format_id"]), one.get("size")) for one in formats),
            protocols=tuple(str(one.get("protocol")) for one in formats),
            subtitles=tuple(map(str, fields.get("subtitles") or ())),
            qualities=tuple(
                QualityOffer(str(one["quality"]), _whole(one.get("height")), one.get("estimated_size"))
                for one in fields.get("qualities") or ()
            ),
        )

    @property
    def key(self) -> str:
        """What makes two links the same video: the site's own id. A bare file has none: its address stands for it."""
        if self.extractor in ("", "generic", "html5"):
            return f"url:{hashlib.sha256(self.webpage_url.encode()).hexdigest()}"
        return f"{self.extractor}:{self.id}"

    @property
    def identity(self) -> dict[str, Any]:
        """What must be the same for parts of an earlier attempt to be of any use."""
        return {"key": self.key, "formats": [list(one) for one in self.formats], "duration": self.duration}


def _text(value: object) -> str | None:
    return clean(value) if isinstance(value, str) else None


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) else None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is: bytes so far and in all (None when unknown), bytes a second, seconds left, fragments."""

    stage: Stage = Stage.DOWNLOADING
    downloaded: int = 0
    total: int | None = None
    speed: float | None = None
    eta: float | None = None
    fragment: int | None = None
    fragments: int | None = None
    text: str = ""

    @classmethod
    def parse(cls, message: Mapping[str, Any]) -> Progress:
        """From a `progress` line of the process."""
        downloaded, total, speed = int(message["downloaded"]), message.get("total"), message.get("speed")
        if total is not None:
            total = max(int(total), downloaded)
        return cls(
            downloaded=downloaded,
            total=total,
            speed=speed,
            eta=(total - downloaded) / speed if total is not None and speed else None,
            fragment=message.get("fragment"),
            fragments=message.get("fragments"),
        )

    @property
    def fraction(self) -> float | None:
        """0 to 1, or None when nothing tells."""
        if self.total:
            return min(self.downloaded / self.total, 1.0)
        if self.fragment is not None and self.fragments:
            return min(self.fragment / self.fragments, 1.0)
        return None
