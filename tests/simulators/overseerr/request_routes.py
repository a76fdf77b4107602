"""The paths below /request: lists, counts, asking, deciding and taking back; the rules of asking are `requesting`'s."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from . import requesting
from .access import API, Asking, guarded, json_answer
from .contract import NULLABLE, PAGED, TEXT, Rule, Shape, refusal, whole
from .paging import paged
from .record_json import new_request_json, request_json, row_json
from .records import (
    MOVIE,
    TV,
    MediaStatus,
    Permission,
    Refused,
    Request,
    RequestStatus,
    User,
)
from .world import World

P = Permission
_LIST = Shape(
    {
        **PAGED,
        "filter": Rule(
            null=True,
            among=("all", "approved", "available", "pending", "processing", "unavailable", "failed"),
            among_seerr=("deleted", "completed"),
        ),
        "sort": Rule(among=("added", "modified")),
        "sortDirection": Rule(null=True, among=("asc", "desc"), seerr=True),
        "requestedBy": NULLABLE,
        "mediaType": Rule(null=True, among=("movie", "tv", "all"), seerr=True),
    }
)
_NEW = Shape(body={
    "mediaType": Rule(required=True, among=(MOVIE, TV)), "mediaId": Rule(required=True, number=True), "tvdbId": Rule(number=True),
    "serverId": Rule(number=True), "profileId": Rule(number=True), "languageProfileId": Rule(number=True), "userId": NULLABLE,
})  # fmt: skip
_CHANGED = Shape(body={"mediaType": Rule(required=True, among=(MOVIE, TV)), "userId": NULLABLE, "rootFolder": TEXT})
_PLAIN = Shape()
_ON_THE_WAY = (
    MediaStatus.UNKNOWN,
    MediaStatus.PENDING,
    MediaStatus.PROCESSING,
    MediaStatus.PARTIALLY_AVAILABLE,
)
_SEES_ALL = (P.MANAGE_REQUESTS, P.REQUEST_VIEW)


def routes(world: World) -> list[web.RouteDef]:
    """All of them."""
    manage = (P.MANAGE_REQUESTS,)
    at = f"{API}/request"
    return [
        web.get(at, guarded(world, _LIST, _list, ()), name="requests"),
        web.post(at, guarded(world, _NEW, _ask, ()), name="ask"),
        web.get(f"{at}/count", guarded(world, _PLAIN, _count, ()), name="request_count"),
        web.get(f"{at}/{{requestId}}", guarded(world, _PLAIN, _one, ()), name="request"),
        web.put(f"{at}/{{requestId}}", guarded(world, _CHANGED, _change, ()), name="change_request"),
        web.delete(f"{at}/{{requestId}}", guarded(world, _PLAIN, _delete, ()), name="delete_request"),
        web.post(f"{at}/{{requestId}}/retry", guarded(world, _PLAIN, _retry, manage), name="retry"),
        web.post(f"{at}/{{requestId}}/{{status:approve|decline}}", guarded(world, _PLAIN, _decide, manage), name="decide"),
    ]  # fmt: skip


def allowed_of(request: Request, filter: str, *, seerr: bool) -> bool:
    """Whether a request is in the list of that filter."""
    status, media = request.status, request.media.status_of(is4k=request.is4k)
    match filter:
        case "approved":
            return status is RequestStatus.APPROVED
        case "processing":
            return status is RequestStatus.APPROVED and media in _ON_THE_WAY
        case "pending":
            return status is RequestStatus.PENDING
        case "unavailable":
            return status in (RequestStatus.PENDING, RequestStatus.APPROVED) and media in _ON_THE_WAY
        case "failed":
            return status is RequestStatus.FAILED
        case "available":
            done = RequestStatus.COMPLETED if seerr else RequestStatus.APPROVED
            return status is done and media is MediaStatus.AVAILABLE
        case "completed":
            return status is RequestStatus.COMPLETED
        case "deleted":
            return status is RequestStatus.COMPLETED and media is MediaStatus.DELETED
        case _:
            return True


def _list(asking: Asking) -> dict[str, Any]:
    world, user, query = asking.world, asking.user, asking.query
    by = asking.number("requestedBy", 0)
    if not user.may(*_SEES_ALL):
        if by and by != user.id:
            raise Refused(403, "You do not have permission to view this user's requests.")
        by = user.id
    found = [
        one
        for one in world.requests.values()
        if (not by or one.requested_by.id == by)
        and query.get("mediaType", "all") in ("all", "", one.type)
        and allowed_of(one, query.get("filter", "all"), seerr=world.seerr)
    ]
    found.sort(key=(lambda one: (one.updated_at, one.id)) if query.get("sort") == "modified" else lambda one: one.id)
    if query.get("sortDirection") != "asc":
        found.reverse()
    said = paged(asking, found, 10, lambda one: row_json(world, one, user))
    return {**said, "serviceErrors": {"radarr": [], "sonarr": []}} if world.seerr else said


def _count(asking: Asking) -> dict[str, int]:
    """Everyone's, whoever asks."""
    every = list(asking.world.requests.values())

    def of(*statuses: RequestStatus) -> list[Request]:
        return [one for one in every if one.status in statuses]

    approved = of(RequestStatus.APPROVED)
    there = [one for one in approved if one.media.status_of(is4k=one.is4k) is MediaStatus.AVAILABLE]
    said = {
        "total": len(every),
        "movie": sum(one.type == MOVIE for one in every),
        "tv": sum(one.type == TV for one in every),
        "pending": len(of(RequestStatus.PENDING)),
        "approved": len(approved),
        "declined": len(of(RequestStatus.DECLINED)),
        "processing": len(approved) - len(there),
        "available": len(there),
    }
    return {**said, "completed": len(of(RequestStatus.COMPLETED))} if asking.world.seerr else said


