"""Films and series that can be asked for, for the search of the whole hub. What is asked of Overseerr serves everybody."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from medianest_hub.plugin_api import (
    MediaDetails,
    MediaHit,
    MediaLink,
    MediaRequest,
    MediaSeason,
    MediaSource,
    Person,
    Viewer,
    errors,
)
from medianest_overseerr import browsing
from medianest_overseerr.client.answers import Kind
from medianest_overseerr.connection import Ctx
from medianest_overseerr.models import Details, Found, Mark, Season
from medianest_overseerr.offers import Offer, offer, quota_of
from medianest_overseerr.pages import TAG
from medianest_overseerr.privacy import REQUEST, full
from medianest_overseerr.states import MediaState

_LONGEST: Final = 200
_ID: Final = re.compile(r"(movie|tv):([1-9][0-9]{0,9})")
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,9}")
_LARGEST: Final = 2**31 - 1
_KNOWN: Final = 50.0
"""The popularity at TMDB that counts as half of all there can be: of what many know, but not everybody."""

_THERE: Final = (MediaState.AVAILABLE, MediaState.PARTLY_AVAILABLE)


async def search(ctx: Ctx, viewer: Viewer, text: str) -> list[MediaHit]:
    """What is called so, in TMDB's order, and how it stands for whoever looks."""
    words = " ".join(text.replace("\0", "").split())[:_LONGEST].strip()
    person = viewer.person
    if person is None or not words:
        return []
    found = await browsing.search(ctx, person, words)
    quota = await quota_of(ctx, person, found.items) if person.can(full(REQUEST)) else None
    return [
        MediaHit(**_hit(one, person, offer(one, found.you, quota), 1.0 - place / 100))
        for place, one in enumerate(found.items)
    ]


async def details(ctx: Ctx, viewer: Viewer, id: str) -> MediaDetails | None:
    """All about the one of that id; None for what is none of ours."""
    matched = _ID.fullmatch(id)
    if matched is None or viewer.person is None:
        return None
    return await _details(ctx, viewer.person, "movie" if matched[1] == "movie" else "tv", int(matched[2]))


async def find(ctx: Ctx, viewer: Viewer, kind: str, external_ids: Mapping[str, str]) -> MediaDetails | None:
    """The same by TMDB's number; None without one, for Overseerr is asked by no other."""
    number = external_ids.get("tmdb", "")
    if kind not in ("movie", "show") or _NUMBER.fullmatch(number) is None or viewer.person is None:
        return None
    return await _details(ctx, viewer.person, "movie" if kind == "movie" else "tv", int(number))


async def _details(ctx: Ctx, person: Person, kind: Kind, number: int) -> MediaDetails | None:
    if number > _LARGEST:
        return None
    try:
        found = await (browsing.movie if kind == "movie" else browsing.series)(ctx, person, number)
    except errors.NotFound:
        return None
    quota = await quota_of(ctx, person, [found]) if person.can(full(REQUEST)) else None
    return MediaDetails(
        **_hit(found, person, offer(found, found.you, quota), 1.0),
        genres=found.genres,
        runtime_minutes=found.runtime_minutes,
        seasons=[_season(one) for one in found.seasons],
        trailers=[MediaLink(title=one.title, href=one.href) for one in found.trailers],
        cast=found.cast,
    )


def _hit(found: Found, person: Person, offered: Offer, score: float) -> dict[str, object]:
    """The fields of a hit; all but requests and what may be asked for is the same for everybody."""
    may = person.can(full(REQUEST))
    return {
        "id": f"{found.kind}:{found.tmdb_id}",
        "kind": "movie" if found.kind == "movie" else "show",
        "title": found.title,
        "original_title": found.original_title,
        "year": found.year,
        "summary": f"{offered.words} {found.summary}".strip() if may else found.summary,
        "image": found.poster,
        "href": found.href if found.href is not None and found.href.startswith("https://") else None,
        "available": found.state in _THERE or found.state_4k in _THERE,
        "partly": found.state is MediaState.PARTLY_AVAILABLE,
        "requestable": may and offered.possible,
        "requests": _requests(found.requests),
        "actions": offered.actions if may else [],
        "external_ids": _ids(found),
        "popularity": max(found.popularity, 0.0) / (max(found.popularity, 0.0) + _KNOWN),
        "score": score,
    }


def _ids(found: Found) -> dict[str, str]:
    return dict(found.external_ids) if isinstance(found, Details) else {"tmdb": str(found.tmdb_id)}


def _requests(marks: Sequence[Mark]) -> list[MediaRequest]:
    """One's own first; of others only that there are some."""
    ordered = sorted(marks, key=lambda one: not one.mine)
    return [MediaRequest(state=one.state.value, mine=one.mine, is4k=one.is4k) for one in ordered]


def _season(one: Season) -> MediaSeason:
    there = {MediaState.AVAILABLE: "whole", MediaState.PARTLY_AVAILABLE: "partly"}
    return MediaSeason.model_validate(
        {
            "number": one.number,
            "title": one.title,
            "episodes": one.episodes,
            "year": one.year,
            "available": there.get(one.state, "none"),
            "requests": _requests(one.requests),
        }
    )


REQUESTS: Final = MediaSource(
    "requests", search, details, find, deadline=3.0, ttl=60.0, permission=REQUEST, tags=(TAG,)
)
