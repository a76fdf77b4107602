"""What a test may do as somebody who plays something, and what the server posts to webhooks of it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any, TypeVar

from . import webhook
from .items import Item
from .playing import Playing, local_number, transcode_json
from .pms import Pms
from .world import Account

T = TypeVar("T")
_WATCHED = 0.9
"""How much of it has to be played to count as seen."""


class PlayerKnobs:
    """Each change is told at once on the websocket, as by a player that reports every change of its state."""

    pms: Pms

    def __init__(self) -> None:
        self._session_keys = itertools.count(1)

    def _do(self, work: Callable[[], T]) -> T:
        raise NotImplementedError

    def play(
        self, account: Account, item: Item, player: str = "Chrome", *, transcode: bool = False, **fields: Any
    ) -> Playing:
        """The account begins to play it. `fields` are those of `Playing` (`offset`, `local`, `address`, `extra` …)."""

        def work() -> Playing:
            person = local_number(account, self.pms.world.home.owner)
            key = next(self._session_keys)
            made = Playing(key, item, account, person, player, transcode, **fields)
            self.pms.playing[made.key] = made
            if transcode:
                said = transcode_json(made)
                self.pms.notifications.say("transcodeSession.start", [said], person=person)
            self._tell(made)
            return made

        return self._do(work)

    def pause(self, one: Playing) -> None:
        """They pause."""
        self._do(lambda: self._tell(one, state="paused"))

    def resume(self, one: Playing) -> None:
        """They go on."""
        self._do(lambda: self._tell(one, state="playing"))

    def buffer(self, one: Playing) -> None:
        """The player waits for data."""
        self._do(lambda: self._tell(one, state="buffering"))

    def progress(self, one: Playing, offset: int) -> None:
        """They have come to that many milliseconds."""
        self._do(lambda: self._tell(one, offset=offset))

    def end(self, one: Playing) -> None:
        """They stop; what was nearly over counts as seen, of the rest the place is kept."""

        def work() -> None:
            if self.pms.playing.pop(one.key, None) is None:
                return
            library, duration = self.pms.library, one.item.duration or 0
            view = library.touch(one.person, one.item.guid)
            over = bool(duration) and one.offset >= duration * _WATCHED
            view.count, view.offset = (view.count + 1, 0) if over else (view.count, one.offset)
            view.last_at = int(library.now())
            self._tell(one, state="stopped")
            if one.transcode:
                said = transcode_json(one)
                self.pms.notifications.say("transcodeSession.end", [said], person=one.person)

        self._do(work)

    def vanish(self, one: Playing) -> None:
        """The player is switched off: the session is gone from the list, and nobody is told that it stopped."""
        self._do(lambda: self.pms.playing.pop(one.key, None))

    def _tell(self, one: Playing, **fields: Any) -> None:
        for name, value in fields.items():
            setattr(one, name, value)
        self.pms.notifications.say("playing", [one.notification()], person=one.person)

    # --- webhooks

    async def webhook(
        self,
        url: str,
        event: str,
        what: Playing | Item | None = None,
        *,
        account: Account | None = None,
        thumb: bool = False,
        payload: dict[str, Any] | str | None = None,
        headers: dict[str, str] | None = None,
        part_type: str = "application/json",
    ) -> int:
        """Post what Plex posts for that event; gives the answer's status. `payload` is sent instead of the right one.

        The part with the JSON says that it is JSON, which some readers of forms take for bytes.
        """
        body = webhook.message(self.pms, event, what, account) if payload is None else payload
        item = what.item if isinstance(what, Playing) else what
        picture = webhook.thumb(item) if thumb and item is not None else None
        return await webhook.post(url, body, picture, headers or {}, self.pms.world.home.version, part_type)

    def webhook_now(self, url: str, event: str, what: Playing | Item | None = None, **options: Any) -> int:
        """The same for who is no coroutine and does not serve the URL in this thread."""
        return asyncio.run(self.webhook(url, event, what, **options))
