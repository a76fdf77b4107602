"""What a Plex Media Server says of an item, with its names and types (numbers as numbers); decides nothing."""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import Any

from .items import LEAVES, RESOLUTIONS, Item, Media
from .library import Library

_EXTRAS = 1_000_000_000
"""Keys from here on are trailers, which this server has not got."""
_PREFIXES = ("parent", "grandparent")


def item_json(library: Library, item: Item, person: int, *, guids: bool = True, place: bool = False) -> dict[str, Any]:
    """One entry of `Metadata`. `place` tells each its section, as lists across sections do."""
    if item.type == "playlist":
        return _playlist(library, item)
    if item.type == "collection":
        return _collection(library, item)
    said: dict[str, Any] = {"ratingKey": str(item.rating_key), "key": _key(item), "guid": item.guid}
    if place:
        said |= section_json(library, item)
    if item.type != "season":
        said["slug"] = slug(item)
    for name, value in _facts(item):
        if value not in (None, ""):
            said[name] = value
    if item.sort_title != item.title:
        said["titleSort"] = item.sort_title
    said |= _pictures(item) | _ancestors(library, item) | _seen(library, item, person)
    if item.type in LEAVES:
        said["Media"] = [media_json(item, one) for one in item.media]
    said |= _tags(library, item)
    if guids and item.ids:
        said["Guid"] = [{"id": one} for one in item.ids]
    return _laid_over(said, item.extra)


def _key(item: Item) -> str:
    return f"/library/metadata/{item.rating_key}" + ("" if item.type in LEAVES else "/children")


def _facts(item: Item) -> list[tuple[str, Any]]:
    said = [
        ("studio", item.studio),
        ("type", item.type),
        ("title", item.title),
        ("originalTitle", item.original_title),
        ("contentRating", item.content_rating),
        ("summary", item.summary or None),
        ("rating", item.rating),
        ("audienceRating", item.audience_rating),
        ("index", item.index),
        ("year", item.year),
        ("tagline", item.tagline),
        ("duration", item.duration),
        ("originallyAvailableAt", item.originally_available_at),
        ("addedAt", item.added_at),
        ("updatedAt", item.updated_at),
    ]
    if item.rating is not None:
        fresh = "certified" if item.rating >= 8 else "ripe" if item.rating >= 6 else "rotten"
        said.append(("ratingImage", f"rottentomatoes://image.rating.{fresh}"))
    if item.audience_rating is not None:
        upright = "upright" if item.rating is not None else ""
        image = f"rottentomatoes://image.rating.{upright}" if upright else "themoviedb://image.rating"
        said.append(("audienceRatingImage", image))
    if item.type in ("movie", "show"):
        said.append(("primaryExtraKey", f"/library/metadata/{_EXTRAS + item.rating_key}"))
    if item.type == "movie":
        said.append(("chapterSource", "media"))
    return said


def _pictures(item: Item) -> dict[str, Any]:
    at, stamp = item.rating_key, item.updated_at
    said: dict[str, Any] = {}
    images = []
    if item.type != "track":
        said["thumb"] = f"/library/metadata/{at}/thumb/{stamp}"
        kind = "snapshot" if item.type == "episode" else "coverPoster"
        images.append({"alt": item.title, "type": kind, "url": said["thumb"]})
    if item.type in ("movie", "show", "artist"):
        said["art"] = f"/library/metadata/{at}/art/{stamp}"
        images.append({"alt": item.title, "type": "background", "url": said["art"]})
    if item.type == "show":
        said["theme"] = f"/library/metadata/{at}/theme/{stamp}"
    if images:
        said["Image"] = images
        said["UltraBlurColors"] = _colours(at % 1024)
    return said


@functools.lru_cache(maxsize=1024)
def _colours(key: int) -> dict[str, str]:
    corners = ("topLeft", "topRight", "bottomRight", "bottomLeft")
    return {name: f"{(key * 2654435761 + at * 40503) & 0xFFFFFF:06x}" for at, name in enumerate(corners)}


