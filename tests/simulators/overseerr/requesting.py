"""The rules of asking for a title: who may, what is left of it, what is approved at once; decides nothing over HTTP."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from .catalogue import Title
from .contract import whole
from .notices import Kind, Notice
from .records import (
    MOVIE,
    TV,
    Media,
    MediaStatus,
    Permission,
    Refused,
    Request,
    RequestStatus,
    SeasonRequest,
    User,
)
from .world import World

P = Permission
_MAY_ASK = {
    (MOVIE, False): (P.REQUEST, P.REQUEST_MOVIE),
    (MOVIE, True): (P.REQUEST_4K, P.REQUEST_4K_MOVIE),
    (TV, False): (P.REQUEST, P.REQUEST_TV),
    (TV, True): (P.REQUEST_4K, P.REQUEST_4K_TV),
}
_AT_ONCE = {
    (MOVIE, False): (P.AUTO_APPROVE, P.AUTO_APPROVE_MOVIE, P.MANAGE_REQUESTS),
    (MOVIE, True): (P.AUTO_APPROVE_4K, P.AUTO_APPROVE_4K_MOVIE, P.MANAGE_REQUESTS),
    (TV, False): (P.AUTO_APPROVE, P.AUTO_APPROVE_TV, P.MANAGE_REQUESTS),
    (TV, True): (P.AUTO_APPROVE_4K, P.AUTO_APPROVE_4K_TV, P.MANAGE_REQUESTS),
}
NOTHING_LEFT = "No seasons available to request"


class Made(NamedTuple):
    """A new request, whether nothing was known of its title before, and the title's status before an approval."""

    request: Request
    new_media: bool
    status: MediaStatus


def ask(world: World, user: User, body: dict[str, Any]) -> Made:
    """A new request. Raises Refused: 202, 403, 409 or 500.

    Without `is4k` the service finds no earlier request, so a second one for the same title passes.
    """
    kind, is4k = body["mediaType"], body.get("is4k")
    wants = _for_whom(world, user, body)
    if not wants.may(*_MAY_ASK[kind, bool(is4k)]):
        what = f"{'4K ' if is4k else ''}{'movie' if kind == MOVIE else 'series'}"
        raise Refused(403, f"You do not have permission to make {what} requests.")
    quota = world.quota(wants, kind)
    exceeded = Refused(403, f"{'Movie' if kind == MOVIE else 'Series'} Quota exceeded.")
    if quota["restricted"]:
        raise exceeded
    title = world.catalogue.get(kind, whole(body["mediaId"]))
    if title is None:
        what = "movie details" if kind == MOVIE else "TV show details"
        raise Refused(500, f"[TMDB] Failed to fetch {what}: Request failed with status code 404")
    media = world.find_media(kind, title.id)
    if media is not None and media.status is MediaStatus.BLOCKLISTED:
        raise Refused(403, "This media is blocklisted.")
    if kind == MOVIE:
        _refuse_another(world, media, is4k)
    if kind == TV and body.get("seasons") is None:
        raise Refused(500, "Cannot read properties of undefined (reading 'filter')")
    seasons = _seasons_left(world, title, media, body["seasons"], is4k) if kind == TV else []
    if kind == TV and quota.get("limit") and len(seasons) > quota["remaining"]:
        raise exceeded
    is_new = media is None
    known = world.add_media(kind, title.id, body.get("tvdbId") or title.tvdb_id) if media is None else media
    if known.status_of(is4k=bool(is4k)) in (MediaStatus.UNKNOWN, MediaStatus.DELETED):
        known.put(MediaStatus.PENDING, is4k=bool(is4k))
    approved = user.may(*_AT_ONCE[kind, bool(is4k)])
    before = known.status_of(is4k=bool(is4k))
    return Made(_add(world, known, wants, user if approved else None, seasons, body), is_new, before)


def _for_whom(world: World, user: User, body: dict[str, Any]) -> User:
    other = body.get("userId")
    if not other:
        return user
    if not (user.may(P.MANAGE_USERS) and user.may(P.MANAGE_REQUESTS)):
        raise Refused(403, "You do not have permission to modify the request user.")
    found = world.users.get(whole(other))
    if found is None:
        raise Refused(500, 'Could not find any entity of type "User" matching the id')
    return found


def _refuse_another(world: World, media: Media | None, is4k: bool | None) -> None:
    done = (RequestStatus.DECLINED, RequestStatus.COMPLETED)
    earlier = [one for one in world.requests_for(media) if one.is4k is is4k] if media is not None else []
    if earlier and earlier[0].status not in done:
        raise Refused(409, "Request for this media already exists.")


