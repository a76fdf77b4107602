"""Cancels tasks that use a PostgreSQL which stands still, and prints what became of each; a program of its own.

python cancelled_while_frozen.py ADDRESS PID
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable

import psutil

from medianest_hub.infrastructure import database
from medianest_hub.infrastructure.database import Database, DatabaseAway

Use = Callable[[], Awaitable[object]]


async def again_and_again(use: Use) -> None:
    """As one does who begins anew after an outage."""
    while True:
        with contextlib.suppress(DatabaseAway):
            await use()


async def main(url: str, pid: int) -> None:
    database.ACQUIRE_SECONDS = 0.5  # type: ignore[misc]
    db = await Database.connect(url, max_size=6)

    async def in_transaction() -> None:
        async with db.transaction() as tx:
            await tx.fetchval("SELECT 1")

    uses: list[Use] = [in_transaction, lambda: db.fetchval("SELECT 1")] * 3
    tasks = [asyncio.create_task(again_and_again(use)) for use in uses]
    await asyncio.wait(tasks, timeout=0.3)  # all of them at work
    server = psutil.Process(pid)
    frozen = [server, *server.children(recursive=True)]
    for one in frozen:
        one.suspend()
    try:
        await asyncio.wait(tasks, timeout=0.3)  # and waiting for an answer
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=2)  # longer than giving a connection back may take
    finally:
        for one in frozen:
            one.resume()
    # Whoever had a transaction open may have waited for its end until now; nobody goes on.
    await asyncio.wait(tasks, timeout=20)
    for task in tasks:
        print("cancelled" if task.cancelled() else "ended" if task.done() else "alive")


asyncio.run(asyncio.wait_for(main(sys.argv[1], int(sys.argv[2])), 50))