def _ancestors(library: Library, item: Item) -> dict[str, Any]:
    said: dict[str, Any] = {}
    above, shown = item.parent, item
    for prefix in _PREFIXES:
        found = library.get(above) if above is not None else None
        if found is None:
            break
        at, stamp = found.rating_key, found.updated_at
        said |= {
            f"{prefix}RatingKey": str(at),
            f"{prefix}Key": f"/library/metadata/{at}",
            f"{prefix}Guid": found.guid,
            f"{prefix}Title": found.title,
            f"{prefix}Thumb": f"/library/metadata/{at}/thumb/{stamp}",
        }
        if found.type == "season":
            said[f"{prefix}Index"] = found.index
        if found.type in ("show", "artist"):
            said[f"{prefix}Slug"] = slug(found)
            said[f"{prefix}Art"] = said["art"] = f"/library/metadata/{at}/art/{stamp}"
        if found.type == "show":
            said[f"{prefix}Theme"] = f"/library/metadata/{at}/theme/{stamp}"
        said |= _of_parent(prefix, item, found)
        above, shown = found.parent, found
    if item.type == "track" and shown is not item:
        said["thumb"] = said.get("parentThumb")
    return said


def _of_parent(prefix: str, item: Item, found: Item) -> dict[str, Any]:
    """What only parents tell: the year, and of an album the studio and which disc it is."""
    said: dict[str, Any] = {}
    if prefix != "parent":
        return said
    if found.year is not None:
        said["parentYear"] = found.year
    if found.type in ("show", "album") and found.studio:
        said["parentStudio"] = found.studio
    if item.type == "track":
        said["parentIndex"] = item.extra.get("parentIndex", 1)
    return said


def _seen(library: Library, item: Item, person: int) -> dict[str, Any]:
    view = library.view(person, item.guid)
    said: dict[str, Any] = {}
    if item.type in LEAVES:
        said |= {"viewCount": view.count} if view.count else {}
        said |= {"viewOffset": view.offset} if view.offset else {}
    else:
        below = library.children(item.rating_key)
        if item.type in ("season", "album"):
            said["leafCount"] = len(below)
            said["viewedLeafCount"] = library.viewed(person, item.rating_key)
        elif item.type == "show":
            said["childCount"] = len(below)
            said["leafCount"] = sum(len(library.children(one)) for one in below)
            said["viewedLeafCount"] = library.viewed(person, item.rating_key)
    return said | ({"lastViewedAt": view.last_at} if view.last_at else {})


def _tags(library: Library, item: Item) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for name, tags in (
        ("Genre", item.genres),
        ("Country", item.countries),
        ("Collection", item.collections),
        ("Director", item.directors),
        ("Writer", item.writers),
        ("Label", item.labels),
    ):
        if tags:
            kind = name.lower()
            ids = [(one, library.tag_id(kind, one)) for one in tags]
            said[name] = [{"id": number, "filter": f"{kind}={number}", "tag": one} for one, number in ids]
    if item.roles:
        people = [(who, part, library.tag_id("actor", who)) for who, part in item.roles]
        said["Role"] = [
            {
                "id": number,
                "filter": f"actor={number}",
                "tag": who,
                "role": part,
                "thumb": f"https://metadata-static.plex.tv/people/{number:024x}.jpg",
            }
            for who, part, number in people
        ]
    return said


