"""The rights this plugin defines, by name; who has one by default is said in `plugin`."""

from __future__ import annotations

from typing import Final

REQUEST: Final = "request"
"""The permission to search, and to ask for films and series under one's own name."""

REQUEST_4K: Final = "request_4k"
"""The permission to ask for them in 4K, where Overseerr lets the person as well."""

MANAGE: Final = "manage"
"""The permission to see everybody's requests and who made them, to decide on them, and to match people."""

ISSUES: Final = "issues"
"""The permission to report what is wrong with something in the library."""


def full(permission: str) -> str:
    """Its whole name, by which `Person.can` knows it."""
    return f"overseerr.{permission}"
