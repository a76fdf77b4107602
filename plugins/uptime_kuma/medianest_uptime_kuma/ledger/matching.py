"""Finds for each monitor seen the one that is known already, so that changing the way in keeps its history. Asks nobody."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from medianest_uptime_kuma.client.seen import Seen


@dataclass(frozen=True, slots=True)
class Known:
    """A monitor as it is kept. `number` is what its beats name it by."""

    number: int
    kuma_id: int | None
    name: str
    kind: str
    address: str


def match(seen: Sequence[Seen], known: Iterable[Known]) -> list[Known | None]:
    """For each monitor seen the known one, or None for a new one; nobody is matched twice.

    By Uptime Kuma's number where both have one, unless name and kind are both other ones: then Uptime Kuma was set up
    anew and the number is another monitor's now. Else by name, and where several have the same, by kind and address.
    """
    left = {one.number: one for one in known}
    found: list[Known | None] = [None] * len(seen)
    by_id = {one.kuma_id: one for one in left.values() if one.kuma_id is not None}
    for at, one in enumerate(seen):
        same = by_id.get(one.kuma_id) if one.kuma_id is not None else None
        if same is not None and same.number in left and (same.name == one.name or _same_kind(same, one)):
            found[at] = left.pop(same.number)
    by_name: defaultdict[str, list[Known]] = defaultdict(list)
    for candidate in left.values():
        by_name[candidate.name].append(candidate)
    for at, one in enumerate(seen):
        if found[at] is None:
            best = _best(one, [other for other in by_name[one.name] if other.number in left])
            if best is not None:
                found[at] = left.pop(best.number)
    return found


def _same_kind(known: Known, seen: Seen) -> bool:
    return not known.kind or not seen.kind or known.kind == seen.kind


def _best(seen: Seen, candidates: list[Known]) -> Known | None:
    """Of those of the same name the one most like it; none whose number contradicts."""
    usable = [one for one in candidates if one.kuma_id is None or seen.kuma_id is None]
    usable.sort(
        key=lambda one: (
            one.kind == seen.kind,
            bool(seen.address) and one.address == seen.address,
            -one.number,
        ),
        reverse=True,
    )
    return usable[0] if usable else None
