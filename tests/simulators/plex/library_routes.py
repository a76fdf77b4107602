"""The server's libraries: sections, items, children, collections and playlists. Reads the library and changes nothing."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from .access import Viewer
from .containers import IDENTIFIER, TAG_PREFIX, TAG_VERSION, refusal
from .filters import NAMED, choices, meta
from .item_json import playlist_type
from .items import AGENTS, LEVELS, Item, Section
from .pms import Pms
from .queries import Query, about, find, left_out, page_of, plain, understand


def routes(pms: Pms) -> list[web.RouteDef]:
    """`/library/…` and `/playlists…`, for reading."""
    reads = LibraryRoutes(pms)
    section, one = "/library/sections/{section}", r"/library/metadata/{ids:[\d,]+}"
    return [
        web.get("/library", pms.open_to(reads.library, admin=True), name="library"),
        web.get("/library/sections", pms.open_to(reads.sections), name="sections"),
        web.get("/library/sections/", pms.open_to(reads.sections), name="sections:slash"),
        web.get("/library/sections/all", pms.open_to(reads.sections), name="sections:all"),
        web.get(f"{section}/all", pms.open_to(reads.all), name="all"),
        web.get(f"{section}/recentlyAdded", pms.open_to(reads.recent_in), name="recent"),
        web.get("/library/recentlyAdded", pms.open_to(reads.recent), name="recent:all"),
        web.get(f"{section}/collections", pms.open_to(reads.collections), name="collections"),
        web.get(f"{section}/{{field:{NAMED}}}", pms.open_to(reads.choices), name="choices"),
        web.get(one, pms.open_to(reads.metadata), name="metadata"),
        web.get(f"{one}/children", pms.open_to(reads.children), name="children"),
        web.get(f"{one}/allLeaves", pms.open_to(reads.leaves), name="leaves"),
        web.get(r"/library/collections/{ids:\d+}", pms.open_to(reads.metadata), name="metadata:collection"),
        web.get(r"/library/collections/{ids:\d+}/children", pms.open_to(reads.members), name="members"),
        web.get(r"/library/collections/{ids:\d+}/items", pms.open_to(reads.members), name="members:items"),
        web.get("/playlists", pms.open_to(reads.playlists), name="playlists"),
        web.get(r"/playlists/{ids:\d+}", pms.open_to(reads.metadata), name="metadata:playlist"),
        web.get(r"/playlists/{ids:\d+}/items", pms.open_to(reads.members), name="playlist_items"),
    ]


def section_said(pms: Pms, one: Section) -> dict[str, Any]:
    """One entry of `/library/sections`."""
    agent, scanner, picture = AGENTS[one.type]
    return {
        "allowSync": True,
        "art": f"/:/resources/{picture}-fanart.jpg",
        "composite": f"/library/sections/{one.key}/composite/{one.updated_at}",
        "filters": True,
        "refreshing": one.refreshing,
        "thumb": f"/:/resources/{picture}.png",
        "key": str(one.key),
        "type": one.type,
        "title": one.title,
        "agent": agent,
        "scanner": scanner,
        "language": one.language,
        "uuid": one.uuid,
        "updatedAt": one.updated_at,
        "createdAt": one.created_at,
        "scannedAt": one.scanned_at,
        "content": True,
        "directory": True,
        "contentChangedAt": one.content_changed_at,
        "hidden": one.hidden,
        "Location": [{"id": one.key, "path": one.path}],
    }


class LibraryRoutes:
    """The answers."""

    def __init__(self, pms: Pms) -> None:
        self.pms = pms

    async def library(self, request: web.Request, who: Viewer) -> web.Response:
        """What is under `/library`; for the owner alone."""
        names = ("sections", "recentlyAdded", "onDeck")
        entries = [{"key": name, "title": name} for name in names]
        return self.pms.answer(request, {"size": len(entries), **_HEAD, "title1": "Plex Library", "Directory": entries})

    async def sections(self, request: web.Request, who: Viewer) -> web.Response:
        """The sections the viewer may see."""
        said = [section_said(self.pms, one) for one in self.pms.library.sections.values() if who.sees(one.key)]
        value: dict[str, Any] = {"size": len(said), **_HEAD, "allowSync": False, "title1": "Plex Library"}
        return self.pms.answer(request, value | ({"Directory": said} if said else {}))

    def _section(self, request: web.Request, who: Viewer) -> Section | None:
        text = request.match_info["section"]
        found = self.pms.library.sections.get(int(text)) if text.isdigit() else None
        return found if found is not None and who.sees(found.key) else None

    async def all(self, request: web.Request, who: Viewer) -> web.Response:
        """What the query finds in a section, a page of it."""
        section = self._section(request, who)
        if section is None:
            return refusal(404)
        query = understand(request.query.items(), section.type)
        return self._found(request, who, section, query)

    def _found(self, request: web.Request, who: Viewer, section: Section, query: Query) -> web.Response:
        keys = find(self.pms.library, section.key, query, who.person)
        value = self._page(request, who, keys, f"All {section.title}")
        value |= {
            "art": f"/:/resources/{AGENTS[section.type][2]}-fanart.jpg",
            "content": "secondary",
            "librarySectionID": section.key,
            "librarySectionTitle": section.title,
            "librarySectionUUID": section.uuid,
            "nocache": True,
            "thumb": f"/:/resources/{AGENTS[section.type][2]}.png",
            "title1": section.title,
            "title2": f"All {section.title}",
            "viewGroup": query.kind,
            "viewMode": 65592,
        }
        if about(request.query, "includeMeta"):
            value["Meta"] = meta(section, query.kind)
        return self.pms.answer(request, value)

    def _page(
        self, request: web.Request, who: Viewer, keys: list[int], title: str = "", *, place: bool = False
    ) -> dict[str, Any]:
        page = page_of(request)
        shown = page.of(keys)
        items = [one for key in shown if (one := self.pms.library.get(key)) is not None]
        guids, without = about(request.query, "includeGuids"), left_out(request.query)
        said = self.pms.entries(items, who, guids=guids, place=place, without=without)
        paged = {"totalSize": len(keys), "offset": page.start} if page.asked else {}
        entries = {"Metadata": said.pop("Metadata")} if "Metadata" in said else {}
        return said | paged | _HEAD | entries

    async def recent_in(self, request: web.Request, who: Viewer) -> web.Response:
        """What was last added to a section: films, episodes or albums."""
        section = self._section(request, who)
        if section is None:
            return refusal(404)
        kind = {"movie": "movie", "show": "episode", "artist": "album"}[section.type]
        return self._found(request, who, section, Query(kind, (("addedAt", True),), 200))

    async def recent(self, request: web.Request, who: Viewer) -> web.Response:
        """What was last added anywhere: films, seasons and albums."""
        keys: list[int] = []
        for section in self.pms.library.sections.values():
            if who.sees(section.key):
                kind = {"movie": "movie", "show": "season", "artist": "album"}[section.type]
                keys += find(self.pms.library, section.key, Query(kind, (("addedAt", True),), 50), who.person)
        keys.sort(key=lambda key: -self.pms.library.value(key, "added_at"))
        return self.pms.answer(request, {**self._page(request, who, keys[:50], place=True), "mixedParents": True})

    async def collections(self, request: web.Request, who: Viewer) -> web.Response:
        """The collections of a section."""
        section = self._section(request, who)
        if section is None:
            return refusal(404)
        return self._found(request, who, section, Query("collection", (("titleSort", False),)))

    async def choices(self, request: web.Request, who: Viewer) -> web.Response:
        """The values a filter may have, as in `/library/sections/1/genre`."""
        section = self._section(request, who)
        said = choices(self.pms.library, section, request.match_info["field"]) if section is not None else None
        if section is None or said is None:
            return refusal(404)
        value: dict[str, Any] = {"size": len(said), **_HEAD, "title1": section.title, "librarySectionID": section.key}
        return self.pms.answer(request, value | ({"Directory": said} if said else {}))

    async def metadata(self, request: web.Request, who: Viewer) -> web.Response:
        """One item or several. Those that don't exist are left out; when none does it is a 404."""
        asked = request.match_info["ids"].split(",")
        items = [one for text in asked if (one := self.pms.item(text, who)) is not None]
        if not items:
            return refusal(404)
        value = {**self.pms.entries(items, who, place=True, without=left_out(request.query)), **_HEAD}
        return self.pms.answer(request, self._hoisted(value, items[0]))

    def _hoisted(self, value: dict[str, Any], item: Item) -> dict[str, Any]:
        """Plex lifts to the container what all entries share."""
        section = self.pms.library.sections.get(item.section)
        if section is not None:
            value["librarySectionID"] = section.key
            value["librarySectionTitle"] = section.title
            value["librarySectionUUID"] = section.uuid
        return value

    async def children(self, request: web.Request, who: Viewer) -> web.Response:
        """Seasons of a show, episodes of a season, albums of an artist, tracks of an album."""
        return self._below(request, who, leaves=False)

    async def leaves(self, request: web.Request, who: Viewer) -> web.Response:
        """All episodes of a show, all tracks of an artist."""
        return self._below(request, who, leaves=True)

    def _below(self, request: web.Request, who: Viewer, *, leaves: bool) -> web.Response:
        item = self.pms.item(request.match_info["ids"], who)
        if item is None:
            return refusal(404)
        library = self.pms.library
        keys = library.leaves(item.rating_key) if leaves else library.children(item.rating_key)
        value = self._hoisted(self._page(request, who, keys), item)
        value |= {"key": str(item.rating_key), "parentTitle": item.title, "title2": item.title}
        levels = next((one for one in LEVELS.values() if item.type in one), ())
        if item.type in levels[:-1]:
            value["viewGroup"] = levels[-1] if leaves else levels[levels.index(item.type) + 1]
        return self.pms.answer(request, value)

    async def members(self, request: web.Request, who: Viewer) -> web.Response:
        """The items of a collection or a playlist, in its order."""
        holder = self.pms.item(request.match_info["ids"], who)
        if holder is None or holder.type not in ("collection", "playlist"):
            return refusal(404)
        shown = [key for key in holder.members if (one := self.pms.library.get(key)) and self.pms.may_see(one, who)]
        value = self._page(request, who, shown, place=holder.type == "playlist")
        if holder.type == "playlist":
            value |= {"title": holder.title, "leafCount": len(shown), "smart": False}
            for entry in value.get("Metadata", ()):
                entry["playlistItemID"] = holder.rating_key * 1000 + shown.index(int(entry["ratingKey"]))
        return self.pms.answer(request, value if holder.type == "playlist" else self._hoisted(value, holder))

    async def playlists(self, request: web.Request, who: Viewer) -> web.Response:
        """The viewer's playlists."""
        every = self.pms.library.items.items()
        theirs = [(key, one) for key, one in every if one.type == "playlist" and self.pms.may_see(one, who)]
        wanted, title = request.query.get("playlistType"), plain(request.query.get("title", ""))
        keys = [
            key
            for key, one in theirs
            if title in plain(one.title) and wanted in (None, playlist_type(self.pms.library, one))
        ]
        return self.pms.answer(request, self._page(request, who, keys))


_HEAD = {"allowSync": True, "identifier": IDENTIFIER, "mediaTagPrefix": TAG_PREFIX, "mediaTagVersion": TAG_VERSION}
