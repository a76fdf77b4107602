"""Signing in with a password: how long it takes, and what others notice of it while it is being hashed."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.people import NAME, PASSWORD, admin_token
from benchmarks.rows import Row
from medianest_hub.testing.hub import run_hub

AT_ONCE = 4
"""People who sign in at the same moment, each again and again."""

SIGN_INS = 100
QUIET_SECONDS = 2.0
PAUSE = 0.01
"""Between two requests of the one who looks on."""


def measure() -> list[Row]:
    """Rows for signing in under argon2id at OWASP's parameters."""
    with tempfile.TemporaryDirectory(prefix="mn-bench-", dir="/tmp") as folder, run_hub(Path(folder), {}) as hub:
        token = admin_token(hub)
        taken, quiet, busy = asyncio.run(_measure(hub.url, token))
    others = f"{_p95(quiet) * 1000:.1f} ms when nobody signs in, {max(busy) * 1000:.0f} ms at worst"
    return [
        Row(f"sign-in with a password, {AT_ONCE} at once, p95", _p95(taken) * 1000, 500, "ms"),
        Row("another request meanwhile, p95", _p95(busy) * 1000, 50, "ms", note=others),
    ]


async def _measure(url: str, token: str) -> tuple[list[float], list[float], list[float]]:
    """Seconds of each sign-in, and of somebody else's requests before and during them."""
    async with aiohttp.ClientSession(url) as session:
        credentials = {"username": NAME, "password": PASSWORD}
        headers = {"Authorization": f"Bearer {token}"}

        async def one_after_another() -> list[float]:
            return [
                await _timed(session, "POST", "/api/v1/auth/login", json=credentials)
                for _ in range(SIGN_INS // AT_ONCE)
            ]

        async def look_on(until: asyncio.Event) -> list[float]:
            seen = []
            while not until.is_set():
                seen.append(await _timed(session, "GET", "/api/v1/auth/session", headers=headers))
                await asyncio.sleep(PAUSE)
            return seen

        over = asyncio.Event()
        asyncio.get_running_loop().call_later(QUIET_SECONDS, over.set)
        quiet = await look_on(over)
        over = asyncio.Event()
        looking = asyncio.create_task(look_on(over))
        taken = await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))
        over.set()
        return [one for some in taken for one in some], quiet, await looking


async def _timed(session: aiohttp.ClientSession, method: str, path: str, **more: Any) -> float:
    began = time.perf_counter()
    async with session.request(method, path, **more) as answer:
        await answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path} answered {answer.status}")
    return time.perf_counter() - began


def _p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1]
