"""plex.tv's accounts: who a token is, what they may use, signing out. Makes no tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web

from .rendering import UNAUTHORIZED, answer, moment, problem
from .world import Account, Server, World


def routes(world: World, server_url: Callable[[], str]) -> list[web.RouteDef]:
    """`GET /api/v2/user`, `/api/v2/resources`, `/api/v2/ping`, `DELETE /api/v2/users/signout`."""

    async def user(request: web.Request) -> web.Response:
        account, token = _bearer(request)
        if account is None:
            return problem(request, UNAUTHORIZED)
        return answer(request, "user", _account(account, token))

    async def resources(request: web.Request) -> web.Response:
        account, token = _bearer(request)
        if account is None:
            return problem(request, UNAUTHORIZED)
        usable = [_server(one, account, one.url or server_url()) for one in world.servers if one.admits(account.id)]
        if not world.names_owners:
            usable = [{**one, "ownerId": None} for one in usable]
        return answer(request, "resources", [*usable, _player(token)])

    async def ping(request: web.Request) -> web.Response:
        account, _ = _bearer(request)
        if account is None:
            return problem(request, UNAUTHORIZED)
        return web.Response(text="<pong>1</pong>", content_type="application/xml")

    async def sign_out(request: web.Request) -> web.Response:
        account, token = _bearer(request)
        if account is None:
            return problem(request, UNAUTHORIZED)
        del world.tokens[token]
        return web.Response(status=204)

    def _bearer(request: web.Request) -> tuple[Account | None, str]:
        # The real one takes it in the query, too; nobody should send it there.
        token = request.headers.get("X-Plex-Token") or request.query.get("X-Plex-Token", "")
        return world.bearer(token), token

    return [
        web.get("/api/v2/user", user, name="user"),
        web.get("/api/v2/resources", resources, name="resources"),
        web.get("/api/v2/ping", ping, name="ping"),
        web.delete("/api/v2/users/signout", sign_out, name="sign_out"),
    ]


_SUBSCRIPTION = {
    "active": False,
    "subscribedAt": None,
    "status": "Inactive",
    "paymentService": None,
    "plan": None,
    "features": ["signin_notification", "webhooks"],
}
_PROFILE = {
    "autoSelectAudio": True,
    "defaultAudioLanguage": "en",
    "defaultSubtitleLanguage": "en",
    "autoSelectSubtitle": 0,
    "defaultSubtitleAccessibility": 0,
    "defaultSubtitleForced": 0,
    "watchedIndicator": 1,
    "mediaReviewsVisibility": 0,
    "mediaReviewsLanguages": None,
}


def _account(account: Account, token: str) -> dict[str, Any]:
    return {
        "id": account.id,
        "uuid": account.uuid,
        "username": account.username,
        "title": account.title,
        "email": account.email,
        "friendlyName": account.friendly_name,
        "locale": None,
        "confirmed": account.confirmed,
        "joinedAt": account.joined_at,
        "emailOnlyAuth": False,
        "hasPassword": not account.restricted,
        "protected": False,
        "thumb": f"https://plex.tv/users/{account.uuid}/avatar?c={account.joined_at}",
        "authToken": token,
        "mailingListStatus": "unsubscribed",
        "mailingListActive": False,
        "scrobbleTypes": "",
        "country": "NL",
        "subscription": _SUBSCRIPTION,
        "subscriptionDescription": None,
        "restricted": account.restricted,
        "anonymous": None,
        "home": account.home,
        "guest": False,
        "homeSize": 2 if account.home else 1,
        "homeAdmin": account.home and not account.restricted,
        "maxHomeSize": 15,
        "rememberExpiresAt": 1680893707,
        "profile": _PROFILE,
        "entitlements": [],
        "roles": [],
        "services": [],
        "adsConsent": None,
        "adsConsentSetAt": None,
        "adsConsentReminderAt": None,
        "experimentalFeatures": False,
        "twoFactorEnabled": False,
        "backupCodesCreated": False,
    }


def _server(server: Server, account: Account, url: str) -> dict[str, Any]:
    assert server.owner is not None
    owned = server.owner.id == account.id
    address, _, port = url.partition("://")[2].partition(":")
    return {
        **_DEVICE,
        "name": server.name,
        "product": "Plex Media Server",
        "productVersion": server.version,
        "platform": "Linux",
        "platformVersion": "12 (bookworm)",
        "device": "PC",
        "clientIdentifier": server.machine_identifier,
        "provides": "server",
        "ownerId": None if owned else server.owner.id,
        "sourceTitle": None if owned else server.owner.title,
        "accessToken": server.access_token(account.id),
        "owned": owned,
        "home": account.home and not owned,
        "presence": True,
        "connections": [
            {
                "protocol": "http",
                "address": address,
                "port": int(port),
                "uri": url,
                "local": True,
                "relay": False,
                "IPv6": False,
            }
        ],
    }


def _player(token: str) -> dict[str, Any]:
    return {
        **_DEVICE,
        "name": "Chrome",
        "product": "Plex Web",
        "productVersion": "4.145.1",
        "platform": "Chrome",
        "platformVersion": "131.0",
        "device": None,
        "clientIdentifier": "plexweb-of-somebody",
        "provides": "client,player,pubsub-player",
        "ownerId": None,
        "sourceTitle": None,
        "accessToken": token,
        "owned": True,
        "home": False,
        "presence": False,
        "connections": [],
    }


_DEVICE: dict[str, Any] = {
    "createdAt": moment(1578086003),
    "lastSeenAt": moment(1605461664),
    "publicAddress": "198.51.100.7",
    "synced": False,
    "relay": True,
    "httpsRequired": False,
    "publicAddressMatches": True,
    "dnsRebindingProtection": False,
    "natLoopbackSupported": False,
}
