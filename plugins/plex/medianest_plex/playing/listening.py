"""Follows what one Plex server plays: by its websocket at once, by its sessions as the net. Runs until it is cancelled.

What is wrong with the server is noted and borne; what is wrong with us ends it.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from medianest_hub.plugin_api import Context
from medianest_hub.plugin_api.errors import AuthFailed, HubError, Unavailable, UpstreamError
from medianest_plex.client.notices import read_notices
from medianest_plex.client.plex_tv import TokenRefused
from medianest_plex.client.sessions import token_refused
from medianest_plex.connection import Connection
from medianest_plex.library.hints import hint
from medianest_plex.library.state import heard, lost
from medianest_plex.playing.board import Board
from medianest_plex.playing.looking import look, same_server, sessions_client
from medianest_plex.playing.telling import tell, tell_all, tell_progress
from medianest_plex.playing.writing import Change
from medianest_plex.servers import here
from medianest_plex.settings import PlexSettings

BUSY_SECONDS: Final = 10.0
IDLE_SECONDS: Final = 60.0
_MISSING_SECONDS: Final = 2.0
_DEBOUNCE_SECONDS: Final = 0.1
_UNKNOWN_SECONDS: Final = (0.3, 1.0, 3.0)
"""When to ask again for a session that was told of and is not listed yet."""
_LET_BE_SECONDS: Final = 60.0
"""For so long one that was never listed is not asked for again."""
_SHORTEST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
_STEADY_SECONDS: Final = 30.0
"""A connection that held for so long was a good one: after its end another is tried soon."""
_PROGRESS_SECONDS: Final = 1.0
_HINT_SECONDS: Final = 1.0
_MOST_HINTS: Final = 1000
GIVE_UP: Final = timedelta(minutes=10)
"""Away for so long, the server plays nothing that anybody could know of."""


@dataclass(slots=True)
class _Unknown:
    """A session that was told of and not listed. `since`: when that was first so."""

    since: float
    tried: int = 0


class Listening:
    """One holder of the stream. `run` raises `Overtaken`, and `AuthFailed` once plex.tv, too, refuses the owner's token."""

    def __init__(self, ctx: Context[PlexSettings], board: Board, link: Connection) -> None:
        self._ctx = ctx
        self._board = board
        self._link = link
        self._client = sessions_client(ctx, link)
        self._look_now = asyncio.Event()
        self._connect_now = asyncio.Event()
        self._moved = asyncio.Event()
        self._hinted = asyncio.Event()
        self._hints: set[int] = set()
        self._unknown: dict[str, _Unknown] = {}
        self._is_open = False
        self._trouble = ""
        self._failures = 0
        self._has_looked = False
        self._unreadable = False

    async def run(self) -> None:
        """Never returns."""
        await _all_of(self._follow(), self._keep_looking(), self._tell_progress(), self._pass_on_hints())

    # --- looking

    async def _keep_looking(self) -> None:
        while True:
            pause = await self._look()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._look_now.wait()
                await asyncio.sleep(_DEBOUNCE_SECONDS)
            self._look_now.clear()

    async def _look(self) -> float:
        """One look; seconds until the next one, if nothing is told meanwhile."""
        try:
            version = "" if self._is_open else (await same_server(self._ctx, self._link)).version
            change = await look(self._ctx, self._board, self._client)
        except (AuthFailed, UpstreamError, Unavailable) as error:
            return await self._failed(error)
        await heard(self._ctx, version=version, machine_identifier=self._link.machine_identifier, remark=self._trouble)
        if self._failures:
            self._connect_now.set()
        self._failures = 0
        if change.moved:
            self._moved.set()
        if not self._has_looked and not change.is_news:
            await tell_all(self._ctx)  # what the holder before us wrote, and died before it told anybody
        self._has_looked = True
        playing = await self._playing()
        pause = _MISSING_SECONDS if change.missing else BUSY_SECONDS if playing else IDLE_SECONDS
        return min(pause, self._until_known(playing))

    async def _failed(self, error: HubError) -> float:
        self._failures += 1
        if isinstance(error, AuthFailed):
            await self._refused(error)
        elif not isinstance(error, Unavailable):
            await self._note(error)
        elif error.error_code != "service_down":
            raise error  # the hub's own trouble
        # Else it is held back because it failed again and again: what was wrong has been noted.
        await tell(self._ctx, await self._board.give_up(GIVE_UP))
        return pause(self._failures)

    async def _note(self, error: HubError) -> None:
        """Whether the server is away, or there and unwell."""
        try:
            await same_server(self._ctx, self._link)
        except UpstreamError as missing:
            await lost(self._ctx, missing.message)
        except (AuthFailed, Unavailable):
            await lost(self._ctx, error.message)
        else:
            await heard(self._ctx, remark=error.message)

    async def _refused(self, error: AuthFailed) -> None:
        """Raise `AuthFailed` if plex.tv refuses the token as well: a server that cannot reach plex.tv refuses good ones."""
        server = here(self._ctx)
        try:
            if server.token is not None:
                await self._link.plex_tv.account(server.token.get_secret_value())
        except TokenRefused:
            await heard(self._ctx, remark=error.message)
            raise token_refused(server.service, server.field("token")) from None
        except HubError as trouble:
            self._ctx.log.info("plex_token_unsure", error=trouble.message)
        if self._failures == 1:
            self._ctx.log.warning("plex_server_refuses_token", server=self._ctx.instance)
        await heard(self._ctx, remark=error.message)

    async def _playing(self) -> set[str]:
        rows = await self._ctx.db.fetch(
            "SELECT session_key FROM plugin_plex.playing WHERE instance = $1", self._ctx.instance
        )
        return {row["session_key"] for row in rows}

    def _until_known(self, playing: set[str]) -> float:
        """When to ask for those that were told of and are not listed; after a few times they are let be for a while."""
        now, waits = _time(), [IDLE_SECONDS]
        for key, unknown in list(self._unknown.items()):
            if key in playing or now - unknown.since > _LET_BE_SECONDS:
                del self._unknown[key]
            elif unknown.tried < len(_UNKNOWN_SECONDS):
                waits.append(_UNKNOWN_SECONDS[unknown.tried])
                unknown.tried += 1
        return min(waits)

    # --- the websocket

    async def _follow(self) -> None:
        failures = 0
        while True:
            self._connect_now.clear()
            opened = _time()
            try:
                await same_server(self._ctx, self._link)
                async with self._client.notifications() as socket:
                    opened = _time()
                    self._opened()
                    while True:
                        await self._take(await socket.receive())
            except (AuthFailed, UpstreamError, Unavailable) as error:
                if isinstance(error, Unavailable) and error.error_code != "service_down":
                    raise
                failures = 1 if _time() - opened > _STEADY_SECONDS else failures + 1
                self._closed(error, is_first=failures == 1)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause(failures)):
                    await self._connect_now.wait()

    def _opened(self) -> None:
        self._is_open, self._trouble = True, ""
        self._ctx.log.info("plex_notifications_open", server=self._ctx.instance)
        self._look_now.set()

    def _closed(self, error: HubError, *, is_first: bool) -> None:
        was_open, self._is_open = self._is_open, False
        if error.error_code != "service_down":
            whose = f"The {here(self._ctx).service}'s notifications"
            self._trouble = f"{whose} cannot be had, so that changes are seen later: {error.message}"
        if was_open or is_first:
            self._ctx.log.info("plex_notifications_closed", server=self._ctx.instance, error=error.message)
            self._look_now.set()

    async def _take(self, message: str | bytes) -> None:
        notices = read_notices(message)
        if notices is None:
            if not self._unreadable:
                self._ctx.log.warning("plex_notification_unreadable", size=len(message))
            self._unreadable = True
            return
        if notices.changed:
            self._hints.update(notices.changed[:_MOST_HINTS])
            self._hinted.set()
        if notices.sessions:
            await self._told(await self._board.told(notices.sessions))

    async def _told(self, change: Change) -> None:
        await tell(self._ctx, change)
        if change.moved and not change.is_news:
            self._moved.set()
        fresh = {key for key in change.unknown if key not in self._unknown}
        self._unknown.update((key, _Unknown(_time())) for key in fresh)
        if fresh or change.stopped:
            self._look_now.set()

    # --- passing on

    async def _tell_progress(self) -> None:
        while True:
            await self._moved.wait()
            self._moved.clear()
            await tell_progress(self._ctx)
            await asyncio.sleep(_PROGRESS_SECONDS)

    async def _pass_on_hints(self) -> None:
        while True:
            await self._hinted.wait()
            self._hinted.clear()
            hints, self._hints = self._hints, set()
            try:
                await hint(self._ctx, hints)
            except HubError as error:
                self._ctx.log.warning("plex_hint_lost", error=error.message)
            await asyncio.sleep(_HINT_SECONDS)


async def _all_of(*parts: Coroutine[Any, Any, None]) -> None:
    """Run them side by side; raise what the first one that fails raises."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _time() -> float:
    return asyncio.get_running_loop().time()


def pause(failures: int) -> float:
    """Seconds before the next attempt: longer each time, and not the same everywhere."""
    spread = random.random()  # nosec B311 # noqa: S311 - jitter, not a secret
    return float(min(_SHORTEST_PAUSE * 2 ** min(failures - 1, 10), _LONGEST_PAUSE)) * (0.75 + 0.5 * spread)
