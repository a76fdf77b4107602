"""Makes text from outside fit for a database and for JSON; decides nothing about its meaning."""

from __future__ import annotations

import re

# NUL and the other control characters but tab and line ends: no database and no terminal wants them.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LONE_SURROGATES = re.compile(r"[\ud800-\udfff]")


def clean(text: str) -> str:
    """The text without control characters; what is half a character is a replacement character."""
    return _LONE_SURROGATES.sub("\N{REPLACEMENT CHARACTER}", _CONTROLS.sub("", text))
