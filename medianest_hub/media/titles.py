"""How well a title is what somebody typed: without regard to accents, capitals, punctuation and articles. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Final

_ENGLISH_AND_GERMAN: Final = ("the", "a", "an", "der", "die", "das", "ein", "eine")
_OTHERS: Final = ("le", "la", "les", "l", "un", "une", "el", "los", "las", "il", "lo", "het")
_ARTICLES: Final = frozenset((*_ENGLISH_AND_GERMAN, *_OTHERS))
_NOT_DECOMPOSED: Final = str.maketrans(
    {
        "ø": "o",
        "æ": "ae",
        "œ": "oe",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ı": "i",
        "&": " and ",
        "’": "'",
        "´": "'",
    }
)
_ARTICLE_BEHIND: Final = re.compile(r"^(.+), (\w{1,5})$")
_ELISION: Final = re.compile(r"\b(l|d)'(?=\w)")
_YEAR: Final = re.compile(r"(18|19|20)\d\d")
_ALIKE: Final = 0.34
"""From this share of common trigrams on, a title counts as mistyped."""

LONGEST: Final = 300
"""Letters of a title that are looked at."""


class Tier(IntEnum):
    """How a title fits what was typed; the higher, the better."""

    NOT = 0
    ALIKE = 1
    WORDS = 2
    BEGINS = 3
    EXACT_BUT_ARTICLE = 4
    EXACT = 5


@dataclass(frozen=True, slots=True, order=True)
class Match:
    """The best match of a thing's titles; `closeness` is 0–1 and tells only mistyped ones apart."""

    tier: Tier
    closeness: float = 0.0


@lru_cache(maxsize=4096)
def plain(title: str) -> str:
    """Small letters and digits in words parted by single blanks; as it is, in small letters, where nothing would be left."""
    folded = unicodedata.normalize("NFKD", title[:LONGEST].casefold())
    letters = (
        "".join(letter for letter in folded if not unicodedata.combining(letter)).translate(_NOT_DECOMPOSED).strip()
    )
    if (behind := _ARTICLE_BEHIND.fullmatch(letters)) and behind[2] in _ARTICLES:
        letters = f"{behind[2]} {behind[1]}"
    letters = _ELISION.sub(r"\1 ", letters).replace("'", "")
    words = "".join(letter if letter.isalnum() else " " for letter in letters).split()
    return " ".join(words) or " ".join(letters.split())


@lru_cache(maxsize=4096)
def bare(title: str) -> str:
    """The same without the article it begins with."""
    first, _, rest = plain(title).partition(" ")
    return rest if rest and first in _ARTICLES else plain(title)


def match(typed: str, titles: Iterable[str], year: int | None = None) -> Match:
    """The best match of any of the titles; a year typed at the end may also be the thing's."""
    ways = [typed]
    words, _, last = plain(typed).rpartition(" ")
    if words and year is not None and _YEAR.fullmatch(last) and int(last) == year:
        ways.append(words)
    given = [title for title in titles if title]
    return max((_match(way, title) for way in ways for title in given), default=Match(Tier.NOT))


@lru_cache(maxsize=4096)
def _match(typed: str, title: str) -> Match:
    wanted, found = plain(typed), plain(title)
    if wanted == found:
        return Match(Tier.EXACT)
    shorter, without = bare(typed), bare(title)
    if shorter == without:
        return Match(Tier.EXACT_BUT_ARTICLE)
    if found.startswith(wanted) or without.startswith(shorter):
        return Match(Tier.BEGINS)
    of_title = found.split()
    if all(any(word.startswith(part) for word in of_title) for part in shorter.split()):
        return Match(Tier.WORDS)
    share = _common(_trigrams(shorter), _trigrams(without))
    return Match(Tier.ALIKE, round(share, 1)) if share >= _ALIKE else Match(Tier.NOT)


def _trigrams(words: str) -> frozenset[str]:
    padded = [f"  {word} " for word in words.split()]
    return frozenset(word[at : at + 3] for word in padded for at in range(len(word) - 2))


def _common(one: frozenset[str], other: frozenset[str]) -> float:
    return 2 * len(one & other) / (len(one) + len(other)) if one and other else 0.0
