"""For plugin authors: fixtures and doubles to test a plugin with. Loaded by pytest in every run, so it imports late.

Fixtures (see `pytest_plugin`): `fake_upstream`, `context`, `hub`, `hub_services`. Names below are imported on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medianest_hub.testing.upstream import Answer, FakeUpstream, Fault, Seen

_HOMES = {
    "Answer": "upstream",
    "FakeUpstream": "upstream",
    "Fault": "upstream",
    "Seen": "upstream",
}

__all__ = ["Answer", "FakeUpstream", "Fault", "Seen"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(importlib.import_module(f"medianest_hub.testing.{_HOMES[name]}"), name)
