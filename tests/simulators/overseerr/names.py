"""Finds titles by the words of their names, quickly also among a hundred thousand; knows nothing else of them."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left

Key = tuple[str, int]
"""Kind and TMDB id."""


class Names:
    """An index by word: what is searched for are beginnings of words."""

    def __init__(self) -> None:
        self._names: dict[Key, str] = {}
        self._having: dict[str, set[Key]] = {}
        self._words: list[str] | None = None

    def __getitem__(self, key: Key) -> str:
        return self._names[key]

    def __contains__(self, key: Key) -> bool:
        return key in self._names

    def put(self, key: Key, name: str) -> None:
        """The title has that name from now on."""
        self.remove(key)
        self._names[key] = folded(name)
        for word in self._names[key].split():
            if word not in self._having:
                self._having[word] = set()
                self._words = None
            self._having[word].add(key)

    def remove(self, key: Key) -> None:
        """It has none any more."""
        for word in self._names.pop(key, "").split():
            self._having[word].discard(key)

    def find(self, text: str) -> set[Key]:
        """Titles of which every word of the text begins a word."""
        found: set[Key] | None = None
        for word in folded(text).split():
            some = self._beginning(word)
            found = some if found is None else found & some
        return found or set()

    def _beginning(self, start: str) -> set[Key]:
        if self._words is None:
            self._words = sorted(self._having)
        found: set[Key] = set()
        at = bisect_left(self._words, start)
        while at < len(self._words) and self._words[at].startswith(start):
            found |= self._having[self._words[at]]
            at += 1
        return found


def folded(text: str) -> str:
    """Without accents, capitals and punctuation, as one searches."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(one if one.isalnum() else " " for one in plain if not unicodedata.combining(one) and one not in "'’")
    return " ".join(kept.split())
