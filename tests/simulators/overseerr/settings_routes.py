"""Status, settings and signing in: what anybody may read, what an admin may, and the first steps of a new installation."""

from __future__ import annotations

import secrets
from typing import Any

from aiohttp import web

from .access import API, COOKIE, Asking, guarded, json_answer
from .contract import Rule, Shape
from .record_json import new_user_json, user_json
from .records import Permission, Refused, User
from .world import World

_OPEN, _PLAIN = Shape(open=True), Shape()
_LOCAL = Shape(open=True, body={"email": Rule(required=True), "password": Rule(required=True)})
_PLEX = Shape(open=True, body={"authToken": Rule(required=True)})
_ADMIN = (Permission.ADMIN,)


def routes(world: World) -> list[web.RouteDef]:
    """All of them."""
    return [
        web.get(f"{API}/status", guarded(world, _OPEN, _status, ()), name="status"),
        web.get(f"{API}/settings/public", guarded(world, _OPEN, _public, ()), name="public_settings"),
        web.get(f"{API}/settings/main", guarded(world, _PLAIN, _main, _ADMIN), name="main_settings"),
        web.get(f"{API}/settings/about", guarded(world, _PLAIN, _about, _ADMIN), name="about"),
        web.get(f"{API}/auth/me", guarded(world, _PLAIN, _me, ()), name="me"),
        web.post(f"{API}/auth/local", guarded(world, _LOCAL, _sign_in, ()), name="sign_in"),
        web.post(f"{API}/auth/plex", guarded(world, _PLEX, _sign_in_by_plex, ()), name="sign_in_by_plex"),
    ]


def _status(asking: Asking) -> dict[str, Any]:
    return {
        "version": asking.world.version,
        "commitTag": "local",
        "updateAvailable": False,
        "commitsBehind": 0,
        "restartRequired": False,
    }


def _public(asking: Asking) -> dict[str, Any]:
    world, settings = asking.world, asking.world.settings
    seerr = world.seerr
    return {
        "initialized": world.initialized,
        "applicationTitle": settings.application_title,
        "applicationUrl": settings.application_url,
        "hideAvailable": False,
        **({"hideBlocklisted": False} if seerr else {}),
        "localLogin": True,
        **({"mediaServerLogin": True, "jellyfinExternalHost": "", "jellyfinForgotPasswordUrl": ""} if seerr else {}),
        "movie4kEnabled": settings.movie_4k,
        "series4kEnabled": settings.series_4k,
        **({"discoverRegion": "", "streamingRegion": ""} if seerr else {"region": ""}),
        "originalLanguage": "",
        **({"mediaServerType": 1 if world.initialized else 4} if seerr else {}),
        "partialRequestsEnabled": settings.partial_requests,
        **({"enableSpecialEpisodes": settings.special_episodes} if seerr else {}),
        "cacheImages": settings.cache_images,
        "vapidPublic": world.push_key,
        "enablePushRegistration": False,
        "locale": "en",
        "emailEnabled": False,
        **({"userEmailRequired": False} if seerr else {}),
        "newPlexLogin": True,
        **({"youtubeUrl": ""} if seerr else {}),
    }


def _main(asking: Asking) -> dict[str, Any]:
    world, settings = asking.world, asking.world.settings
    seerr = world.seerr
    return {
        "apiKey": world.api_key,
        "applicationTitle": settings.application_title,
        "applicationUrl": settings.application_url,
        **({} if seerr else {"csrfProtection": settings.csrf_protection}),
        "cacheImages": settings.cache_images,
        "defaultPermissions": int(settings.default_permissions),
        "defaultQuotas": {
            "movie": _default(settings.movie_quota_limit, settings.movie_quota_days),
            "tv": _default(settings.tv_quota_limit, settings.tv_quota_days),
        },
        "hideAvailable": False,
        **({"hideBlocklisted": False} if seerr else {}),
        "localLogin": True,
        **({"mediaServerLogin": True} if seerr else {}),
        "newPlexLogin": True,
        **({"discoverRegion": "", "streamingRegion": ""} if seerr else {"region": ""}),
        "originalLanguage": "",
        **({"blocklistedTags": "", "blocklistedTagsLimit": 50, "mediaServerType": 1} if seerr else {"trustProxy": False}),
        "partialRequestsEnabled": settings.partial_requests,
        **({"enableSpecialEpisodes": settings.special_episodes} if seerr else {}),
        "locale": "en",
        **({"youtubeUrl": ""} if seerr else {}),
    }  # fmt: skip


def _default(limit: int | None, days: int | None) -> dict[str, int]:
    said = {"quotaLimit": limit, "quotaDays": days}
    return {name: value for name, value in said.items() if value is not None}


def _about(asking: Asking) -> dict[str, Any]:
    world = asking.world
    totals = {"totalMediaItems": len(world.media), "totalRequests": len(world.requests)}
    return {"version": world.version, **totals, "tz": "UTC", "appDataPath": "/app/config"}


def _me(asking: Asking) -> dict[str, Any]:
    return user_json(asking.world, asking.user, settings=True)


def _sign_in(asking: Asking) -> web.Response:
    """By e-mail and password; the answer shows little, and in Overseerr what it should not."""
    world, body = asking.world, asking.body
    email = str(body["email"]).lower()
    user = next((one for one in world.users.values() if one.email == email and one.password), None)
    if user is None or user.password != body["password"]:
        raise Refused(403, "Access denied.")
    secret: dict[str, Any] = {"warnings": []} if world.seerr else {"password": "$2b$12$" + "x" * 53}
    said: dict[str, Any] = {"permissions": 0, "id": user.id, **secret}
    said |= {"requestCount": len(world.requests_of(user)), "displayName": user.email}
    return _with_cookie(world, user, said)


def _sign_in_by_plex(asking: Asking) -> web.Response:
    """The first Plex account to sign in is the owner's; others must be users already, or become them."""
    world, token = asking.world, str(asking.body["authToken"])
    account = world.plex_accounts.get(token)
    if account is None:
        raise Refused(500, "Unable to authenticate.")
    id, name, email = account
    user = next((one for one in world.users.values() if one.plex_id == id), None)
    if user is None:
        user = world.add_user(email, plex_username=name, plex_id=id, plex_token=token)
    return _with_cookie(world, user, new_user_json(world, user))


def _with_cookie(world: World, user: User, said: dict[str, Any]) -> web.Response:
    answer = json_answer(said)
    session = secrets.token_urlsafe(24)
    world.sessions[session] = user.id
    answer.set_cookie(COOKIE, session, path="/", httponly=True, samesite="Lax", max_age=30 * 86400)
    return answer
