"""Takes secrets out of what is about to be shown: by the values that are known, by names, and inside addresses. Reads nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from medianest_hub.infrastructure.known_secrets import MASK, spellings

_SHORTEST = 4
"""A secret shorter than this is only hidden where it is the whole text: inside other words it would be found everywhere."""

_NAME = re.compile(
    r"(?:^|[_.-])(?:password|passwd|passphrase|secret|token|cookie|authorization|credentials?|(?:api|private|access)[_-]?key)"
    r"(?:$|[_.-])",
    re.IGNORECASE,
)
_URL_LOGIN = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_BEARER = re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]+", re.IGNORECASE)


class Redactor:
    """`clean` gives a copy of a JSON-like value in which none of `secrets` appears, in no usual spelling."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._whole = {secret for secret in secrets if secret}
        found = {spelling for secret in self._whole if len(secret) >= _SHORTEST for spelling in spellings(secret)}
        longest_first = sorted(found, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def clean(self, value: Any) -> Any:
        """The value without secrets; keys are cleaned too."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {
                self.text(str(key)): MASK
                if isinstance(inner, str) and inner and _NAME.search(str(key))
                else self.clean(inner)
                for key, inner in value.items()
            }
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self.clean(inner) for inner in value]
        if value is not None and str(value) in self._whole and not isinstance(value, bool):
            return MASK
        return value

    def text(self, text: str) -> str:
        """One text without secrets."""
        if text in self._whole:
            return MASK
        if self._known is not None:
            text = self._known.sub(MASK, text)
        return _BEARER.sub(rf"\1 {MASK}", _URL_LOGIN.sub(MASK, text))
