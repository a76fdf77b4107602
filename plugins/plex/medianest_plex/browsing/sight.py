"""What one person may see of the libraries, and how far it can be believed; asks only Postgres.

Who has a Plex account linked sees what each server shares with that account, as it last said (`seen_state`), and nothing of
one until it has said so of this account. A row there stays when the account is taken away, so that nobody sees more by taking
theirs away: such a person sees nothing. Who never had one sees what the settings show, and admins do in any case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from medianest_hub.plugin_api import Context, Person
from medianest_plex.browsing.models import Freshness, ServerFreshness
from medianest_plex.settings import PlexSettings

STALE_AFTER: Final = timedelta(minutes=5)
"""Not heard for so long, the server may have changed without our knowing."""

NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""In `seen_state.refreshed_at`: the person has a Plex account, and Plex has not said yet what it may see."""

REFRESH_AFTER: Final = timedelta(hours=1)
"""For so long the server's word on what it shares with somebody is believed without asking again."""

_SECTIONS: Final = """
    SELECT instance, section_key, kind, title, synced_at FROM plugin_plex.section
     ORDER BY instance, position, section_key
"""
_SHARED: Final = "SELECT instance, subject, sections, refreshed_at FROM plugin_plex.seen_state WHERE person_id = $1"
_SERVERS: Final = """
    SELECT instance, machine_identifier, name, connected, since, heard_at, synced_at FROM plugin_plex.server
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
class KnownServer:
    """A server of the settings, as it is kept; `name` is its own, or else its instance. `is_away`: it is known not to answer."""

    instance: str
    name: str
    machine_identifier: str
    heard_at: datetime | None
    synced_at: datetime | None
    is_away: bool


@dataclass(frozen=True, slots=True)
class Sight:
    """`sections` are those the person may see, by instance and key, in the order of the servers and theirs.

    `servers` are all there are, by instance. `subject` is the Plex account, empty for who has none. `bound`: what the person
    sees is what Plex shares with it. `refreshed`: when Plex last said of a server what that is; those of which it never did
    are missing.
    """

    person_id: UUID
    sections: Mapping[tuple[str, int], Section]
    servers: Mapping[str, KnownServer]
    freshness: Freshness
    is_admin: bool
    bound: bool
    subject: str
    refreshed: Mapping[str, datetime]

    @property
    def linked(self) -> bool:
        """Whether the person has a Plex account linked."""
        return bool(self.subject)

    @property
    def instance(self) -> str:
        """The first server's."""
        return next(iter(self.servers))

    @property
    def instances(self) -> list[str]:
        """The servers of which the person sees anything."""
        return [one for one in self.servers if any(instance == one for instance, _ in self.sections)]

    @property
    def known(self) -> list[str]:
        """The servers whose names and state the person may know: those they see something of, and for admins all."""
        return list(self.servers) if self.is_admin else self.instances

    def keys(self, instance: str) -> list[int]:
        """The sections of that server."""
        return [key for of, key in self.sections if of == instance]

    @property
    def everywhere(self) -> list[str]:
        """The sections of all servers, as `main:1`; see `visible_sql`."""
        return [f"{instance}:{key}" for instance, key in self.sections]

    def only(self, instance: str | None, now: datetime) -> Sight:
        """What of it is on that server; all of it where none is named. Of a server there is not, nothing."""
        if instance is None:
            return self
        sections = {place: one for place, one in self.sections.items() if place[0] == instance}
        named = [self.servers[one] for one in self.known if one == instance]
        return replace(self, sections=sections, freshness=freshness_of(named, now))

    def knows_seen(self, instance: str) -> bool:
        """Whether Plex has said what the person has watched there."""
        return self.linked and instance in self.refreshed

    def unasked(self) -> list[str]:
        """The servers of which Plex never said what the person may see, as far as they can be asked just now."""
        return [one.instance for one in self.servers.values() if one.instance not in self.refreshed and not one.is_away]

    def due(self, now: datetime) -> list[str]:
        """The servers of which Plex should be asked anew about the person."""
        asked = {instance: self.refreshed.get(instance) for instance in self.servers if self.linked}
        return [instance for instance, at in asked.items() if at is None or now - at >= REFRESH_AFTER]


def visible_sql(row: str, parameter: int) -> str:
    """Whether the row's section is among those of `Sight.everywhere`. No index goes by it, so others stay in use."""
    return f"({row}.instance || ':' || {row}.section_key) = ANY(${parameter}::text[])"


async def sight(ctx: Context[PlexSettings], person: Person) -> Sight:
    """For that person, now."""
    account = await ctx.people.identity(person.id)
    shared = await ctx.db.fetch(_SHARED, person.id)
    servers, now = await _servers(ctx), ctx.clock.now()
    bound = not person.is_admin and (account is not None or bool(shared))
    told = [row for row in shared if account is not None and row["subject"] == account.subject]
    seen = {(row["instance"], key) for row in told for key in row["sections"]}
    shown = {server.instance: server.shows for server in ctx.settings.servers}
    sections: dict[tuple[str, int], Section] = {}
    rows = await ctx.db.fetch(_SECTIONS)
    for row in sorted(rows, key=lambda row: _place(servers, row["instance"])):
        place = (row["instance"], row["section_key"])
        if place[0] not in servers or not shown[place[0]](row["title"]):
            continue
        if not bound or place in seen:
            sections[place] = Section(*place, row["kind"], row["title"], row["synced_at"])
    used = [one for one in servers.values() if any(instance == one.instance for instance, _ in sections)]
    return Sight(
        person_id=person.id,
        sections=sections,
        servers=servers,
        freshness=freshness_of(used or ([] if bound else list(servers.values())[:1]), now),
        is_admin=person.is_admin,
        bound=bound,
        subject=account.subject if account is not None else "",
        refreshed={row["instance"]: row["refreshed_at"] for row in told if row["refreshed_at"] > NEVER},
    )


async def _servers(ctx: Context[PlexSettings]) -> dict[str, KnownServer]:
    """Those of the settings, in their order; what is kept of others is not shown any more."""
    rows = {row["instance"]: row for row in await ctx.db.fetch(_SERVERS)}
    found = {}
    for server in ctx.settings.servers:
        row = rows.get(server.instance)
        if row is None:
            found[server.instance] = KnownServer(server.instance, server.instance, "", None, None, False)
            continue
        found[server.instance] = KnownServer(
            *(server.instance, row["name"] or server.instance, row["machine_identifier"], row["heard_at"]),
            *(row["synced_at"], row["since"] is not None and not row["connected"]),
        )
    return found


def _place(servers: Mapping[str, KnownServer], instance: str) -> int:
    return list(servers).index(instance) if instance in servers else len(servers)


def freshness_of(servers: Sequence[KnownServer], now: datetime) -> Freshness:
    """How far can be believed what is shown of these: as far as of the one heard the longest ago."""
    states = [
        ServerFreshness(
            instance=one.instance,
            name=one.name,
            as_of=one.heard_at,
            synced_at=one.synced_at,
            stale=one.heard_at is None or one.synced_at is None or now - one.heard_at > STALE_AFTER,
        )
        for one in servers
    ]
    return Freshness(
        as_of=_oldest([one.as_of for one in states]),
        synced_at=_oldest([one.synced_at for one in states]),
        stale=not states or any(one.stale for one in states),
        servers=states,
    )


def _oldest(times: Sequence[datetime | None]) -> datetime | None:
    known = [one for one in times if one is not None]
    return min(known) if known and len(known) == len(times) else None
