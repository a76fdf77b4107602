"""Answers a GET route from the cache and puts what its handler made back; one making at a time per process and key."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from redis.exceptions import RedisError
from sanic import Request

from medianest_hub.infrastructure.redis import RedisAway
from medianest_hub.web.answer_cache import STORE, storable, version_of
from medianest_hub.web.answers import JSON, etag_matches
from medianest_hub.web.gate import Gate
from medianest_hub.web.header_block import REVALIDATE, Answer, HeaderBlock, header_lines
from medianest_hub.web.questions import Plan
from medianest_hub.web.redis_trip import Reply

Make = Callable[[], Awaitable[tuple[bytes, float]]]
"""Runs the handler: its answer's JSON, and for how many seconds it may be kept."""


class CachedAnswers:
    """The cached answers of one route."""

    def __init__(self, block: HeaderBlock, status: int) -> None:
        self._lines = block.lines(JSON, caching=REVALIDATE)
        self._status = status
        self._making: dict[tuple[str, str], asyncio.Task[bytes]] = {}
        self._storing: set[asyncio.Task[None]] = set()

    def known(self, gate: Gate, plan: Plan, reply: Reply | None) -> bytes | None:
        """The body the reply found; None when there is none, or it is no longer at hand."""
        answer = plan.question.answer
        if reply is None or not reply.version or answer is None:
            return None
        return reply.body or gate.bodies.body(answer, reply.version)

    def answer(self, request: Request[Any, Any], plan: Plan, version: str, body: bytes, extra: bytes) -> Answer:
        """The answer with that body, or 304 for a client that has it. `extra` are this request's own header lines."""
        if plan.version != version:
            plan.version, plan.lines = version, self._lines + header_lines([(b"etag", f'"{version}"'.encode())])
        lines = plan.lines + extra
        condition = request.headers.get("if-none-match")
        if condition is not None and etag_matches(condition, version):
            return Answer(304, b"", lines)
        return Answer(self._status, body, lines)

    def fresh(self, request: Request[Any, Any], body: bytes, extra: bytes) -> Answer:
        """The answer with a body that was made just now."""
        version = version_of(body)
        lines = self._lines + header_lines([(b"etag", f'"{version}"'.encode())]) + extra
        if etag_matches(request.headers.get("if-none-match"), version):
            return Answer(304, b"", lines)
        return Answer(self._status, body, lines)

    async def make(self, gate: Gate, plan: Plan, reply: Reply | None, make: Make) -> bytes:
        """Run the handler, together with all who ask for the same at the same time, and keep its answer."""
        key = plan.question.answer
        if key is None or reply is None:
            return (await make())[0]
        flight = (key, reply.epochs)
        task = self._making.get(flight)
        if task is None:
            task = asyncio.ensure_future(self._make_and_store(gate, key, reply.epochs, make))
            self._making[flight] = task
            task.add_done_callback(lambda done: self._landed(flight, done))
        return await asyncio.shield(task)

    def _landed(self, flight: tuple[str, str], task: asyncio.Task[bytes]) -> None:
        self._making.pop(flight, None)
        if not task.cancelled():
            task.exception()  # whoever still waits has it; nobody may

    async def _make_and_store(self, gate: Gate, key: str, epochs: str, make: Make) -> bytes:
        body, seconds = await make()
        if seconds > 0 and storable(body):
            store = asyncio.ensure_future(_store(gate, key, epochs, body, seconds))
            self._storing.add(store)
            store.add_done_callback(self._storing.discard)
        return body


async def _store(gate: Gate, key: str, epochs: str, body: bytes, seconds: float) -> None:
    version = version_of(body)
    try:
        await gate.parts.redis.eval(STORE, [key], [epochs, version, body, max(1, int(seconds * 1000))])
    except (RedisAway, RedisError):
        return
    gate.bodies.keep(key, version, body)
