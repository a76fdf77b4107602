"""The films, series and people that exist, as the service asks TMDB for them: finds, ranks and makes them; knows no request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from .names import Key, Names, folded
from .records import MOVIE, TV
from .titles import COLLECTIONS, FILMS, FIRST_WORDS, PEOPLE, SECOND_WORDS, SHOWS

PERSON, COLLECTION = "person", "collection"
PAGE = 20
_GENRES_OF = {MOVIE: (12, 14, 16, 18, 28, 35, 53, 80, 878, 9648), TV: (16, 18, 35, 80, 99, 9648, 10759, 10765)}


@dataclass(frozen=True)
class Title:
    """`episodes` counts those of each season by its number; season 0 holds specials. `type` is `movie`, `tv`, `person` or
    `collection`.
    """

    type: str
    id: int
    name: str
    date: str = ""
    overview: str = ""
    genres: tuple[int, ...] = ()
    popularity: float = 1.0
    average: float = 6.5
    minutes: int = 100
    episodes: tuple[tuple[int, int], ...] = ()
    tvdb_id: int | None = None
    imdb_id: str | None = None
    trailer: str | None = None
    goes_on: bool = False
    has_pictures: bool = True
    has_aired: bool = True

    @property
    def year(self) -> str:
        """Four digits, or nothing when it has no date yet."""
        return self.date[:4]

    @property
    def seasons(self) -> list[int]:
        """Their numbers, specials too."""
        return [number for number, _ in self.episodes]

    @property
    def poster(self) -> str | None:
        """The path of its poster below TMDB's address for pictures."""
        return f"/p{self.type[0]}{self.id}.jpg" if self.has_pictures else None

    @property
    def backdrop(self) -> str | None:
        """The path of its wide picture."""
        return f"/b{self.type[0]}{self.id}.jpg" if self.has_pictures else None


def film(
    id: int,
    name: str,
    date: str = "2024-03-01",
    overview: str = "",
    *,
    genres: tuple[int, ...] = (18,),
    popularity: float = 50.0,
    average: float = 7.0,
    minutes: int = 100,
    trailer: bool = True,
    has_pictures: bool = True,
) -> Title:
    """A film as TMDB knows it."""
    return Title(MOVIE, id, name, date, overview, genres, popularity, average, minutes,
                 imdb_id=f"tt{id:07}", trailer=f"tr{id:09}" if trailer else None, has_pictures=has_pictures)  # fmt: skip


def series(
    id: int,
    name: str,
    date: str = "2021-02-01",
    overview: str = "",
    *,
    episodes: Iterable[int] = (10,),
    specials: int = 2,
    genres: tuple[int, ...] = (18,),
    popularity: float = 50.0,
    average: float = 7.5,
    goes_on: bool = False,
    trailer: bool = True,
    has_pictures: bool = True,
    tvdb_id: int | None = None,
    has_aired: bool = True,
) -> Title:
    """A series: the episodes of each season from 1 on, and so many specials (season 0; none without)."""
    counted = ([(0, specials)] if specials else []) + list(enumerate(episodes, 1))
    key = f"tr{id:09}" if trailer else None
    return Title(TV, id, name, date, overview, genres, popularity, average, 45, tuple(counted), tvdb_id or id + 500_000,
                 f"tt{id:07}", key, goes_on, has_pictures, has_aired)  # fmt: skip


class Found(Sequence[Title]):
    """Titles that were found; each is worked out when it is looked at."""

    def __init__(self, catalogue: Catalogue, keys: list[Key]) -> None:
        self._catalogue, self._keys = catalogue, keys

    def __len__(self) -> int:
        return len(self._keys)

    @overload
    def __getitem__(self, at: int) -> Title: ...
    @overload
    def __getitem__(self, at: slice) -> list[Title]: ...
    def __getitem__(self, at: int | slice) -> Title | list[Title]:
        if isinstance(at, int):
            return self._catalogue[self._keys[at]]
        return [self._catalogue[one] for one in self._keys[at]]


