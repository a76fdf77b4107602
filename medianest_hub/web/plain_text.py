"""Text from the wire that no database can hold: finds it in what may be refused, cleans it out of headers. Answers nothing.

PostgreSQL's text has no U+0000 (its documentation, 8.3), and half a surrogate pair is no character in UTF-8.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from medianest_hub.plugin_api.errors import FieldProblem


def is_unusable(text: str) -> bool:
    """Whether there is a U+0000 or half a surrogate pair in it."""
    if text.isascii():
        return "\0" in text
    return "\0" in text or any("\ud800" <= character <= "\udfff" for character in text)


def cleaned(text: str) -> str:
    """A header's text as it may be stored: no U+0000, and U+FFFD for bytes that are not UTF-8."""
    if not text.isascii():
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return text.replace("\0", "") if "\0" in text else text


def unusable(field: str) -> FieldProblem:
    """What the sender of such text is told."""
    return FieldProblem(
        field=field, code="unusable_character", message="It holds U+0000 or half a character; leave that out."
    )


def unusable_in_json(content: bytes) -> list[FieldProblem]:
    """Every such text in a JSON body that is known to be well formed.

    U+0000 can only come as its one escape, and the parser before this refuses half pairs: other bodies are not read twice.
    """
    if b"\\u0000" not in content:
        return []
    parsed = json.loads(content, parse_int=str, parse_float=str)  # numbers may have more digits than Python takes
    return [unusable(field) for field in _found("body", parsed)]


def _found(where: str, value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if is_unusable(value):
            yield where
    elif isinstance(value, dict):
        if any(is_unusable(name) for name in value):
            yield where
        for name, inner in value.items():
            if not is_unusable(name):
                yield from _found(f"{where}.{name}", inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _found(f"{where}.{index}", inner)