def _seasons_left(world: World, title: Title, media: Media | None, asked: Any, is4k: bool | None) -> list[int]:
    numbers: list[int] = list(asked) if asked != "all" else title.seasons
    if asked == "all" and world.seerr and not world.settings.special_episodes:
        numbers = [one for one in numbers if one > 0]
    left = [one for one in numbers if one not in taken(world, media, is4k)]
    if not left:
        raise Refused(202, NOTHING_LEFT)
    return left


def taken(world: World, media: Media | None, is4k: bool | None, but: Request | None = None) -> set[int]:
    """Seasons somebody else asked for already, or that are there."""
    if media is None:
        return set()
    done = (RequestStatus.DECLINED, RequestStatus.COMPLETED)
    asked = {number for one in world.requests_for(media) if one.is4k is is4k and one.status not in done
             and one is not but for number in one.season_numbers}  # fmt: skip
    free = (MediaStatus.UNKNOWN, MediaStatus.DELETED)
    there = {one.number for one in media.seasons if (one.status4k if is4k else one.status) not in free}
    return asked | there


def season_requests(world: World, numbers: Iterable[int], status: RequestStatus) -> list[SeasonRequest]:
    """A record for each season asked for."""
    now = world.now()
    return [SeasonRequest(world.next("season_request"), one, status, now, now) for one in numbers]


def _add(
    world: World, media: Media, wants: User, approver: User | None, seasons: list[int], body: dict[str, Any]
) -> Request:
    now = world.now()
    status = RequestStatus.PENDING if approver is None else RequestStatus.APPROVED
    made = Request(world.next("request"), media, wants, status, now, now, bool(body.get("is4k")), approver)
    made.seasons = season_requests(world, seasons, status)
    made.server_id, made.profile_id = body.get("serverId"), body.get("profileId")
    made.root_folder, made.language_profile_id = body.get("rootFolder"), body.get("languageProfileId")
    world.requests[made.id] = made
    if approver is None:
        world.tell(Notice(Kind.MEDIA_PENDING, media, request=made))
        return made
    world.tell(Notice(Kind.MEDIA_AUTO_APPROVED, media, request=made))
    follow(world, made)
    return made


def approve(world: World, request: Request, by: User | None) -> None:
    """An admin, or who stands in for one, says yes; who asked is told unless it was said before, or the title is there."""
    said_before = request.status is RequestStatus.APPROVED or world.is_there(request)
    _decide(world, request, RequestStatus.APPROVED, by)
    if not said_before:
        world.tell(Notice(Kind.MEDIA_APPROVED, request.media, request=request, user=request.requested_by))
    follow(world, request)


def decline(world: World, request: Request, by: User | None) -> None:
    """An admin says no: a title nobody else waits for is unknown again."""
    _decide(world, request, RequestStatus.DECLINED, by)
    world.tell(Notice(Kind.MEDIA_DECLINED, request.media, request=request, user=request.requested_by))
    media, is4k = request.media, request.is4k
    waiting = [one for one in world.requests_for(media) if one.status is RequestStatus.PENDING]
    status = media.status_of(is4k=is4k)
    if (request.type == MOVIE and status is not MediaStatus.DELETED) or (
        request.type == TV and not waiting and status is MediaStatus.PENDING
    ):
        media.put(MediaStatus.UNKNOWN, is4k=is4k)
        world.touch(media)


def fail(world: World, request: Request) -> None:
    """Radarr or Sonarr refused it: it can be tried again."""
    request.status = RequestStatus.FAILED
    request.media.put(MediaStatus.UNKNOWN, is4k=request.is4k)
    world.touch(request, request.media)
    world.tell(Notice(Kind.MEDIA_FAILED, request.media, request=request))


def follow(world: World, request: Request) -> None:
    """What an approval brings about: the title is on its way unless it is there, or the downloader refuses it."""
    for season in request.seasons:
        season.status = request.status
    media = request.media
    if media.status_of(is4k=request.is4k) not in (MediaStatus.AVAILABLE, MediaStatus.PARTIALLY_AVAILABLE):
        media.put(MediaStatus.PROCESSING, is4k=request.is4k)
        world.touch(media)
    if world.downloader and not world.broken_downloader:
        media.external_id = media.external_id or 100 + media.id
    if world.broken_downloader:
        fail(world, request)


def remove(world: World, request: Request) -> None:
    """It is gone: a title nobody else asked for is unknown again unless it is there."""
    world.requests.pop(request.id, None)
    media, is4k = request.media, request.is4k
    others = [one for one in world.requests_for(media) if one.is4k == is4k]
    if not others and media.status_of(is4k=is4k) not in (MediaStatus.AVAILABLE, MediaStatus.PARTIALLY_AVAILABLE):
        media.put(MediaStatus.UNKNOWN, is4k=is4k)
        world.touch(media)


def _decide(world: World, request: Request, status: RequestStatus, by: User | None) -> None:
    request.status = status
    request.modified_by = by
    for season in request.seasons:
        season.status = status
    world.touch(request)