def media_json(item: Item, media: Media) -> dict[str, Any]:
    """One entry of `Media`."""
    if not media.resolution:
        said: dict[str, Any] = {
            "id": media.id,
            "duration": item.duration,
            "bitrate": media.bitrate,
            "audioChannels": media.channels,
            "audioCodec": media.audio_codec,
            "container": media.container,
        }
        return said | {"Part": [_part(item, media)]}
    width, height = RESOLUTIONS[media.resolution]
    return {
        "id": media.id,
        "duration": item.duration,
        "bitrate": media.bitrate,
        "width": width,
        "height": height,
        "aspectRatio": 1.78,
        "audioChannels": media.channels,
        "audioCodec": media.audio_codec,
        "audioProfile": "dts" if media.audio_codec == "dca" else "lc",
        "videoCodec": media.video_codec,
        "videoResolution": media.resolution,
        "container": media.container,
        "videoFrameRate": "24p",
        "videoProfile": "main 10" if media.video_codec == "hevc" else "high",
        "Part": [_part(item, media)],
    }


def _part(item: Item, media: Media) -> dict[str, Any]:
    said: dict[str, Any] = {
        "id": media.part_id,
        "key": f"/library/parts/{media.part_id}/{item.added_at}/file.{media.container}",
        "duration": item.duration,
        "file": media.file,
        "size": media.size,
        "container": media.container,
    }
    if media.resolution:
        said["audioProfile"] = "dts" if media.audio_codec == "dca" else "lc"
        said["videoProfile"] = "main 10" if media.video_codec == "hevc" else "high"
    return said


def section_json(library: Library, item: Item) -> dict[str, Any]:
    """Where it is."""
    section = library.sections.get(item.section)
    if section is None:
        return {}
    return {
        "librarySectionTitle": section.title,
        "librarySectionID": section.key,
        "librarySectionKey": f"/library/sections/{section.key}",
    }


def _collection(library: Library, item: Item) -> dict[str, Any]:
    members = [one for key in item.members if (one := library.get(key)) is not None]
    years = [one.year for one in members if one.year]
    said = {
        "ratingKey": str(item.rating_key),
        "key": f"/library/collections/{item.rating_key}/children",
        "guid": item.guid.replace("plex://", "collection://"),
        "type": "collection",
        "title": item.title,
        "titleSort": item.sort_title,
        "subtype": members[0].type if members else "movie",
        "summary": item.summary,
        "index": item.index or item.rating_key,
        "ratingCount": len(members),
        "thumb": f"/library/collections/{item.rating_key}/composite/{item.updated_at}",
        "addedAt": item.added_at,
        "updatedAt": item.updated_at,
        # As text, which the OpenAPI document has as a number: nobody recorded one, and readers have to take both.
        "childCount": str(len(members)),
        **({"minYear": str(min(years)), "maxYear": str(max(years))} if years else {}),
    }
    return _laid_over(said, item.extra)


def playlist_type(library: Library, item: Item) -> str:
    """`audio` or `video`, by what is first in it."""
    first = library.get(item.members[0]) if item.members else None
    return "audio" if first is not None and first.type == "track" else "video"


def _playlist(library: Library, item: Item) -> dict[str, Any]:
    members = [one for key in item.members if (one := library.get(key)) is not None]
    said = {
        "ratingKey": str(item.rating_key),
        "key": f"/playlists/{item.rating_key}/items",
        "guid": f"com.plexapp.agents.none://{item.guid.rpartition('/')[2]}",
        "type": "playlist",
        "title": item.title,
        "titleSort": item.sort_title,
        "summary": item.summary,
        "smart": False,
        "playlistType": playlist_type(library, item),
        "composite": f"/playlists/{item.rating_key}/composite/{item.updated_at}",
        "duration": sum(one.duration or 0 for one in members),
        "leafCount": len(members),
        "addedAt": item.added_at,
        "updatedAt": item.updated_at,
    }
    return _laid_over(said, item.extra)


def slug(item: Item) -> str:
    """The name of its page at watch.plex.tv."""
    plain = unicodedata.normalize("NFKD", item.title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", f"{plain} {item.year or ''}").strip("-") or str(item.rating_key)


def _laid_over(said: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    said |= extra
    return {name: value for name, value in said.items() if value is not None} if extra else said
