"""plex.tv's pins: made, looked at, linked by their four letters. Approving is `sign_in_page`'s."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from .rendering import TOO_MANY, UNAUTHORIZED, UNKNOWN_PIN, answer, moment, problem
from .world import Pin, World


def routes(world: World) -> list[web.RouteDef]:
    """`POST /api/v2/pins`, `GET /api/v2/pins/{id}`, `PUT /api/v2/pins/link`."""

    async def create(request: web.Request) -> web.Response:
        fields = {**request.query, **{name: str(value) for name, value in (await request.post()).items()}}
        made = world.new_pin(
            request.headers["X-Plex-Client-Identifier"],
            request.headers.get("X-Plex-Product", ""),
            fields.get("strong", "").lower() in ("1", "true"),
        )
        if made is None:
            return problem(request, TOO_MANY)
        return answer(request, "pin", _shape(world, made), status=201)

    async def read(request: web.Request) -> web.Response:
        number = request.match_info["id"]
        found = world.pin(int(number)) if number.isdigit() else None
        if found is None or found.client_identifier != request.headers["X-Plex-Client-Identifier"]:
            return problem(request, UNKNOWN_PIN)
        return answer(request, "pin", _shape(world, found))

    async def link(request: web.Request) -> web.Response:
        account = world.bearer(request.headers.get("X-Plex-Token"))
        if account is None:
            return problem(request, UNAUTHORIZED)
        found = world.pin_of_code(str((await request.post()).get("code", "")))
        if found is None:
            return problem(request, UNKNOWN_PIN)
        world.approve(found, account)
        return web.Response(status=204)

    return [
        web.post("/api/v2/pins", create, name="pins.create"),
        web.get("/api/v2/pins/{id}", read, name="pins.read"),
        web.put("/api/v2/pins/link", link, name="pins.link"),
    ]


def _shape(world: World, pin: Pin) -> dict[str, Any]:
    return {
        "id": pin.id,
        "code": pin.code,
        "product": pin.product or None,
        "trusted": False,
        "qr": f"https://plex.tv/api/v2/pins/qr/{pin.code}",
        "clientIdentifier": pin.client_identifier,
        "location": {
            "code": "NL",
            "european_union_member": True,
            "continent_code": "EU",
            "country": "Netherlands",
            "city": "Utrecht",
            "time_zone": "Europe/Amsterdam",
            "postal_code": "3511",
            "in_privacy_restricted_country": True,
            "subdivisions": "Utrecht",
            "coordinates": "52.09, 5.12",
        },
        "expiresIn": max(0, round(pin.expires_at - world.now())),
        "createdAt": moment(pin.created_at),
        "expiresAt": moment(pin.expires_at),
        "authToken": pin.auth_token,
        "newRegistration": False if pin.auth_token else None,
    }
