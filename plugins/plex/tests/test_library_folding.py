"""Titles and what people type meet in one spelling."""

from __future__ import annotations

import pytest

from medianest_plex.library.folding import fold, words_of


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Amélie", "amelie"),
        ("AMÉLIE", "amelie"),
        ("Ame\u0301lie", "amelie"),
        ("Straße", "strasse"),
        ("Schindler's List", "schindlers list"),
        ("Schindler’s List", "schindlers list"),
        ("S.W.A.T.", "swat"),
        ("The Man from U.N.C.L.E.", "the man from uncle"),
        ("Mr. Robot", "mr robot"),
        ("WALL·E", "wall e"),
        ("Spider-Man: Far_from   Home!", "spider man far from home"),
        ("Ødegård & Łódź", "odegard lodz"),
        ("Æon Flux", "aeon flux"),
        ("千と千尋の神隠し", "千と千尋の神隠し"),
        ("ﬁlm ½", "film 1 2"),
        ("…?!", ""),
        ("", ""),
    ],
)
def test_accents_capitals_and_punctuation_make_no_difference(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_what_is_folded_stays_as_it_is() -> None:
    for text in ("Amélie", "S.W.A.T.", "İstanbul", "パパ", "한국", "ﬁ ½ ß"):
        assert fold(fold(text)) == fold(text)


def test_the_same_title_twice_counts_once() -> None:
    assert words_of("Léon", "Leon", "", "The Professional") == "leon the professional"
