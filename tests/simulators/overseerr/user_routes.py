"""The paths below /user: who there is, what each may still ask for, and what each asked for."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from .access import API, Asking, guarded, json_answer
from .contract import NULLABLE, PAGED, TEXT, Rule, Shape, whole
from .paging import paged
from .record_json import new_user_json, row_json, user_json
from .records import MOVIE, TV, Permission, Refused, User
from .world import World

P = Permission
_SORTS = ("created", "updated", "requests", "displayname")
_LIST = Shape(
    {**PAGED, "sort": Rule(among=_SORTS), "q": Rule(seerr=True), "includeIds": Rule(seerr=True)},
)
_ONE = Shape(path=("userId",))
_THEIRS = Shape(PAGED, path=("userId",))
_NEW = Shape(body={"email": TEXT, "username": TEXT, "permissions": NULLABLE})
_IMPORT = Shape(body={"plexIds": TEXT})


def routes(world: World) -> list[web.RouteDef]:
    """All of them."""
    at, manage = f"{API}/user", (P.MANAGE_USERS,)
    return [
        web.get(at, guarded(world, _LIST, _list, ()), name="users"),
        web.post(at, guarded(world, _NEW, _add, manage), name="add_user"),
        web.post(f"{at}/import-from-plex", guarded(world, _IMPORT, _import, manage), name="import_users"),
        web.get(f"{at}/{{userId}}", guarded(world, _ONE, _one, ()), name="user"),
        web.get(f"{at}/{{userId}}/quota", guarded(world, _ONE, _quota, ()), name="quota"),
        web.get(f"{at}/{{userId}}/requests", guarded(world, _THEIRS, _requests, ()), name="user_requests"),
    ]


def _list(asking: Asking) -> dict[str, Any]:
    """Everybody may see who there is; e-mails and Plex ids only who manages users."""
    world, query = asking.world, asking.query
    found = list(world.users.values())
    if text := query.get("q", "").casefold():
        found = [one for one in found if text in one.display_name.casefold() or text in one.email]
    if ids := query.get("includeIds"):
        found = [one for one in found if str(one.id) in ids.split(",")]
    match query.get("sort"):
        case "updated":
            found.sort(key=lambda one: -one.updated_at)
        case "requests":
            found.sort(key=lambda one: -len(world.requests_of(one)))
        case "displayname":
            found.sort(key=lambda one: one.display_name.casefold())
    private = asking.user.may(P.MANAGE_USERS)
    return paged(asking, found, 10, lambda one: user_json(world, one, private=private))


def _find(asking: Asking) -> User:
    found = asking.world.users.get(whole(asking.path["userId"]))
    if found is None:
        raise Refused(404, "User not found.")
    return found


def _one(asking: Asking) -> dict[str, Any]:
    private = asking.user.may(P.MANAGE_USERS)
    return user_json(asking.world, _find(asking), settings=True, private=private)


def _quota(asking: Asking) -> dict[str, Any]:
    world, user = asking.world, asking.user
    if whole(asking.path["userId"]) != user.id and not (user.may(P.MANAGE_USERS) and user.may(P.MANAGE_REQUESTS)):
        raise Refused(403, "You do not have permission to view this user's request limits.")
    found = _find(asking)
    return {MOVIE: world.quota(found, MOVIE), TV: world.quota(found, TV)}


def _requests(asking: Asking) -> dict[str, Any]:
    world, user, found = asking.world, asking.user, _find(asking)
    if found is not user and not user.may(P.MANAGE_REQUESTS, P.REQUEST_VIEW):
        raise Refused(403, "You do not have permission to view this user's requests.")
    theirs = sorted(world.requests_of(found), key=lambda one: -one.id)
    return paged(asking, theirs, 20, lambda one: row_json(world, one))


def _add(asking: Asking) -> web.Response:
    """A local user. The one who has that e-mail already is a conflict."""
    world, body = asking.world, asking.body
    email = str(body.get("email") or body.get("username") or "").lower()
    if any(one.email == email for one in world.users.values()):
        raise Refused(409, "User already exists with submitted email.", errors=["USER_EXISTS"])
    name, secret = body.get("username"), body.get("password")
    made = world.add_user(email, body.get("permissions"), username=name, user_type=2, password=secret)
    said = new_user_json(world, made)
    if "password" in said:
        said["password"] = "$2b$12$" + "x" * 53
    return json_answer(said, 201)


def _import(asking: Asking) -> web.Response:
    """Those Plex accounts become users, unless they are."""
    world, wanted = asking.world, [str(one) for one in asking.body.get("plexIds") or []]
    known = {one.plex_id for one in world.users.values()}
    made = [
        world.add_user(email, plex_username=name, plex_id=id)
        for id, name, email in world.plex_accounts.values()
        if str(id) in wanted and id not in known
    ]
    return json_answer([new_user_json(world, one) for one in made], 201)
