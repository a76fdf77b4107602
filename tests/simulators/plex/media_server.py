"""The Plex Media Server at home over HTTP: who it is, and all its other routes gathered. The answers are made elsewhere."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from . import access, hubs, library_routes, pictures, status_routes
from .containers import container, refusal
from .pms import Pms
from .scans import Scanner


def routes(pms: Pms, scanner: Scanner) -> list[web.RouteDef]:
    """`GET /identity` for everybody, all else for those it lets in."""

    async def identity(request: web.Request) -> web.Response:
        server = pms.world.home
        return container(
            request,
            {
                "size": 0,
                "apiVersion": "1.1.1",
                "claimed": server.owner is not None,
                "machineIdentifier": server.machine_identifier,
                "version": server.version,
            },
        )

    async def root(request: web.Request) -> web.Response:
        who = access.viewer(pms.world, pms.world.home, request)
        return refusal(401) if who is None else container(request, _root(pms))

    return [
        web.get("/identity", identity, name="identity"),
        web.get("/", root, name="root"),
        *scanner.routes(),
        *pictures.routes(pms),
        *hubs.routes(pms),
        *status_routes.routes(pms),
        *library_routes.routes(pms),
    ]


def _root(pms: Pms) -> dict[str, Any]:
    server = pms.world.home
    names = (
        "actions",
        "activities",
        "butler",
        "channels",
        "hubs",
        "library",
        "livetv",
        "media",
        "playlists",
        "statistics",
    )
    entries = [{"count": 1, "key": name, "title": name} for name in names]
    return {
        "size": len(entries),
        **_ABILITIES,
        "friendlyName": server.name,
        "machineIdentifier": server.machine_identifier,
        "myPlexUsername": (server.owner.email or server.owner.username) if server.owner else "",
        "transcoderActiveVideoSessions": sum(1 for one in pms.playing.values() if one.transcode),
        "updatedAt": int(pms.library.now()),
        "version": server.version,
        "Directory": entries,
    }


_ABILITIES: dict[str, Any] = {
    "allowCameraUpload": True,
    "allowChannelAccess": True,
    "allowMediaDeletion": False,
    "allowSharing": True,
    "allowSync": True,
    "allowTuners": True,
    "backgroundProcessing": True,
    "certificate": True,
    "companionProxy": True,
    "countryCode": "nld",
    "diagnostics": "logs,databases,streaminglogs",
    "eventStream": True,
    "hubSearch": True,
    "itemClusters": True,
    "livetv": 7,
    "mediaProviders": True,
    "multiuser": True,
    "musicAnalysis": 2,
    "myPlex": True,
    "myPlexMappingState": "mapped",
    "myPlexSigninState": "ok",
    "myPlexSubscription": True,
    "offlineTranscode": 1,
    "ownerFeatures": "webhooks,pass,home,hardware_transcoding",
    "platform": "Linux",
    "platformVersion": "12 (bookworm)",
    "pluginHost": True,
    "pushNotifications": False,
    "readOnlyLibraries": False,
    "streamingBrainABRVersion": 3,
    "streamingBrainVersion": 2,
    "sync": True,
    "transcoderAudio": True,
    "transcoderLyrics": True,
    "transcoderPhoto": True,
    "transcoderSubtitles": True,
    "transcoderVideo": True,
    "transcoderVideoBitrates": "64,96,208,320,720,1500,2000,3000,4000,8000,10000,12000,20000",
    "transcoderVideoQualities": "0,1,2,3,4,5,6,7,8,9,10,11,12",
    "transcoderVideoResolutions": "128,128,160,240,320,480,768,720,720,1080,1080,1080,1080",
    "updater": True,
    "voiceSearch": True,
}
