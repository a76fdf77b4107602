"""A username for somebody an outside provider brings: theirs there, made fit and free here; makes nobody."""

from __future__ import annotations

import secrets as random_secrets
import unicodedata
from typing import Final

from medianest_hub.accounts.names import LONGEST, clean_username, username_key
from medianest_hub.accounts.visible_text import without_unseen
from medianest_hub.plugin_api.errors import BadInput
from medianest_hub.plugin_api.services import Queries

_TRIED: Final = 50
_ROOM: Final = 10
"""Characters left for `-2` and the like."""


async def free_username(tx: Queries, wanted: str, provider: str) -> str:
    """`wanted` or, where it is taken, `wanted-2` and so on; one the rules refuse is made fit. Nobody else may be joining."""
    base = fit_username(wanted, provider)
    names = [base, *(f"{base[: LONGEST - _ROOM]}-{number}" for number in range(2, _TRIED))]
    rows = await tx.fetch(
        "SELECT username_key FROM medianest.users WHERE username_key = ANY($1)", [username_key(name) for name in names]
    )
    taken = {row["username_key"] for row in rows}
    for name in names:
        if username_key(name) not in taken:
            return name
    return f"{base[: LONGEST - _ROOM]}-{random_secrets.token_hex(4)}"


def fit_username(wanted: str, provider: str) -> str:
    """The nearest name the rules allow; `<provider>-user` where nothing is left of it."""
    printable = (" " if character.isspace() else character for character in unicodedata.normalize("NFKC", wanted))
    kept = without_unseen("".join(printable))
    for candidate in (wanted, " ".join(kept.split())[: LONGEST - _ROOM].strip()):
        try:
            return clean_username(candidate)
        except BadInput:
            continue
    return f"{provider}-user"
