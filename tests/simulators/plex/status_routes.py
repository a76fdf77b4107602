"""What the server says of itself and of what goes on: identity, sessions, activities, settings, its accounts, watched marks."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from .access import OWNER, Viewer
from .containers import IDENTIFIER, refusal
from .items import LEAVES
from .notifications import Notifications
from .playing import session_json
from .pms import Pms
from .rendering import wants_json


def routes(pms: Pms) -> list[web.RouteDef]:
    """`/status/sessions`, `/activities`, `/accounts`, `/myplex/account`, `/:/…`."""
    status = Status(pms)
    marks = [
        one(f"/:/{name}", pms.open_to(answer), name=f"{name}{'' if one is web.get else ':put'}")
        for name, answer in (("scrobble", status.scrobble), ("unscrobble", status.unscrobble))
        for one in (web.get, web.put)
    ]
    for_owner = (
        ("/status/sessions", status.sessions, "sessions"),
        ("/status/sessions/terminate", status.terminate, "terminate"),
        ("/accounts", status.accounts, "accounts"),
        ("/myplex/account", status.myplex, "account"),
        ("/:/prefs", status.prefs, "prefs"),
    )
    return [
        *(web.get(path, pms.open_to(answer, admin=True), name=name) for path, answer, name in for_owner),
        web.get("/activities", pms.open_to(status.activities), name="activities"),
        web.get("/:/websockets/notifications", pms.open_to(_serve(pms.notifications)), name="notifications"),
        web.get("/:/websocket/notifications", pms.open_to(_serve(pms.notifications)), name="notifications:documented"),
        *marks,
    ]


def _serve(notifications: Notifications) -> Any:
    async def serve(request: web.Request, who: Viewer) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return refusal(400)
        return await notifications.serve(request, who)

    return serve


class Status:
    """The answers."""

    def __init__(self, pms: Pms) -> None:
        self.pms = pms

    async def sessions(self, request: web.Request, who: Viewer) -> web.Response:
        """What is playing. Nothing playing is a size of 0 and no list."""
        said = [session_json(self.pms.library, one) for one in self.pms.playing.values()]
        value: dict[str, Any] = {"size": len(said)}
        for one in said:
            name = ("Track" if one["type"] == "track" else "Video") if self.pms.older else "Metadata"
            value.setdefault(name, []).append(one)
        return self.pms.answer(request, value)

    async def terminate(self, request: web.Request, who: Viewer) -> web.Response:
        """The owner ends somebody's session."""
        wanted = request.query.get("sessionId")
        found = next((one for one in self.pms.playing.values() if one.session_id == wanted), None)
        if found is None:
            return refusal(404)
        del self.pms.playing[found.key]
        found.state = "stopped"
        self.pms.notifications.say("playing", [found.notification()], person=found.person)
        return web.Response()

    async def activities(self, request: web.Request, who: Viewer) -> web.Response:
        """What the server is busy with; people who don't own it see their own."""
        shown = [one for one in self.pms.activities.values() if who.admin or one["userID"] == who.person]
        return self.pms.answer(request, {"size": len(shown)} | ({"Activity": shown} if shown else {}))

    async def accounts(self, request: web.Request, who: Viewer) -> web.Response:
        """Those the server knows by number: 0 is nobody, 1 the owner."""
        server, world = self.pms.world.home, self.pms.world
        people = [(0, ""), (OWNER, server.owner.username if server.owner else "")]
        people += [
            (one, world.accounts[one].username or world.accounts[one].title) for one in sorted(server.shared_with)
        ]
        said = [
            {
                "id": number,
                "key": f"/accounts/{number}",
                "name": name,
                "defaultAudioLanguage": "en",
                "autoSelectAudio": True,
                "defaultSubtitleLanguage": "en",
                "subtitleMode": 1,
                "thumb": "",
            }
            for number, name in people
        ]
        value = {"size": len(said), "identifier": "com.plexapp.system.accounts", "Account": said}
        return self.pms.answer(request, value)

    async def myplex(self, request: web.Request, who: Viewer) -> web.Response:
        """Whose server it is, as it says itself; the token is not given away here."""
        owner = self.pms.world.home.owner
        said = {
            "authToken": "",
            "username": owner.email or owner.username if owner else "",
            "mappingState": "mapped",
            "mappingError": "",
            "signInState": "ok",
            "publicAddress": "198.51.100.7",
            "publicPort": "32400",
            "privateAddress": "127.0.0.1",
            "privatePort": "32400",
            "subscriptionFeatures": "webhooks",
            "subscriptionActive": True,
            "subscriptionState": "Active",
        }
        return web.json_response({"MyPlex": said}) if wants_json(request) else self.pms.answer(request, said)

    async def prefs(self, request: web.Request, who: Viewer) -> web.Response:
        """A few of the settings."""
        settings = (
            ("FriendlyName", "text", self.pms.world.home.name, "general"),
            ("autoEmptyTrash", "bool", True, "library"),
            ("FSEventLibraryUpdatesEnabled", "bool", False, "library"),
            ("WebHooksEnabled", "bool", True, "network"),
        )
        said = [
            {
                "id": name,
                "label": name,
                "summary": "",
                "type": kind,
                "default": value,
                "value": value,
                "hidden": False,
                "advanced": False,
                "group": group,
            }
            for name, kind, value, group in settings
        ]
        return self.pms.answer(request, {"size": len(said), "Setting": said})

    async def scrobble(self, request: web.Request, who: Viewer) -> web.Response:
        """Mark as watched."""
        return self._mark(request, who, watched=True)

    async def unscrobble(self, request: web.Request, who: Viewer) -> web.Response:
        """Mark as not watched."""
        return self._mark(request, who, watched=False)

    def _mark(self, request: web.Request, who: Viewer, *, watched: bool) -> web.Response:
        if request.query.get("identifier") != IDENTIFIER:
            return refusal(400)
        item = self.pms.item(request.query.get("key", ""), who)
        if item is None:
            return refusal(404)
        library = self.pms.library
        for key in [item.rating_key] if item.type in LEAVES else library.leaves(item.rating_key):
            view = library.touch(who.person, library.guid(key))
            view.count, view.offset = (view.count + 1, 0) if watched else (0, 0)
            view.last_at = int(library.now()) if watched else 0
        return web.Response()
