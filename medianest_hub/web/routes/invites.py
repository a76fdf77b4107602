"""Invitations over HTTP: admins make and revoke them, strangers look at and accept them; decides nothing itself."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from medianest_hub.accounts.invites import DAYS, MOST_DAYS, MOST_USES, Invite
from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api.answers import Page
from medianest_hub.plugin_api.people import ADMIN, PEOPLE, Role
from medianest_hub.plugin_api.routes import Call, Empty, Router
from medianest_hub.web.auditing import note_for_audit
from medianest_hub.web.calling import facts
from medianest_hub.web.one_line import ONE_LINE
from medianest_hub.web.routes.auth import Client, Token, token_answer

router = Router()
local_router = Router()
"""What there is only where people may sign in with a password of the hub's own (`auth.local`)."""

Note = Annotated[str, Field(max_length=200), *ONE_LINE]


class InvitePath(BaseModel):
    """The part of a path that names an invitation."""

    id: UUID


class InvitesWanted(BaseModel):
    """`cursor` is the `next_cursor` of the page before."""

    model_config = ConfigDict(extra="forbid")

    cursor: UUID | None = None
    limit: int = Field(default=50, ge=1, le=200)


class NewInvite(BaseModel):
    """As what people join, how many, and for how many days; `note` is for admins alone."""

    model_config = ConfigDict(extra="forbid")

    role: Role = Role.MEMBER
    uses: int = Field(default=1, ge=1, le=MOST_USES)
    days: int = Field(default=DAYS, ge=1, le=MOST_DAYS)
    note: Note = ""


class InviteView(BaseModel):
    """One invitation; its link was shown when it was made and cannot be shown again."""

    id: UUID
    role: Role
    note: str
    uses: int
    max_uses: int
    created_by: UUID | None
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class MadeInvite(BaseModel):
    """A new invitation; `url` is shown this once, to be handed to whoever is invited."""

    invite: InviteView
    url: str


class InviteToken(BaseModel):
    """`token` is what stands behind the # of the link."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(min_length=1, max_length=256)


class InviteLook(BaseModel):
    """What somebody invited may know: as what they join, until when, and whether with a password of their own.

    The other ways to join are the providers at `/api/v1/auth/providers`.
    """

    role: Role
    expires_at: datetime
    with_password: bool


class Acceptance(BaseModel):
    """How somebody joins with a password: `token` is from the link; name and password follow the rules for everybody's."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    token: SecretStr = Field(min_length=1, max_length=256)
    username: str = Field(min_length=1, max_length=256)
    password: SecretStr = Field(min_length=1, max_length=1024)
    client: Client = "browser"


@router.get("/api/v1/invites", permission=ADMIN)
async def list_invites(parts: HubParts, call: Call[Empty, InvitesWanted]) -> Page[InviteView]:
    """Invitations, newest first, without their links."""
    found = await parts.invites.list(before=call.query.cursor, limit=call.query.limit + 1)
    items = [_view(one) for one in found[: call.query.limit]]
    return Page(items=items, next_cursor=str(items[-1].id) if len(found) > call.query.limit else None)


@router.post("/api/v1/invites", permission=PEOPLE, body_limit=4 * 1024, status=201)
async def make_invite(parts: HubParts, call: Call[Empty, Empty, NewInvite]) -> MadeInvite:
    """A link by which people join with that role. It is void as soon as whoever made it is no active admin any more."""
    body = call.body
    invite, token = await parts.invites.make(body.role, call.caller.id, days=body.days, uses=body.uses, note=body.note)
    note_for_audit(target_kind="invite", target_id=invite.id, role=body.role.value, uses=body.uses, days=body.days)
    return MadeInvite(invite=_view(invite), url=f"{call.request.base_url}/invite#{token}")


@router.delete("/api/v1/invites/{id}", permission=ADMIN)
async def revoke_invite(parts: HubParts, call: Call[InvitePath]) -> None:
    """Nobody joins by it any more; whoever has joined stays. 404 `no_such_invite`."""
    await parts.invites.revoke(call.path.id, call.caller.id)


@router.post("/api/v1/invites/look", public=True, body_limit=4 * 1024)
async def look_at_invite(parts: HubParts, call: Call[Empty, Empty, InviteToken]) -> InviteLook:
    """What an invitation is good for. 403 `invite_invalid` for one that is wrong, used up, revoked or expired."""
    invite = await parts.invites.look(call.body.token.get_secret_value())
    return InviteLook(role=invite.role, expires_at=invite.expires_at, with_password=parts.settings.auth.local)


@local_router.post("/api/v1/invites/accept", public=True, limit="auth", body_limit=8 * 1024, status=201)
async def accept_invite(parts: HubParts, call: Call[Empty, Empty, Acceptance]) -> Token:
    """Join with a password, and be signed in.

    403 `invite_invalid`; 409 `username_taken` and 400 `username_refused` or `password_refused` take no use of the
    invitation. 403 `origin_refused` to a page of another site.
    """
    body = call.body
    facts(call).check_origin()
    person = await parts.invites.accept(body.token.get_secret_value(), body.username, body.password.get_secret_value())
    note_for_audit(actor=person, target=person, role=person.role.value)
    signed_in = await parts.sign_in.of_person(
        person, address=call.request.address, user_agent=call.request.headers.get("user-agent", "")
    )
    return await token_answer(parts, call, signed_in, body.client)


def _view(invite: Invite) -> InviteView:
    return InviteView(
        id=invite.id,
        role=invite.role,
        note=invite.note,
        uses=invite.uses,
        max_uses=invite.max_uses,
        created_by=invite.created_by,
        created_at=invite.created_at,
        expires_at=invite.expires_at,
        revoked_at=invite.revoked_at,
    )
