"""Films, series, seasons and people as the service maps them from TMDB; changes nothing."""

from __future__ import annotations

from typing import Any

from .catalogue import COLLECTION, PERSON, Title
from .issue_json import bare_issue
from .record_json import media_json
from .records import MOVIE, TV
from .titles import GENRES
from .world import World


def result_json(world: World, title: Title) -> dict[str, Any]:
    """One result of a search; `mediaInfo` only where something is known of the title."""
    if title.type == PERSON:
        return {
            "id": title.id,
            "name": title.name,
            "popularity": title.popularity,
            "adult": False,
            "mediaType": PERSON,
            "profilePath": None,
            "knownFor": [],
        }
    if title.type == COLLECTION:
        return _collection_result(title)
    said = _film_result(title) if title.type == MOVIE else _series_result(title)
    media = world.find_media(title.type, title.id)
    if media is not None:
        said["mediaInfo"] = media_json(world, media, seasons=not world.seerr, watchlists=True)
    return said


def _collection_result(title: Title) -> dict[str, Any]:
    return {
        "id": title.id,
        "mediaType": COLLECTION,
        "adult": False,
        "originalLanguage": "en",
        "originalTitle": title.name,
        "title": title.name,
        "overview": title.overview,
        "backdropPath": title.backdrop,
        "posterPath": title.poster,
    }


def _film_result(title: Title) -> dict[str, Any]:
    return {
        "id": title.id,
        "mediaType": MOVIE,
        "adult": False,
        "genreIds": list(title.genres),
        "originalLanguage": "en",
        "originalTitle": title.name,
        "overview": title.overview,
        "popularity": title.popularity,
        "releaseDate": title.date,
        "title": title.name,
        "video": False,
        "voteAverage": title.average,
        "voteCount": 1000,
        "backdropPath": title.backdrop,
        "posterPath": title.poster,
    }


def _series_result(title: Title) -> dict[str, Any]:
    return {
        "id": title.id,
        "firstAirDate": title.date,
        "genreIds": list(title.genres),
        "mediaType": TV,
        "name": title.name,
        "originCountry": ["US"],
        "originalLanguage": "en",
        "originalName": title.name,
        "overview": title.overview,
        "popularity": title.popularity,
        "voteAverage": title.average,
        "voteCount": 1000,
        "backdropPath": title.backdrop,
        "posterPath": title.poster,
    }


def _genres(title: Title) -> list[dict[str, Any]]:
    return [{"id": one, "name": GENRES.get(one, "Other")} for one in title.genres]


def _videos(title: Title) -> list[dict[str, Any]]:
    if title.trailer is None:
        return []
    key = title.trailer
    about = {"site": "YouTube", "key": key, "name": f"{title.name}: official trailer", "size": 1080, "type": "Trailer"}
    return [{**about, "url": f"https://www.youtube.com/watch?v={key}"}]


def _state(world: World, title: Title) -> dict[str, Any]:
    media = world.find_media(title.type, title.id)
    if media is None:
        return {}
    issues = [bare_issue(one) for one in world.issues.values() if one.media is media]
    return {"mediaInfo": media_json(world, media, requests=True, issues=issues, seasons=True)}


def film_json(world: World, title: Title) -> dict[str, Any]:
    """All of a film."""
    return {
        "id": title.id,
        "adult": False,
        "budget": 12_000_000,
        "genres": _genres(title),
        "relatedVideos": _videos(title),
        "originalLanguage": "en",
        "originalTitle": title.name,
        "popularity": title.popularity,
        "productionCompanies": [],
        "productionCountries": [{"iso_3166_1": "US", "name": "United States of America"}],
        "releaseDate": title.date,
        "releases": {"results": []},
        "revenue": 30_000_000,
        "spokenLanguages": [{"iso_639_1": "en", "name": "English", "english_name": "English"}],
        "status": "Released",
        "title": title.name,
        "video": False,
        "voteAverage": title.average,
        "voteCount": 1000,
        "backdropPath": title.backdrop,
        "homepage": "",
        "imdbId": title.imdb_id,
        "overview": title.overview,
        "posterPath": title.poster,
        "runtime": title.minutes,
        "tagline": "",
        "credits": {"cast": [], "crew": []},
        "externalIds": {"facebookId": None, "imdbId": title.imdb_id, "instagramId": None, "twitterId": None},
        **_state(world, title),
        "watchProviders": [],
        "keywords": [],
        **({"onUserWatchlist": False} if world.seerr else {}),
    }