def _ask(asking: Asking) -> web.Response:
    _check_seasons(asking.body.get("seasons"))
    made = requesting.ask(asking.world, asking.user, asking.body)
    said = new_request_json(asking.world, made.request, made.status, new_media=made.new_media)
    return json_answer(said, 201)


def _check_seasons(value: Any) -> None:
    """Numbers, or all; nothing at all is left to the rules."""
    numbers = isinstance(value, list) and all(type(one) in (int, float) and one >= 0 for one in value)
    if value is not None and value != "all" and not numbers:
        raise refusal("body", "seasons", "should match exactly one schema in oneOf", "oneOf")


def _find(asking: Asking) -> Request:
    text = asking.path["requestId"]
    found = asking.world.requests.get(whole(text)) if text.isdecimal() else None
    if found is None:
        raise Refused(404, "Request not found.")
    return found


def _one(asking: Asking) -> dict[str, Any]:
    found = _find(asking)
    if found.requested_by is not asking.user and not asking.user.may(*_SEES_ALL):
        raise Refused(403, "You do not have permission to view this request.")
    return request_json(asking.world, found)


def _change(asking: Asking) -> dict[str, Any]:
    world, user, body, found = asking.world, asking.user, asking.body, _find(asking)
    own = found.requested_by is user and (body["mediaType"] == TV or user.may(P.REQUEST_ADVANCED))
    if not own and not user.may(P.MANAGE_REQUESTS):
        raise Refused(403, "You do not have permission to modify this request.")
    other = body.get("userId")
    if other and other != found.requested_by.id:
        if not (user.may(P.MANAGE_USERS) and user.may(P.MANAGE_REQUESTS)):
            raise Refused(403, "You do not have permission to modify the request user.")
        found.requested_by = _user(world, other)
    if found.type == TV:
        _check_seasons(body.get("seasons"))
        wanted = body.get("seasons") or []
        if not wanted:
            raise Refused(500, "Missing seasons. If you want to cancel a series request, use the DELETE method.")
        left = [one for one in wanted if one not in requesting.taken(world, found.media, found.is4k, found)]
        if not left:
            raise Refused(202, requesting.NOTHING_LEFT)
        kept = [one for one in found.seasons if one.number in left]
        new = [one for one in left if one not in found.season_numbers]
        found.seasons = kept + requesting.season_requests(world, new, RequestStatus.PENDING)
    found.server_id, found.profile_id = body.get("serverId"), body.get("profileId")
    found.root_folder = body.get("rootFolder")
    world.touch(found)
    return request_json(world, found)


def _user(world: World, id: int) -> User:
    found = world.users.get(whole(id))
    if found is None:
        raise Refused(500, 'Could not find any entity of type "User" matching the id')
    return found


def _delete(asking: Asking) -> web.Response:
    """Who does not manage requests may take back their own that is pending; Overseerr lets pass what is either."""
    found, user = _find(asking), asking.user
    own, pending = found.requested_by is user, found.status is RequestStatus.PENDING
    allowed = own and pending if asking.world.seerr else own or pending
    if not user.may(P.MANAGE_REQUESTS) and not allowed:
        raise Refused(401, "You do not have permission to delete this request.")
    requesting.remove(asking.world, found)
    return web.Response(status=204)


def _retry(asking: Asking) -> dict[str, Any]:
    """Sends it to the downloader again, whatever its status was."""
    world, found = asking.world, _find(asking)
    found.status = RequestStatus.APPROVED
    requesting.follow(world, found)
    return request_json(world, found)


def _decide(asking: Asking) -> dict[str, Any]:
    """The answer shows the title's status as it was before."""
    world, found = asking.world, _find(asking)
    before = found.media.status_of(is4k=found.is4k)
    decide = requesting.approve if asking.path["status"] == "approve" else requesting.decline
    decide(world, found, asking.user)
    said = request_json(world, found)
    said["media"]["status4k" if found.is4k else "status"] = int(before)
    return said
