"""What a page missed, in order, up to the point where the live stream takes over without a gap. Keeps no connection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from medianest_hub.infrastructure.realtime_log import RealtimeEvent, RealtimeLog
from medianest_hub.web.realtime_feed import Feed

log = structlog.get_logger(__name__)

MOST_REPLAYED = 500
"""A page that missed more reads everything anew; that is less work for both."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Whom events are for."""

    person: UUID
    permissions: frozenset[str]

    def hears(self, event: RealtimeEvent) -> bool:
        """Whether the event is for them."""
        return event.person == self.person or event.permission in self.permissions


@dataclass(frozen=True, slots=True)
class Replayed:
    """`resync`: too much, or no longer kept; the page must read everything anew. It is up to date at `cursor` then."""

    cursor: int
    replayed: int
    resync: bool

    def answer(self) -> dict[str, Any]:
        """As sent to the page."""
        return {"cursor": self.cursor, "replayed": self.replayed, "resync": self.resync}


Send = Callable[[RealtimeEvent, int | None], Awaitable[None]]


async def replay(feed: Feed, events: RealtimeLog, listener: Listener, cursor: int | None, send: Send) -> Replayed:
    """Send what came after `cursor` (None: nothing is missed yet) and all that is delivered meanwhile.

    Between the last look at the feed and the return there is no await: a caller who then joins the stream without
    awaiting anything hears each event exactly once.
    """
    position, count = feed.position, 0
    if cursor is not None:
        missed = await _missed(feed, events, listener, cursor)
        later = feed.after(position)
        if missed is None or later is None:
            return Replayed(feed.cursor, 0, resync=True)
        coming = {delivery.event.seq for delivery in later}
        # Sorted out before the first await: what this process has not delivered by now will come with the ring or live.
        before = [event for event in missed if event.seq not in coming and feed.has(event.seq or 0)]
        for event in before:
            await send(event, min(event.seq or 0, feed.cursor))
        count = len(before)
    while later := feed.after(position):
        position = feed.position
        for delivery in later:
            if listener.hears(delivery.event):
                await send(delivery.event, delivery.cursor)
                count += 1
    return Replayed(feed.cursor, count, resync=later is None)


async def _missed(feed: Feed, events: RealtimeLog, listener: Listener, cursor: int) -> list[RealtimeEvent] | None:
    """None when it cannot be told."""
    try:
        if not await events.oldest_seq() - 1 <= cursor <= max(await events.latest_seq(), feed.cursor):
            return None
        found = await events.since_for(cursor, listener.person, sorted(listener.permissions), MOST_REPLAYED + 1)
    except Exception as error:
        log.warning("realtime_log_not_read", error=type(error).__name__)
        return None
    return found if len(found) <= MOST_REPLAYED else None
