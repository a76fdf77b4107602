"""Text of one line that somebody writes and others read (names, notes): refuses what nobody sees; changes nothing but blanks."""

from __future__ import annotations

from typing import Final

from pydantic import AfterValidator, StringConstraints
from pydantic_core import PydanticCustomError

from medianest_hub.accounts.visible_text import has_unseen


def _seen(text: str) -> str:
    if has_unseen(text):
        raise PydanticCustomError(
            "unseen_characters", "must hold no invisible characters and none that turn the direction of writing"
        )
    return text


ONE_LINE: Final = (
    StringConstraints(strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]*$"),
    AfterValidator(_seen),
)
"""For `Annotated[str, *ONE_LINE, ...]`."""
