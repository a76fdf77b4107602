"""People over HTTP: admins see to everybody's account, everybody to their own name; decides nothing itself."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from medianest_hub.accounts.account import Status
from medianest_hub.accounts.email_addresses import LONGEST, PLAIN
from medianest_hub.accounts.password_links import PasswordLink
from medianest_hub.accounts.people import no_such_person
from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api.answers import Page
from medianest_hub.plugin_api.errors import Conflict
from medianest_hub.plugin_api.people import ACCOUNT, ADMIN, PEOPLE, Person, Role
from medianest_hub.plugin_api.routes import Call, Empty, Router
from medianest_hub.web.auditing import note_for_audit
from medianest_hub.web.one_line import ONE_LINE
from medianest_hub.web.routes.auth import Ended, Sessions, session_answer
from medianest_hub.web.routes.people_views import PersonPath, PersonView, person_view, person_views

router = Router()
local_router = Router()
"""What there is only where people may sign in with a password of the hub's own (`auth.local`)."""


DisplayName = Annotated[str, Field(max_length=200), *ONE_LINE]
Email = Annotated[str, StringConstraints(max_length=LONGEST, pattern=PLAIN)]


class PeopleWanted(BaseModel):
    """Whom to list: `q` is in a name or an e-mail address; `cursor` is the `next_cursor` of the page before."""

    model_config = ConfigDict(extra="forbid")

    q: str | None = Field(default=None, min_length=1, max_length=100)
    status: Status | None = None
    role: Role | None = None
    cursor: str | None = Field(default=None, min_length=1, max_length=256)
    limit: int = Field(default=50, ge=1, le=200)


class NewPerson(BaseModel):
    """Somebody new. Without a password they are `invited` and get a link by which they choose one.

    Where `auth.local` is off there is neither: they sign in by a provider that proves the e-mail address.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    username: str = Field(min_length=1, max_length=256)
    password: SecretStr | None = Field(default=None, min_length=1, max_length=1024)
    display_name: DisplayName = ""
    email: Email | None = None
    role: Role = Role.MEMBER


class Link(BaseModel):
    """A one-time link by which somebody sets their password; it is shown this once."""

    url: str
    expires_at: str


class MadePerson(BaseModel):
    """Who was made; `password_link` for somebody without a password, where passwords are a way in."""

    user: PersonView
    password_link: Link | None = None


class PersonChange(BaseModel):
    """What is to change; what is left out stays. An `email` of null removes it."""

    model_config = ConfigDict(extra="forbid")

    display_name: DisplayName | None = None
    email: Email | None = None
    role: Role | None = None
    status: Literal["active", "disabled"] | None = None


class OwnChange(BaseModel):
    """What everybody may change of their own account."""

    model_config = ConfigDict(extra="forbid")

    display_name: DisplayName


@router.get("/api/v1/users", permission=ADMIN)
async def list_people(parts: HubParts, call: Call[Empty, PeopleWanted]) -> Page[PersonView]:
    """Everybody, by username."""
    wanted = call.query
    found = await parts.people.list(
        after=wanted.cursor or "", limit=wanted.limit + 1, status=wanted.status, role=wanted.role, text=wanted.q
    )
    items = found[: wanted.limit]
    more = len(found) > wanted.limit
    return Page(items=await person_views(parts, items), next_cursor=items[-1].username if more else None)


@router.post("/api/v1/users", permission=PEOPLE, body_limit=16 * 1024, status=201)
async def make_person(parts: HubParts, call: Call[Empty, Empty, NewPerson]) -> MadePerson:
    """Make somebody. An e-mail address an admin writes counts as verified.

    409 `username_taken`, `local_off` for a password where none is a way in; 400 `username_refused` or `password_refused`
    says why.
    """
    body, local = call.body, parts.settings.auth.local
    if body.password is not None and not local:
        raise Conflict("Nobody signs in with a password here (auth.local is off); leave it out.", code="local_off")
    person = await parts.people.create(
        body.username,
        body.password.get_secret_value() if body.password is not None else None,
        body.role,
        display_name=body.display_name,
        email=body.email,
        email_verified=body.email is not None,
        status="active" if body.password is not None else "invited",
        by=call.caller.id,
    )
    note_for_audit(target=person, role=person.role.value)
    link = None
    if body.password is None and local:
        link = _link(call, await parts.password_links.make(person.id, call.caller.id))
    return MadePerson(user=await person_view(parts, person.id), password_link=link)


@router.get("/api/v1/users/me", permission=ACCOUNT)
async def who_am_i(parts: HubParts, call: Call) -> PersonView:
    """The caller's own account."""
    return await person_view(parts, call.caller.id)


