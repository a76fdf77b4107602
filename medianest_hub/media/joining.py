"""Which hits of different sources are one thing: by external ids, else by title and year. Pure, and the same in any order."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from medianest_hub.media.external_ids import NAMESPACES, known_ids
from medianest_hub.media.titles import bare
from medianest_hub.plugin_api.media import MediaHit

_BY_TITLE: Final = frozenset({"movie", "show"})
"""Kinds whose title and year together are rarely anybody else's; albums and episodes are called alike too often."""


@dataclass(frozen=True, slots=True)
class Found:
    """One hit and who found it: `source` is `<plugin>.<instance>.<source>`."""

    source: str
    hit: MediaHit

    @property
    def order(self) -> tuple[object, ...]:
        """A place among all hits that does not depend on who answered first."""
        hit = self.hit
        return (
            self.source,
            hit.id,
            hit.place,
            hit.title,
            hit.href or "",
            hit.year or 0,
            sorted(hit.external_ids.items()),
        )


@dataclass(slots=True, eq=False)
class _Cluster:
    members: list[Found]
    ids: dict[str, frozenset[str]] = field(default_factory=dict)
    home: _Cluster | None = None

    @property
    def order(self) -> tuple[object, ...]:
        """Those the most trusted ids tell apart come first, then by the first member."""
        known = tuple((name not in self.ids, sorted(self.ids.get(name, ()))) for name in NAMESPACES)
        return known, self.members[0].order

    def agrees(self, other: _Cluster, namespaces: Sequence[str]) -> bool:
        """Whether none of these ids says that they are two things."""
        return not any(
            name in self.ids and name in other.ids and not self.ids[name] & other.ids[name] for name in namespaces
        )

    def absorb(self, other: _Cluster) -> None:
        """Become one with it, and its home."""
        other.home = self
        self.members = sorted([*self.members, *other.members], key=lambda one: one.order)
        for name, values in other.ids.items():
            self.ids[name] = self.ids.get(name, frozenset()) | values


def join(found: Iterable[Found]) -> list[list[Found]]:
    """The hits in groups, each of one thing, sorted by `Found.order`.

    Things of different kinds are never one. Hits that share an external id are, and so are those in between, unless a
    more trusted id (`NAMESPACES`) says otherwise: of two with one `imdb` and different `tmdb` each stays alone, two with one
    `tmdb` are one whatever their `imdb`. A hit without any joins one that has some by title and year.
    """
    of_kind: dict[str, list[Found]] = defaultdict(list)
    for one in sorted(found, key=lambda one: one.order):
        of_kind[one.hit.kind].append(one)
    groups: list[list[Found]] = []
    for kind, members in sorted(of_kind.items()):
        clusters = _by_ids(_beginnings(members))
        if kind in _BY_TITLE:
            clusters = _by_title(clusters)
        groups += [cluster.members for cluster in clusters]
    return sorted(groups, key=lambda group: group[0].order)


def _beginnings(members: Sequence[Found]) -> list[_Cluster]:
    """What one source says several times of one thing, such as each place it is at, is one from the start."""
    clusters: dict[tuple[object, ...], _Cluster] = {}
    for one in members:
        ids = known_ids(one.hit.external_ids)
        cluster = clusters.setdefault((one.source, one.hit.id, *ids.items()), _Cluster([]))
        cluster.ids = {name: frozenset({value}) for name, value in ids.items()}
        cluster.members.append(one)
    return list(clusters.values())


def _by_ids(clusters: list[_Cluster]) -> list[_Cluster]:
    for number, name in enumerate(NAMESPACES):
        known: dict[str, list[_Cluster]] = defaultdict(list)
        for cluster in clusters:
            for value in cluster.ids.get(name, ()):
                known[value].append(cluster)
        for value in sorted(value for value, having in known.items() if len(having) > 1):
            _unite({id(home): home for home in map(_home, known[value])}.values(), NAMESPACES[:number])
        clusters = [one for one in clusters if one.home is None]
    return clusters


def _unite(clusters: Iterable[_Cluster], stronger: Sequence[str]) -> None:
    """Make one of those that share an id, as far as stronger ids allow it."""
    kept: list[_Cluster] = []
    for cluster in sorted(clusters, key=lambda one: one.order):
        home = next((one for one in kept if one.agrees(cluster, stronger)), None)
        if home is None:
            kept.append(cluster)
        else:
            home.absorb(cluster)


def _home(cluster: _Cluster) -> _Cluster:
    """Where it has gone by now."""
    while cluster.home is not None:
        cluster = cluster.home
    return cluster


def _by_title(clusters: list[_Cluster]) -> list[_Cluster]:
    """Join those without ids to the one they must be, else to each other; where it could be several, they stay alone."""
    named = [cluster for cluster in clusters if cluster.ids]
    called: dict[tuple[str, int], list[_Cluster]] = defaultdict(list)
    for cluster in named:
        for key in _keys(cluster):
            called[key].append(cluster)
    wanting: dict[int, list[_Cluster]] = defaultdict(list)
    unclaimed: dict[tuple[str, int], list[_Cluster]] = defaultdict(list)
    rest: list[_Cluster] = []
    for cluster in clusters:
        if cluster.ids:
            continue
        keys = _keys(cluster)
        homes = {id(home) for key in keys for home in called.get(key, ())}
        if len(homes) == 1:
            wanting[homes.pop()].append(cluster)
        elif homes or not keys:
            rest.append(cluster)
        else:
            unclaimed[min(keys)].append(cluster)
    for home in named:
        rest += _gather([home], wanting[id(home)])[1:]
    for group in unclaimed.values():
        rest += _gather([], group)
    return [*named, *rest]


def _gather(home: list[_Cluster], others: list[_Cluster]) -> list[_Cluster]:
    """Join to `home`, or to the first, those that are their source's only one: what a source tells apart is not the same."""
    everybody = [*home, *others]
    counted = Counter(source for one in everybody for source in {member.source for member in one.members})
    left: list[_Cluster] = [*home]
    joined = home[0] if home else None
    for one in others:
        if counted[one.members[0].source] > 1:
            left.append(one)
        elif joined is None:
            joined = one
            left.append(one)
        else:
            joined.absorb(one)
    return left


def _keys(cluster: _Cluster) -> set[tuple[str, int]]:
    return {
        (bare(title), member.hit.year)
        for member in cluster.members
        if member.hit.year is not None
        for title in (member.hit.title, member.hit.original_title)
        if title
    }
