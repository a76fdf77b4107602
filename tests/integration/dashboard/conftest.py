"""Whole processes' parts, opened in the test's own loop, with synthetic plugins whose widgets the test steers."""

from __future__ import annotations

import importlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from medianest_hub.infrastructure.ids import new_id
from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api import Person, Role
from medianest_hub.settings import load_settings
from medianest_hub.testing.distributions import plugin_source, write_distribution

BLOCKED = '["youtube", "hello"]'

PUPPET = """
import asyncio
from types import SimpleNamespace

calls = []          # (widget, viewer) of every load
answers = {}        # widget -> what it returns; an exception is raised; a coroutine function is called

async def load(name, viewer):
    calls.append((name, viewer))
    answer = answers.get(name, Stat(value=len(calls)))
    if callable(answer):
        answer = await answer(viewer)
    if isinstance(answer, BaseException):
        raise answer
    return answer
"""


class Puppet:
    """A synthetic plugin: `calls` it got, `answers` it gives."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.calls: list[tuple[str, Any]] = module.calls
        self.answers: dict[str, Any] = module.answers

    def loads(self, widget: str) -> int:
        """How often that widget was loaded."""
        return sum(name == widget for name, _ in self.calls)


WritePuppet = Callable[..., Puppet]
OpenParts = Callable[..., Awaitable[HubParts]]


@pytest.fixture
def write_puppet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WritePuppet]:
    """`write_puppet("x", now="scope=EVERYONE, ttl=5")`: a plugin with a widget of each name, options as source text."""
    folder = tmp_path / "installed"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))

    def write(plugin: str, body: str = "", **widgets: str) -> Puppet:
        loads = "".join(
            f"@widget({name!r}, title={name.title()!r}{', ' if options else ''}{options})\n"
            f"async def {name}(ctx, viewer) -> Stat:\n    return await load({name!r}, viewer)\n\n"
            for name, options in widgets.items()
        )
        hook = f"@hookimpl\ndef hub_widgets():\n    return [{', '.join(widgets)}]\n" if widgets else ""
        write_distribution(folder, plugin, plugin_source(PUPPET + loads + hook + body))
        importlib.invalidate_caches()
        return Puppet(importlib.import_module(f"synthetic_{plugin}.plugin"))

    yield write
    for name in [name for name in sys.modules if name.startswith("synthetic_")]:
        del sys.modules[name]


@pytest.fixture
async def open_parts(postgres_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[OpenParts]:
    """`await open_parts()`: one more web process's parts on the same Postgres and Valkey, plugins running."""
    async with AsyncExitStack() as stack:

        async def open_them(redis: str = redis_url, postgres: str = postgres_url, **variables: str) -> HubParts:
            environ = {
                "MEDIANEST_DATABASE__URL": postgres,
                "MEDIANEST_REDIS__URL": redis,
                "MEDIANEST_SECRET_KEY": "test-secret-key-of-at-least-32-characters",
                "MEDIANEST_DATA_DIR": str(tmp_path / "data"),
                "MEDIANEST_PLUGINS__BLOCKED": BLOCKED,
                **variables,
            }
            config = tmp_path / "medianest.toml"
            config.touch()
            parts = await HubParts.open(load_settings(config, environ), "web")
            stack.push_async_callback(parts.close)
            await parts.host.start()
            for runtime in parts.host.runtimes.values():
                await runtime.settled()
            return parts

        yield open_them


def person(role: Role = Role.MEMBER, *permissions: str) -> Person:
    """Somebody, as the gate hands them on."""
    return Person(new_id(), "somebody", role, frozenset({"hub.signed_in", "hub.account", *permissions}))
