"""Makes titles and what people type comparable: one spelling for accents, capitals and punctuation. Knows no table."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_LETTERS: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ŧ": "t", "ŋ": "n"}
)
"""Letters with a stroke and the like, which no Unicode form takes apart."""
_APOSTROPHES: Final = re.compile("['’‘ʼ`´]")
_INITIALS: Final = re.compile(r"(?<!\w)(?:[^\W\d_]\.){2,}(?:[^\W\d_](?!\w))?")


def fold(text: str) -> str:
    """Casefolded, without accents; punctuation turned into spaces, spaces collapsed: `Amélie & S.W.A.T.!` is `amelie swat`.

    Apostrophes and the dots of initials go without leaving a space. Empty when there are neither letters nor digits.
    """
    text = _INITIALS.sub(lambda found: found[0].replace(".", ""), _APOSTROPHES.sub("", text.casefold()))
    plain = unicodedata.normalize("NFKD", text).translate(_LETTERS)
    kept = "".join(
        " " if unicodedata.category(one)[0] in "PSZC" else one for one in plain if not unicodedata.combining(one)
    )
    return unicodedata.normalize("NFC", " ".join(kept.split()))


def words_of(*parts: str) -> str:
    """What searching compares of something with these titles: each folded, none twice."""
    return " ".join(dict.fromkeys(folded for part in parts if (folded := fold(part))))
