"""Makes of a row of the library what people are told of it: its place in Plex, its picture, whether they have seen it."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote

from medianest_hub.plugin_api import Context, Record
from medianest_plex.browsing.models import Item, Place
from medianest_plex.browsing.sight import Sight
from medianest_plex.settings import FIRST, PlexSettings

ART: Final = "art"
"""The name of this plugin's image source."""

POSTER_WIDTH: Final = 320
BACKGROUND_WIDTH: Final = 1280
PICTURE: Final = re.compile(
    r"/(?:library/(?:metadata|collections)|playlists)/[0-9]{1,18}/(?:thumb|art|composite|banner)(?:/[0-9]{1,18})?"
)
"""The paths of pictures that are asked of a server; nothing else ever is."""

COLUMNS: Final = """i.id, i.instance, i.section_key, i.rating_key, i.kind, i.parent_number, i.number, i.title,
    i.original_title, i.parent_title, i.grandparent_title, i.year, i.summary, i.rating, i.content_rating, i.studio,
    i.duration_ms, i.genres, i.resolution, i.tmdb, i.tvdb, i.imdb, i.musicbrainz, i.thumb, i.art, i.leaves, i.added_at"""
_IDS: Final = ("tmdb", "tvdb", "imdb", "musicbrainz")


def seen_sql(row: str, person: int) -> str:
    """Whether the person of that parameter has seen the row."""
    return (
        f"EXISTS (SELECT FROM plugin_plex.seen s WHERE s.instance = {row}.instance AND s.person_id = ${person}"  # nosec B608 # ours alone
        f" AND s.rating_key = {row}.rating_key)"
    )


def fields(ctx: Context[PlexSettings], seen: Sight, row: Record) -> dict[str, Any]:
    """The fields of an `Item`; the row has `COLUMNS` and `seen`."""
    kind = row["kind"]
    return {
        "id": row["id"],
        "instance": row["instance"],
        "library": row["section_key"],
        "kind": kind,
        "title": row["title"],
        "original_title": row["original_title"],
        "show": row["grandparent_title"] if kind == "episode" else row["parent_title"],
        "season": row["parent_number"] if kind == "episode" else row["number"] if kind == "season" else None,
        "number": row["number"],
        "year": row["year"],
        "summary": row["summary"],
        "rating": round(row["rating"], 2) if row["rating"] is not None else None,
        "content_rating": row["content_rating"],
        "studio": row["studio"],
        "seconds": row["duration_ms"] / 1000 if row["duration_ms"] is not None else None,
        "genres": row["genres"],
        "resolution": row["resolution"],
        "leaves": row["leaves"],
        "added_at": row["added_at"],
        "seen": row["seen"] if seen.knows_seen(row["instance"]) else None,
        "external_ids": external_ids(row),
        "image": picture(ctx, row["instance"], row["thumb"], POSTER_WIDTH),
        "href": watch_link(ctx, seen, row["instance"], row["rating_key"]),
    }


def item(ctx: Context[PlexSettings], seen: Sight, row: Record) -> Item:
    """One item of a list."""
    return Item(**fields(ctx, seen, row))


def external_ids(row: Record) -> dict[str, str]:
    """By which others know it."""
    return {name: row[name] for name in _IDS if row[name]}


def watch_link(ctx: Context[PlexSettings], seen: Sight, instance: str, rating_key: int) -> str | None:
    """Where it opens in Plex; None while it is not known which server that is."""
    server = seen.servers.get(instance)
    return watch_address(ctx, server.machine_identifier, rating_key) if server is not None else None


def watch_address(ctx: Context[PlexSettings], machine_identifier: str, rating_key: int) -> str | None:
    """Where what has that key on that server opens in Plex; None without the server's identifier."""
    if not machine_identifier:
        return None
    key = quote(f"/library/metadata/{rating_key}", safe="")
    return f"{ctx.settings.app_url}/desktop/#!/server/{quote(machine_identifier, safe='')}/details?key={key}"


def place(ctx: Context[PlexSettings], seen: Sight, row: Record) -> Place:
    """Where it can be watched. The row has `instance`, `section_key` and `rating_key`, and the section is to be seen."""
    instance, section_key = row["instance"], row["section_key"]
    return Place(
        instance=instance,
        server=seen.servers[instance].name,
        library=seen.sections[instance, section_key].title,
        href=watch_link(ctx, seen, instance, row["rating_key"]),
    )


def picture(ctx: Context[PlexSettings], instance: str, path: str, width: int) -> str | None:
    """A link to a picture of that server; None where there is none."""
    path = path.partition("?")[0]
    if PICTURE.fullmatch(path) is None:
        return None
    return ctx.images.link(ART, path if instance == FIRST else f"{instance}:{path}", width=width)
