"""Whole processes' parts, opened in the test's own loop, with synthetic plugins whose media sources the test steers."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from medianest_hub.plugin_api import MediaHit, Person
from medianest_hub.testing.distributions import plugin_source, write_distribution
from tests.integration.dashboard.conftest import OpenParts, open_parts, person

__all__ = ["OpenParts", "open_parts", "person"]

PUPPET = """
calls = []          # (question, viewer, what was asked) of every call
answers = {}        # question -> what it answers; an exception is raised; a coroutine function is called

async def answered(question, viewer, *asked):
    calls.append((question, viewer, *asked))
    answer = answers.get(question, [] if question == "search" else None)
    if callable(answer):
        answer = await answer(viewer, *asked)
    if isinstance(answer, BaseException):
        raise answer
    return answer

async def search(ctx, viewer, text):
    return await answered("search", viewer, text)

async def details(ctx, viewer, id):
    return await answered("details", viewer, id)

async def find(ctx, viewer, kind, external_ids):
    return await answered("find", viewer, kind, dict(external_ids))

@hookimpl
def hub_media_sources():
    return [MediaSource("films", search, details, find{options})]
"""


class Puppet:
    """A synthetic plugin with one media source: `calls` it got, `answers` it gives."""

    def __init__(self, module: Any) -> None:
        self.calls: list[tuple[Any, ...]] = module.calls
        self.answers: dict[str, Any] = module.answers

    def asked(self, question: str) -> list[tuple[Any, ...]]:
        """What it was asked of that kind, without the viewers."""
        return [call[2:] for call in self.calls if call[0] == question]


WritePuppet = Callable[..., Puppet]


@pytest.fixture
def write_puppet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WritePuppet]:
    """`write_puppet("x", "ttl=5, scope=EVERYONE")`: a plugin with a media source of these options, as source text."""
    folder = tmp_path / "installed"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))

    def write(plugin: str, options: str = "", body: str = "") -> Puppet:
        source = PUPPET.replace("{options}", f", {options}" if options else "")
        write_distribution(folder, plugin, plugin_source(source + body))
        importlib.invalidate_caches()
        return Puppet(importlib.import_module(f"synthetic_{plugin}.plugin"))

    yield write
    for name in [name for name in sys.modules if name.startswith("synthetic_")]:
        del sys.modules[name]


def film(number: int = 1, **fields: Any) -> MediaHit:
    """A film of that tmdb number."""
    given: dict[str, Any] = {
        "id": str(number),
        "title": f"Film {number}",
        "external_ids": {"tmdb": str(number)},
        **fields,
    }
    return MediaHit(kind="movie", **given)


def same(who: Person, *permissions: str) -> Person:
    """The same person with other permissions."""
    return Person(who.id, who.username, who.role, frozenset({"hub.signed_in", *permissions}))