class Catalogue:
    """All there is. Generated titles are worked out when asked for, so a hundred thousand of them take little memory."""

    def __init__(self) -> None:
        self._own: dict[Key, Title] = {}
        self._names = Names()
        self._many: dict[str, range] = {MOVIE: range(0), TV: range(0)}

    def __getitem__(self, key: Key) -> Title:
        found = self._own.get(key)
        return _generated(*key) if found is None else found

    def add(self, title: Title) -> Title:
        """It exists from now on."""
        self._own[title.type, title.id] = title
        self._names.put((title.type, title.id), title.name)
        return title

    def add_invented(self) -> None:
        """The films, series and people of `titles`."""
        for at, (id, name, year, minutes, genres, popularity, average, overview) in enumerate(FILMS):
            date = f"{year}-{at % 12 + 1:02}-{at % 28 + 1:02}"
            self.add(film(id, name, date, overview, genres=genres, popularity=popularity, average=average,
                          minutes=minutes))  # fmt: skip
        for at, (id, name, year, episodes, genres, popularity, average, overview, goes_on) in enumerate(SHOWS):
            self.add(series(id, name, f"{year}-{at % 12 + 1:02}-10", overview, episodes=episodes, genres=genres,
                            popularity=popularity, average=average, goes_on=goes_on))  # fmt: skip
        for id, name, popularity in PEOPLE:
            self.add(Title(PERSON, id, name, popularity=popularity, has_pictures=False))
        for id, name, overview, popularity in COLLECTIONS:
            self.add(Title(COLLECTION, id, name, "", overview, popularity=popularity, has_pictures=False))

    def fill(self, movies: int, shows: int, first_movie: int, first_show: int) -> None:
        """So many generated films and series, with ids from those on; those generated before are gone."""
        for key in self._generated_keys():
            self._names.remove(key)
        self._many = {MOVIE: range(first_movie, first_movie + movies), TV: range(first_show, first_show + shows)}
        for kind, id in self._generated_keys():
            self._names.put((kind, id), _name(kind, id))

    def _generated_keys(self) -> list[Key]:
        return [(kind, id) for kind, ids in self._many.items() for id in ids if (kind, id) not in self._own]

    def get(self, kind: str, id: int) -> Title | None:
        """The title of that kind and TMDB id."""
        found = self._own.get((kind, id))
        return _generated(kind, id) if found is None and id in self._many.get(kind, ()) else found

    def search(self, text: str) -> Sequence[Title]:
        """Titles all words of the text begin a word of, the best match first, then the most popular."""
        by_id = self._by_id(text)
        if by_id is not None:
            return by_id
        wanted = folded(text)
        ranked = sorted((self._names[key] != wanted, -self._popularity(key), key) for key in self._names.find(text))
        return Found(self, [key for _, _, key in ranked])

    def _popularity(self, key: Key) -> float:
        found = self._own.get(key)
        return _popularity(key[1]) if found is None else found.popularity

    def popular(self, *kinds: str) -> list[Title]:
        """The most popular titles of those kinds; of the generated ones only the first hundred."""
        some = [_generated(kind, id) for kind in kinds for id in self._many.get(kind, ())[:100]]
        every = [one for one in (*self._own.values(), *some) if one.type in kinds]
        return sorted(every, key=lambda one: (-one.popularity, one.type, one.id))

    def of(self, kind: str) -> Iterator[Title]:
        """Those that were added one by one."""
        return (one for one in list(self._own.values()) if one.type == kind)

    def _by_id(self, text: str) -> list[Title] | None:
        """`tmdb:`, `imdb:` and `tvdb:` ask for one thing by its id."""
        by, _, id = text.strip().partition(":")
        if by not in ("tmdb", "imdb", "tvdb") or not id:
            return None
        if by == "tmdb":
            number = int(id[:18]) if id.isdecimal() else -1
            return [one for kind in (MOVIE, TV) if (one := self.get(kind, number)) is not None]
        named = (one for one in self._own.values() if id in (one.imdb_id if by == "imdb" else str(one.tvdb_id), None))
        return list(named)


def _name(kind: str, id: int) -> str:
    mixed = id * 7919 + (0 if kind == MOVIE else 13)
    first, second = FIRST_WORDS[mixed % len(FIRST_WORDS)], SECOND_WORDS[mixed // 47 % len(SECOND_WORDS)]
    return f"{first} {second} {id % 977 + 1}" if id % 9 else f"The {first} {second}"


def _popularity(id: int) -> float:
    return round(id * 104729 % 9000 / 100, 1)


def _generated(kind: str, id: int) -> Title:
    genres = _GENRES_OF[kind]
    some = tuple(dict.fromkeys((genres[id % len(genres)], genres[id * 3 % 7])))
    date = f"{1950 + id * 31 % 75}-{id % 12 + 1:02}-{id % 28 + 1:02}"
    about, popularity, average = "Made up for a test of size.", _popularity(id), id % 90 / 10 + 1
    if kind == MOVIE:
        return film(id, _name(kind, id), date, about, genres=some, popularity=popularity, average=average,
                    minutes=80 + id % 80)  # fmt: skip
    return series(id, _name(kind, id), date, about, episodes=(10,) * (id % 5 + 1), genres=some, popularity=popularity,
                  average=average)  # fmt: skip
