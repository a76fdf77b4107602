"""Notes what became of the HTTP calls behind one message, from which follows whether it may be sent again. Keeps no words."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Final

import requests
import urllib3.exceptions

_PASSING: Final = frozenset({429, 500, 502, 503, 504})
_LONGEST_WAIT: Final = 3600.0
_NEVER_SENT: Final = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NameResolutionError,
    urllib3.exceptions.ProxyError,
)


@dataclass(slots=True)
class Notes:
    """Of one message. `taken`: some call was answered well; `problems`: what became of the others, as they came."""

    taken: bool = False
    problems: list[dict[str, Any]] = field(default_factory=list)

    def answered(self, answer: requests.Response) -> None:
        """A call was answered."""
        status = answer.status_code
        if 200 <= status < 300:
            self.taken = True
        elif status in _PASSING:
            problem = {"outcome": "passing", "code": "service_busy", "status": status}
            self.problems.append(problem | {"retry_after": _seconds(answer.headers.get("Retry-After"))})
        elif 300 <= status < 400:
            self.problems.append({"outcome": "refused", "code": "redirected", "status": status})
        else:
            self.problems.append({"outcome": "refused", "code": "service_refused", "status": status})

    def failed(self, error: BaseException) -> None:
        """A call was not answered."""
        cause = getattr(error.args[0], "reason", error.args[0]) if error.args else error
        if isinstance(error, requests.exceptions.SSLError):
            self.problems.append({"outcome": "refused", "code": "certificate"})
        elif isinstance(error, requests.exceptions.ConnectTimeout) or isinstance(cause, _NEVER_SENT):
            self.problems.append({"outcome": "passing", "code": "unreachable"})
        elif isinstance(error, (requests.exceptions.ConnectionError, requests.exceptions.Timeout)):
            # It went out; whether it was taken nobody knows.
            self.problems.append({"outcome": "uncertain", "code": "no_answer"})
        elif isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidHeader, ValueError)):
            self.problems.append({"outcome": "refused", "code": "bad_address"})
        else:
            self.problems.append({"outcome": "uncertain", "code": "no_answer"})

    def verdict(self, *, refused: bool) -> dict[str, Any]:
        """What to answer where Apprise says it failed. `refused`: a connection was not allowed."""
        if self.taken:
            # Part of it is there, or all of it and the answer made no sense: once more would be twice.
            return {"outcome": "uncertain", "code": "partly"}
        if refused:
            # As for a name nobody knows: what there is in this house is not for an address to find out, by words or by waiting.
            return {"outcome": "passing", "code": "unreachable"}
        return self.problems[0] if self.problems else {"outcome": "refused", "code": "bad_address"}


class Watch:
    """Sees every call of `requests` in this process from `install` on; `notes` are the current message's."""

    def __init__(self) -> None:
        self.notes = Notes()

    def begin(self) -> Notes:
        """A new message."""
        self.notes = Notes()
        return self.notes

    def install(self) -> None:
        """For good: this process has no other purpose."""
        send = requests.Session.send
        watch = self

        def noted(self: requests.Session, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
            kwargs["allow_redirects"] = False
            try:
                answer = send(self, request, **kwargs)
            except BaseException as error:
                watch.notes.failed(error)
                raise
            watch.notes.answered(answer)
            return answer

        requests.Session.send = noted  # type: ignore[method-assign]


def _seconds(value: str | None) -> float | None:
    """From a `Retry-After` (RFC 9110, 10.2.3), an hour at most."""
    if value is None:
        return None
    try:
        if value.strip().isdigit():
            return min(float(value), _LONGEST_WAIT)
        at = parsedate_to_datetime(value)
        import datetime as time

        return min(max((at - time.datetime.now(at.tzinfo or time.UTC)).total_seconds(), 0.0), _LONGEST_WAIT)
    except (TypeError, ValueError):
        return None
