"""Who is connected to this process, and the bounds on what each connection may do. Sends nothing, asks nobody."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from medianest_hub.accounts.tokens import Claims

MOST_PER_PERSON = 20
MOST_STRANGERS = 500
"""Connections that have not said who they are, over all."""

MOST_STRANGERS_PER_ADDRESS = 50
SECONDS_TO_SIGN_IN = 10.0

LARGEST_MESSAGE = 16 * 1024
"""Characters; a token and a cursor need far less."""

MOST_WAITING = 1000
"""Messages queued for a connection that does not read them; then it is closed, and resumes when it can."""


class Bucket:
    """At most `burst` at once and `rate` a second in the long run."""

    def __init__(self, burst: float, rate: float) -> None:
        self._burst = burst
        self._rate = rate
        self._left = burst
        self._at = time.monotonic()

    def take(self) -> bool:
        """Whether one more is allowed now."""
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


@dataclass(slots=True, eq=False)
class Guest:
    """One connection; `engine` is the library's own object for it.

    `sid` and what follows are set once it has said who it is; `expires_at` is in Unix seconds.
    """

    eio_sid: str
    address: str
    engine: Any
    came_at: float = field(default_factory=time.monotonic)
    packets: Bucket = field(default_factory=lambda: Bucket(30, 5))
    replays: Bucket = field(default_factory=lambda: Bucket(5, 0.5))
    asked_in: bool = False
    closing: bool = False
    sid: str = ""
    person_id: UUID | None = None
    session_id: UUID | None = None
    claims: Claims | None = None
    expires_at: float = 0.0
    warned: bool = False
    rooms: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()
    joined: bool = False
    replaying: bool = True  # until it was welcomed
    welcomed: asyncio.Event = field(default_factory=asyncio.Event)


class Guests:
    """All connections of this process, found by engine id, Socket.IO id, person and session."""

    def __init__(self) -> None:
        self._by_eio: dict[str, Guest] = {}
        self._by_sid: dict[str, Guest] = {}
        self._of_person: dict[UUID, set[Guest]] = defaultdict(set)
        self._of_session: dict[UUID, set[Guest]] = defaultdict(set)
        self._strangers: dict[str, int] = defaultdict(int)

    def __len__(self) -> int:
        return len(self._by_sid)

    def __iter__(self) -> Iterator[Guest]:
        return iter(list(self._by_eio.values()))

    def has_room_for(self, address: str) -> bool:
        """Whether one more stranger may come from there."""
        return self._strangers[address] < MOST_STRANGERS_PER_ADDRESS and sum(self._strangers.values()) < MOST_STRANGERS

    def arrive(self, eio_sid: str, address: str, engine: Any) -> Guest:
        """A connection that has not said who it is."""
        guest = self._by_eio[eio_sid] = Guest(eio_sid, address, engine)
        self._strangers[address] += 1
        return guest

    def introduce(self, guest: Guest, sid: str, person_id: UUID, session_id: UUID, expires_at: float) -> bool:
        """From now on it is that person's; False when they have too many already."""
        if len(self._of_person[person_id]) >= MOST_PER_PERSON:
            return False
        self._no_stranger(guest)
        guest.sid, guest.person_id = sid, person_id
        self._by_sid[sid] = guest
        self._of_person[person_id].add(guest)
        self.renew(guest, session_id, expires_at)
        return True

    def renew(self, guest: Guest, session_id: UUID, expires_at: float) -> None:
        """The connection goes on under that session, for as long as its token is good."""
        self._leave_session(guest)
        guest.session_id, guest.expires_at, guest.warned = session_id, expires_at, False
        self._of_session[session_id].add(guest)

    def leave(self, eio_sid: str) -> Guest | None:
        """The connection is gone."""
        guest = self._by_eio.pop(eio_sid, None)
        if guest is None:
            return None
        guest.closing = True
        self._no_stranger(guest)
        self._by_sid.pop(guest.sid, None)
        self._leave_session(guest)
        if guest.person_id is not None:
            self._of_person[guest.person_id].discard(guest)
            if not self._of_person[guest.person_id]:
                del self._of_person[guest.person_id]
        return guest

    def by_eio(self, eio_sid: str) -> Guest | None:
        """The connection of that engine id."""
        return self._by_eio.get(eio_sid)

    def by_sid(self, sid: str) -> Guest | None:
        """The signed-in connection of that Socket.IO id."""
        return self._by_sid.get(sid)

    def of_person(self, person_id: UUID) -> list[Guest]:
        """All connections of that person."""
        return list(self._of_person.get(person_id, ()))

    def of_session(self, session_id: UUID) -> list[Guest]:
        """All connections of that session."""
        return list(self._of_session.get(session_id, ()))

    def people(self) -> list[UUID]:
        """Everybody connected."""
        return list(self._of_person)

    def sessions(self) -> list[UUID]:
        """Every session connected."""
        return list(self._of_session)

    def _no_stranger(self, guest: Guest) -> None:
        if guest.person_id is None and guest.address in self._strangers:
            self._strangers[guest.address] -= 1
            if self._strangers[guest.address] <= 0:
                del self._strangers[guest.address]

    def _leave_session(self, guest: Guest) -> None:
        if guest.session_id is not None:
            self._of_session[guest.session_id].discard(guest)
            if not self._of_session[guest.session_id]:
                del self._of_session[guest.session_id]
