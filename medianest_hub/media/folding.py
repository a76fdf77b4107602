"""Makes one item of what several sources say of one thing, the same in whatever order they answered. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from medianest_hub.media.external_ids import NAMESPACES, known_ids
from medianest_hub.media.joining import Found
from medianest_hub.media.models import (
    MediaItem,
    MediaPage,
    MediaPlace,
    MediaState,
    SourceAction,
    SourceReport,
    SourceRequest,
)
from medianest_hub.plugin_api.media import MediaDetails, MediaHit, MediaLink, MediaRequest, MediaSeason

_OPEN: Final = frozenset({"pending", "approved", "processing", "failed"})
"""Asked for and not there yet; what failed is still to be seen to."""

_THERE: Final = frozenset({"available", "completed"})
_PARTS: Final = frozenset({"show", "season", "artist", "album"})
_MUCH: Final = ("none", "partly", "whole")

MOST_OF_ALL: Final = 60
"""Requests, actions and places shown of one thing."""


def fold(group: Sequence[Found], titles: Mapping[str, str]) -> MediaItem:
    """The item of a group that `join` made. `titles`: what a source's plugin is called, by source."""
    return MediaItem(**_fields(group, titles))


def fold_page(group: Sequence[Found], titles: Mapping[str, str], sources: list[SourceReport]) -> MediaPage:
    """The same with all that the sources' details say."""
    details = [found.hit for found in _telling(group) if isinstance(found.hit, MediaDetails)]
    return MediaPage(
        **_fields(group, titles),
        genres=_first(one.genres for one in details) or [],
        runtime_minutes=_first(one.runtime_minutes for one in details),
        seasons=_seasons(details),
        trailers=_trailers(details),
        cast=_first(one.cast for one in details) or [],
        sources=sources,
    )


def state_of(hits: Sequence[MediaHit]) -> MediaState:
    """What the household has of it, by all who know it.

    Who knows that parts are missing is believed before who only knows that it is there; the library before requests.
    """
    requests = {request.state for hit in hits for request in hit.requests}
    partly = any(hit.partly for hit in hits) or "partly_available" in requests
    if partly and any(hit.kind in _PARTS for hit in hits):
        return MediaState.PARTLY
    if any(hit.available for hit in hits) or requests & _THERE:
        return MediaState.IN_LIBRARY
    if partly:
        return MediaState.PARTLY
    if requests & _OPEN:
        return MediaState.REQUESTED
    if any(hit.requestable for hit in hits):
        return MediaState.REQUESTABLE
    return MediaState.UNKNOWN


def own_id(found: Found) -> str:
    """How the page of what only one source knows is asked for."""
    return f"{found.source}:{found.hit.id}"


def _fields(group: Sequence[Found], titles: Mapping[str, str]) -> dict[str, Any]:
    telling = _telling(group)
    hits = [found.hit for found in telling]
    ids = _ids(group)
    strongest = next((name for name in NAMESPACES if name in ids), None)
    return {
        "id": f"{strongest}:{ids[strongest]}" if strongest else own_id(group[0]),
        "kind": hits[0].kind,
        "title": hits[0].title,
        "original_title": _first(hit.original_title for hit in hits) or "",
        "year": _first(hit.year for hit in hits),
        "summary": _first(hit.summary for hit in hits) or "",
        "image": _first(hit.image for hit in hits),
        "state": state_of(hits),
        "places": _places(telling, titles),
        "requests": [
            SourceRequest(**request.model_dump(), source=found.source)
            for found in _once(group)
            for request in found.hit.requests
        ][:MOST_OF_ALL],
        "actions": [
            SourceAction(**action.model_dump(), source=found.source)
            for found in _once(group)
            for action in found.hit.actions
        ][:MOST_OF_ALL],
        "external_ids": ids,
    }


def _telling(group: Sequence[Found]) -> list[Found]:
    """Where it is comes first: what it is called there is what the household knows it by."""
    return sorted(group, key=lambda found: (not found.hit.available, not found.hit.external_ids, found.order))


def _once(group: Sequence[Found]) -> list[Found]:
    """One hit of each thing of each source: several places of one have the same requests and actions."""
    first: dict[tuple[str, str], Found] = {}
    for found in group:
        first.setdefault((found.source, found.hit.id), found)
    return list(first.values())


def _ids(group: Sequence[Found]) -> dict[str, str]:
    """All ids known; where sources contradict each other, what most of them say, else the smallest."""
    said = [known_ids(found.hit.external_ids) for found in _once(group)]
    ids: dict[str, str] = {}
    for name in NAMESPACES:
        values = sorted(one[name] for one in said if name in one)
        if values:
            ids[name] = min(values, key=lambda value: (-values.count(value), value))
    return ids


def _places(telling: Sequence[Found], titles: Mapping[str, str]) -> list[MediaPlace]:
    """Where it is. A source that names no place and leads to none is one only where none does, and it has it."""
    places: dict[tuple[str, str, str | None], MediaPlace] = {}
    named = any(place for found in telling for place in _named(found.hit))
    for found in telling:
        plugin, instance, _ = found.source.split(".", 2)
        hit = found.hit
        for name, href in _named(hit) if named else [("", None)] if hit.available else []:
            place = MediaPlace(
                source=found.source,
                plugin=plugin,
                instance=instance,
                name=name or titles.get(found.source, plugin),
                href=href,
                available=hit.available,
            )
            places.setdefault((place.source, place.name, place.href), place)
    return list(places.values())[:MOST_OF_ALL]


def _named(hit: MediaHit) -> list[tuple[str, str | None]]:
    """Places of a hit with a name or an address, as pairs of these."""
    every = [(hit.place, hit.href), *((other.place, other.href) for other in hit.elsewhere)]
    return [(name, href) for name, href in every if name or href]


def _first(values: Iterable[Any]) -> Any:
    return next((value for value in values if value), None)


def _seasons(details: Sequence[MediaDetails]) -> list[MediaSeason]:
    seasons: dict[int, MediaSeason] = {}
    for one in (season for hit in details for season in hit.seasons):
        before = seasons.get(one.number)
        seasons[one.number] = one if before is None else _both(before, one)
    return [seasons[number] for number in sorted(seasons)]


def _both(one: MediaSeason, other: MediaSeason) -> MediaSeason:
    much = [season.available for season in (one, other) if season.available is not None]
    requests: list[MediaRequest] = [*one.requests, *other.requests]
    return MediaSeason(
        number=one.number,
        title=one.title or other.title,
        episodes=max((season.episodes for season in (one, other) if season.episodes is not None), default=None),
        year=one.year or other.year,
        available=max(much, key=_MUCH.index, default=None),
        requests=requests[:MOST_OF_ALL],
    )


def _trailers(details: Sequence[MediaDetails]) -> list[MediaLink]:
    return list({link.href: link for hit in details for link in hit.trailers}.values())[:MOST_OF_ALL]
