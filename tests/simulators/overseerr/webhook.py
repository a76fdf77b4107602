"""Posts what the service's webhook posts: the admin's JSON with its words put in; decides neither when nor to whom."""

from __future__ import annotations

import json
from typing import Any

import aiohttp

from .notices import Kind, Notice
from .records import MOVIE, Issue, IssueStatus, IssueType, MediaStatus, User
from .world import World

_NAMES = {IssueType.VIDEO: "Video", IssueType.AUDIO: "Audio", IssueType.SUBTITLES: "Subtitle"}
_DECIDED = {
    Kind.MEDIA_PENDING: "New {what} Request",
    Kind.MEDIA_APPROVED: "{what} Request Approved",
    Kind.MEDIA_AUTO_APPROVED: "{what} Request Automatically Approved",
    Kind.MEDIA_AUTO_REQUESTED: "{what} Request Automatically Submitted",
    Kind.MEDIA_AVAILABLE: "{what} Request Now Available",
    Kind.MEDIA_DECLINED: "{what} Request Declined",
    Kind.MEDIA_FAILED: "{what} Request Failed",
    Kind.ISSUE_CREATED: "New {type}Issue Reported",
    Kind.ISSUE_COMMENT: "New Comment on {type}Issue",
    Kind.ISSUE_RESOLVED: "{type}Issue Resolved",
    Kind.ISSUE_REOPENED: "{type}Issue Reopened",
}
_PERSON = ("email", "username", "avatar", "settings_discordId", "settings_telegramChatId")


def _slot(name: str) -> str:
    return "{{" + name + "}}"


def _fields(prefix: str) -> dict[str, str]:
    return {f"{prefix}_{name}": _slot(f"{prefix}_{name}") for name in _PERSON}


USUAL_TEMPLATE = json.dumps(
    {
        "notification_type": "{{notification_type}}",
        "event": "{{event}}",
        "subject": "{{subject}}",
        "message": "{{message}}",
        "image": "{{image}}",
        "{{media}}": {
            "media_type": "{{media_type}}",
            "tmdbId": "{{media_tmdbid}}",
            "tvdbId": "{{media_tvdbid}}",
            "status": "{{media_status}}",
            "status4k": "{{media_status4k}}",
        },
        "{{request}}": {"request_id": "{{request_id}}", **_fields("requestedBy")},
        "{{issue}}": {
            "issue_id": "{{issue_id}}",
            "issue_type": "{{issue_type}}",
            "issue_status": "{{issue_status}}",
            **_fields("reportedBy"),
        },
        "{{comment}}": {"comment_message": "{{comment_message}}", **_fields("commentedBy")},
        "{{extra}}": [],
    },
    indent=4,
)


def body(world: World, notice: Notice, template: str | None = None) -> Any:
    """What is posted. Numbers are text, and what there is nothing of is null, as whole objects, or empty text."""
    said = _words(world, notice)
    there = {"media": notice.media, "request": notice.request, "issue": notice.issue, "comment": notice.comment}
    parsed = json.loads(template or USUAL_TEMPLATE)
    return _filled(parsed, said, {name: one is not None for name, one in there.items()}, _extra(notice))


def _filled(value: Any, said: dict[str, str], there: dict[str, bool], extra: list[dict[str, str]]) -> Any:
    if isinstance(value, str):
        for name, text in said.items():
            value = value.replace(_slot(name), text, 1)
        return value
    if isinstance(value, list):
        return [_filled(one, said, there, extra) for one in value]
    if not isinstance(value, dict):
        return value
    made: dict[str, Any] = {}
    moved: dict[str, Any] = {}
    for key, one in value.items():
        name = key.removeprefix("{{").removesuffix("}}")
        if key == "{{extra}}":
            moved["extra"] = extra
        elif key.startswith("{{") and name in there:
            moved[name] = _filled(one, said, there, extra) if there[name] else None
        else:
            made[key] = _filled(one, said, there, extra)
    return made | moved


def _words(world: World, notice: Notice) -> dict[str, str]:
    request, issue, media, comment = notice.request, notice.issue, notice.media, notice.comment
    said = {"notification_type": notice.kind.name or "", **_texts(world, notice)}
    said |= _person(world, "notifyuser", notice.user)
    said |= {
        "media_tmdbid": str(media.tmdb_id) if media else "",
        "media_tvdbid": str(media.tvdb_id or "") if media else "",
        "media_type": media.type if media else "",
        "media_status": MediaStatus(media.status).name if media else "",
        "media_status4k": MediaStatus(media.status4k).name if media else "",
        "request_id": str(request.id) if request else "",
        **_person(world, "requestedBy", request.requested_by if request else None),
        "issue_id": str(issue.id) if issue else "",
        "issue_type": IssueType(issue.type).name if issue else "",
        "issue_status": IssueStatus(issue.status).name if issue else "",
        **_person(world, "reportedBy", issue.created_by if issue else None),
        "comment_message": comment.message if comment else "",
        **_person(world, "commentedBy", comment.user if comment else None),
    }
    return said


def _person(world: World, prefix: str, user: User | None) -> dict[str, str]:
    known = (user.email, user.display_name, world.avatar(user), "", "") if user else ("",) * len(_PERSON)
    return {f"{prefix}_{name}": text for name, text in zip(_PERSON, known, strict=True)}


def _texts(world: World, notice: Notice) -> dict[str, str]:
    """Event, subject, message and picture."""
    if notice.media is None:
        message = "Check check, 1, 2, 3. Are we coming in clear?"
        return {"event": "", "subject": "Test Notification", "message": message, "image": ""}
    media, request, issue = notice.media, notice.request, notice.issue
    what = f"{'4K ' if request and request.is4k else ''}{'Movie' if media.type == MOVIE else 'Series'}"
    type = f"{_NAMES[issue.type]} " if issue and issue.type in _NAMES else ""
    event = _DECIDED[notice.kind].format(what=what, type=type)
    title = world.catalogue.get(media.type, media.tmdb_id)
    if title is None:
        return {"event": event, "subject": "", "message": _first(issue), "image": ""}
    subject = f"{title.name} ({title.year})" if title.year else title.name
    image = f"https://image.tmdb.org/t/p/w600_and_h900_bestv2{title.poster}" if title.poster else ""
    return {"event": event, "subject": subject, "message": _first(issue) or title.overview[:500], "image": image}


def _first(issue: Issue | None) -> str:
    return issue.comments[0].message if issue and issue.comments else ""


def _extra(notice: Notice) -> list[dict[str, str]]:
    request, issue = notice.request, notice.issue
    if request is not None and request.seasons:
        return [{"name": "Requested Seasons", "value": ", ".join(str(one) for one in request.season_numbers)}]
    if issue is None:
        return []
    said = [("Affected Season", issue.season), ("Affected Episode", issue.episode)]
    return [{"name": name, "value": str(number)} for name, number in said if number]


async def post(url: str, said: Any, authorization: str = "") -> int:
    """Send it. Returns the status of the answer; 0 when nobody could be reached."""
    headers = {"User-Agent": "axios/1.13.2", "Accept": "application/json, text/plain, */*"}
    headers |= {"Authorization": authorization} if authorization else {}
    timeout = aiohttp.ClientTimeout(total=30)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
            session.post(url, json=said, headers=headers) as answer,
        ):
            return answer.status
    except (aiohttp.ClientError, TimeoutError):
        return 0
