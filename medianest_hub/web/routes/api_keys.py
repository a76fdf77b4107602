"""The caller's API keys: list, make, revoke. Only a signed-in person gets here, no key does."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from medianest_hub.accounts.api_keys import ApiKey
from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api.people import ACCOUNT
from medianest_hub.plugin_api.routes import Call, Empty, Router
from medianest_hub.web.auditing import note_for_audit
from medianest_hub.web.calling import facts
from medianest_hub.web.one_line import ONE_LINE

router = Router()


class KeyWanted(BaseModel):
    """A key that can do what `permissions` name (full names), until `expires_at` if that is given."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=100), *ONE_LINE]
    permissions: list[Annotated[str, StringConstraints(min_length=1, max_length=128)]] = Field(
        min_length=1, max_length=200
    )
    expires_at: AwareDatetime | None = None


class KeyView(BaseModel):
    """A key without its secret; `hint` is how it begins. `last_used_at` is right to some minutes."""

    id: UUID
    name: str
    hint: str
    permissions: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class NewKey(KeyView):
    """`key` is shown this once: send it as `Authorization: Bearer mn_…`."""

    key: str


class Keys(BaseModel):
    """All keys, newest first; there are never more than 50."""

    items: list[KeyView]
    next_cursor: str | None = None


class KeyPath(BaseModel):
    """The part of a path that names a key."""

    id: UUID


@router.get("/api/v1/api-keys", permission=ACCOUNT)
async def api_keys(parts: HubParts, call: Call) -> Keys:
    """The caller's API keys, newest first, without their secrets."""
    return Keys(items=[KeyView(**_shown(key)) for key in await parts.api_keys.of_person(call.caller.id)])


@router.post("/api/v1/api-keys", permission=ACCOUNT, status=201)
async def make_api_key(parts: HubParts, call: Call[Empty, Empty, KeyWanted]) -> NewKey:
    """Make a key; its text is in this answer and nowhere else.

    400 `api_key_refused` for permissions the caller lacks, for `hub.account` and `hub.people`, which no key can have, and for
    an end that is past; 409 `too_many_api_keys` for the 51st; 403 `confirm_first` where the caller has not proven lately
    who they are.
    """
    wanted, claims = call.body, facts(call).claims
    key, text = await parts.api_keys.create(
        call.caller,
        wanted.name,
        wanted.permissions,
        wanted.expires_at,
        session_id=claims.session_id if claims is not None else None,
    )
    note_for_audit(target_kind="api_key", target_id=key.id, target_name=key.name, permissions=list(key.permissions))
    return NewKey(**_shown(key), key=text)


async def _whose(parts: HubParts, call: Call[KeyPath]) -> UUID | None:
    return await parts.api_keys.owner(call.path.id)


@router.delete("/api/v1/api-keys/{id}", permission=ACCOUNT, owner=_whose)
async def revoke_api_key(parts: HubParts, call: Call[KeyPath]) -> None:
    """Revoke a key, everywhere at once; its live connections end too."""
    await parts.api_keys.revoke(call.path.id)


def _shown(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "name": key.name,
        "hint": key.hint,
        "permissions": list(key.permissions),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
    }
