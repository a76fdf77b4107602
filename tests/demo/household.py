"""Who lives in the demo's household, and how they come into the hub; knows no service."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from medianest_hub.testing.hub import HubDied, HubProcess
from tests.demo.service import Ask

_WORDS = "amber birch cedar delta ember fjord grove heron ivory jetty kiosk larch maple north olive pearl quartz river"


def _password() -> str:
    """Easy to type, and not the same in two demos."""
    return "-".join([*(secrets.choice(_WORDS.split()) for _ in range(3)), str(secrets.randbelow(9000) + 1000)])


@dataclass(frozen=True)
class Person:
    """Somebody who signs in with a password."""

    username: str
    role: str
    password: str = field(default_factory=_password)


def household() -> list[Person]:
    """An admin and four members."""
    return [Person("anna", "admin"), *(Person(name, "member") for name in ("ben", "chloe", "dev", "mia"))]


def move_in(hub: HubProcess, people: list[Person]) -> None:
    """Make them; who is there from an earlier demo on the same data gets the new password. Raises `HubDied`."""
    with ThreadPoolExecutor(len(people)) as pool:
        list(pool.map(lambda one: _make(hub, one), people))


def asking(hub: HubProcess, person: Person) -> Ask:
    """Sign in as that person, and call the API with that."""

    def ask(method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        content = json.dumps(body).encode() if body is not None else None
        request = Request(f"{hub.url}{path}", content, headers, method=method)
        try:
            with urlopen(request, timeout=30) as answer:
                return json.loads(answer.read() or b"null")
        except HTTPError as error:
            raise HubDied(f"{method} {path} was answered with {error.code}: {error.read().decode()}") from error

    token = ""
    who = {"username": person.username, "password": person.password, "client": "native"}
    token = ask("POST", "/api/v1/auth/login", who)["access_token"]
    return ask


def _make(hub: HubProcess, person: Person) -> None:
    words = ("users", "create", person.username, "--role", person.role, "--password-stdin")
    made = hub.command(*words, stdin=person.password, check=False)
    if made.returncode == 0:
        return
    changed = hub.command(
        "users", "set-password", person.username, "--password-stdin", stdin=person.password, check=False
    )
    if changed.returncode != 0:
        raise HubDied(f"{person.username} could not be made: {made.stderr.strip()}")
