"""Who lives in the demo's household, and how they come into the hub; knows no service."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from medianest_hub.testing.hub import HubDied, HubProcess

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
    """An admin and two members."""
    return [Person("anna", "admin"), Person("ben", "member"), Person("mia", "member")]


def move_in(hub: HubProcess, people: list[Person]) -> None:
    """Make them; who is there from an earlier demo on the same data gets the new password. Raises `HubDied`."""
    with ThreadPoolExecutor(len(people)) as pool:
        list(pool.map(lambda one: _make(hub, one), people))


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
