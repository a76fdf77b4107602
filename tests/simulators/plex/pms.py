"""Everything one Plex Media Server knows, in one place; the parts do the work."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from . import access
from .access import Viewer
from .containers import container, refusal
from .item_json import item_json
from .items import Item
from .library import Library
from .notifications import Notifications
from .playing import Playing
from .world import World

Answer = Callable[[web.Request, Viewer], Awaitable[web.StreamResponse]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(eq=False)
class Scan:
    """One request to scan; `path` is empty for a whole section."""

    section: int
    path: str
    force: bool
    person: int
    activity: str
    done: bool = False


@dataclass(eq=False)
class Pms:
    """The server at home. `older` speaks as servers did before 2018: sessions are under `Video` and `Track`."""

    world: World
    library: Library
    notifications: Notifications
    older: bool = False
    playing: dict[int, Playing] = field(default_factory=dict)
    activities: dict[str, dict[str, Any]] = field(default_factory=dict)
    scans: list[Scan] = field(default_factory=list)
    files: dict[str, Callable[[], Item]] = field(default_factory=dict)
    """What a scan would find, by path."""
    lost: set[int] = field(default_factory=set)
    """Items whose file is no longer there, which the next scan of their folder takes away."""
    device: str = field(default_factory=lambda: secrets.token_hex(12))

    def open_to(self, answer: Answer, *, admin: bool = False) -> Handler:
        """The handler of a route for those the server lets in, or for its owner alone."""

        async def handler(request: web.Request) -> web.StreamResponse:
            who = access.viewer(self.world, self.world.home, request)
            if who is None:
                return refusal(401)
            if admin and not who.admin:
                return refusal(403)
            return await answer(request, who)

        return handler

    def item(self, text: str, who: Viewer) -> Item | None:
        """The item of that key, if there is one the viewer may see."""
        found = self.library.get(int(text)) if text.isdigit() else None
        return found if found is not None and self.may_see(found, who) else None

    def may_see(self, item: Item, who: Viewer) -> bool:
        """Whether the viewer may see it: by its section, or as their own playlist."""
        return item.account == who.person if item.type == "playlist" else who.sees(item.section)

    def entries(
        self,
        items: list[Item],
        who: Viewer,
        *,
        guids: bool = True,
        place: bool = False,
        without: frozenset[str] = frozenset(),
    ) -> dict[str, Any]:
        """`size` and `Metadata` of a list; an empty list is left out, as Plex leaves it out."""
        said = [item_json(self.library, one, who.person, guids=guids, place=place) for one in items]
        if without:
            said = [{name: value for name, value in one.items() if name not in without} for one in said]
        return {"size": len(said), **({"Metadata": said} if said else {})}

    def answer(self, request: web.Request, value: dict[str, Any]) -> web.Response:
        """The container as asked for."""
        return container(request, value)
