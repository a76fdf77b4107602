"""The body of the webhook, read with suspicion: by the template of this hub, or by the one the services bring."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from medianest_overseerr.client.answers import Kind

_LARGEST: Final = 2**31 - 1
_KIND: Final = re.compile(r"[A-Z][A-Z_]{1,59}")


def _number(value: Any) -> int | None:
    """A number of theirs; None for whatever else stands there: what they have nothing to say of is empty text."""
    if isinstance(value, str) and value.isascii() and value.strip().isdigit() and len(value) <= 12:
        value = int(value)
    is_one = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _LARGEST
    return value if is_one else None


def _type(value: Any) -> str:
    text = value.strip().upper() if isinstance(value, str) else ""
    return text if _KIND.fullmatch(text) else ""


def _part(value: Any) -> Any:
    return value if isinstance(value, dict) else {}


def _media_kind(value: Any) -> str | None:
    return value if value in ("movie", "tv") else None


Number = Annotated[int | None, BeforeValidator(_number)]
MediaType = Annotated[Kind | None, BeforeValidator(_media_kind)]


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True, populate_by_name=True)


class RequestPart(_Lenient):
    """`{{request}}` of the services' own template."""

    request_id: Number = None


class IssuePart(_Lenient):
    """`{{issue}}` of it."""

    issue_id: Number = None


class MediaPart(_Lenient):
    """`{{media}}` of it."""

    media_type: MediaType = None
    tmdb_id: Annotated[Number, Field(alias="tmdbId")] = None


class Hint(_Lenient):
    """What is told of: a type (empty where there is none), and numbers to look at. Numbers come as text."""

    notification_type: Annotated[str, BeforeValidator(_type)] = ""
    request_id: Number = None
    issue_id: Number = None
    media_type: MediaType = None
    media_tmdbid: Number = None
    request: Annotated[RequestPart, BeforeValidator(_part)] = RequestPart()
    issue: Annotated[IssuePart, BeforeValidator(_part)] = IssuePart()
    media: Annotated[MediaPart, BeforeValidator(_part)] = MediaPart()

    @property
    def request_number(self) -> int | None:
        """Which request it is about."""
        return self.request_id or self.request.request_id

    @property
    def issue_number(self) -> int | None:
        """Which issue it is about."""
        return self.issue_id or self.issue.issue_id

    @property
    def title(self) -> tuple[Kind, int] | None:
        """Which title it is about."""
        kind, number = self.media_type or self.media.media_type, self.media_tmdbid or self.media.tmdb_id
        return None if kind is None or number is None else (kind, number)


TEMPLATE: Final = json.dumps(
    {
        "notification_type": "{{notification_type}}",
        "request_id": "{{request_id}}",
        "issue_id": "{{issue_id}}",
        "media_type": "{{media_type}}",
        "media_tmdbid": "{{media_tmdbid}}",
    },
    indent=4,
)
"""What is to be pasted as JSON payload: no names, no addresses, for nothing else is made use of."""
