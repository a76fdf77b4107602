"""What became of one message to one target, and the words people are told of it. No words come from a service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

_WORDS: Final = {
    "bad_address": "The address cannot be used: compare it with what the service's own page says.",
    "unreachable": "The server in the address is unknown, away, or not one this hub may reach. For a server at home, whoever "
    "runs the hub has to allow it.",
    "redirected": "The server answered that it is elsewhere. Enter the address it leads to.",
    "service_refused": "The service refused the message. Is the token still good, and does the recipient exist?",
    "service_busy": "The service is busy or unwell. It is tried again later.",
    "no_answer": "The service was sent the message and gave no answer that says so. It may have arrived; it is not sent again.",
    "partly": "Only a part of it arrived, or the service's answer made no sense. It is not sent again.",
    "interrupted": "The hub was stopped while it was sending. It may have arrived; it is not sent again.",
    "certificate": "The server's certificate is not trusted. If it is one at home, whoever runs the hub can set its CA.",
    "not_offered": "This service is not offered by this hub any more.",
    "unreadable": "The address can no longer be read: the hub's keys were changed. Remove it, and enter it anew.",
    "mail_unreachable": "The mail server cannot be reached. It is tried again later.",
    "mail_certificate": "The mail server's certificate is not trusted, or it does not speak TLS at that port.",
    "mail_login": "The mail server refuses the user or the password in the hub's settings.",
    "mail_refused": "The mail server refused the message. Does the recipient's address exist?",
    "push_gone": "The browser no longer takes messages from this hub. Allow it there anew.",
    "push_key": "The push service does not take this hub's key for this device. Allow it there anew.",
    "push_refused": "The push service refused the message.",
    "expired": "It could not be delivered for so long that it was dropped.",
    "busy": "Too much is being sent just now. It is tried again later.",
}


def words(code: str) -> str:
    """What people are told of that code."""
    return _WORDS.get(code, "It could not be delivered.")


@dataclass(frozen=True, slots=True)
class Outcome:
    """`delivered`; `passing`: not sent, try again; `uncertain`: perhaps sent, do not; `refused`: not sent, nor will it be."""

    kind: Literal["delivered", "passing", "uncertain", "refused"]
    code: str = ""
    retry_after: float | None = None

    @classmethod
    def read(cls, answer: dict[str, Any]) -> Outcome:
        """From an answer of the sending process; whatever makes no sense is uncertain."""
        kind, wait = answer.get("outcome"), answer.get("retry_after")
        if kind not in ("delivered", "passing", "uncertain", "refused"):
            return cls("uncertain", "no_answer")
        code = str(answer.get("code") or "")
        return cls(
            kind,
            code if code in _WORDS or kind == "delivered" else "no_answer",
            float(wait) if isinstance(wait, int | float) else None,
        )

    @property
    def words(self) -> str:
        """What people are told."""
        return "" if self.kind == "delivered" else words(self.code)


DELIVERED: Final = Outcome("delivered")