def series_json(world: World, title: Title) -> dict[str, Any]:
    """All of a series but its episodes."""
    external = {"facebookId": None, "imdbId": title.imdb_id, "instagramId": None, "tvdbId": title.tvdb_id}
    return {
        "createdBy": [],
        "episodeRunTime": [title.minutes],
        "firstAirDate": title.date,
        "genres": _genres(title),
        "relatedVideos": _videos(title),
        "homepage": "",
        "id": title.id,
        "inProduction": title.goes_on,
        "languages": ["en"],
        "lastAirDate": title.date,
        "name": title.name,
        "networks": [{"id": 174, "name": "Channel Fourteen", "originCountry": "US", "logoPath": None}],
        "numberOfEpisodes": sum(episodes for number, episodes in title.episodes if number),
        "numberOfSeasons": sum(number > 0 for number in title.seasons),
        "originCountry": ["US"],
        "originalLanguage": "en",
        "originalName": title.name,
        "tagline": "",
        "overview": title.overview,
        "popularity": title.popularity,
        "productionCompanies": [],
        "productionCountries": [],
        "contentRatings": {"results": []},
        "spokenLanguages": [{"englishName": "English", "iso_639_1": "en", "name": "English"}],
        "seasons": [_season(title, number, episodes) for number, episodes in title.episodes],
        "status": "Returning Series" if title.goes_on else "Ended",
        "type": "Scripted",
        "voteAverage": title.average,
        "voteCount": 1000,
        "backdropPath": title.backdrop,
        **_aired(title),
        "posterPath": title.poster,
        "credits": {"cast": [], "crew": []},
        "externalIds": {**external, "twitterId": None},
        "keywords": [],
        **_state(world, title),
        "watchProviders": [],
        **({"onUserWatchlist": False} if world.seerr else {}),
    }


def _aired(title: Title) -> dict[str, Any]:
    """The last episode, and of a series that goes on the next one."""
    if not title.has_aired or not title.episodes or not title.episodes[-1][1]:
        return {}
    number, episodes = title.episodes[-1]
    said = {"lastEpisodeToAir": {**_episode(title, number, episodes), "stillPath": title.backdrop}}
    if title.goes_on:
        said["nextEpisodeToAir"] = {**_episode(title, number + 1, 1), "stillPath": None}
    return said


def _episode(title: Title, season: int, at: int) -> dict[str, Any]:
    return {
        "airDate": title.date,
        "episodeNumber": at,
        "id": title.id * 10_000 + season * 100 + at,
        "name": f"Episode {at}",
        "overview": "",
        "productionCode": "",
        "seasonNumber": season,
        "showId": title.id,
        "voteAverage": title.average,
        "voteCount": 10,
    }


def _season(title: Title, number: int, episodes: int) -> dict[str, Any]:
    return {
        "airDate": title.date,
        "episodeCount": episodes,
        "id": title.id * 100 + number,
        "name": f"Season {number}" if number else "Specials",
        "overview": "",
        "seasonNumber": number,
        "posterPath": title.poster,
    }


def season_json(title: Title, number: int, episodes: int) -> dict[str, Any]:
    """One season with its episodes."""
    season = _season(title, number, episodes)
    told = [_episode(title, number, at) for at in range(1, episodes + 1)]
    return {
        "airDate": season["airDate"],
        "episodes": told,
        "externalIds": {"facebookId": None, "instagramId": None, "tvdbId": None, "twitterId": None},
        "id": season["id"],
        "name": season["name"],
        "overview": "",
        "seasonNumber": number,
        "posterPath": title.poster,
    }
