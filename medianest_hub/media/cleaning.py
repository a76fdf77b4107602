"""What of a source's answer can be shown: well-formed hits, few and small enough, whose links lead where they may. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError

from medianest_hub.plugin_api.media import MediaDetails, MediaElsewhere, MediaHit, MediaLink, MediaRequest
from medianest_hub.plugin_host.actions import refused_actions

MOST_HITS: Final = 100
"""What one source finds beyond this is passed over."""

MOST_BYTES: Final = 256 * 1024
"""Of all its hits together; the last ones are left out."""

MOST_BYTES_OF_ONE: Final = 64 * 1024

LONGEST_ID: Final = 200
"""Letters of a source's own id."""

_LONGEST: Final = {"title": 300, "original_title": 300, "place": 120, "summary": 2000}
_LONGEST_LINK: Final = 2000
_MOST: Final = {"requests": 30, "elsewhere": 20, "genres": 20, "seasons": 200, "trailers": 10, "cast": 30}
_BREAKS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_UNSEEN: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


class NotHits(Exception):
    """The answer is nothing that can be shown; the text is for the log."""


class Cleaned(BaseModel):
    """What can be shown of one answer, and how many hits could not be."""

    hits: list[MediaHit] = []
    one: MediaDetails | None = None
    refused: int = 0
    why: str = ""


def cleaned_hits(answer: Any, plugin: str) -> Cleaned:
    """What `search` answered. Raises `NotHits` where nothing of it is a hit."""
    if not isinstance(answer, (list, tuple)):
        raise NotHits(f"search answered {type(answer).__name__} where a list of MediaHit is declared")
    hits: list[MediaHit] = []
    refused, size, why = 0, 0, ""
    for given in answer[:MOST_HITS]:
        try:
            hit, packed = _cleaned(given, MediaHit, plugin)
        except NotHits as problem:
            refused += 1
            why = why or str(problem)
            continue
        size += packed
        if size > MOST_BYTES:
            break
        hits.append(hit)
    if refused and not hits:
        raise NotHits(why)
    return Cleaned(hits=hits, refused=refused, why=why[:200])


def cleaned_one(answer: Any, plugin: str) -> Cleaned:
    """What `details` or `find` answered. Raises `NotHits`."""
    if answer is None:
        return Cleaned()
    kind = MediaDetails if isinstance(answer, MediaDetails) else MediaHit
    hit, _ = _cleaned(answer, kind, plugin)
    return Cleaned(one=hit if isinstance(hit, MediaDetails) else MediaDetails(**hit.model_dump()))


def _cleaned(given: Any, kind: type[MediaHit], plugin: str) -> tuple[MediaHit, int]:
    if not isinstance(given, kind):
        raise NotHits(f"it answered {type(given).__name__} where {kind.__name__} is declared")
    try:
        # Through JSON and back: what a subclass adds stays here, and a model built unchecked is found out.
        packed = given.model_dump_json(warnings="error", include=set(kind.model_fields))
        if len(packed) > MOST_BYTES_OF_ONE:
            raise NotHits(f"one hit holds {len(packed)} bytes, {MOST_BYTES_OF_ONE} are allowed")
        hit = kind.model_validate_json(packed)
    except (ValidationError, PydanticSerializationError, ValueError, TypeError) as error:
        raise NotHits(f"a hit is not what it was declared to be: {type(error).__name__}") from error
    if not 0 < len(hit.id) <= LONGEST_ID or _BREAKS.search(hit.id):
        raise NotHits(f"the id of a hit must have 1 to {LONGEST_ID} letters")
    if not hit.title.strip():
        raise NotHits("a hit has no title")
    if words := refused_actions(plugin, hit.actions):
        raise NotHits(words)
    return hit.model_copy(update=_bounded(hit)), len(packed)


def _bounded(hit: MediaHit) -> dict[str, Any]:
    changes: dict[str, Any] = {name: _text(getattr(hit, name), most) for name, most in _LONGEST.items()}
    changes |= {name: getattr(hit, name)[:most] for name, most in _MOST.items() if hasattr(hit, name)}
    changes |= {
        "href": link(hit.href),
        "image": path(hit.image),
        "year": hit.year if hit.year is not None and 0 < hit.year < 10_000 else None,
        "popularity": min(max(hit.popularity, 0.0), 1.0) if math.isfinite(hit.popularity) else 0.0,
        "score": hit.score if math.isfinite(hit.score) else 0.0,
        "external_ids": dict(list(hit.external_ids.items())[:20]),
        "requests": _requests(changes["requests"]),
        "elsewhere": [
            MediaElsewhere(place=_text(one.place, _LONGEST["place"]), href=link(one.href))
            for one in changes["elsewhere"]
        ],
    }
    if isinstance(hit, MediaDetails):
        changes |= {
            "genres": [_text(word, 60) for word in changes["genres"] if word.strip()],
            "cast": [_text(name, 120) for name in changes["cast"] if name.strip()],
            "trailers": _trailers(changes["trailers"]),
            "seasons": [
                season.model_copy(update={"requests": _requests(season.requests), "title": _text(season.title, 300)})
                for season in changes["seasons"]
            ],
        }
    return changes


def _text(given: str, most: int) -> str:
    return _UNSEEN.sub("", given)[:most].strip()


def _requests(given: Sequence[MediaRequest]) -> list[MediaRequest]:
    return [one.model_copy(update={"href": link(one.href)}) for one in given[: _MOST["requests"]]]


def _trailers(given: Iterable[MediaLink]) -> list[MediaLink]:
    links = ((one.title, link(one.href)) for one in given)
    return [
        MediaLink(title=_text(title, 300), href=href)
        for title, href in links
        if href is not None and href.startswith("https:")
    ]


def path(given: str | None) -> str | None:
    """A path on this hub, or None for anything else."""
    if given is None or not 0 < len(given) <= _LONGEST_LINK or _BREAKS.search(given):
        return None
    on_hub = given.startswith("/") and not given.startswith("//") and "\\" not in given
    return given if on_hub else None


def link(given: str | None) -> str | None:
    """A path on this hub or an absolute https address, or None for anything else."""
    if given is None or path(given) is not None:
        return given
    if not 0 < len(given) <= _LONGEST_LINK or _BREAKS.search(given) or "\\" in given or " " in given:
        return None
    try:
        parts = urlsplit(given)
        usable = parts.scheme == "https" and parts.hostname and "@" not in parts.netloc
    except ValueError:
        return None
    return given if usable else None
