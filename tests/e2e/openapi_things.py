"""Things that exist, for operations that speak of one: made anew for each operation, so that they may be spoiled."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import requests

from medianest_hub.testing.hub import PASSWORD

if TYPE_CHECKING:
    from tests.e2e.openapi_walk import Walk

ACCEPTED = "a password of somebody new"


class Things:
    """`of(method, template)` gives parts of requests that are about something real, of the walking person's or the hub's."""

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self._numbers = itertools.count()

    def of(self, method: str, template: str) -> Iterator[dict[str, Any]]:
        """Fixed parts for `APIOperation.as_strategy`; nothing where the hub has nothing of that kind."""
        if "{" in template and (values := self._values(template)):
            yield {"path_parameters": values}
        if method == "POST" and (body := self._body(template)):
            yield {"body": body, "media_type": "application/json"}

    def _body(self, template: str) -> dict[str, Any]:
        """What the operation does its work with; each answer but the first may be a refusal."""
        match template:
            case "/api/v1/auth/login":
                return {"username": self._walk.username, "password": PASSWORD, "client": "native"}
            case "/api/v1/auth/confirm":
                return {"password": PASSWORD}
            case "/api/v1/auth/password":
                return {"current_password": PASSWORD, "new_password": PASSWORD}
            case "/api/v1/api-keys":
                return {"name": "walk", "permissions": ["hub.signed_in"]}
            case "/api/v1/invites/look":
                return {"token": self._invite_token()}
            case "/api/v1/invites/accept":
                name = f"guest{next(self._numbers)}"
                return {"token": self._invite_token(), "username": name, "password": ACCEPTED}
            case _:
                return {}

    def _invite_token(self) -> str:
        answer = self._call("POST", "/api/v1/invites", json={"role": "guest"})
        return str(answer.json()["url"]).rpartition("#")[2] if answer.status_code == 201 else "none"

    def _values(self, template: str) -> dict[str, Any]:
        if template.startswith("/api/v1/plugins/{name}"):
            return {"name": "youtube"}
        make = {
            "/api/v1/users/{id}": self._person,
            "/api/v1/invites/{id}": self._invite,
            "/api/v1/api-keys/{id}": self._key,
            "/api/v1/auth/sessions/{id}": self._session,
        }
        prefix = next((prefix for prefix in make if template.startswith(prefix)), None)
        made = make[prefix]() if prefix is not None else None
        return {"id": made} if made is not None else {}

    def _person(self) -> str | None:
        name = f"thing{next(self._numbers)}"
        return self._made("/api/v1/users", {"username": name, "role": "member"}, "user")

    def _invite(self) -> str | None:
        return self._made("/api/v1/invites", {"role": "guest"}, "invite")

    def _key(self) -> str | None:
        return self._made("/api/v1/api-keys", {"name": "thing", "permissions": ["hub.signed_in"]}, "api_key")

    def _session(self) -> str | None:
        sessions = self._call("GET", "/api/v1/auth/sessions").json()["items"]
        return next((one["id"] for one in sessions if not one["current"]), None)

    def _made(self, path: str, body: dict[str, Any], within: str) -> str | None:
        answer = self._call("POST", path, json=body)
        if answer.status_code != 201:  # the walking person may not make one
            return None
        content = answer.json()
        return str(content.get(within, content)["id"])

    def _call(self, method: str, path: str, **more: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self._walk.token()}"}
        return requests.request(method, self._walk.hub.url + path, headers=headers, timeout=30, **more)
