"""Connections kept for good, one per cluster: a service's own socket, listened to by one worker at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to run a stream. `fence` grows with each holder: store it beside what you write and refuse a smaller one."""

    name: str
    fence: int


StreamRun: TypeAlias = Callable[[Any, Lease], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Stream:
    """`async def run(ctx: Context[S], lease: Lease) -> None`: connect, listen, never return while all is well.

    Returning or raising means the connection ended; the host starts it again with back-off (1 s up to `max_backoff`
    seconds). It is cancelled when the lease is lost, the plugin is switched off or the worker stops.
    """

    name: str
    run: StreamRun
    max_backoff: float = 60.0

    async def __call__(self, ctx: Any, lease: Lease) -> None:
        """Run it directly, as a test does."""
        await self.run(ctx, lease)


def stream(name: str, **options: Any) -> Callable[[StreamRun], Stream]:
    """Declare the decorated function as a stream; `options` are those of `Stream`."""

    def declare(run: StreamRun) -> Stream:
        return Stream(name=name, run=run, **options)

    return declare
