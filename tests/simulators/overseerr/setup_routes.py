"""What an admin sets up: the Plex server and its libraries, scans, and the webhook."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from . import webhook
from .access import API, Asking, guarded
from .contract import NUMBER, TEXT, Rule, Shape, whole
from .notices import Kind, Notice
from .records import Permission, Refused, written
from .world import MACHINE, WebhookSettings, World

_ADMIN = (Permission.ADMIN,)
_PLAIN, _ANY = Shape(), Shape(body={"options": TEXT, "types": NUMBER})
_PLEX = Shape(body={"ip": Rule(required=True), "port": Rule(required=True, number=True)})
_LIBRARY = Shape({"sync": Rule(null=True), "enable": Rule(null=True, reserved=True)})
_SECTIONS = (("1", "Movies", "movie"), ("2", "TV Shows", "show"))
_JOBS = (
    ("plex-recently-added-scan", "Plex Recently Added Scan", "process", "minutes", "0 */5 * * * *"),
    ("plex-full-scan", "Plex Full Library Scan", "process", "hours", "0 0 3 * * *"),
    ("plex-watchlist-sync", "Plex Watchlist Sync", "process", "seconds", "0 */3 * * * *"),
    ("radarr-scan", "Radarr Scan", "process", "hours", "0 0 4 * * *"),
    ("sonarr-scan", "Sonarr Scan", "process", "hours", "0 30 4 * * *"),
    ("availability-sync", "Media Availability Sync", "process", "hours", "0 0 5 * * *"),
    ("download-sync", "Download Sync", "command", "seconds", "0 * * * * *"),
    ("download-sync-reset", "Download Sync Reset", "command", "hours", "0 0 1 * * *"),
    ("image-cache-cleanup", "Image Cache Cleanup", "process", "hours", "0 0 5 * * *"),
    ("plex-refresh-token", "Plex Refresh Token", "process", "fixed", "0 0 5 * * *"),
)
_OF_SEERR = ("process-blocklisted-tags", "Process Blocklisted Tags", "process", "days", "0 30 1 */7 * *")
_SCANS = ("plex-full-scan", "plex-recently-added-scan")


def routes(world: World) -> list[web.RouteDef]:
    """All of them."""
    at = f"{API}/settings"
    hook = f"{at}/notifications/webhook"
    return [
        web.get(f"{at}/plex/devices/servers", guarded(world, _PLAIN, _devices, _ADMIN), name="devices"),
        web.post(f"{at}/plex", guarded(world, _PLEX, _plex, _ADMIN), name="plex_settings"),
        web.get(f"{at}/plex/library", guarded(world, _LIBRARY, _library, _ADMIN), name="plex_library"),
        web.post(f"{at}/initialize", guarded(world, _PLAIN, _initialize, _ADMIN), name="initialize"),
        web.get(f"{at}/jobs", guarded(world, _PLAIN, _jobs, _ADMIN), name="jobs"),
        web.post(f"{at}/jobs/{{jobId}}/run", guarded(world, _PLAIN, _run, _ADMIN), name="run_job"),
        web.get(hook, guarded(world, _PLAIN, _webhook, _ADMIN), name="webhook"),
        web.post(hook, guarded(world, _ANY, _set_webhook, _ADMIN), name="set_webhook"),
        web.post(f"{hook}/test", guarded(world, _ANY, _test_webhook, _ADMIN), name="test_webhook"),
    ]


def _devices(asking: Asking) -> list[dict[str, Any]]:
    at = {"protocol": "http", "address": "127.0.0.1", "port": 32401, "uri": "http://127.0.0.1:32401", "local": True}
    flags = ("httpsRequired", "synced", "relay", "dnsRebindingProtection", "home")
    return [
        {
            "name": "homebox",
            "product": "Plex Media Server",
            "productVersion": "1.41.0.8994",
            "platform": "Linux",
            "platformVersion": "6.1",
            "device": "PC",
            "clientIdentifier": MACHINE,
            "createdAt": written(1_600_000_000),
            "lastSeenAt": written(1_700_000_000),
            "provides": ["server"],
            "owned": True,
            "accessToken": "simulated-token",
            "publicAddress": "203.0.113.9",
            **dict.fromkeys(("publicAddressMatches", "natLoopbackSupported", "presence"), True),
            **dict.fromkeys(flags, False),
            "connection": [{**at, "status": 200, "message": "OK"}],
        }
    ]


def _plex(asking: Asking) -> dict[str, Any]:
    body = asking.body
    where = {"ip": body["ip"], "port": body["port"], "useSsl": bool(body.get("useSsl"))}
    return {"name": "homebox", **where, "libraries": [], "machineId": MACHINE}


def _library(asking: Asking) -> list[dict[str, Any]]:
    """`enable` names those that are on from now on; all others are off."""
    if "enable" in asking.query:
        asking.world.enabled_sections = set(asking.query["enable"].split(","))
    on = asking.world.enabled_sections
    return [{"id": id, "name": name, "enabled": id in on, "type": type} for id, name, type in _SECTIONS]


def _initialize(asking: Asking) -> dict[str, bool]:
    asking.world.initialized = True
    return {"initialized": True}


def _job(asking: Asking, one: tuple[str, ...], *, running: bool = False) -> dict[str, Any]:
    id, name, type, interval, schedule = one
    then = (written(asking.world.now() + 300) or "").replace("Z", "+00:00")
    about = {"id": id, "name": name, "type": type, "interval": interval, "cronSchedule": schedule}
    return {**about, "nextExecutionTime": then, "running": running}


def _known(asking: Asking) -> list[tuple[str, ...]]:
    if not asking.world.seerr:
        return list(_JOBS)
    return [*_JOBS[:2], _JOBS[-1], *_JOBS[2:-1], _OF_SEERR]


def _jobs(asking: Asking) -> list[dict[str, Any]]:
    return [_job(asking, one) for one in _known(asking)]


def _run(asking: Asking) -> dict[str, Any]:
    """A scan finds what is on the media server and not known here."""
    world, found = asking.world, next((one for one in _known(asking) if one[0] == asking.path["jobId"]), None)
    if found is None:
        raise Refused(404, "Job not found.")
    if found[0] in _SCANS:
        for kind, id in list(world.on_server):
            title = world.catalogue.get(kind, id)
            if title is not None:
                world.arrive(world.media_of(title))
    return _job(asking, found, running=True)


def _webhook(asking: Asking) -> dict[str, Any]:
    world, hook = asking.world, asking.world.webhook
    options = {"webhookUrl": hook.url, "jsonPayload": hook.template or webhook.USUAL_TEMPLATE}
    if hook.authorization:
        options["authHeader"] = hook.authorization
    seerr = world.seerr
    return {
        "enabled": hook.enabled,
        **({"embedPoster": True} if seerr else {}),
        "types": hook.types,
        "options": {**options, **({"supportVariables": False} if seerr else {})},
    }


def _read(body: dict[str, Any]) -> WebhookSettings:
    """The settings that were sent. A template that is no JSON is refused, as the real one does."""
    options = body.get("options") or {}
    template = str(options.get("jsonPayload") or webhook.USUAL_TEMPLATE)
    try:
        json.loads(template)
    except ValueError as error:
        raise Refused(500, str(error)) from None
    types, on = whole(body.get("types") or 0), bool(body.get("enabled"))
    return WebhookSettings(
        str(options.get("webhookUrl") or ""), str(options.get("authHeader") or ""), template, types, on
    )


def _set_webhook(asking: Asking) -> dict[str, Any]:
    new = _read(asking.body)
    new.sent = asking.world.webhook.sent
    asking.world.webhook = new
    return _webhook(asking)


def _test_webhook(asking: Asking) -> web.Response:
    """Posts with the settings that were sent, not with those kept; 204 whatever comes of it is noted in `sent`."""
    kept, world = asking.world.webhook, asking.world
    tried = _read(asking.body)
    world.webhook = WebhookSettings(tried.url, tried.authorization, tried.template, int(Kind.TEST_NOTIFICATION), True)
    world.webhook.sent = kept.sent
    try:
        world.tell(Notice(Kind.TEST_NOTIFICATION, user=asking.user))
    finally:
        world.webhook = kept
    return web.Response(status=204)
