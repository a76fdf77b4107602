"""Listens to Postgres' own notifications on a connection of its own, made again whenever it is lost; sends none."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Mapping
from typing import Any

import asyncpg
import structlog

from medianest_hub.infrastructure.database import is_transient

log = structlog.get_logger(__name__)

LOOK_SECONDS = 30.0
"""How often the connection is asked whether it still lives: a peer that vanished sends nothing."""


class Notices:
    """Calls each channel's function with the payload; with an empty one after every (re)connection, as some were missed."""

    def __init__(self, url: str, channels: Mapping[str, Callable[[str], None]]) -> None:
        self._url = url
        self._channels = channels

    async def run(self) -> None:
        """Listen for ever; cancel it to end it."""
        delay = 0.2
        while True:
            try:
                await self._listen()
                delay = 0.2
            except Exception as error:
                if not is_transient(error):
                    log.exception("notices_failed")
                    delay = 5.0
            await asyncio.sleep(delay * (0.5 + random.random()))  # nosec B311 # noqa: S311 - jitter, not a secret
            delay = min(delay * 2, 5.0)

    async def _listen(self) -> None:
        connection = await asyncpg.connect(self._url, timeout=10, command_timeout=10)
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: lost.set())
            for channel, call in self._channels.items():
                await connection.add_listener(channel, _deliver_to(call))
                call("")
            while not lost.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await lost.wait()
                        return
                await connection.execute("SELECT 1")
        finally:
            connection.terminate()


def _deliver_to(call: Callable[[str], None]) -> Callable[..., None]:
    def deliver(_connection: Any, _pid: int, _channel: str, payload: object) -> None:
        call(str(payload))

    return deliver
