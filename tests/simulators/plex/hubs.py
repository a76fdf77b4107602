"""Lists made for people: search, on deck, and the hubs of the home screen. Reads the library and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiohttp import web

from .access import Viewer
from .containers import IDENTIFIER, refusal
from .item_json import item_json
from .items import LEVELS, Item
from .pms import Pms
from .queries import Query, about, find, page_of, plain

_SEARCHED = ("movie", "show", "season", "episode", "artist", "album", "track", "collection", "playlist")
_TITLES = {"movie": "Movies", "show": "Shows", "season": "Seasons", "episode": "Episodes", "artist": "Artists"}
_RECENT = {
    "movie": ("home.movies.recent", "Recently Added Movies", "movie"),
    "show": ("home.television.recent", "Recently Added TV", "season"),
    "artist": ("home.music.recent", "Recently Added Music", "album"),
}


def routes(pms: Pms) -> list[web.RouteDef]:
    """`/hubs…` and `/library/onDeck`."""
    hubs = Hubs(pms)
    return [
        web.get("/hubs", pms.open_to(hubs.home), name="hubs"),
        web.get("/hubs/promoted", pms.open_to(hubs.home), name="hubs:promoted"),
        web.get("/hubs/search", pms.open_to(hubs.search), name="search"),
        web.get("/library/onDeck", pms.open_to(hubs.on_deck), name="on_deck"),
        web.get(r"/library/sections/{section:\d+}/onDeck", pms.open_to(hubs.on_deck), name="on_deck:section"),
        web.get("/hubs/continueWatching", pms.open_to(hubs.continue_watching), name="continue_watching"),
        web.get("/hubs/continueWatching/items", pms.open_to(hubs.on_deck), name="continue_watching:items"),
    ]


class Hubs:
    """The answers."""

    def __init__(self, pms: Pms) -> None:
        self.pms = pms

    async def search(self, request: web.Request, who: Viewer) -> web.Response:
        """A hub for each kind, also where nothing was found: all words have to begin a word of the title."""
        text = request.query.get("query", "")
        if not text:
            return refusal(400)
        limit, words = int(request.query.get("limit") or 3), plain(text).split()
        only = request.query.get("sectionId")
        hubs = []
        for kind in _SEARCHED:
            found = list(self._matching(who, kind, words, only, limit + 1))
            shown = [item_json(self.pms.library, one, who.person, place=True) | _reason() for one in found[:limit]]
            hubs.append(_hub(kind, kind, _TITLES.get(kind, kind.capitalize() + "s"), shown, more=len(found) > limit))
        value = {"size": len(hubs), "identifier": IDENTIFIER, "Hub": hubs}
        return self.pms.answer(request, value)

    def _matching(self, who: Viewer, kind: str, words: list[str], only: str | None, most: int) -> Iterator[Item]:
        library, found = self.pms.library, 0
        sections = (0,) if kind == "playlist" else library.sections
        for section in sections:
            if (not who.sees(section) and kind != "playlist") or only not in (None, "", str(section)):
                continue
            for key in library.keys(section, kind):
                title = plain(library.value(key, "title")).split()
                if not all(any(one.startswith(word) for one in title) for word in words):
                    continue
                item = library.get(key)
                if item is not None and self.pms.may_see(item, who):
                    yield item
                    found += 1
                    if found >= most:
                        return

    def deck(self, who: Viewer, only: int | None = None) -> list[Item]:
        """What the viewer has begun, and the episode after the last one seen of each show; the latest first."""
        library = self.pms.library
        views = library.views.get(who.person, {})
        begun: dict[int, int] = {}
        for section in library.sections.values():
            if not who.sees(section.key) or section.type == "artist" or only not in (None, section.key):
                continue
            leaf = LEVELS[section.type][-1]
            for key in library.keys(section.key, leaf) if views else ():
                view = views.get(library.guid(key))
                if view is None:
                    continue
                following = key if view.offset else self._next(key, who) if section.type == "show" else None
                if following is not None:
                    begun[following] = max(begun.get(following, 0), view.last_at)
        keys = sorted(begun, key=lambda key: -begun[key])
        return [one for key in keys if (one := library.get(key)) is not None]

    def _next(self, key: int, who: Viewer) -> int | None:
        library = self.pms.library
        season = library.value(key, "parent")
        show = library.value(season, "parent") if season is not None else None
        leaves = library.leaves(show) if show is not None else []
        later = leaves[leaves.index(key) + 1 :][:1]
        if not later:
            return None
        seen = library.view(who.person, library.guid(later[0]))
        return None if seen.count or seen.offset else later[0]

    async def on_deck(self, request: web.Request, who: Viewer) -> web.Response:
        """What to go on with, of one section or all."""
        section = request.match_info.get("section")
        items, page = self.deck(who, int(section) if section else None), page_of(request)
        guids = about(request.query, "includeGuids")
        said = self.pms.entries(page.of(items), who, guids=guids, place=True)
        paged = {"totalSize": len(items), "offset": page.start} if page.asked else {}
        head = {"allowSync": False, "identifier": IDENTIFIER, "mixedParents": True}
        return self.pms.answer(request, {**head, **paged, **said})

    async def continue_watching(self, request: web.Request, who: Viewer) -> web.Response:
        """The same as a hub."""
        said = [item_json(self.pms.library, one, who.person, place=True) for one in self.deck(who)]
        hub = _hub("home.continue", "mixed", "Continue Watching", said)
        return self.pms.answer(request, {"size": 1, "identifier": IDENTIFIER, "Hub": [hub]})

    async def home(self, request: web.Request, who: Viewer) -> web.Response:
        """Continue watching, and what was last added to each kind of section."""
        library = self.pms.library
        most = int(request.query.get("count") or 10)
        deck = [item_json(library, one, who.person, place=True) for one in self.deck(who)[:most]]
        hubs = [_hub("home.continue", "mixed", "Continue Watching", deck)] if deck else []
        for section in library.sections.values():
            if not who.sees(section.key):
                continue
            name, title, kind = _RECENT[section.type]
            keys = find(library, section.key, Query(kind, (("addedAt", True),), most + 1), who.person)
            items = [one for key in keys[:most] if (one := library.get(key)) is not None]
            said = [item_json(library, one, who.person, place=True) for one in items]
            hubs.append(_hub(name, kind, title, said, more=len(keys) > most))
        head = {"size": len(hubs), "allowSync": True, "identifier": IDENTIFIER}
        return self.pms.answer(request, head | ({"Hub": hubs} if hubs else {}))


def _hub(name: str, kind: str, title: str, entries: list[dict[str, Any]], *, more: bool = False) -> dict[str, Any]:
    said = {
        "title": title,
        "type": kind,
        "hubIdentifier": name,
        "context": f"hub.{name}",
        "size": len(entries),
        "more": more,
        "style": "shelf",
    }
    if name.startswith("home."):
        said |= {"key": f"/hubs/{name.replace('.', '/')}", "hubKey": "", "promoted": True, "random": False}
        said["hubKey"] = "/library/metadata/" + ",".join(one["ratingKey"] for one in entries)
    return said | ({"Metadata": entries} if entries else {})


def _reason() -> dict[str, str]:
    return {"score": "0.87"}
