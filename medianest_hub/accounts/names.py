"""Usernames: what may be one, and the form by which two of them are the same; does no I/O."""

from __future__ import annotations

import unicodedata

from medianest_hub.accounts.visible_text import has_unseen, mixes_alike_scripts
from medianest_hub.plugin_api.errors import BadInput, FieldProblem

LONGEST = 64
"""Characters."""


def clean_username(text: str, *, field: str = "body.username") -> str:
    """The name as it is kept (NFKC, no blanks around). Raises `BadInput` saying what is wrong."""
    name = unicodedata.normalize("NFKC", text).strip()
    if not name:
        raise _refused(field, "username_empty", "Choose a username.")
    if len(name) > LONGEST or len(username_key(name)) > 4 * LONGEST:
        raise _refused(field, "username_long", f"Choose a username of at most {LONGEST} characters.")
    # Invisible and direction-changing characters would let one name pass for another, looked at before NFKC turns one of
    # them into another; and so would letters that look like those of another script.
    if (
        has_unseen(text.strip(" \t\r\n"))
        or has_unseen(name)
        or "  " in name
        or any(_is_odd_blank(character) for character in name)
    ):
        raise _refused(field, "username_unprintable", "A username holds printable characters and single blanks only.")
    if mixes_alike_scripts(name):
        words = "A username holds letters of one script: Latin, Cyrillic or Greek."
        raise _refused(field, "username_mixed_scripts", words)
    return name


def _is_odd_blank(character: str) -> bool:
    return unicodedata.category(character) == "Zs" and character != " "


def username_key(text: str) -> str:
    """By what a name is unique and found: `Ａlice`, `ALICE` and ` alice ` are one."""
    folded = unicodedata.normalize("NFKC", text).strip().casefold()
    return unicodedata.normalize("NFKC", folded)


def _refused(field: str, code: str, message: str) -> BadInput:
    return BadInput(message, code="username_refused", fields=[FieldProblem(field=field, code=code, message=message)])
