"""Pages of what the service itself keeps, by `take` and `skip`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from .access import Asking

T = TypeVar("T")


def paged(asking: Asking, found: Sequence[T], usual: int, write: Callable[[T], Any]) -> dict[str, Any]:
    """The page asked for; without `take`, or with 0, it is of the usual size."""
    size, skip = asking.number("take", usual), asking.number("skip", 0)
    info = {"pages": -(-len(found) // size), "pageSize": size, "results": len(found), "page": -(-skip // size) + 1}
    return {"pageInfo": info, "results": [write(one) for one in found[skip : skip + size]]}
