"""What Overseerr and Seerr say instead of doing as asked, put into words a person can act on. Asks nothing."""

from __future__ import annotations

import re
from typing import Final

from pydantic import ValidationError

from medianest_hub.plugin_api import HttpResponse
from medianest_hub.plugin_api.errors import (
    AuthFailed,
    Conflict,
    FieldProblem,
    Forbidden,
    HubError,
    NotFound,
    UpstreamError,
)
from medianest_overseerr.client.answers import Said

SERVICE: Final = "Overseerr"
"""What the service is called in breaker, metrics and words, whichever of the two it is."""

_GENERAL: Final = "You do not have permission to access this endpoint"


class Guarded(UpstreamError):
    """Something in front of Overseerr asks for a password: none of its own answers look like that."""

    def __init__(self) -> None:
        super().__init__(
            f"Something in front of {SERVICE} asks for a password there. Enter the address of {SERVICE} itself.",
            service=SERVICE,
            not_taken=True,
        )


class ActingRefused(Exception):
    """A call in somebody's name was refused without a reason: the key, the user, or what the user may do is wrong."""


class Refused(Forbidden):
    """The user is known to Overseerr, and may not do this there."""


def said(answer: HttpResponse) -> Said:
    """What the answer says of itself; nothing where it is no JSON, or not of that shape."""
    try:
        return Said.model_validate_json(answer.body)
    except ValidationError:
        return Said()


def key_refused() -> AuthFailed:
    """The API key does not hold (any more)."""
    words = f"{SERVICE} refuses the API key. Copy it again from its settings, under General: it may have been renewed there."
    field = FieldProblem(field="api_key", code="refused", message=words)
    return AuthFailed(words, params={"service": SERVICE}, fields=[field])


def csrf_on() -> AuthFailed:
    """Overseerr's protection refuses every change an API key makes."""
    words = (
        f"{SERVICE} takes no changes by API key while its CSRF protection is on. An admin can switch it off in its "
        "settings, under General or Network, and restart it."
    )
    return AuthFailed(words, code="overseerr_csrf", params={"service": SERVICE})


def quota_used(kind: str) -> Forbidden:
    """The person has asked for as much as they may for now."""
    what = "films" if kind == "movie" else "seasons"
    return Forbidden(
        f"You have asked for as many {what} as you may for now. Your quota says how many there are, and over how many days.",
        code="overseerr_quota_used",
        params={"kind": kind},
    )


def no_right(message: str = "") -> Refused:
    """Overseerr does not let the user do that."""
    words = f"{SERVICE} does not let your user there do this."
    if message:
        words += f" It says: {message.rstrip('.')}."
    return Refused(
        f"{words} Whoever runs it can give you the right.", code="overseerr_no_right", params={"service": SERVICE}
    )


def no_title(kind: str) -> NotFound:
    """Both services answer 500 for a number that TMDB does not know, and for a TMDB they cannot reach."""
    what = "film" if kind == "movie" else "series"
    return NotFound(
        f"{SERVICE} finds no such {what}. If there is one, it may not reach TMDB at the moment: try again later.",
        code="overseerr_no_such_title",
        params={"kind": kind},
    )


def no_request() -> NotFound:
    """The request is gone."""
    return NotFound(f"{SERVICE} has no such request (any more).", code="overseerr_request_not_found")


def no_issue() -> NotFound:
    """The issue is gone."""
    return NotFound(f"{SERVICE} has no such issue (any more).", code="overseerr_issue_not_found")


def not_in_library() -> Conflict:
    """An issue is about something Overseerr knows more of than TMDB does."""
    return Conflict(
        "This is not in the library, and nobody asked for it: there is nothing to report about it.",
        code="overseerr_not_in_library",
    )


def no_seasons_left() -> Conflict:
    """202: everything asked for was asked for before, or is there."""
    return Conflict(
        "All of these seasons are there already, or have been asked for. Nothing was asked for anew.",
        code="overseerr_no_seasons_left",
    )


def already_requested(kind: str) -> Conflict:
    """409: somebody asked for it before."""
    what = "film" if kind == "movie" else "series"
    return Conflict(
        f"This {what} has been asked for already, so it need not be asked for again.",
        code="overseerr_already_requested",
        params={"kind": kind},
    )


def blocklisted() -> Forbidden:
    """Whoever runs Overseerr does not want it."""
    return Forbidden("This title is on the list of what is not to be asked for.", code="overseerr_blocklisted")


def refusal(answer: HttpResponse, *, acting: bool, kind: str = "movie") -> HubError:
    """What a 401 or 403 means. `acting`: in somebody's name; raises `ActingRefused` where only that can be the reason."""
    told = said(answer)
    text = (told.message or told.error).lower()
    if not text:
        return Guarded()
    if "csrf" in text:
        return csrf_on()
    if "quota" in text:
        return quota_used(kind)
    if re.search(r"b(lock|lack)list", text):
        return blocklisted()
    if answer.status == 401 and "cookie" in text:
        return key_refused()
    if told.error == _GENERAL or not told.message:
        if acting:
            raise ActingRefused
        return key_refused()
    return no_right(told.message)


def misunderstood(answer: HttpResponse) -> UpstreamError:
    """What else it answered, with its own words where it has any."""
    told = said(answer)
    words = f"{SERVICE} answered {answer.status}"
    if answer.status == 404 and (told.errors or not told.message):
        words += ": it has nothing at that address. See that it is the address of Overseerr or Seerr itself."
        return UpstreamError(words, service=SERVICE, not_taken=True)
    if told.message:
        words += f" and says: {told.message[:200].rstrip('.')}"
    return UpstreamError(f"{words}.", service=SERVICE, not_taken=400 <= answer.status < 500)
