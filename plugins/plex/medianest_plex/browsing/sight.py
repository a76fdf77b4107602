"""What one person may see of the library, and how far it can be believed; asks only Postgres.

Who has a Plex account linked sees what the server shares with that account, as it last said (`seen_state`), and nothing
until it has said so. A row there stays when the account is taken away, so that nobody sees more by taking theirs away:
such a person sees nothing. Who never had one sees what the settings show, and admins do in any case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from medianest_hub.plugin_api import Context, Person, Record
from medianest_plex.browsing.models import Freshness
from medianest_plex.settings import PlexSettings

STALE_AFTER: Final = timedelta(minutes=5)
"""Not heard for so long, the server may have changed without our knowing."""

NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""In `seen_state.refreshed_at`: the person has a Plex account, and Plex has not said yet what it may see."""

REFRESH_AFTER: Final = timedelta(hours=1)
"""For so long the server's word on what it shares with somebody is believed without asking again."""

# One row for each section; one without a section where there is none, so that what is known of the person still comes.
_READ: Final = """
    SELECT s.instance, s.section_key, s.kind, s.title, s.synced_at,
           coalesce(s.section_key = ANY(t.sections), false) AS shared, t.refreshed_at
      FROM (SELECT $2::text AS own) here
      LEFT JOIN plugin_plex.section s ON true
      LEFT JOIN plugin_plex.seen_state t ON t.instance = coalesce(s.instance, here.own) AND t.person_id = $1
     ORDER BY s.instance <> here.own, s.instance, s.position, s.section_key
"""


@dataclass(frozen=True, slots=True)
class Section:
    """A library, as it is kept."""

    instance: str
    key: int
    kind: str
    title: str
    synced_at: datetime | None


@dataclass(frozen=True, slots=True)
class Sight:
    """`sections` are those the person may see, by instance and key, in the server's order; `machines` the servers by instance.

    `bound`: what they see is what Plex shares with their account. `refreshed_at`: when Plex last said what that is.
    """

    person_id: UUID
    instance: str
    sections: Mapping[tuple[str, int], Section]
    machines: Mapping[str, str]
    freshness: Freshness
    bound: bool
    linked: bool
    refreshed_at: datetime | None

    @property
    def keys(self) -> list[int]:
        """The sections of this instance."""
        return [key for instance, key in self.sections if instance == self.instance]

    @property
    def everywhere(self) -> list[str]:
        """The sections of all instances, as `main:1`; see `visible_sql`."""
        return [f"{instance}:{key}" for instance, key in self.sections]

    @property
    def knows_seen(self) -> bool:
        """Whether Plex has said what the person has watched."""
        return self.linked and self.refreshed_at is not None

    def due(self, now: datetime) -> bool:
        """Whether Plex should be asked anew about the person."""
        return self.linked and (self.refreshed_at is None or now - self.refreshed_at >= REFRESH_AFTER)


def visible_sql(row: str, parameter: int) -> str:
    """Whether the row's section is among those of `Sight.everywhere`. No index goes by it, so others stay in use."""
    return f"({row}.instance || ':' || {row}.section_key) = ANY(${parameter}::text[])"


async def sight(ctx: Context[PlexSettings], person: Person) -> Sight:
    """For that person, now."""
    linked = await ctx.people.identity(person.id) is not None
    rows = await ctx.db.fetch(_READ, person.id, ctx.instance)
    servers = await ctx.db.fetch("SELECT instance, machine_identifier, heard_at, synced_at FROM plugin_plex.server")
    asked = [row["refreshed_at"] for row in rows if row["refreshed_at"] is not None]
    own = next((row["refreshed_at"] for row in rows if row["instance"] in (None, ctx.instance)), None)
    bound = not person.is_admin and (linked or bool(asked))
    return Sight(
        person_id=person.id,
        instance=ctx.instance,
        sections={
            (row["instance"], row["section_key"]): _section(row)
            for row in rows
            if row["instance"] is not None
            and _is_shown(ctx, row)
            and (not bound or (linked and row["shared"]))  # whose account was taken away sees nothing
        },
        machines={row["instance"]: row["machine_identifier"] for row in servers if row["machine_identifier"]},
        freshness=_freshness(next((row for row in servers if row["instance"] == ctx.instance), None), ctx.clock.now()),
        bound=bound,
        linked=linked,
        refreshed_at=own if own is not None and own > NEVER else None,
    )


def _is_shown(ctx: Context[PlexSettings], row: Record) -> bool:
    """Whether the settings show it; they speak of their own server's libraries, by name."""
    wanted = {name.casefold() for name in ctx.settings.sections}
    return not wanted or row["instance"] != ctx.instance or row["title"].strip().casefold() in wanted


def _section(row: Record) -> Section:
    return Section(row["instance"], row["section_key"], row["kind"], row["title"], row["synced_at"])


def _freshness(server: Record | None, now: datetime) -> Freshness:
    heard_at = server["heard_at"] if server is not None else None
    synced_at = server["synced_at"] if server is not None else None
    stale = heard_at is None or synced_at is None or now - heard_at > STALE_AFTER
    return Freshness(as_of=heard_at, synced_at=synced_at, stale=stale)
