"""For plugin authors: fixtures and doubles to test a plugin with. Loaded by pytest in every run, so it imports late.

Fixtures (see `pytest_plugin`): `fake_upstream`, `context`, `hub`, `hub_servers`. Names below are imported on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medianest_hub.testing.alone import ContextMaker, MemoryContext
    from medianest_hub.testing.certificates import Authority, Certificate, self_signed
    from medianest_hub.testing.hub import Hub, HubClient, Reply
    from medianest_hub.testing.makers import ProgressLog, make_call, make_event, make_job, make_lease, make_person
    from medianest_hub.testing.servers import Servers
    from medianest_hub.testing.upstream import Answer, FakeUpstream, Fault, Seen
    from medianest_hub.testing.upstream_sockets import FakeWebSocket, Hear, SocketFault

_HOMES = {
    **dict.fromkeys(("ContextMaker", "MemoryContext"), "alone"),
    **dict.fromkeys(("Authority", "Certificate", "self_signed"), "certificates"),
    **dict.fromkeys(("Hub", "HubClient", "Reply"), "hub"),
    **dict.fromkeys(("ProgressLog", "make_call", "make_event", "make_job", "make_lease", "make_person"), "makers"),
    **dict.fromkeys(("Servers",), "servers"),
    **dict.fromkeys(("Answer", "FakeUpstream", "Fault", "Seen"), "upstream"),
    **dict.fromkeys(("FakeWebSocket", "Hear", "SocketFault"), "upstream_sockets"),
}

__all__ = [
    "Answer",
    "Authority",
    "Certificate",
    "ContextMaker",
    "FakeUpstream",
    "FakeWebSocket",
    "Fault",
    "Hear",
    "Hub",
    "HubClient",
    "MemoryContext",
    "ProgressLog",
    "Reply",
    "Seen",
    "Servers",
    "SocketFault",
    "make_call",
    "make_event",
    "make_job",
    "make_lease",
    "make_person",
    "self_signed",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(importlib.import_module(f"medianest_hub.testing.{_HOMES[name]}"), name)
