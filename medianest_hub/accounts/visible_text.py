"""Which characters people may not put into names others read: those nobody sees and those that turn what is beside them."""

from __future__ import annotations

import unicodedata
from typing import Final

_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Controls, format marks (zero width, direction of writing), halves, private use, unassigned, line and paragraph ends."""

# Unicode 15.1, DerivedCoreProperties.txt, `Default_Ignorable_Code_Point` beyond those categories; and the empty Braille cell.
_UNSEEN: Final = frozenset(
    [
        *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x2800, 0x3164, 0xFFA0),
        *range(0xFE00, 0xFE10),
        *range(0xE0100, 0xE01F0),
    ]
)

_ALIKE: Final = ("LATIN ", "CYRILLIC ", "GREEK ")
"""Scripts whose letters look like each other's, by the beginning of their letters' names."""


def is_unseen(character: str) -> bool:
    """Whether it may be in no name."""
    return unicodedata.category(character) in _CATEGORIES or ord(character) in _UNSEEN


def has_unseen(text: str) -> bool:
    """Whether any of it is such a character."""
    return any(map(is_unseen, text))


def without_unseen(text: str) -> str:
    """What is left of it, for names that others than people here have chosen."""
    return "".join(character for character in text if not is_unseen(character))


def mixes_alike_scripts(text: str) -> bool:
    """Whether letters of two of Latin, Cyrillic and Greek are in it: `аda` with a Cyrillic first letter passes for `ada`."""
    names = [unicodedata.name(character, "") for character in text]
    return sum(any(name.startswith(script) for name in names) for script in _ALIKE) > 1
