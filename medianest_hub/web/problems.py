"""Errors as RFC 9457 problems: what went wrong, a stable code, the request id; never a traceback or anything internal."""

from __future__ import annotations

import json
import math
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from sanic.exceptions import MethodNotAllowed, SanicException

from medianest_hub.infrastructure.known_secrets import hide
from medianest_hub.plugin_api.errors import AuthFailed, FieldProblem, HubError, UpstreamError
from medianest_hub.web.header_block import Answer, HeaderBlock, header_lines, header_value

PROBLEM_TYPE = b"application/problem+json"


class Problem(BaseModel):
    """How every refusal and failure looks (`application/problem+json`)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    params: dict[str, str | int | float | bool] = {}
    errors: list[FieldProblem] = []


class UnsupportedMedia(HubError):
    """The body is not of a kind this route reads. 415."""

    code = "unsupported_media_type"
    status = 415


class SlowBody(HubError):
    """The body did not arrive in time. 408."""

    code = "request_timeout"
    status = 408


class HandlerTooSlow(HubError):
    """The handler did not answer within its deadline. 504."""

    code = "deadline_exceeded"
    status = 504


class Internal(HubError):
    """Something here is broken; the log knows what. 500."""

    code = "internal_error"
    status = 500


class FromSanic(HubError):
    """A refusal by Sanic itself, in our words; `allow` are the methods a path knows."""

    def __init__(self, status: int, message: str, allow: tuple[str, ...] = ()) -> None:
        self.status = status  # type: ignore[misc]
        super().__init__(message, code=_CODES.get(status, "bad_request" if status < 500 else "internal_error"))
        self.allow = allow


_CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "too_large",
    414: "uri_too_long",
    417: "expectation_failed",
    503: "unavailable",
}
_WORDS = {
    400: "This is not a request the server can read.",
    404: "There is nothing at this address.",
    405: "This address does not know that method.",
    408: "The request did not arrive in time.",
    413: "The request is larger than the server takes.",
    414: "The address is longer than the server takes.",
    417: "The server cannot do what `Expect` asks for.",
    503: "The server cannot answer now; try again shortly.",
}
_INTERNAL = "Something went wrong here. The log knows it by the request id."


def of_sanic(error: SanicException) -> HubError:
    """What Sanic refused, as one of ours."""
    status = error.status_code
    if status >= 500 and status != HTTPStatus.SERVICE_UNAVAILABLE:
        return Internal(_INTERNAL)
    allow: tuple[str, ...] = ()
    if isinstance(error, MethodNotAllowed):
        allow = tuple(sorted({*(error.headers.get("Allow") or "").replace(",", " ").split(), "OPTIONS"}))
    return FromSanic(status, _WORDS.get(status, "The server refuses this request."), allow)


def internal() -> HubError:
    """What a caller is told of an error nobody foresaw."""
    return Internal(_INTERNAL)


def status_of(error: HubError) -> int:
    """The HTTP status: an outside service that refuses our credentials is no 401 of ours."""
    if isinstance(error, AuthFailed | UpstreamError):
        return error.status if error.status in (502, 504) else 502
    return error.status if 400 <= error.status < 600 else 500


def problem_answer(error: HubError, request_id: str, block: HeaderBlock, extra: bytes) -> Answer:
    """The answer for an error. `extra` are this request's own header lines."""
    status = status_of(error)
    lines = block.lines(PROBLEM_TYPE) + extra
    pairs: list[tuple[bytes, bytes]] = []
    if error.retry_after is not None:
        pairs.append((b"retry-after", b"%d" % max(1, math.ceil(error.retry_after))))
    if status == HTTPStatus.UNAUTHORIZED:
        pairs.append((b"www-authenticate", b"Bearer"))
    if isinstance(error, FromSanic) and error.allow:
        pairs.append((b"allow", header_value(", ".join(error.allow))))
    return Answer(status, problem_body(error, status, request_id), lines + header_lines(pairs))


def problem_body(error: HubError, status: int, request_id: str) -> bytes:
    """The JSON of a problem."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": _title(status),
        "status": status,
        "detail": hide(error.message),
        "code": error.error_code,
        "request_id": request_id,
    }
    if error.params:
        body["params"] = error.params
    if error.fields:
        body["errors"] = [field.model_dump() for field in error.fields]
    return json.dumps(body, ensure_ascii=False, default=str).encode("utf-8", "replace")


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
