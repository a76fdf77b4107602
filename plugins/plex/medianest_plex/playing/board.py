"""`Board`: writes what is seen, each time in one transaction that fails once somebody else holds the stream. Tells no pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from medianest_hub.plugin_api import Context
from medianest_plex.client.notices import Told
from medianest_plex.client.sessions import Playing
from medianest_plex.playing import holding, rows
from medianest_plex.playing.accounts import Accounts
from medianest_plex.playing.matching import Seen
from medianest_plex.playing.writing import Change, Writing
from medianest_plex.settings import PlexSettings


class Board:
    """Made by `Board.claim` for the holder of the stream, or without a fence for what a webhook brings.

    Every call may raise `holding.Overtaken`; then end the stream.
    """

    def __init__(self, ctx: Context[PlexSettings], fence: int | None = None) -> None:
        self._ctx = ctx
        self._fence = fence
        self._accounts = Accounts(ctx)
        self._playing = ctx.metrics.gauge("playing", "Sessions going on, in the process that last looked.", ["server"])

    @classmethod
    async def claim(cls, ctx: Context[PlexSettings], fence: int) -> Board:
        """Take over from whoever held a smaller fence. Raises `Overtaken` when somebody holds a larger one."""
        await holding.claim(ctx.db, ctx.instance, fence)
        return cls(ctx, fence)

    async def begin_look(self) -> datetime:
        """To be handed to `looked` with what is found from now on."""
        return await holding.begin_look(self._ctx.db)

    async def looked(self, found: Sequence[Playing], began: datetime) -> Change:
        """Bring what is kept to the server's whole list. Nothing, when a look that was begun later has come in already."""
        seen = [Seen(one, await self._accounts.number(one.account_id)) for one in found]
        async with self._writing(seen) as (writing, last):
            if last is None or last < began:
                await writing.bring(seen)
                await holding.note_look(writing.tx, self._ctx.instance, began, writing.now)
        self._playing.set(len(seen), server=self._ctx.instance)
        return writing.change

    async def told(self, notices: Sequence[Told]) -> Change:
        """Take in what the server tells of single sessions."""
        async with self._writing() as (writing, _):
            await writing.take(notices)
        return writing.change

    async def begin(self, found: Playing) -> Change:
        """Take in that one began or goes on, where there is no list to be had."""
        seen = Seen(found, await self._accounts.number(found.account_id))
        async with self._writing([seen]) as (writing, _):
            kept = await writing.kept()
            going = [one for one in kept if one.goes_on_as(seen)]
            for known in going:
                await writing.move(known, found.state, found.progress_ms)
            if not going:
                for known in kept:
                    # A player plays one thing at a time.
                    if found.player_id and known.player_id == found.player_id:
                        await writing.end(known, writing.now)
                await writing.begin(seen)
        return writing.change

    async def end(self, found: Playing) -> Change:
        """Take in that one ended, where there is no list to be had."""
        seen = Seen(found, await self._accounts.number(found.account_id))
        async with self._writing([seen]) as (writing, _):
            for known in await writing.kept():
                if known.goes_on_as(seen):
                    await writing.end(known, writing.now)
                    await rows.note_ended(writing.tx, self._ctx.instance, known.session_key, known.rating_key)
        return writing.change

    async def give_up(self, unseen: timedelta, *, only: str = "") -> Change:
        """End what nobody has told of for so long. `only`: those whose key begins so."""
        async with self._writing() as (writing, _):
            for known in await writing.kept():
                if known.seen_at < writing.now - unseen and known.session_key.startswith(only):
                    await writing.end(known, known.seen_at)
        return writing.change

    async def count(self) -> int:
        """How many are kept."""
        found: int = await self._ctx.db.fetchval(
            "SELECT count(*) FROM plugin_plex.playing WHERE instance = $1", self._ctx.instance
        )
        return found

    @asynccontextmanager
    async def _writing(self, seen: Iterable[Seen] = ()) -> AsyncIterator[tuple[Writing, datetime | None]]:
        """A transaction of our own, and when the last look that counts was begun."""
        # Before it, for asking takes a connection of its own.
        known = await self._ctx.db.fetch(
            "SELECT DISTINCT account_id FROM plugin_plex.playing WHERE instance = $1", self._ctx.instance
        )
        people = await self._accounts.people([*(row["account_id"] for row in known), *(one.account for one in seen)])
        async with self._ctx.db.transaction() as tx:
            last = await holding.hold(tx, self._ctx.instance, self._fence)
            yield Writing(self._ctx, tx, people, self._ctx.clock.now(), Change()), last
