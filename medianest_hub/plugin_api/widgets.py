"""Dashboard widgets as declarations: what to load, for whom it may be shared, how long it stays fresh."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from medianest_hub.plugin_api.people import SIGNED_IN


class Scope(StrEnum):
    """Among whom one loaded answer is shared. `PERSON` is the safe default."""

    PERSON = "person"
    ROLE = "role"
    EVERYONE = "everyone"


PERSON = Scope.PERSON
ROLE = Scope.ROLE
EVERYONE = Scope.EVERYONE

WidgetLoad: TypeAlias = Callable[[Any, Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Widget:
    """`async def load(ctx: Context[S], viewer: Viewer) -> Stat | ItemList | …`; the return annotation is the kind.

    - `ttl`: seconds an answer is fresh. Older ones are shown as `stale`, for up to `stale_for` seconds, while a new one loads.
    - `deadline`: seconds a load may take, then the tile is an error (or stays stale).
    - `permission`: a local or full name; those without it never see the widget.
    """

    name: str
    title: str
    load: WidgetLoad
    scope: Scope = Scope.PERSON
    ttl: float = 30.0
    stale_for: float = 86_400.0
    deadline: float = 10.0
    permission: str = SIGNED_IN
    size: Literal["small", "medium", "large", "wide"] = "medium"

    async def __call__(self, ctx: Any, viewer: Any) -> Any:
        """Load it directly, as a test does."""
        return await self.load(ctx, viewer)


def widget(name: str, *, title: str, **options: Any) -> Callable[[WidgetLoad], Widget]:
    """Declare the decorated function as a widget's loader; `options` are those of `Widget`."""

    def declare(load: WidgetLoad) -> Widget:
        return Widget(name=name, title=title, load=load, **options)

    return declare
