"""Searching, discovering and looking up films and series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from .access import API, Asking, guarded
from .catalogue import PAGE, Title
from .contract import LOCAL, NUMBER, TEXT, Rule, Shape, whole
from .records import MOVIE, TV, Refused
from .title_json import film_json, result_json, season_json, series_json
from .world import World

_SEARCH = Shape({**LOCAL, "query": Rule(required=True)})
_TRENDING = Shape(LOCAL)
_NUMBERS = ("withRuntimeGte", "withRuntimeLte", "voteAverageGte", "voteAverageLte", "voteCountGte", "voteCountLte")
_SHARED = {**LOCAL, "genre": TEXT, "keywords": TEXT, "sortBy": TEXT, "watchRegion": TEXT, "watchProviders": TEXT}
_ONLY_SEERR = ("excludeKeywords", "certification", "certificationGte", "certificationLte", "certificationCountry")
_DISCOVER = {**_SHARED, **dict.fromkeys(_NUMBERS, NUMBER), **dict.fromkeys(_ONLY_SEERR, Rule(seerr=True))}
_DISCOVER["certificationMode"] = Rule(among=("exact", "range"), seerr=True)
_FILMS = Shape({**_DISCOVER, "studio": NUMBER, "primaryReleaseDateGte": TEXT, "primaryReleaseDateLte": TEXT})
_SHOWS = Shape({**_DISCOVER, "network": NUMBER, "firstAirDateGte": TEXT, "firstAirDateLte": TEXT,
                "status": Rule(seerr=True)})  # fmt: skip
_LANGUAGE = {"language": TEXT}
_MOST_PAGES = 500


def routes(world: World) -> list[web.RouteDef]:
    """All of them."""
    film, show = Shape(_LANGUAGE, path=("movieId",)), Shape(_LANGUAGE, path=("tvId",))
    season = Shape(_LANGUAGE, path=("tvId", "season"))
    return [
        web.get(f"{API}/search", guarded(world, _SEARCH, _search, ()), name="search"),
        web.get(f"{API}/discover/trending", guarded(world, _TRENDING, _trending, ()), name="trending"),
        web.get(f"{API}/discover/movies", guarded(world, _FILMS, _films, ()), name="discover_movies"),
        web.get(f"{API}/discover/tv", guarded(world, _SHOWS, _shows, ()), name="discover_tv"),
        web.get(f"{API}/movie/{{movieId}}", guarded(world, film, _film, ()), name="movie"),
        web.get(f"{API}/tv/{{tvId}}", guarded(world, show, _series, ()), name="tv"),
        web.get(f"{API}/tv/{{tvId}}/season/{{season}}", guarded(world, season, _season, ()), name="tv_season"),
    ]


def _results(asking: Asking, found: Sequence[Title]) -> dict[str, Any]:
    page = asking.number("page", 1)
    some = found[(page - 1) * PAGE : page * PAGE]
    pages = min(_MOST_PAGES, max(1, -(-len(found) // PAGE)))
    results = [result_json(asking.world, one) for one in some]
    return {"page": page, "totalPages": pages, "totalResults": len(found), "results": results}


def _search(asking: Asking) -> dict[str, Any]:
    return _results(asking, asking.world.catalogue.search(asking.query["query"]))


def _trending(asking: Asking) -> dict[str, Any]:
    return _results(asking, asking.world.catalogue.popular(MOVIE, TV))


def _films(asking: Asking) -> dict[str, Any]:
    return _discovered(asking, MOVIE)


def _shows(asking: Asking) -> dict[str, Any]:
    return _discovered(asking, TV)


def _discovered(asking: Asking, kind: str) -> dict[str, Any]:
    wanted = {whole(one) for one in asking.query.get("genre", "").split(",") if one.isdecimal()}
    found = [one for one in asking.world.catalogue.popular(kind) if wanted <= set(one.genres)]
    return _results(asking, found)


def _get(asking: Asking, kind: str, name: str, words: str) -> Title:
    found = asking.world.catalogue.get(kind, whole(asking.path[name]))
    if found is None:
        raise Refused(500, words)
    return found


def _film(asking: Asking) -> dict[str, Any]:
    """An unknown id is 500, as TMDB's refusal is passed on."""
    return film_json(asking.world, _get(asking, MOVIE, "movieId", "Unable to retrieve movie."))


def _series(asking: Asking) -> dict[str, Any]:
    return series_json(asking.world, _get(asking, TV, "tvId", "Unable to retrieve series."))


def _season(asking: Asking) -> dict[str, Any]:
    title = _get(asking, TV, "tvId", "Unable to retrieve season.")
    number = whole(asking.path["season"])
    if number not in title.seasons:
        raise Refused(500, "Unable to retrieve season.")
    return season_json(title, number, dict(title.episodes)[number])
