"""Puts off importing what a library imports but we hardly ever use, to save start-up time and memory."""

from __future__ import annotations

import importlib.util
import sys


def import_lazily(name: str) -> None:
    """Make `import name` cheap until something of it is used. No effect when it is imported already or not installed."""
    if name in sys.modules:
        return
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        return
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
