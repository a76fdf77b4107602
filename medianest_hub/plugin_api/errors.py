"""The errors a plugin raises on purpose; the host turns each into an RFC 9457 problem. No HTTP library here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import BaseModel


class FieldProblem(BaseModel):
    """One bad input field: where it is (`body.url`), a stable code, and words that say what to do."""

    field: str
    code: str
    message: str


class HubError(Exception):
    """An error meant for the caller: a stable `code`, an HTTP `status`, words, and parameters for translations.

    `retryable` tells the job runner whether the same call may succeed later.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        params: Mapping[str, str | int | float | bool] | None = None,
        retry_after: float | None = None,
        fields: Sequence[FieldProblem] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.error_code = code or self.code
        self.params = dict(params or {})
        self.retry_after = retry_after
        """Seconds after which a repeat makes sense, or None."""
        self.fields = list(fields)


class BadInput(HubError):
    """What was sent cannot be used; `fields` names each bad field. 400."""

    code = "bad_input"
    status = 400


class Unauthorized(HubError):
    """Nobody is signed in, or the session has ended. 401."""

    code = "unauthorized"
    status = 401


class Forbidden(HubError):
    """The person is known and may not do this. 403."""

    code = "forbidden"
    status = 403


class NotFound(HubError):
    """There is no such thing, or it is somebody else's. 404."""

    code = "not_found"
    status = 404


class Conflict(HubError):
    """The thing is in a state that does not allow this. 409."""

    code = "conflict"
    status = 409


class Gone(HubError):
    """It was here and will not come back. 410."""

    code = "gone"
    status = 410


class TooLarge(HubError):
    """More was sent than this route takes. 413."""

    code = "too_large"
    status = 413


class RangeNotSatisfiable(HubError):
    """The asked-for part of a file does not exist. 416."""

    code = "range_not_satisfiable"
    status = 416


class TooMany(HubError):
    """A limit is used up; `retry_after` says when to come again. 429."""

    code = "too_many_requests"
    status = 429
    retryable = True


class UpstreamError(HubError):
    """An outside service answered something unexpected; names the service and, where known, the field. 502.

    `not_taken`: the service certainly did nothing of what it was told: it could not be connected to, or turned the call away.
    """

    code = "upstream_error"
    status = 502
    retryable = True

    def __init__(
        self,
        message: str,
        *,
        service: str,
        field: str | None = None,
        retry_after: float | None = None,
        not_taken: bool = False,
    ) -> None:
        params: dict[str, str | int | float | bool] = {"service": service}
        if field is not None:
            params["field"] = field
        super().__init__(message, params=params, retry_after=retry_after)
        self.service = service
        self.field = field
        self.not_taken = not_taken


class Unavailable(HubError):
    """Something needed is away for now. 503."""

    code = "unavailable"
    status = 503
    retryable = True


class UpstreamTimeout(UpstreamError):
    """An outside service did not answer within the deadline. 504."""

    code = "upstream_timeout"
    status = 504


class NoSpace(HubError):
    """The disk is too full for this. 507."""

    code = "no_space"
    status = 507


class RetryLater(HubError):
    """Raised in a task: put the job back and try again after `retry_after` seconds (or the task's own back-off)."""

    code = "retry_later"
    status = 503
    retryable = True


class GiveUp(HubError):
    """Raised in a task: the job has failed for good; no further attempt is made."""

    code = "failed"
    status = 500


class NotReady(HubError):
    """Raised in `startup` or `check_settings`: not reachable yet. The host backs off and tries again."""

    code = "not_ready"
    status = 503
    retryable = True


class AuthFailed(HubError):
    """Raised in `startup` or `check_settings`: credentials are refused. The host asks the admin for new ones."""

    code = "auth_failed"
    status = 502


class ConfigInvalid(HubError):
    """Raised in `startup` or `check_settings`: these settings can never work. The host stops the plugin.

    Name the field at fault with `fields=[FieldProblem(...)]` so that the form can point at it.
    """

    code = "config_invalid"
    status = 400
