"""The id that ties one request to its log lines, jobs and outside calls; trusts nothing longer or odder than a short word."""

from __future__ import annotations

import itertools
import re
import secrets

_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,64}")
_process = secrets.token_hex(6)
_numbers = itertools.count(1)


def request_id(given: str | None) -> str:
    """`given` (an `X-Request-ID` header) where it is short and harmless, else a new id, unique over all processes."""
    if given is not None and _ACCEPTED.fullmatch(given):
        return given
    return f"{_process}-{next(_numbers):x}"
