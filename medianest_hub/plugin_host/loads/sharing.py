"""Among whom a plugin's answer is shared, and what of a person it may depend on for that; asks nobody."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from medianest_hub.plugin_api.people import ACCOUNT, Person, Viewer
from medianest_hub.plugin_api.widgets import Scope


@dataclass(frozen=True, slots=True)
class Sharing:
    """`scope`: a person's id, `role-<role>` or `everyone`.

    `fingerprint` names the rights of whom it was loaded for, where those count. `rights` tells the answers for an API key
    of the person, which may do less, from the person's own: else the two would drive each other out.
    """

    scope: str
    viewer: Viewer
    fingerprint: str = ""
    rights: str = ""


def fingerprint_of(person: Person) -> str:
    """Names role and permissions: who has the same of both has the same fingerprint."""
    rights = ":".join((person.role.value, *sorted(person.permissions)))
    return hashlib.blake2b(rights.encode(), digest_size=8).hexdigest()


def shared(scope: Scope, person: Person, fingerprint: str) -> Sharing:
    """How an answer of that scope is shared when that person, of that `fingerprint_of`, asks."""
    match scope:
        case Scope.PERSON:
            narrowed = not person.can(ACCOUNT)  # only by an API key does one lack that
            viewer = Viewer(person=person, role=person.role)
            return Sharing(str(person.id), viewer, fingerprint, f":{fingerprint}" if narrowed else "")
        case Scope.ROLE:
            return Sharing(f"role-{person.role.value}", Viewer(role=person.role))
        case Scope.EVERYONE:
            return Sharing("everyone", Viewer())
