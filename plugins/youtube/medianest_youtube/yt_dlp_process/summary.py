"""What of yt-dlp's long answer about a video goes to the parent: a few typed fields, sizes guessed where untold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from medianest_youtube.words import clean

_TIERS = (2160, 1440, 1080, 720, 480, 360)
_TEXT = 500
_MOST = 1 << 62


def _number(value: object) -> float | None:
    """A positive number that is one; a site may also send `1e999`, or an integer of a thousand digits."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < _MOST:
        return None
    return float(value)


def _text(value: object) -> str | None:
    return clean(value)[:_TEXT] or None if isinstance(value, str) else None


def size_of(one: Mapping[str, Any], duration: float | None) -> int | None:
    """The bytes of a format: told, else guessed from its bit rate (kbit/s), else None."""
    told = _number(one.get("filesize")) or _number(one.get("filesize_approx"))
    rate = _number(one.get("tbr"))
    if told is None and rate is not None and duration is not None:
        told = rate * 1000 / 8 * duration
    return None if told is None else int(told)


def _total(formats: Sequence[Mapping[str, Any]], duration: float | None) -> int | None:
    sizes = [size_of(one, duration) for one in formats]
    return sum(size for size in sizes if size is not None) if sizes and None not in sizes else None


def _has(one: Mapping[str, Any], kind: str) -> bool:
    return one.get(kind) not in ("none", None)


def _is_sound(one: Mapping[str, Any]) -> bool:
    return one.get("vcodec") == "none" and one.get("acodec") != "none"


def _weight(one: Mapping[str, Any]) -> tuple[float, float]:
    return _number(one.get("height")) or 0, _number(one.get("tbr")) or 0


def qualities(info: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The qualities worth offering, best first: `{quality, height, estimated_size}` (bytes, or None)."""
    duration = _number(info.get("duration"))
    formats = [one for one in info.get("formats") or [info] if one.get("ext") != "mhtml"]
    videos = sorted((one for one in formats if one.get("vcodec") != "none"), key=_weight)
    sounds = sorted((one for one in formats if _is_sound(one)), key=_weight)
    offers: list[dict[str, Any]] = []

    def offer(quality: str, video: Mapping[str, Any] | None) -> None:
        parts = [] if video is None else [video]
        if sounds and (video is None or not _has(video, "acodec")):
            parts.append(sounds[-1])
        height = None if video is None else _number(video.get("height"))
        offers.append({"quality": quality, "height": height, "estimated_size": _total(parts, duration)})

    if videos:
        offer("best", videos[-1])
        tallest = _number(videos[-1].get("height")) or 0
        for tier in _TIERS:
            fitting = [one for one in videos if 0 < (_number(one.get("height")) or 0) <= tier]
            if fitting and tier <= max(tallest, _TIERS[-1]):
                offer(str(tier), fitting[-1])
    if sounds:
        offer("audio", None)
    elif any(one.get("acodec") != "none" for one in videos):
        offers.append({"quality": "audio", "height": None, "estimated_size": None})
    return offers


def summarize(info: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the parent's `VideoInfo`; `formats` are the ones chosen, when any were."""
    duration = _number(info.get("duration"))
    chosen = info.get("requested_formats") or ([info] if info.get("format_id") else [])
    return {
        "id": _text(info.get("id")) or "",
        "extractor": (_text(info.get("extractor_key")) or _text(info.get("extractor")) or "").lower(),
        "title": _text(info.get("title")) or "",
        "uploader": _text(info.get("uploader")) or _text(info.get("channel")),
        "duration": duration,
        "thumbnail": _text(info.get("thumbnail")),
        "webpage_url": _text(info.get("webpage_url")),
        "live": bool(info.get("is_live")) or info.get("live_status") in ("is_live", "is_upcoming", "post_live"),
        "size": _total(chosen, duration),
        "formats": [
            {
                "format_id": _text(str(one.get("format_id"))),
                "ext": _text(one.get("ext")),
                "height": _number(one.get("height")),
                "protocol": _text(one.get("protocol")),
                "size": size_of(one, duration),
            }
            for one in chosen
        ],
        "subtitles": sorted(map(clean, info.get("requested_subtitles") or {})),
        "qualities": qualities(info),
    }
