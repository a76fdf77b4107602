"""The secrets of plugins' settings that this process has handed out, to be hidden wherever they turn up; shows none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import quote, quote_plus

from pydantic import BaseModel, SecretStr

MASK: Final = "•••"
SHORTEST: Final = 8
"""A shorter secret would be found inside all kinds of words."""
_MOST: Final = 500

_known: dict[str, None] = {}
_pattern: re.Pattern[str] | None = None


def learn(secrets: Iterable[str]) -> None:
    """From now on hide these in this process, and the 500 learned last. Short ones are not learned."""
    global _pattern
    new = [secret for secret in secrets if len(secret) >= SHORTEST]
    if all(secret in _known for secret in new):
        return
    for secret in new:
        _known.pop(secret, None)
        _known[secret] = None
    while len(_known) > _MOST:
        del _known[next(iter(_known))]
    _pattern = None


def hide(text: str) -> str:
    """The text without any secret that was learned, in no usual spelling."""
    global _pattern
    if not _known:
        return text
    if _pattern is None:  # made when it is needed: plugins' settings are read one after the other
        longest_first = sorted({one for secret in _known for one in spellings(secret)}, key=len, reverse=True)
        _pattern = re.compile("|".join(map(re.escape, longest_first)))
    return _pattern.sub(MASK, text)


def secret_values(settings: Any) -> Iterator[str]:
    """Every `SecretStr` in a settings model, also in models, lists and mappings inside it."""
    if isinstance(settings, SecretStr):
        yield settings.get_secret_value()
    elif isinstance(settings, BaseModel):
        yield from secret_values(dict(settings))
    elif isinstance(settings, dict):
        yield from secret_values(list(settings.values()))
    elif isinstance(settings, (list, tuple, set, frozenset)):
        for value in settings:
            yield from secret_values(value)


def spellings(secret: str) -> set[str]:
    """As it is, and as it looks inside a URL, JSON or a `repr`."""
    return {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], repr(secret)[1:-1]}
