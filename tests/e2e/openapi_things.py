"""Things that exist, for operations that speak of one: made anew for each operation, so that they may be spoiled."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import requests

from medianest_hub.testing.hub import PASSWORD

if TYPE_CHECKING:
    from tests.e2e.openapi_walk import Walk

HOOKS = "/api/v1/hooks/"
ACCEPTED = "a password of somebody new"


class Things:
    """`of(method, template)` gives parts of requests that are about something real, of the walking person's or the hub's."""

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self._numbers = itertools.count()
        self._webhook_secret = ""

    def wait_for_the_services(self) -> None:
        """Until what they have is known to the hub; what is Plex's is seen by an admin alone here."""
        paths = ["/api/v1/uptime_kuma/monitors", *["/api/v1/plex/collections"] * self._walk.admin]
        ends = time.monotonic() + 60
        while not all(self._call("GET", path).json().get("items") for path in paths):
            assert time.monotonic() < ends, "the services' things did not come"
            time.sleep(0.2)

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
            case "/api/v1/notifications/read-all" if until := self._notification():
                return {"until": until}
            case "/api/v1/invites/look":
                return {"token": self._invite_token()}
            case "/api/v1/invites/accept":
                name = f"guest{next(self._numbers)}"
                return {"token": self._invite_token(), "username": name, "password": ACCEPTED}
            case "/api/v1/hello/greetings":
                return {"text": "hello"}
            case "/api/v1/hooks/hello/postcard":
                self._webhook_secret = ""  # an admin's walk may have made another, or none
                return {"name": "Anna", "text": f"greetings {next(self._numbers)}"}
            case _:
                return {}

    def _invite_token(self) -> str:
        answer = self._call("POST", "/api/v1/invites", json={"role": "guest"})
        return str(answer.json()["url"]).rpartition("#")[2] if answer.status_code == 201 else "none"

    def webhook_secret(self) -> str:
        """That of the example's webhook, which its operator makes."""
        if not self._webhook_secret:
            said = self._walk.hub.command("plugins", "webhook", "hello", "postcard").stdout
            self._webhook_secret = re.findall(r"mnw_[\w-]+", said)[0]
        return self._webhook_secret

    def _values(self, template: str) -> dict[str, Any]:
        if "/webhooks/{hook}" in template:
            return {"name": "hello", "hook": "postcard"}
        if template.startswith("/api/v1/plugins/{name}"):
            return {"name": "youtube"}
        make = {
            "/api/v1/users/{id}": self._person,
            "/api/v1/invites/{id}": self._invite,
            "/api/v1/api-keys/{id}": self._key,
            "/api/v1/auth/sessions/{id}": self._session,
            "/api/v1/hello/greetings/{id}": self._greeting,
            "/api/v1/images/{id}": self._picture,
            "/api/v1/notifications/{id}": self._notification,
        }
        if template.startswith(("/api/v1/plex/", "/api/v1/uptime_kuma/")):
            return self._listed(template)
        prefix = next((prefix for prefix in make if template.startswith(prefix)), None)
        made = make[prefix]() if prefix is not None else None
        return {"id": made} if made is not None else {}

    def _listed(self, template: str) -> dict[str, Any]:
        """The first of the list that a path with `{id}` or `{key}` goes on from."""
        path, _, rest = template.partition("/{")
        name = rest.partition("}")[0]
        path = {"/api/v1/plex/items": "/api/v1/plex/recently-added"}.get(path, path)
        items = self._call("GET", path).json().get("items", [])
        return {name: items[0][name]} if items else {}

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

    def _greeting(self) -> str | None:
        return self._made("/api/v1/hello/greetings", {"text": "hello"}, "greeting")

    def _picture(self) -> str | None:
        """The badge of whoever left a greeting, as the example's tile shows it."""
        self._greeting()
        tile = self._call("GET", "/api/v1/dashboard/hello.main.latest").text
        return next(iter(re.findall(r"/api/v1/images/([\w.~-]+)", tile)), None)

    def _notification(self) -> str | None:
        """The latest; a new key is told of."""
        self._key()
        items = self._call("GET", "/api/v1/notifications").json()["items"]
        return str(items[0]["id"]) if items else None

    def _made(self, path: str, body: dict[str, Any], within: str) -> str | None:
        answer = self._call("POST", path, json=body)
        if answer.status_code != 201:  # the walking person may not make one
            return None
        content = answer.json()
        return str(content.get(within, content)["id"])

    def _call(self, method: str, path: str, **more: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self._walk.token()}"}
        return requests.request(method, self._walk.hub.url + path, headers=headers, timeout=30, **more)
