"""Puts off importing what a library imports but we hardly ever use, to save start-up time and memory."""

from __future__ import annotations

import importlib
import sys
import types
from typing import Any


class _Later(types.ModuleType):
    """Stands in for a module until something of it is used (`importlib`'s own lazy loader loads at `import` in 3.11)."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def import_lazily(name: str) -> None:
    """Make `import name` cheap until something of it is used. No effect when it is imported already."""
    sys.modules.setdefault(name, _Later(name))


def import_without(name: str, absent: str) -> None:
    """Import `name` as if `absent` were not installed; afterwards others may import that as ever."""
    if name in sys.modules or absent in sys.modules:
        return
    sys.modules[absent] = None  # type: ignore[assignment]  # what makes `import` raise ImportError
    try:
        importlib.import_module(name)
    finally:
        del sys.modules[absent]
