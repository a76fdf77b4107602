"""What Uptime Kuma answers over plain HTTP: metrics, status pages, badges, pushes, and its page for everything else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from .faults import Faults
from .metrics import metrics_text
from .pages import beats_json, page_json
from .world import Beat, Monitor, World

PAGE_SECONDS, BEATS_SECONDS = 300, 60
_NO_CACHE = {"Cache-Control": "no-cache"}
_APP = """<!DOCTYPE html>
<html lang="en">
<head>
    <meta charset="UTF-8" />
    <meta name="description" content="Uptime Kuma monitoring tool" />
    <title>Uptime Kuma</title>
    <script type="module" crossorigin src="/assets/index.js"></script>
</head>
<body><noscript>This website requires JavaScript to function.</noscript><div id="app"></div></body>
</html>
"""
_BADGE = """<svg xmlns="http://www.w3.org/2000/svg" width="70" height="20" role="img" aria-label="{text}"><title>{text}</title>
<rect width="70" height="20" fill="{color}"/></svg>"""
_BADGES = {0: ("Status: Down", "#c2290a"), 1: ("Status: Up", "#66c20a"), 2: ("Status: Pending", "#f8a306")}
_BADGES[3] = ("Status: Maintenance", "#1747f5")
Pushed = Callable[[Monitor, Beat], Awaitable[None]]


class Rest:
    """The HTTP side. `pushed` tells the sockets of a beat that a job itself reported."""

    def __init__(self, world: World, faults: Faults, pushed: Pushed) -> None:
        self._world = world
        self._faults = faults
        self._pushed = pushed
        self._remembered: dict[tuple[str, int], tuple[float, Any]] = {}

    def routes(self) -> list[web.RouteDef]:
        """All but Socket.IO's."""
        return [
            web.get("/metrics", self._metrics, name="metrics"),
            web.get("/api/entry-page", self._entry, name="entry"),
            web.get("/api/status-page/heartbeat/{slug}", self._beats, name="beats"),
            web.get("/api/status-page/{slug}/incident-history", self._incidents, name="incidents"),
            web.get("/api/status-page/{slug}", self._page, name="page"),
            web.get("/api/badge/{id}/status", self._badge, name="badge"),
            web.route("*", "/api/push/{token}", self._push, name="push"),
            web.get("/", self._root, name="root"),
            web.get("/{path:.*}", self._html, name="html"),
        ]

    async def _metrics(self, request: web.Request) -> web.Response:
        if not self._world.opens_metrics(request.headers.get("Authorization", "")):
            return web.Response(status=401, headers={"WWW-Authenticate": "Basic"}, content_type="text/html")
        kind = "text/plain; version=0.0.4; charset=utf-8"
        return web.Response(body=metrics_text(self._world).encode(), headers={"Content-Type": kind})

    async def _entry(self, _: web.Request) -> web.Response:
        return web.json_response({"type": "entryPage", "entryPage": self._world.entry_page})

    async def _page(self, request: web.Request) -> web.Response:
        page = self._world.page_of(request.match_info["slug"])
        if page is None and not self._world.v2:
            await self._faults.closing.wait()  # 1.x throws where nobody catches, and never answers
        if page is None:
            return web.json_response({"status": "fail", "msg": "Status Page Not Found"}, status=404, headers=_NO_CACHE)
        return self._json(request, PAGE_SECONDS, lambda: page_json(self._world, page))

    async def _beats(self, request: web.Request) -> web.Response:
        page = self._world.page_of(request.match_info["slug"])
        return self._json(request, BEATS_SECONDS, lambda: beats_json(self._world, page))

    async def _incidents(self, request: web.Request) -> web.Response:
        empty = {"ok": True, "incidents": [], "total": 0, "nextCursor": None, "hasMore": False}
        return web.json_response(empty, headers=_NO_CACHE) if self._world.v2 else await self._html(request)

    async def _push(self, request: web.Request) -> web.Response:
        token = request.match_info["token"]
        found = next((one for one in self._world.monitors.values() if one.fields.get("pushToken") == token), None)
        if found is None or not found.active:
            return web.json_response({"ok": False, "msg": "Monitor not found or not active."}, status=404)
        ping = request.query.get("ping", "")
        status = 3 if self._world.in_maintenance(found) else int(request.query.get("status", "up") == "up")
        msg = "Monitor under maintenance" if status == 3 else request.query.get("msg") or "OK"
        milliseconds = float(ping) if ping.replace(".", "", 1).isdigit() else None
        beat = self._world.record(found, status, msg, milliseconds, self._world.now(), None)
        await self._pushed(found, beat)
        return web.json_response({"ok": True})

    async def _badge(self, request: web.Request) -> web.Response:
        number = request.match_info["id"]
        monitor = self._world.monitors.get(int(number)) if number.isdigit() else None
        known = monitor is not None and any(
            monitor.id in ids for page in self._world.pages.values() for _, ids in page.groups
        )
        last = monitor.last if monitor is not None and known else None
        text, color = _BADGES[last.status] if last is not None else ("N/A", "#999")
        svg = _BADGE.format(text=text, color=color)
        return web.Response(
            text=svg, content_type="image/svg+xml", headers={**_NO_CACHE, "Access-Control-Allow-Origin": "*"}
        )

    async def _root(self, _: web.Request) -> web.Response:
        page = self._world.entry_page or ""
        to = f"/status/{page.removeprefix('statusPage-')}" if page.startswith("statusPage-") else "/dashboard"
        return web.Response(status=302, headers={"Location": to})

    async def _html(self, request: web.Request) -> web.Response:
        """Unknown paths are the app's, whatever they are: 200."""
        return web.Response(text=_APP, content_type="text/html")

    def _json(self, request: web.Request, seconds: float, make: Callable[[], Any]) -> web.Response:
        now = self._world.now()
        key = request.path, self._world.edition
        until, value = self._remembered.get(key, (0.0, None))
        if not self._world.caching or until <= now:
            value = make()
            self._remembered[key] = now + seconds, value
        return web.json_response(value, headers=_NO_CACHE)
