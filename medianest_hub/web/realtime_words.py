"""What pages say, read with suspicion, and how refusals are worded for them. Knows no connection."""

from __future__ import annotations

from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import structlog

from medianest_hub.plugin_api.errors import BadInput, HubError, Unauthorized

log = structlog.get_logger(__name__)

_LARGEST_CURSOR: Final = 2**63 - 1


def token_said(said: object) -> str:
    """The token somebody sent. Raises `Unauthorized`."""
    token = said.get("token") if isinstance(said, dict) else None
    if not isinstance(token, str) or not token:
        raise Unauthorized("Send your access token as `token`.", code="token_missing")
    return token


def cursor_said(said: object) -> int | None:
    """The cursor somebody sent in an object, None without one. Raises `BadInput`."""
    if said is None:
        return None
    if not isinstance(said, dict):
        raise BadInput("Send an object that holds `cursor`, or nothing.", code="bad_cursor")
    cursor = said.get("cursor")
    if cursor is None:
        return None
    if isinstance(cursor, bool) or not isinstance(cursor, int) or not 0 <= cursor <= _LARGEST_CURSOR:
        raise BadInput("`cursor` is a whole number, as it came with an event.", code="bad_cursor")
    return cursor


def refusal(error: Exception) -> tuple[str, dict[str, Any]]:
    """A code and words for the page; nothing of what it did not cause."""
    if isinstance(error, HubError):
        words: dict[str, Any] = {"code": error.error_code, "message": error.message}
        if error.retry_after is not None:
            words["retry_after"] = error.retry_after
        return error.error_code, words
    log.error("socket_request_failed", exc_info=error)
    return "internal_error", {"code": "internal_error", "message": "Something went wrong; try again later."}


async def answered(work: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    """Its answer with `ok`, or why there is none: a page must not wait for an acknowledgement that never comes."""
    try:
        return {"ok": True, **await work}
    except Exception as error:
        code, words = refusal(error)
        return {"ok": False, **words, "code": code}


def uuid_of(value: object) -> UUID | None:
    """The id it is, None for anything else."""
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def moment(seconds: float) -> str:
    """Unix seconds as RFC 3339."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
