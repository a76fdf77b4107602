"""Usernames: what may be one and which two are the same."""

import pytest

from medianest_hub.accounts.names import clean_username, username_key
from medianest_hub.plugin_api.errors import BadInput


@pytest.mark.parametrize(
    ("written", "kept"), [("ada", "ada"), ("  Ada L. ", "Ada L."), ("Ａｄａ", "Ada"), ("ädä@home", "ädä@home")]
)
def test_a_name_is_kept_normalised(written: str, kept: str) -> None:
    assert clean_username(written) == kept


@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "x" * 65,
        "new\nline",
        "nul\0",
        "zero\u200bwidth",
        "right\u202eleft",
        "og\u1680ham",
        "two  blanks",
        "\ufdfa" * 60,
    ],
)
def test_a_name_that_could_deceive_or_overflow_is_refused(name: str) -> None:
    with pytest.raises(BadInput) as refused:
        clean_username(name)
    assert refused.value.fields[0].field == "body.username"


@pytest.mark.parametrize(
    "hidden",
    [
        *("\ufe0f", "\u034f", "\u3164", "\uffa0", "\u1160", "\u2800", "\u180b", "\u17b4", "\u00ad", "\ue000", "\u2066"),
        *("\U000e0061", "\U000e0100", "\x1b", "\u0378", "\u2028", "\u2029"),
    ],
)
@pytest.mark.parametrize("where", ["{}ada", "a{}da", "ada{}"])
def test_what_nobody_sees_makes_no_other_name(hidden: str, where: str) -> None:
    with pytest.raises(BadInput) as refused:
        clean_username(where.format(hidden))
    assert refused.value.fields[0].code == "username_unprintable"


@pytest.mark.parametrize("name", ["\u0430da", "ad\u0430", "\u03bfscar", "\u0410\u03a1"])
def test_letters_of_scripts_that_look_alike_are_not_mixed(name: str) -> None:
    with pytest.raises(BadInput) as refused:
        clean_username(name)
    assert refused.value.fields[0].code == "username_mixed_scripts"


@pytest.mark.parametrize(
    "name", ["Ада 2", "Ελένη", "adä_7", "山田 taro", "नीना", "محمد", "김 mina", "O'Neil", "m\u00b2"]
)
def test_a_name_of_any_script_is_a_name(name: str) -> None:
    assert clean_username(name)


@pytest.mark.parametrize("other", ["ADA", " ada ", "Ａｄａ"])
def test_the_same_name_written_otherwise_has_the_same_key(other: str) -> None:
    assert username_key(other) == username_key("ada")


def test_folding_goes_beyond_lower_case() -> None:
    assert username_key("STRASSE") == username_key("straße")
