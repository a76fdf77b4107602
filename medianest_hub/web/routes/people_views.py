"""Somebody's account as an answer, with the providers they sign in by; asks once for many."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from medianest_hub.accounts.account import Account, Status
from medianest_hub.accounts.people import no_such_person
from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api.people import Role
from medianest_hub.plugin_host.services.images import ImageLinks


class PersonPath(BaseModel):
    """The part of a path that names somebody."""

    id: UUID


class PersonView(BaseModel):
    """An account. `invited`: known and not let in yet; `awaiting_approval` where an admin must say so first.

    `email_verified`: a provider or an admin says that the address is theirs. `avatar`: the path of their picture on this
    hub. `providers`: those of their linked accounts.
    """

    id: UUID
    username: str
    display_name: str
    email: str | None
    email_verified: bool
    avatar: str | None
    role: Role
    status: Status
    awaiting_approval: bool
    has_password: bool
    providers: list[str]
    created_at: datetime
    last_seen_at: datetime | None


async def person_view(parts: HubParts, person_id: UUID) -> PersonView:
    """One person. Raises `NotFound`."""
    account = await parts.people.account(person_id)
    if account is None:
        raise no_such_person()
    return (await person_views(parts, [account]))[0]


async def person_views(parts: HubParts, accounts: Sequence[Account]) -> list[PersonView]:
    """Many, with one question about their linked accounts."""
    providers = await parts.identities.providers_of([account.id for account in accounts])
    return [_view(parts.images, account, providers.get(account.id, [])) for account in accounts]


def _view(images: ImageLinks, account: Account, providers: list[str]) -> PersonView:
    return PersonView(
        id=account.id,
        username=account.username,
        display_name=account.display_name,
        email=account.email,
        email_verified=account.email_verified,
        avatar=images.avatar_link(account.id, account.avatar),
        role=account.role,
        status=account.status,
        awaiting_approval=account.status == "invited" and bool(providers),
        has_password=account.has_password,
        providers=providers,
        created_at=account.created_at,
        last_seen_at=account.last_seen_at,
    )
