"""Takes secrets out of texts and values about to be logged or shown, by names, by shape and by the plugins' known values."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from medianest_hub.infrastructure.known_secrets import MASK, hide

__all__ = ["MASK", "mask_text", "mask_value", "secret_name"]

_WORD_BREAK = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[-.\s]+")
_SECRET = re.compile(
    r"(?:^|_)(?:pass(?:word|wd|phrase)|pwd|secret|token|cookie|credential|authorization|jwt"
    r"|(?:api|private|access|secret|signing|encryption)_?key)s?(?:$|_)"
)

_URL_PASSWORD = re.compile(r"(?<=://)([^/@\s:]*):[^/\s]+@")
_BEARER = re.compile(r"\b([Bb]earer|BEARER|Basic)\s{1,3}[A-Za-z0-9._~+/=-]+")
_COOKIE = re.compile(r"\b((?:Set-)?Cookie:\s?)(?=[^\s=;]{1,200}=)[^\r\n]+", re.IGNORECASE)
# The hub's own API keys and refresh tokens, by the letters they begin with.
_OURS = re.compile(r"\bmn[a-z]?_[A-Za-z0-9_-]{32,}")
_JWT = re.compile(r"\beyJ[\w-]{10,}\.[\w-]{2,}\.[\w-]*")
# A name and what parts it from its value. The set-up link is printed to be opened, so its token stays.
_NAMED = re.compile(r"""(?<![\w-])(?<!/setup\#)([A-Za-z_][\w-]{0,63})(["']?\s{0,3}[=:]\s{0,3})""", re.VERBOSE)
_QUOTED = re.compile(r"""(["'])(?:(?!\1)[^\\]|\\.){0,4096}\1""", re.DOTALL)
_BARE = re.compile(r"""[^\s"'&;,<>()\[\]{}]+""")

_DEEPEST = 6
_PLAIN = (bool, int, float, type(None))


@lru_cache(maxsize=4096)
def secret_name(name: str) -> bool:
    """Whether what has this name is secret, however it is spelled: `api_key`, `X-Api-Key`, `apiKey`."""
    return _SECRET.search(_WORD_BREAK.sub("_", name).lower()) is not None


def mask_text(text: str) -> str:
    """The text without passwords in addresses, secret query parameters, `name=value`, header lines and bearer values."""
    text = hide(text)
    if "://" in text:
        text = _URL_PASSWORD.sub(rf"\1:{MASK}@", text)
    if "=" in text or ":" in text:
        text = _mask_named(_COOKIE.sub(rf"\1{MASK}", text))
    if "mn" in text:
        text = _OURS.sub(MASK, text)
    return _JWT.sub(MASK, _BEARER.sub(rf"\1 {MASK}", text))


def mask_value(name: str, value: Any, depth: int = 0) -> Any:
    """A copy of the value of `name` without secrets, made of JSON's types alone; whether there is one is still told."""
    if value is None or value is True or value is False or value == "":
        return value
    if secret_name(name):
        return MASK
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, _PLAIN):
        return value
    if depth < _DEEPEST:
        if isinstance(value, dict):
            return {key: mask_value(str(key), inner, depth + 1) for key, inner in value.items()}
        if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str):  # a header, a query parameter
            return [mask_text(value[0]), mask_value(value[0], value[1], depth + 1)]
        if isinstance(value, (list, tuple, set, frozenset)):
            return [mask_value("", inner, depth + 1) for inner in value]
    return mask_text(_shown(value))


def _shown(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # a stranger's object may raise anything, and a log line must not fail for it
        return f"<{type(value).__name__}>"


def _mask_named(text: str) -> str:
    parts: list[str] = []
    done = 0
    for found in _NAMED.finditer(text):
        if found.start() < done or not secret_name(found[1]):
            continue
        value = _value_after(text, found[1], found[2], found.end())
        if value is not None:
            parts += (text[done : value.start()], MASK)
            done = value.end()
    return "".join(parts) + text[done:] if parts else text


def _value_after(text: str, name: str, separator: str, at: int) -> re.Match[str] | None:
    """The value, where it is one: `token: Field required` are words about a token, `X-Api-Key: abc` is a header."""
    if quoted := _QUOTED.match(text, at):
        return quoted
    if separator == "=" or (":" in separator and "-" in name):
        return _BARE.match(text, at)
    return None
