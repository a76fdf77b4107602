"""The people of a context kept in memory: whom a test added, what it linked to them, and their secrets. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from uuid import UUID

from medianest_hub.plugin_api import LinkedIdentity, Person


@dataclass(slots=True)
class MemoryPeople:
    """Whom the test added with `add`, the accounts it linked with `link`, and the secrets kept for them.

    `provider` is the id of the plugin's own sign-in provider: its name.
    """

    provider: str = ""
    known: dict[UUID, Person] = field(default_factory=dict)
    identities: dict[tuple[UUID, str], LinkedIdentity] = field(default_factory=dict)
    secrets: dict[tuple[UUID, str], str] = field(default_factory=dict)
    emails: dict[UUID, str] = field(default_factory=dict)
    """Verified addresses."""

    def add(self, person: Person) -> Person:
        """Make somebody known."""
        self.known[person.id] = person
        return person

    def link(self, person_id: UUID, identity: LinkedIdentity) -> None:
        """The person signs in with that outside account."""
        self.identities[person_id, identity.provider] = identity

    def withdraw(self, person_id: UUID, provider: str | None = None) -> None:
        """The provider no longer stands for that account: until it is linked anew, it is as if it were not."""
        self.identities.pop((person_id, provider or self.provider), None)

    def disable(self, person_id: UUID) -> None:
        """The person may do nothing any more; their accounts stay theirs."""
        self.known[person_id] = replace(self.known[person_id], permissions=frozenset())

    async def identity(self, person_id: UUID, provider: str | None = None) -> LinkedIdentity | None:
        """The outside account, or None."""
        return self.identities.get((person_id, provider or self.provider))

    async def by_identity(self, subject: str, provider: str | None = None) -> Person | None:
        """Which active person's outside account that is, or None."""
        wanted = provider or self.provider
        for (person_id, of), identity in self.identities.items():
            if of == wanted and identity.subject == subject:
                person = self.known.get(person_id)
                return person if person is not None and person.permissions else None
        return None

    async def linked(self, provider: str | None = None) -> dict[UUID, LinkedIdentity]:
        """Of each active person with an account there, the account."""
        wanted = provider or self.provider
        active = {person.id for person in self.known.values() if person.permissions}
        return {person: one for (person, of), one in self.identities.items() if of == wanted and person in active}

    async def verified_email(self, person_id: UUID) -> str | None:
        """The address in `emails`, if the person is active."""
        person = self.known.get(person_id)
        email = self.emails.get(person_id)
        return email.lower() if email and person is not None and person.permissions else None

    async def get(self, person_id: UUID) -> Person | None:
        """The person, or None."""
        return self.known.get(person_id)

    async def secret(self, person_id: UUID, name: str) -> str | None:
        """The secret, or None."""
        return self.secrets.get((person_id, name))

    async def set_secret(self, person_id: UUID, name: str, value: str | None) -> None:
        """Keep it; None removes it."""
        if value is None:
            self.secrets.pop((person_id, name), None)
        else:
            self.secrets[person_id, name] = value
