"""A stranger's plugin with sign-in providers, as tests install it: `answers` is what each of its handlers does next."""

from __future__ import annotations

import sys
from typing import Any

SOURCE = """
import asyncio
from medianest_hub.plugin_api import Identity, LinkedIdentity, SignInProvider, SignInStart, Standing
from medianest_hub.plugin_api.errors import Forbidden, NotReady

answers = {}
seen = []
going = asyncio.Event()

async def act(name, *given):
    seen.append((name, *given))
    answer = answers.get(name)
    if isinstance(answer, BaseException):
        raise answer
    return await answer(*given) if callable(answer) else answer

async def begin(ctx, return_url):
    return await act("begin", return_url)

async def complete(ctx, state, answer):
    return await act("complete", state, answer)

async def recheck(ctx, identity, secret):
    return await act("recheck", identity, secret)

@hookimpl
def hub_plugin():
    return PluginInfo(title="Door", api_version=1)

@hookimpl
def hub_sign_in():
    return [
        SignInProvider("door", "The door", begin, complete, recheck, icon="door-open", polls=True),
        SignInProvider("back", "The back door", begin, complete),
    ]
"""


class Door:
    """The installed plugin's module, seen from a test."""

    def __init__(self) -> None:
        self._module: Any = sys.modules["synthetic_door.plugin"]
        self.answers: dict[str, Any] = self._module.answers
        self.seen: list[tuple[Any, ...]] = self._module.seen

    def will(self, **answers: Any) -> None:
        """From now on: an object to answer, an exception to raise, or a coroutine function to call."""
        self.answers.update(answers)
