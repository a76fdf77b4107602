"""What may be permitted at all, and to one person beyond or short of their role, over HTTP; decides nothing itself."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from medianest_hub.accounts.overrides import Override
from medianest_hub.accounts.people import no_such_person
from medianest_hub.accounts.permissions import CORE
from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api.people import ADMIN, PEOPLE, Role
from medianest_hub.plugin_api.routes import Call, Empty, Router
from medianest_hub.web.auditing import note_for_audit
from medianest_hub.web.routes.people_views import PersonPath

router = Router()

Name = Annotated[str, StringConstraints(min_length=3, max_length=128, pattern=r"^[a-z0-9_-]+\.[a-z0-9_.-]+$")]


class PermissionView(BaseModel):
    """One permission there is. Roles from `default_role` upwards have it; `fixed` ones only by their role."""

    name: str
    title: str
    source: str
    default_role: Role
    fixed: bool


class Permissions(BaseModel):
    """All permissions there are, by name."""

    items: list[PermissionView]
    next_cursor: str | None = None


class OverrideView(BaseModel):
    """A grant (`allowed`) or a denial. It does nothing while not `known`: no plugin declares that permission now."""

    permission: str
    allowed: bool
    known: bool
    set_by: UUID | None
    set_at: datetime


class PermissionsOfPerson(BaseModel):
    """What somebody may: `in_force` is what their role and the overrides come to, nothing unless they are active."""

    role: Role
    in_force: list[str]
    overrides: list[OverrideView]


class Wanted(BaseModel):
    """All overrides of somebody, by permission: true grants, false denies; what is left out is as the role has it."""

    model_config = ConfigDict(extra="forbid")

    overrides: dict[Name, bool] = Field(max_length=500)


@router.get("/api/v1/users/permissions", permission=ADMIN)
async def all_permissions(parts: HubParts, call: Call) -> Permissions:
    """Every permission there is: the core's, and those of the plugins that are installed."""
    return Permissions(
        items=[
            PermissionView(
                name=name,
                title=one.title,
                source=name.partition(".")[0],
                default_role=one.least,
                fixed=name in CORE,
            )
            for name, one in sorted(parts.people.permissions.declared.items())
        ]
    )


@router.get("/api/v1/users/{id}/permissions", permission=ADMIN)
async def permissions_of_person(parts: HubParts, call: Call[PersonPath]) -> PermissionsOfPerson:
    """What somebody may, and why. 404 `no_such_person`."""
    return await _answer(parts, call.path.id, await parts.overrides.of_person(call.path.id))


@router.put("/api/v1/users/{id}/permissions", permission=PEOPLE)
async def set_permissions(parts: HubParts, call: Call[PersonPath, Empty, Wanted]) -> PermissionsOfPerson:
    """Grant and deny somebody permissions beyond and short of their role, in place of those set before.

    In force at once, everywhere. 400 `override_refused` for the hub's own permissions (`hub.…`), which follow the role,
    and for permissions nobody declares.
    """
    wanted = call.body.overrides
    note_for_audit(  # noted first: of what is refused, too, it is to be known what was wanted
        target=await parts.people.get(call.path.id),
        granted=sorted(name for name, allowed in wanted.items() if allowed),
        denied=sorted(name for name, allowed in wanted.items() if not allowed),
    )
    done = await parts.overrides.replace(call.path.id, wanted, call.caller.id)
    note_for_audit(
        granted_before=[one.permission for one in done.before if one.allowed],
        denied_before=[one.permission for one in done.before if not one.allowed],
    )
    return await _answer(parts, call.path.id, done.now)


async def _answer(parts: HubParts, person_id: UUID, overrides: list[Override]) -> PermissionsOfPerson:
    person = await parts.people.get(person_id)
    if person is None:
        raise no_such_person()
    return PermissionsOfPerson(
        role=person.role,
        in_force=sorted(person.permissions),
        overrides=[
            OverrideView(
                permission=one.permission, allowed=one.allowed, known=one.known, set_by=one.set_by, set_at=one.set_at
            )
            for one in overrides
        ],
    )
