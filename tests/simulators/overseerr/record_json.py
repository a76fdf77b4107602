"""Users, media and requests as the service writes them, in both dialects and in the order of its fields; changes nothing."""

from __future__ import annotations

from typing import Any

from .records import MOVIE, Media, MediaStatus, Permission, Request, User, written
from .world import MACHINE, World


def user_json(world: World, user: User, *, settings: bool = False, private: bool = True) -> dict[str, Any]:
    """`private` is what only the person and those who manage users may read; `settings` as where one user is loaded alone."""
    jellyfin = world.seerr
    return {
        "permissions": int(user.permissions),
        **({"warnings": []} if jellyfin else {}),
        "id": user.id,
        **({"email": user.email} if private else {}),
        "plexUsername": user.plex_username,
        **({"jellyfinUsername": user.jellyfin_username} if jellyfin else {}),
        "username": user.username,
        "recoveryLinkExpirationDate": None,
        "userType": user.user_type,
        **({"plexId": user.plex_id} if private else {}),
        **({"jellyfinUserId": user.jellyfin_id} if jellyfin else {}),
        "avatar": world.avatar(user),
        **({"avatarETag": None, "avatarVersion": None} if jellyfin else {}),
        **_quotas(user),
        "createdAt": written(user.created_at),
        "updatedAt": written(user.updated_at),
        **({"settings": None} if settings else {}),
        "requestCount": len(world.requests_of(user)),
        "displayName": user.display_name,
    }


def new_user_json(world: World, user: User) -> dict[str, Any]:
    """As the service answers right after it made one: Overseerr shows what it should keep to itself."""
    jellyfin = world.seerr
    return {
        "permissions": int(user.permissions),
        **({"warnings": []} if jellyfin else {}),
        "plexUsername": user.plex_username,
        "avatar": world.avatar(user),
        "userType": user.user_type,
        **({"jellyfinUsername": None} if jellyfin else {"plexToken": user.plex_token, "password": user.password}),
        "username": user.username,
        **({} if jellyfin else {"resetPasswordGuid": None}),
        "recoveryLinkExpirationDate": None,
        **({"jellyfinUserId": None, "avatarETag": None, "avatarVersion": None} if jellyfin else {}),
        **_quotas(user),
        "id": user.id,
        "createdAt": written(user.created_at),
        "updatedAt": written(user.updated_at),
    }


def media_json(
    world: World,
    media: Media,
    *,
    requests: bool = False,
    issues: list[dict[str, Any]] | None = None,
    seasons: bool = False,
    watchlists: bool = False,
) -> dict[str, Any]:
    """What is known of a title; the rest says what is loaded with it where it is asked for."""
    return {
        "downloadStatus": [dict(one) for one in media.downloads],
        "downloadStatus4k": [],
        "id": media.id,
        "mediaType": media.type,
        "tmdbId": media.tmdb_id,
        "tvdbId": media.tvdb_id,
        "imdbId": None,
        "status": int(media.status),
        "status4k": int(media.status4k),
        "createdAt": written(media.created_at),
        "updatedAt": written(media.updated_at),
        "lastSeasonChange": written(media.last_season_change),
        "mediaAddedAt": written(media.added_at),
        "serviceId": None if media.external_id is None else 0,
        "serviceId4k": None,
        "externalServiceId": media.external_id,
        "externalServiceId4k": None,
        "externalServiceSlug": None if media.external_id is None else str(media.tmdb_id),
        "externalServiceSlug4k": None,
        "ratingKey": media.rating_key,
        "ratingKey4k": media.rating_key4k,
        **({"jellyfinMediaId": None, "jellyfinMediaId4k": None} if world.seerr else {}),
        **({"watchlists": []} if watchlists and world.seerr else {}),
        **({"requests": [_inner_request(world, one) for one in world.requests_for(media)]} if requests else {}),
        **({} if issues is None else {"issues": issues}),
        **({"seasons": [_season(one) for one in media.seasons]} if seasons else {}),
        **_links(world, media),
    }


def _season(one: Any) -> dict[str, Any]:
    return {
        "id": one.id,
        "seasonNumber": one.number,
        "status": int(one.status),
        "status4k": int(one.status4k),
        "createdAt": written(one.created_at),
        "updatedAt": written(one.updated_at),
    }


