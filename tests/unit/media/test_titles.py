"""How well a title is what somebody typed."""

import pytest

from medianest_hub.media.titles import Tier, bare, match, plain


@pytest.mark.parametrize(
    ("title", "as_words"),
    [
        ("Amélie", "amelie"),
        ("  The   MATRIX: Reloaded! ", "the matrix reloaded"),
        ("Matrix, The", "the matrix"),
        ("Ocean’s Eleven", "oceans eleven"),
        ("Fast & Furious", "fast and furious"),
        ("Große Freiheit", "grosse freiheit"),
        ("Æon Flux", "aeon flux"),
        ("Łódź", "lodz"),
        ("L'Avventura", "l avventura"),
        ("WALL·E", "wall e"),
        ("千と千尋の神隠し", plain("千と千尋の神隠し")),
        ("???", "???"),
        ("", ""),
    ],
)
def test_titles_are_compared_as_plain_words(title: str, as_words: str) -> None:
    assert plain(title) == as_words


@pytest.mark.parametrize(
    ("title", "without"), [("The Thing", "thing"), ("Die Welle", "welle"), ("The", "the"), ("Theatre", "theatre")]
)
def test_an_article_goes_where_something_stays(title: str, without: str) -> None:
    assert bare(title) == without


@pytest.mark.parametrize(
    ("typed", "title", "tier"),
    [
        ("the matrix", "The Matrix", Tier.EXACT),
        ("matrix", "The Matrix", Tier.EXACT_BUT_ARTICLE),
        ("AMELIE", "Amélie", Tier.EXACT),
        ("matr", "The Matrix Reloaded", Tier.BEGINS),
        ("reloaded matrix", "The Matrix Reloaded", Tier.WORDS),
        ("relo", "The Matrix Reloaded", Tier.WORDS),
        ("matirx", "The Matrix", Tier.ALIKE),
        ("intersteler", "Interstellar", Tier.ALIKE),
        ("matrix", "Frozen", Tier.NOT),
        ("x", "", Tier.NOT),
    ],
)
def test_a_title_fits_more_or_less(typed: str, title: str, tier: Tier) -> None:
    assert match(typed, [title]).tier is tier


def test_the_best_of_several_titles_counts() -> None:
    assert match("le fabuleux destin", ["Amélie", "Le Fabuleux Destin d'Amélie Poulain"]).tier is Tier.BEGINS


def test_a_year_typed_behind_a_title_is_the_things() -> None:
    assert match("dune 2021", ["Dune"], 2021).tier is Tier.EXACT
    assert match("dune 2021", ["Dune"], 1984).tier < Tier.EXACT
    assert match("2012", ["2012"], 2009).tier is Tier.EXACT
    assert match("blade runner 2049", ["Blade Runner 2049"], 2017).tier is Tier.EXACT
