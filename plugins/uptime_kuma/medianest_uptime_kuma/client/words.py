"""Makes text from Uptime Kuma fit to be kept and shown: without control characters, credentials and queries."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_LONE_SURROGATES: Final = re.compile(r"[\ud800-\udfff]")
_ADDRESS_IN_TEXT: Final = re.compile(r"\b[a-z][a-z0-9+.-]{0,30}://[^\s\"'<>]+", re.IGNORECASE)
_MASK: Final = "•••"

LONGEST_NAME: Final = 200
LONGEST_MESSAGE: Final = 300
LONGEST_CONTENT: Final = 8000
LONGEST_SECRET: Final = 4096
"""Longer ones are looked for in pieces."""

LONGEST_SEARCHED: Final = 4 * LONGEST_SECRET
"""More of a message is not looked at."""


def clean(text: object, longest: int = LONGEST_NAME) -> str:
    """One line of text; nothing for what is no text."""
    if not isinstance(text, str):
        return ""
    short = text.lstrip()[: 4 * longest + 100]  # a megabyte is not gone through for a name
    return _LONE_SURROGATES.sub("\N{REPLACEMENT CHARACTER}", _CONTROLS.sub(" ", short)).strip()[:longest]


def clean_lines(text: object, longest: int = LONGEST_CONTENT) -> str:
    """The same for text of several lines."""
    if not isinstance(text, str):
        return ""
    lines = (clean(line, longest) for line in text[: 4 * longest + 100].replace("\r\n", "\n").split("\n"))
    return "\n".join(lines).strip()[:longest]


def bare_address(url: object, host: object = None, port: object = None) -> str:
    """What is watched: scheme, host, port and path, never credentials, query or fragment; `host:port` without an address.

    Uptime Kuma says `https://` for monitors without an address, and in its metrics the text `null` for what is missing.
    """
    text = clean(url, 2000)
    try:
        parts = urlsplit(text)
        if parts.scheme and parts.hostname:
            where = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
            if parts.port is not None:
                where += f":{parts.port}"
            return f"{parts.scheme}://{where}{parts.path}"[:LONGEST_NAME]
    except ValueError:
        return ""
    named = clean(host)
    if named in ("", "null"):
        return ""
    number = "" if port in (None, "", "null") or not isinstance(port, int | str) else clean(str(port))
    return f"{named}:{number}" if number else named


def message(text: object, secrets: Iterable[str] = ()) -> str:
    """What Uptime Kuma said of a check: addresses in it without credentials and query, and none of `secrets`."""
    words = clean(text, LONGEST_SEARCHED)
    is_cut = isinstance(text, str) and len(text) > LONGEST_SEARCHED
    for secret in secrets:
        words = words.replace(secret, _MASK)
    if is_cut:  # perhaps in the middle of a secret, of which the beginning would be left
        words = words[:-LONGEST_SECRET] or _MASK
    return _ADDRESS_IN_TEXT.sub(lambda found: bare_address(found.group()) or _MASK, words)[:LONGEST_MESSAGE]
