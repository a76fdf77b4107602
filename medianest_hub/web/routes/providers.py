"""The ways to sign in there are, the outside accounts somebody has linked, and proving again who one is. Begins no sign-in."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from medianest_hub.accounts.sign_in_providers import LOCAL
from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api.errors import Unauthorized
from medianest_hub.plugin_api.people import ACCOUNT
from medianest_hub.plugin_api.routes import Call, Empty, Router
from medianest_hub.plugin_api.sign_in import SIGN_IN_SECRET
from medianest_hub.web.calling import facts

router = Router()
local_router = Router()
"""What there is only where people may sign in with a password of the hub's own (`auth.local`)."""


class WayIn(BaseModel):
    """One way to sign in. `password`: `POST /auth/login`; else `POST /auth/<id>/start`.

    After that the browser comes back by itself (`redirect`), or the page polls `complete` meanwhile (`poll`).
    """

    id: str
    title: str
    icon: str
    kind: Literal["password", "redirect", "poll"]


class WaysIn(BaseModel):
    """Those that work now."""

    items: list[WayIn]
    next_cursor: str | None = None


class LinkedAccount(BaseModel):
    """An outside account the caller signs in with. `withdrawn`: why the provider no longer stands for it, or null."""

    id: UUID
    provider: str
    title: str
    username: str
    email: str | None
    email_verified: bool
    linked_at: datetime
    last_used_at: datetime
    withdrawn: str | None


class LinkedAccounts(BaseModel):
    """All of them, by provider."""

    items: list[LinkedAccount]
    next_cursor: str | None = None


class IdentityPath(BaseModel):
    """The part of a path that names a linked account."""

    id: UUID


class Proof(BaseModel):
    """The caller's own password."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    password: SecretStr = Field(min_length=1, max_length=1024)


@router.get("/api/v1/auth/providers", public=True)
async def providers(parts: HubParts, call: Call) -> WaysIn:
    """Every way to sign in that works now."""
    items = [WayIn(id=LOCAL, title="Password", icon="lock", kind="password")] if parts.settings.auth.local else []
    for provider in parts.providers.all().values():
        if provider.works():
            declared = provider.declared
            kind: Literal["redirect", "poll"] = "poll" if declared.polls else "redirect"
            items.append(WayIn(id=provider.id, title=declared.title, icon=declared.icon, kind=kind))
    return WaysIn(items=items)


@router.get("/api/v1/auth/identities", permission=ACCOUNT)
async def identities(parts: HubParts, call: Call) -> LinkedAccounts:
    """The outside accounts the caller may sign in with."""
    known = parts.providers.all()
    return LinkedAccounts(
        items=[
            LinkedAccount(
                id=one.id,
                provider=one.provider,
                title=known[one.provider].declared.title if one.provider in known else one.provider,
                username=one.username,
                email=one.email,
                email_verified=one.email_verified,
                linked_at=one.linked_at,
                last_used_at=one.last_used_at,
                withdrawn=one.withdrawn,
            )
            for one in await parts.identities.of_person(call.caller.id)
        ]
    )


async def _whose(parts: HubParts, call: Call[IdentityPath]) -> UUID | None:
    return await parts.identities.owner(call.path.id)


@router.delete("/api/v1/auth/identities/{id}", permission=ACCOUNT, owner=_whose)
async def unlink(parts: HubParts, call: Call[IdentityPath]) -> None:
    """Sign in with that account no more; other sessions that began by it end, and what was kept for it is forgotten.

    409 `last_way_in` where nothing else is left to sign in with; 404 `no_such_identity` for one that is gone.
    """
    person_id = await parts.identities.owner(call.path.id) or call.caller.id
    gone = await parts.identities.unlink(person_id, call.path.id)
    provider = parts.providers.get(gone.provider)
    if provider is not None:
        await parts.people.set_secret(*provider.secrets_of, person_id, SIGN_IN_SECRET, None)
    claims = facts(call).claims
    keep = claims.session_id if claims is not None else None
    await parts.sessions.end_of_provider(person_id, gone.provider, keep=keep, reason="identity_unlinked")


@local_router.post("/api/v1/auth/confirm", permission=ACCOUNT, limit="auth", body_limit=8 * 1024)
async def confirm(parts: HubParts, call: Call[Empty, Empty, Proof]) -> None:
    """Prove by the password that it is still you, for what wants it proven lately: linking another account, say.

    403 `wrong_password`, also for somebody without a password, who signs in again instead; after several failures 429
    says how long to wait.
    """
    request = facts(call)
    claims = request.claims
    if claims is None or claims.is_key:
        raise Unauthorized("Sign in first.")
    await parts.password_change.confirm(
        call.caller, claims.session_id, call.body.password.get_secret_value(), address=call.request.address
    )
