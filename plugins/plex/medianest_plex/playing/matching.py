"""Which of the sessions seen is which that is kept: by its key, or as the same on the same player under another one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from medianest_plex.client.sessions import Playing

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class Seen:
    """A session as the server tells it. `account` is plex.tv's number."""

    playing: Playing
    account: int | None


@dataclass(frozen=True, slots=True)
class Kept:
    """One that is kept, as far as it is needed to know it again, and to say that it ended."""

    id: UUID
    session_key: str
    account: int | None
    player_id: str
    rating_key: int | None
    kind: str
    title: str
    heading: str
    year: int | None
    state: str
    progress_ms: int
    started_at: datetime
    seen_at: datetime
    missing_since: datetime | None

    def is_same(self, seen: Seen) -> bool:
        """The same thing, by the same account, on the same player, as far as that is said. A key alone proves nothing: a
        server that begins anew counts from one, and a player goes on to the next episode under the same key.
        """
        one = seen.playing
        return (
            _fits(self.account, seen.account)
            and _fits(self.player_id or None, one.player_id or None)
            and self.rating_key == one.item.rating_key
            and (self.rating_key is not None or self.title == one.item.title)
        )

    def goes_on_as(self, seen: Seen) -> bool:
        """The same under another key: a server began anew, or a webhook told of it before the list did."""
        return bool(self.player_id) and self.player_id == seen.playing.player_id and self.is_same(seen)


@dataclass(slots=True)
class Matched:
    """`going` are those that go on, `fresh` those that began, `replaced` those whose key is another session's by now,
    `missing` those the list leaves out.
    """

    going: list[tuple[Kept, Seen]] = field(default_factory=list)
    fresh: list[Seen] = field(default_factory=list)
    replaced: list[Kept] = field(default_factory=list)
    missing: list[Kept] = field(default_factory=list)


def match(kept: Iterable[Kept], seen: Iterable[Seen]) -> Matched:
    """Each of both is in exactly one of the lists; of sessions under one key the last counts."""
    matched = Matched()
    by_key = {one.playing.session_key: one for one in seen}
    left: list[Kept] = []
    open_keys = dict(by_key)
    for known in kept:
        found = open_keys.get(known.session_key)
        if found is not None and known.is_same(found):
            matched.going.append((known, open_keys.pop(known.session_key)))
        else:
            left.append(known)
    for known in left:
        key = next((key for key, one in open_keys.items() if known.goes_on_as(one)), None)
        if key is not None:
            matched.going.append((known, open_keys.pop(key)))
        elif known.session_key in by_key:
            matched.replaced.append(known)
        else:
            matched.missing.append(known)
    matched.fresh = list(open_keys.values())
    return matched


def _fits(known: ValueT | None, seen: ValueT | None) -> bool:
    return known is None or seen is None or known == seen
