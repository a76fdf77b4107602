"""Pictures of an outside service, shown through the hub: people get signed, opaque ids and never an address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

ImageFetch: TypeAlias = Callable[[Any, str, int, int], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class ImageSource:
    """`async def fetch(ctx: Context[S], ref: str, width: int, height: int) -> bytes`: the picture's file as the service has it.

    `ref` is what `ctx.images.link(name, ref, …)` was given, so only the plugin's own code ever chooses it. Width and
    height in pixels are a hint (0: any); the host sniffs the type, bounds, resizes and keeps the result.
    Raises `NotFound` where there is no such picture.
    """

    name: str
    fetch: ImageFetch
    max_bytes: int = 8 * 1024 * 1024

    async def __call__(self, ctx: Any, ref: str, width: int = 0, height: int = 0) -> bytes:
        """Call it directly, as a test does."""
        return await self.fetch(ctx, ref, width, height)
