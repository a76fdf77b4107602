"""What one transaction does to what is kept, and the events that follow from it. Tells no pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from medianest_hub.plugin_api import Context, Queries
from medianest_plex.client.notices import Told
from medianest_plex.client.sessions import state_of
from medianest_plex.events import Played, PlayingStarted, PlayingStopped
from medianest_plex.personal.refreshing import REFRESH, OfPerson
from medianest_plex.playing import rows
from medianest_plex.playing.matching import Kept, Seen, match
from medianest_plex.playing.models import heading
from medianest_plex.settings import PlexSettings

MISSING_SECONDS: Final = 1.5
"""For so long a session may be left out of the list before it counts as ended: lists are not always whole."""

SEEN_SECONDS: Final = 30.0
"""How long after the end of a session Plex is asked what its person has seen: more may end, and Plex writes it down first."""

PAUSED: Final = "paused"
STOPPED: Final = "stopped"


@dataclass(slots=True)
class Change:
    """What came of what was seen.

    `turned`: something was paused, or goes on. `moved`: something else that is shown is not as it was. `missing`: the list
    left something out, so it is worth asking again. `unknown` are keys of sessions that only the list can tell about.
    """

    started: int = 0
    stopped: int = 0
    turned: bool = False
    moved: bool = False
    missing: bool = False
    unknown: set[str] = field(default_factory=set)

    @property
    def is_news(self) -> bool:
        """Whether people are to be told at once."""
        return bool(self.started or self.stopped or self.turned)


@dataclass(frozen=True, slots=True)
class Writing:
    """`people` are those of this hub who may be concerned, by plex.tv's number. `change` gathers what came of it."""

    ctx: Context[PlexSettings]
    tx: Queries
    people: Mapping[int, UUID]
    now: datetime
    change: Change

    async def kept(self) -> list[Kept]:
        """All that is kept now."""
        return await rows.kept_rows(self.tx, self.ctx.instance)

    async def bring(self, seen: Sequence[Seen]) -> None:
        """Bring what is kept to the server's whole list."""
        kept, ended = await self.kept(), await rows.just_ended(self.tx, self.ctx.instance)
        keys = {one.session_key for one in kept}
        listed = [one for one in seen if one.playing.session_key in keys or not _is_over(one, ended)]
        matched = match(kept, listed)
        for known in matched.replaced:
            await self.end(known, self.now)
        await self._leave_out(matched.missing)
        rekeyed = [known.id for known, one in matched.going if known.session_key != one.playing.session_key]
        await rows.free_keys(self.tx, rekeyed)
        for known, one in matched.going:
            await rows.update(self.tx, known, one, self.now)
            self._compare(known, one.playing.state, one.playing.progress_ms)
        for one in matched.fresh:
            await self.begin(one)

    async def take(self, notices: Sequence[Told]) -> None:
        """Take in what is told of single sessions."""
        kept = {one.session_key: one for one in await self.kept()}
        for notice in notices:
            known, state = kept.get(notice.session_key), state_of(notice.state)
            is_other = known is not None and notice.rating_key not in (None, known.rating_key)
            if notice.state == STOPPED and not is_other:
                await rows.note_ended(self.tx, self.ctx.instance, notice.session_key, notice.rating_key)
                if known is not None:
                    await self.end(kept.pop(notice.session_key), self.now)
            elif known is None or is_other or state is None:
                if notice.state != STOPPED:
                    await rows.goes_on(self.tx, self.ctx.instance, notice.session_key)
                self.change.unknown.add(notice.session_key)
            else:
                await self.move(known, state, notice.offset_ms)

    async def move(self, known: Kept, state: str | None, offset_ms: int | None) -> None:
        """One goes on, in that state and place as far as that is known."""
        await rows.move(self.tx, known, state, offset_ms, self.now)
        self._compare(known, state, offset_ms)

    async def begin(self, seen: Seen) -> None:
        """One began."""
        item = seen.playing.item
        made = await rows.insert(self.tx, self.ctx.instance, seen, self.now)
        title = heading(
            *(item.kind, item.title),
            grandparent=item.grandparent_title,
            number=item.number,
            parent_number=item.parent_number,
        )
        played = Played(playing_id=made, kind=item.kind, title=title, year=item.year)
        await self.ctx.events.emit(
            PlayingStarted(played=played, at=self.now, instance=self.ctx.instance),
            person=self._person(seen.account),
            tx=self.tx,
        )
        self.change.started += 1

    async def end(self, known: Kept, at: datetime) -> None:
        """One ended then."""
        await rows.delete(self.tx, known)
        played = Played(playing_id=known.id, kind=known.kind, title=known.heading, year=known.year)
        seconds = max((at - known.started_at).total_seconds(), 0.0)
        await self.ctx.events.emit(
            PlayingStopped(played=played, at=at, seconds=seconds, instance=self.ctx.instance),
            person=self._person(known.account),
            tx=self.tx,
        )
        self.change.stopped += 1
        await self._ask_about(self._person(known.account))

    async def _ask_about(self, person: UUID | None) -> None:
        """Have Plex asked what the person has seen to its end by now."""
        if person is not None:
            await self.ctx.jobs.enqueue(
                *(REFRESH, OfPerson(person_id=person)),
                delay=SEEN_SECONDS,
                unique=f"played {person}",
                tx=self.tx,
            )

    async def _leave_out(self, missing: Sequence[Kept]) -> None:
        """Those the list left out: gone when they were so for a while."""
        await rows.mark_missing(self.tx, [one.id for one in missing if one.missing_since is None], self.now)
        for known in missing:
            since = known.missing_since
            if since is None or self.now - since < timedelta(seconds=MISSING_SECONDS):
                self.change.missing = True
            else:
                await self.end(known, since)

    def _compare(self, known: Kept, state: str | None, offset_ms: int | None) -> None:
        state = state or known.state
        self.change.turned |= (known.state == PAUSED) != (state == PAUSED)
        self.change.moved |= known.state != state or offset_ms not in (None, known.progress_ms)

    def _person(self, account: int | None) -> UUID | None:
        return self.people.get(account) if account is not None else None


def _is_over(seen: Seen, ended: set[tuple[str, int | None]]) -> bool:
    return (seen.playing.session_key, seen.playing.item.rating_key) in ended
