"""Turns what plugins hand over into JSON and text that Postgres accepts; decides nothing."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, to_jsonable_python

LONGEST_TEXT = 2000
"""Characters of a message kept in a row."""


def to_document(value: Any) -> str:
    """JSON for a `jsonb` parameter; NUL characters and lone surrogates are replaced, NaN and infinities become null.

    Raises `ValueError` for what has no JSON form.
    """
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    try:
        plain = to_jsonable_python(value, inf_nan_mode="null")
    except (PydanticSerializationError, UnicodeError) as error:
        raise ValueError(f"this cannot be written as JSON: {error}") from error
    return json.dumps(_clean(plain), separators=(",", ":"), allow_nan=False)


def clean_text(text: str, longest: int = LONGEST_TEXT) -> str:
    """Text for a `text` parameter, cut to `longest` characters."""
    return text[:longest].replace("\x00", "").encode("utf-8", "replace").decode()


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value, len(value))
    if isinstance(value, dict):
        return {_clean(str(name)): _clean(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value