@router.patch("/api/v1/users/me", permission=ACCOUNT, body_limit=4 * 1024)
async def change_own(parts: HubParts, call: Call[Empty, Empty, OwnChange]) -> PersonView:
    """Change how the caller is called."""
    await parts.people.change(call.caller.id, display_name=call.body.display_name, by=call.caller.id)
    note_for_audit(target=call.caller)
    return await person_view(parts, call.caller.id)


@router.get("/api/v1/users/{id}", permission=ADMIN)
async def one_person(parts: HubParts, call: Call[PersonPath]) -> PersonView:
    """One person. 404 `no_such_person`."""
    return await person_view(parts, call.path.id)


@router.patch("/api/v1/users/{id}", permission=PEOPLE, body_limit=8 * 1024)
async def change_person(parts: HubParts, call: Call[PersonPath, Empty, PersonChange]) -> PersonView:
    """Change somebody's name, address, role or status; making somebody `active` approves a newcomer.

    An e-mail address an admin writes counts as verified. The sessions and API keys of somebody disabled end at once,
    everywhere. 409 `last_admin` when no active admin would be left, `no_way_in` for making active who has nothing to sign
    in with: make a password link for them.
    """
    body, given = call.body, call.body.model_fields_set
    before = await parts.people.account(call.path.id)
    if before is not None:  # noted first: of what is refused, too, it is to be known what was wanted
        note_for_audit(
            target=Person(before.id, before.username, before.role),
            fields=sorted(given),
            role_before=before.role.value,
            role=(body.role or before.role).value,
            status_before=before.status,
            status=body.status or before.status,
        )
    account = await parts.leaving.change(
        call.path.id,
        role=body.role,
        status=body.status,
        display_name=body.display_name,
        email=(body.email or "") if "email" in given else None,
        by=call.caller.id,
    )
    return await person_view(parts, account.id)


@router.delete("/api/v1/users/{id}", permission=PEOPLE)
async def remove_person(parts: HubParts, call: Call[PersonPath]) -> None:
    """Delete somebody's account and what is kept of it; their sessions and API keys end at once, everywhere.

    Plugins remove what they hold of them soon after. 409 `last_admin` when no active admin would be left.
    """
    account = await parts.leaving.remove(call.path.id, by=call.caller.id)
    note_for_audit(target=Person(account.id, account.username, account.role))


@router.get("/api/v1/users/{id}/sessions", permission=ADMIN)
async def sessions_of_person(parts: HubParts, call: Call[PersonPath]) -> Sessions:
    """Somebody's live sessions, lately used first. 404 `no_such_person`."""
    await _known(parts, call.path.id)
    found = await parts.sessions.of_person(call.path.id)
    return Sessions(items=[session_answer(one, None) for one in found])


@router.delete("/api/v1/users/{id}/sessions", permission=ADMIN)
async def end_sessions_of_person(parts: HubParts, call: Call[PersonPath]) -> Ended:
    """End all sessions of somebody, everywhere at once. API keys are left alone. 404 `no_such_person`."""
    note_for_audit(target=await _known(parts, call.path.id))
    return Ended(ended=await parts.sessions.end_all(call.path.id, reason="ended_by_admin"))


@local_router.post("/api/v1/users/{id}/password-link", permission=PEOPLE, body_limit=1024, status=201)
async def make_password_link(parts: HubParts, call: Call[PersonPath]) -> Link:
    """A link by which somebody sets a new password, good once and for 24 hours; an older one of theirs is void.

    403 `account_inactive` for somebody disabled.
    """
    note_for_audit(target=await _known(parts, call.path.id))
    return _link(call, await parts.password_links.make(call.path.id, call.caller.id))


async def _known(parts: HubParts, person_id: UUID) -> Person:
    person = await parts.people.get(person_id)
    if person is None:
        raise no_such_person()
    return person


def _link(call: Call[PersonPath] | Call[Empty, Empty, NewPerson], made: PasswordLink) -> Link:
    # The token is in the fragment: it reaches no server but by the page's own request, and no log.
    return Link(
        url=f"{call.request.base_url}/reset-password#{made.token}",
        expires_at=made.expires_at.isoformat().replace("+00:00", "Z"),
    )
