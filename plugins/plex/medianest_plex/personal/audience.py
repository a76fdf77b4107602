"""Who of everybody sees a library, for what is told to many at once. Goes by what Plex last said, and asks it nothing."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from medianest_hub.plugin_api import Context, Person
from medianest_plex.browsing.sight import NEVER
from medianest_plex.settings import PlexSettings

_SECTIONS: Final = "SELECT instance, section_key, title FROM plugin_plex.section"
_SHARED: Final = "SELECT person_id, instance, subject, sections FROM plugin_plex.seen_state WHERE refreshed_at > $1"
_EVER: Final = "SELECT DISTINCT person_id FROM plugin_plex.seen_state"

Place = tuple[str, int | None]
"""A library, by instance and key; without a key whatever is on that server and in no library."""


@dataclass(frozen=True, slots=True)
class Audience:
    """`shown` are the libraries the settings show; `shared` what each sees of them who has, or had, a Plex account linked."""

    ctx: Context[PlexSettings]
    shown: frozenset[tuple[str, int]]
    shared: Mapping[UUID, frozenset[tuple[str, int]]]

    def is_shown(self, place: Place) -> bool:
        """Whether people without a Plex account see it."""
        return holds(self.shown, place)

    async def without(self, place: Place) -> list[Person]:
        """Who sees nothing of it, for it is not shared with their account, or that was taken away. Admins see everything."""
        lacking = [await self.ctx.people.get(one) for one, sees in self.shared.items() if not holds(sees, place)]
        return [person for person in lacking if person is not None and not person.is_admin]


async def audience(ctx: Context[PlexSettings], since: datetime = NEVER) -> Audience:
    """By what Plex said since then, of the account that is linked now. `ctx` may stand for any server."""
    sections = await ctx.db.fetch(_SECTIONS)
    shows = {server.instance: server.shows for server in ctx.settings.servers}
    shown = frozenset(
        (row["instance"], row["section_key"])
        for row in sections
        if row["instance"] in shows and shows[row["instance"]](row["title"])
    )
    linked = await ctx.people.linked()
    ever = {row["person_id"] for row in await ctx.db.fetch(_EVER)}
    shared: dict[UUID, set[tuple[str, int]]] = {person: set() for person in (*linked, *ever)}
    for row in await ctx.db.fetch(_SHARED, since):
        account = linked.get(row["person_id"])
        if account is not None and account.subject == row["subject"]:
            shared[row["person_id"]] |= {(row["instance"], key) for key in row["sections"]} & shown
    return Audience(ctx, shown, {person: frozenset(sees) for person, sees in shared.items()})


def holds(sees: Set[tuple[str, int]], place: Place) -> bool:
    """Whether who sees these libraries sees what is there."""
    instance, section = place
    return any(of == instance and section in (None, key) for of, key in sees)