def _links(world: World, media: Media) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for key, suffix in ((media.rating_key, ""), (media.rating_key4k, "4k")):
        if key:
            at = f"%2Flibrary%2Fmetadata%2F{key}"
            web = f"https://app.plex.tv/desktop#!/server/{MACHINE}/details?key={at}"
            said[f"{'mediaUrl' if world.seerr else 'plexUrl'}{suffix}"] = web
            said[f"iOSPlexUrl{suffix}"] = f"plex://preplay/?metadataKey={at}&server={MACHINE}"
    if media.external_id is not None:
        said["serviceUrl"] = f"{world.downloader}/{'movie' if media.type == MOVIE else 'series'}/{media.tmdb_id}"
    return said


def _plain_request(request: Request) -> dict[str, Any]:
    return {
        "id": request.id,
        "status": int(request.status),
        "createdAt": written(request.created_at),
        "updatedAt": written(request.updated_at),
        "type": request.type,
        "is4k": request.is4k,
        "serverId": request.server_id,
        "profileId": request.profile_id,
        "rootFolder": request.root_folder,
        "languageProfileId": request.language_profile_id,
        "tags": None,
        "isAutoRequest": request.is_auto_request,
    }


def _seasons_json(request: Request) -> list[dict[str, Any]]:
    return [
        {
            "id": one.id,
            "seasonNumber": one.number,
            "status": int(one.status),
            "createdAt": written(one.created_at),
            "updatedAt": written(one.updated_at),
        }
        for one in request.seasons
    ]


def _person(world: World, user: User | None, *, settings: bool = False) -> dict[str, Any] | None:
    return None if user is None else user_json(world, user, settings=settings)


def _inner_request(world: World, request: Request) -> dict[str, Any]:
    return {
        **_plain_request(request),
        "media": media_json(world, request.media),
        "requestedBy": _person(world, request.requested_by),
        "modifiedBy": _person(world, request.modified_by),
        "seasons": _seasons_json(request),
        "seasonCount": len(request.seasons),
    }


def row_json(world: World, request: Request, viewer: User | None = None) -> dict[str, Any]:
    """A request in a list; `viewer` is given where Seerr says whether its title can be removed from the downloader."""
    there = request.media.external_id is not None
    can_remove = {"canRemove": there} if _says_can_remove(world, viewer) else {}
    return {
        **_plain_request(request),
        "media": media_json(world, request.media),
        "seasons": _seasons_json(request),
        "modifiedBy": _person(world, request.modified_by),
        "requestedBy": _person(world, request.requested_by),
        "seasonCount": len(request.seasons),
        **can_remove,
    }


def _says_can_remove(world: World, viewer: User | None) -> bool:
    return world.seerr and viewer is not None and viewer.may(Permission.MANAGE_REQUESTS)


def request_json(world: World, request: Request) -> dict[str, Any]:
    """One request by itself, or after it was decided."""
    return {
        **_plain_request(request),
        "requestedBy": _person(world, request.requested_by, settings=True),
        "modifiedBy": _person(world, request.modified_by, settings=True),
        "media": media_json(world, request.media, seasons=True),
        "seasons": _seasons_json(request),
        "seasonCount": len(request.seasons),
    }


def new_request_json(world: World, request: Request, before: MediaStatus, *, new_media: bool) -> dict[str, Any]:
    """As answered right after it was made: counts and the title's status are those of before."""
    media = media_json(world, request.media, requests=not new_media, seasons=not new_media)
    if not new_media:
        media["requests"] = [one for one in media["requests"] if one["id"] != request.id]
    media["status4k" if request.is4k else "status"] = int(before)
    people = {"requestedBy": _person(world, request.requested_by, settings=True)}
    if request.modified_by is not None:
        people["modifiedBy"] = _person(world, request.modified_by, settings=True)
    for one in people.values():
        if one is not None and one["id"] == request.requested_by.id:
            one["requestCount"] -= 1
    said = {name: value for name, value in _plain_request(request).items() if name not in ("id", "type")}
    seasons = {} if request.type == MOVIE else {"seasons": _seasons_json(request)}
    return {"type": request.type, "media": media, **people, **said, **seasons, "id": request.id}


def _quotas(user: User) -> dict[str, Any]:
    return {
        "movieQuotaLimit": user.movie_quota_limit,
        "movieQuotaDays": user.movie_quota_days,
        "tvQuotaLimit": user.tv_quota_limit,
        "tvQuotaDays": user.tv_quota_days,
    }
