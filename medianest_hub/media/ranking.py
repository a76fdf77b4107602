"""In which order what was found is shown: how well the title fits, then how popular it is. Pure and stable."""

from __future__ import annotations

from collections.abc import Sequence

from medianest_hub.media.joining import Found
from medianest_hub.media.titles import match


def rank(groups: Sequence[Sequence[Found]], typed: str) -> list[Sequence[Found]]:
    """The groups of `join`, the best first; equal ones by title, then the newest, then by id."""
    return sorted(groups, key=lambda group: _order(group, typed))


def _order(group: Sequence[Found], typed: str) -> tuple[int, float, float, str, int, tuple[object, ...]]:
    hits = [found.hit for found in group]
    year = next((hit.year for hit in hits if hit.year is not None), None)
    fits = match(typed, (title for hit in hits for title in (hit.title, hit.original_title)), year)
    popularity = max(hit.popularity for hit in hits)
    return -fits.tier, -fits.closeness, -popularity, hits[0].title.casefold(), -(year or 0), group[0].order
