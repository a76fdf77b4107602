"""What a test may do to the server's library: add, change, move and take away; how the server is reached is not here.

A knob may be turned from any thread, before and while the simulator runs; it returns once it is done and told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from typing import Any, TypeVar

from . import notifications as told
from .items import LEVELS, Item, Section
from .library import one_file
from .playing import local_number
from .pms import Pms
from .scans import arrived, gone
from .world import Account

T = TypeVar("T")
Where = Section | int | None
_MINUTE = 60_000


class LibraryKnobs:
    """Fields are those of `Item` (`year`, `ids`, `genres`, `added_at` …); other names are laid over Plex's JSON."""

    pms: Pms

    def _do(self, work: Callable[[], T]) -> T:
        """Do it where the server lives."""
        raise NotImplementedError

    # --- adding

    def add_section(self, title: str, type: str = "movie", path: str = "") -> Section:
        """A new library; `type` is `movie`, `show` or `artist`."""
        return self._do(lambda: self.pms.library.add_section(type, title, path or f"/media/{title.lower()}"))

    def add_movie(self, title: str, section: Where = None, **fields: Any) -> Item:
        """A film with a file, in the first section for films unless told."""

        def work() -> Item:
            where = self._section(section, "movie")
            given = {"year": 2001, "duration": 95 * _MINUTE, **fields}
            folder = f"{title} ({given['year']})"
            file = given.pop("file", f"{where.path}/{folder}/{folder}.mkv")
            given.setdefault("originally_available_at", f"{given['year']}-06-15")
            return self._add("movie", where.key, title, file=file, **given)

        return self._do(work)

    def add_show(
        self, title: str, section: Where = None, *, seasons: int = 0, episodes: int = 0, **fields: Any
    ) -> Item:
        """A series, with so many seasons of so many episodes."""

        def work() -> Item:
            show = self._add("show", self._section(section, "show").key, title, **{"year": 2005, **fields})
            for number in range(1, seasons + 1):
                self.add_season(show, number, episodes=episodes)
            return show

        return self._do(work)

    def add_season(self, show: Item, index: int | None = None, *, episodes: int = 0, **fields: Any) -> Item:
        """A season, the next one unless told, with so many episodes."""

        def work() -> Item:
            number = self._next(show) if index is None else index
            given = {"year": show.year, "title": f"Season {number}" if number else "Specials", **fields}
            season = self._add("season", show.section, parent=show.rating_key, index=number, **given)
            for at in range(1, episodes + 1):
                self.add_episode(season, at)
            return season

        return self._do(work)

    def add_episode(self, season: Item, index: int | None = None, title: str = "", **fields: Any) -> Item:
        """An episode with a file, the next one unless told."""

        def work() -> Item:
            number = self._next(season) if index is None else index
            show = self.pms.library.get(season.parent or 0)
            assert show is not None, season.title
            root = self.pms.library.sections[season.section].path
            name = f"{show.title} - S{season.index or 0:02}E{number:02}"
            given = {"year": show.year, "duration": 45 * _MINUTE, "content_rating": show.content_rating, **fields}
            file = given.pop("file", f"{root}/{show.title}/{season.title}/{name}.mkv")
            above = {"parent": season.rating_key, "index": number}
            return self._add("episode", season.section, title or f"Episode {number}", file=file, **above, **given)

        return self._do(work)

    def add_artist(self, title: str, section: Where = None, **fields: Any) -> Item:
        """A musician or a band."""
        return self._do(lambda: self._add("artist", self._section(section, "artist").key, title, **fields))

    def add_album(self, artist: Item, title: str, *, tracks: int = 0, **fields: Any) -> Item:
        """An album with so many tracks."""

        def work() -> Item:
            given = {"year": 1999, "index": self._next(artist), **fields}
            album = self._add("album", artist.section, title, parent=artist.rating_key, **given)
            for at in range(1, tracks + 1):
                self.add_track(album, f"Track {at}", at)
            return album

        return self._do(work)

    def add_track(self, album: Item, title: str, index: int | None = None, **fields: Any) -> Item:
        """A track with a file."""

        def work() -> Item:
            number = self._next(album) if index is None else index
            root = self.pms.library.sections[album.section].path
            given = {"duration": 3 * _MINUTE, **fields}
            file = given.pop("file", f"{root}/{album.title}/{number:02} - {title}.flac")
            above = {"parent": album.rating_key, "index": number}
            return self._add("track", album.section, title, file=file, **above, **given)

        return self._do(work)

    def add_collection(self, title: str, items: Iterable[Item], section: Where = None, **fields: Any) -> Item:
        """A collection of those items, which are edited by it."""

        def work() -> Item:
            held = list(items)
            where = self._section(section if section is not None else held[0].section, "movie")
            made = self._add("collection", where.key, title, members=[one.rating_key for one in held], **fields)
            for one in held:
                tags = (*self.pms.library.own(one.rating_key).collections, title)
                self._edit(one.rating_key, collections=tags)
            return made

        return self._do(work)

    def add_playlist(self, title: str, items: Iterable[Item], account: Account | None = None, **fields: Any) -> Item:
        """A playlist of those items; the owner's unless told."""
        owner = self.pms.world.home.owner
        person = 1 if account is None else local_number(account, owner)
        members = [one.rating_key for one in items]
        return self._do(lambda: self._add("playlist", 0, title, members=members, account=person, **fields))

    def fill(
        self,
        *,
        movies: int = 0,
        shows: int = 0,
        seasons: int = 4,
        episodes: int = 10,
        artists: int = 0,
        albums: int = 4,
        tracks: int = 10,
        seed: int = 1,
    ) -> None:
        """Many items that take no memory and are told to nobody: seasons of each show, episodes of each season, and so on."""

        def work() -> None:
            library = self.pms.library
            many = (("movie", (movies,)), ("show", (shows, seasons, episodes)), ("artist", (artists, albums, tracks)))
            for kind, counts in many:
                if counts[0]:
                    library.fill(library.section_of(kind), dict(zip(LEVELS[kind], counts, strict=True)), seed)

        self._do(work)

    # --- changing

    def change(self, item: Item | int, **fields: Any) -> Item:
        """The owner edits it; `updated_at` becomes now."""
        return self._do(lambda: self._edit(_key(item), **fields))

    def delete(self, item: Item | int) -> None:
        """It and all below are deleted; parents left empty go, too."""

        def work() -> None:
            found = self.pms.library.get(_key(item))
            if found is not None:
                gone(self.pms, found)

        self._do(work)

    def move(self, item: Item | int, folder: str = "/media/moved", section: Where = None) -> Item:
        """Its files went to another folder, maybe of another section: the same guid under another key. Returns the new item."""

        def work() -> Item:
            old = self.pms.library.own(_key(item))
            where = old.section if section is None else self._section(section, "").key
            below = [*self.pms.library.children(old.rating_key), *self.pms.library.leaves(old.rating_key)]
            former = [one for key in dict.fromkeys(below) if (one := self.pms.library.get(key)) is not None]
            parent = old.parent if where == old.section else None
            moved = self.pms.library.move(
                old.rating_key, where, lambda file: f"{folder}/{PurePosixPath(file).name}", parent
            )
            for one in (*former, old):
                self.pms.notifications.timeline(one, told.DELETED)
            self._arrive(moved)
            return moved

        return self._do(work)

    def put_movie(self, title: str, path: str, section: Where = None, **fields: Any) -> None:
        """A film's file appears; the server does not know of it before a scan of its folder."""
        self._do(lambda: self.pms.files.update({path: lambda: self.add_movie(title, section, file=path, **fields)}))

    def put_episode(self, season: Item, path: str, title: str = "", **fields: Any) -> None:
        """The same for an episode."""
        found = {path: lambda: self.add_episode(season, title=title, file=path, **fields)}
        self._do(lambda: self.pms.files.update(found))

    def lose(self, item: Item) -> None:
        """Its file disappears; the server keeps the item until a scan of its folder."""
        self._do(lambda: self.pms.lost.add(item.rating_key))

    def watch(self, account: Account, item: Item, *, count: int = 1, offset: int = 0, at: float | None = None) -> None:
        """The account has seen it so often, and is `offset` milliseconds into it."""

        def work() -> None:
            library = self.pms.library
            view = library.touch(local_number(account, self.pms.world.home.owner), item.guid)
            view.count, view.offset, view.last_at = count, offset, int(library.now() if at is None else at)

        self._do(work)

    # --- parts

    def _section(self, section: Where, kind: str) -> Section:
        if section is None:
            return self.pms.library.section_of(kind)
        return section if isinstance(section, Section) else self.pms.library.sections[section]

    def _next(self, parent: Item) -> int:
        library = self.pms.library
        return 1 + max((library.value(one, "index") or 0 for one in library.children(parent.rating_key)), default=0)

    def _add(self, kind: str, section: int, title: str, *, file: str = "", **fields: Any) -> Item:
        if file:
            video = {name: fields.pop(name) for name in _MEDIA if name in fields}
            sound = {"resolution": "", "container": "flac", "video_codec": "", "audio_codec": "flac", "channels": 2}
            given = {**(sound if kind == "track" else {}), "size": 4_000_000_000, **video}
            fields.setdefault("media", one_file(file, **given))
        made = self.pms.library.add(kind, section, title, **fields)
        arrived(self.pms, made)
        return made

    def _edit(self, key: int, **fields: Any) -> Item:
        item = self.pms.library.change(key, **fields)
        self.pms.notifications.timeline(item, told.DOWNLOADING, told.DONE)
        return item

    def _arrive(self, item: Item) -> None:
        arrived(self.pms, item)
        for key in self.pms.library.children(item.rating_key):
            child = self.pms.library.get(key)
            if child is not None:
                self._arrive(child)


_MEDIA = ("resolution", "container", "video_codec", "audio_codec", "channels", "bitrate", "size")


def _key(item: Item | int) -> int:
    return item if isinstance(item, int) else item.rating_key
