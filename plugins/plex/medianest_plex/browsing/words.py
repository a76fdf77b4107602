"""What somebody typed, as conditions on the words of an item that an index can answer. Asks nothing itself."""

from __future__ import annotations

from typing import Final

from medianest_plex.library.folding import fold

MOST_WORDS: Final = 8
_LONGEST_SWAPPED: Final = 7
_SHORTEST_SWAPPED: Final = 3
_SHORTEST_SIMILAR: Final = 4
_FIRST_IDEOGRAPH: Final = 0x2E80


def words(text: str) -> list[str]:
    """The folded words; those after the eighth are left out."""
    return fold(text).split()[:MOST_WORDS]


def beginning(word: str, *, whole: bool = False) -> list[str]:
    """Patterns for LIKE of all words that begin with it; `whole`: that are it.

    Ideographs stand without spaces between words, so there it may stand anywhere. Folded text has nothing to be escaped.
    """
    if whole:
        return [word, f"{word} %", f"% {word} %", f"% {word}"]
    if any(ord(one) >= _FIRST_IDEOGRAPH for one in word):
        return [f"%{word}%"]
    return [f"{word}%", f"% {word}%"]


def patterns(given: list[str]) -> list[list[str]]:
    """Those of each word. Single letters stand for themselves where there is nothing longer, or half of all would match."""
    alone = all(len(word) == 1 for word in given)
    return [beginning(word, whole=alone) for word in given]


def swapped(word: str) -> list[str]:
    """Patterns of the word with two neighbouring letters swapped, which leaves a short word no trigram to be known by."""
    if not _SHORTEST_SWAPPED <= len(word) <= _LONGEST_SWAPPED:
        return []
    found = {word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1)} - {word}
    return [pattern for one in sorted(found) for pattern in beginning(one)]


def likeness(word: str) -> float | None:
    """How similar, by trigrams, a mistyped word must be; None for one too short to be mistyped and still known.

    A word of n letters has n + 1 trigrams. A wrong letter spoils three of them; long words may have two.
    """
    letters = len(word)
    if letters < _SHORTEST_SIMILAR:
        return None
    return round(min((letters - 2) / (letters + 1), 0.6 if letters < 8 else 0.5) - 0.01, 3)
