"""Libraries put into the tables without a Plex server or a sync, for tests of what people see of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from medianest_hub.infrastructure.ids import new_id
from medianest_hub.plugin_api import LinkedIdentity, Person, Role
from medianest_hub.testing import MemoryContext, make_person
from medianest_plex.library.folding import fold, words_of
from medianest_plex.personal.shares import keep_shares
from medianest_plex.settings import PlexSettings

Ctx = MemoryContext[PlexSettings]
MACHINE = "a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6a1b2"
MIA = make_person("mia", Role.MEMBER, "plex.browse")
TOM = make_person("tom", Role.MEMBER, "plex.browse")
ADA = make_person("ada", Role.ADMIN, "plex.browse", "plex.scan")
MOVIES, SHOWS, MUSIC = 1, 2, 3


@dataclass(frozen=True)
class Put:
    """Something on the shelf."""

    id: UUID
    key: int
    kind: str
    section: int
    title: str
    instance: str = "main"


@dataclass
class Shelf:
    """Puts things into the tables, each as a sync would have; what is not given is made up, later things being newer."""

    ctx: Ctx
    began: datetime
    _keys: count[int] = field(default_factory=lambda: count(101))

    async def server(self, instance: str = "main", *, ago: float = 10.0, machine: str = MACHINE) -> None:
        """A server that was heard and compared so many seconds ago."""
        await self.ctx.db.execute(
            """INSERT INTO plugin_plex.server
                      (instance, machine_identifier, name, version, connected, since, heard_at, synced_at)
               VALUES ($1, $2, 'Living room', '1.41', true, $3, $3, $3)
               ON CONFLICT (instance) DO UPDATE SET heard_at = $3, synced_at = $3""",
            *(instance, machine, self.ctx.clock.now() - timedelta(seconds=ago)),
        )

    async def section(self, key: int, kind: str, title: str, instance: str = "main", position: int = 0) -> None:
        """A library."""
        await self.ctx.db.execute(
            """INSERT INTO plugin_plex.section (id, instance, section_key, kind, title, position, locations, synced_at)
               VALUES ($1, $2, $3, $4, $5, $6, ARRAY['/media'], $7)""",
            *(new_id(), instance, key, kind, title, position or key, self.began),
        )

    async def add(self, kind: str, section: int, title: str, *, instance: str = "main", **given: Any) -> Put:
        """An item; `given` are columns, and `minutes` when it came in, counted from when the shelf was begun."""
        key = given.pop("rating_key", None) or next(self._keys)
        added = self.began + timedelta(minutes=given.pop("minutes", key))
        above = given.get("grandparent_title", "") if kind == "episode" else ""
        columns: dict[str, Any] = {
            "id": new_id(),
            "instance": instance,
            "section_key": section,
            "rating_key": key,
            "kind": kind,
            "guid": f"plex://{kind}/{instance}{key}",
            "title": title,
            "sort_title": fold(title) or title.casefold(),
            "words": words_of(title, given.get("original_title", ""), above),
            "thumb": f"/library/metadata/{key}/thumb/1700000000",
            "art": f"/library/metadata/{key}/art/1700000000",
            "added_at": added,
            "changed_at": added,
            "run": 1,
            **given,
        }
        names = ", ".join(columns)
        values = ", ".join(f"${at + 1}" for at in range(len(columns)))
        await self.ctx.db.execute(f"INSERT INTO plugin_plex.item ({names}) VALUES ({values})", *columns.values())
        return Put(columns["id"], key, kind, section, title, instance)

    async def movie(self, title: str, **given: Any) -> Put:
        """A movie."""
        return await self.add("movie", given.pop("section", MOVIES), title, **given)

    async def show(
        self, title: str, episodes: Sequence[int] = (), **given: Any
    ) -> tuple[Put, list[Put], list[list[Put]]]:
        """A show with seasons of so many episodes: the show, its seasons, and their episodes."""
        section, minutes = given.pop("section", SHOWS), given.pop("minutes", None)
        when = {} if minutes is None else {"minutes": minutes}
        show = await self.add("show", section, title, leaves=sum(episodes), **when, **given)
        seasons, all_episodes = [], []
        for number, many in enumerate(episodes, 1):
            season = await self.add(
                *("season", section, f"Season {number}"),
                **{"number": number, "parent_key": show.key, "parent_title": title, "leaves": many, **when},
            )
            seasons.append(season)
            all_episodes.append([await self.episode(show, season, number, at, **when) for at in range(1, many + 1)])
        return show, seasons, all_episodes

    async def episode(self, show: Put, season: Put, of: int, number: int, **given: Any) -> Put:
        """One more episode."""
        return await self.add(
            *("episode", show.section, f"Chapter {number}"),
            **{
                "number": number,
                "parent_number": of,
                "parent_key": season.key,
                "grandparent_key": show.key,
                "parent_title": season.title,
                "grandparent_title": show.title,
                **given,
            },
        )

    async def album(self, artist: Put, title: str, **given: Any) -> Put:
        """An album."""
        return await self.add("album", artist.section, title, parent_key=artist.key, parent_title=artist.title, **given)

    async def group(self, kind: str, title: str, items: Sequence[Put], section: int | None = None) -> UUID:
        """A collection or a playlist."""
        key, made = next(self._keys), new_id()
        await self.ctx.db.execute(
            """INSERT INTO plugin_plex.grouping
                      (id, instance, kind, section_key, rating_key, title, sort_title, thumb, size, changed_at, run)
               VALUES ($1, 'main', $2, $3, $4, $5, $6, $7, $8, $9, 1)""",
            *(made, kind, section, key, title, fold(title), f"/library/metadata/{key}/composite/17", len(items)),
            self.began,
        )
        for position, item in enumerate(items):
            await self.ctx.db.execute(
                "INSERT INTO plugin_plex.grouped (instance, grouping_key, rating_key, position) VALUES ('main', $1, $2, $3)",
                *(key, item.key, position),
            )
        return made

    async def share(self, person: Person, *sections: int, ago: float = 60.0, instance: str = "main") -> None:
        """The person has a Plex account linked, and Plex said so many seconds ago that it may see these sections."""
        if await self.ctx.people.identity(person.id) is None:
            self.link(person)
        account = await self.ctx.people.identity(person.id)
        assert account is not None
        await keep_shares(
            *(self.ctx.db, instance, person.id, account.subject, sections),
            self.ctx.clock.now() - timedelta(seconds=ago),
        )

    def link(self, person: Person, subject: str = "7001") -> None:
        """The person has a Plex account linked."""
        self.ctx.people.add(person)
        self.ctx.people.link(person.id, LinkedIdentity(provider="plex", subject=subject, username=person.username))

    async def saw(self, person: Person, *items: Put) -> None:
        """The person has seen these to the end."""
        for item in items:
            await self.ctx.db.execute(
                "INSERT INTO plugin_plex.seen (instance, person_id, rating_key) VALUES ($1, $2, $3)",
                *(item.instance, person.id, item.key),
            )


async def furnish(ctx: Ctx, machine: str = MACHINE) -> Shelf:
    """A server with three empty libraries; `machine` is its machine identifier."""
    shelf = Shelf(ctx, ctx.clock.now() - timedelta(days=400))
    await shelf.server(machine=machine)
    await shelf.section(MOVIES, "movie", "Movies")
    await shelf.section(SHOWS, "show", "TV Shows")
    await shelf.section(MUSIC, "artist", "Music")
    return shelf
