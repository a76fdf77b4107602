"""Starting, stopping and testing a plugin's settings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

Step: TypeAlias = Callable[[Any], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """Three coroutines, each `async def step(ctx: Context[S]) -> None`, all optional.

    - `check_settings` is "test connection": it gets a context with the settings being tried and must leave nothing behind.
    - `startup` runs in every process and for every generation of settings, within `start_limit` seconds, after the server is up.
    - `shutdown` runs when that generation ends, within `stop_limit` seconds, also after a failed `startup`.

    All may raise `NotReady` (tried again with back-off), `AuthFailed` (an admin is asked) or `ConfigInvalid` (stopped).
    """

    check_settings: Step | None = None
    startup: Step | None = None
    shutdown: Step | None = None
    start_limit: float = 15.0
    stop_limit: float = 5.0
