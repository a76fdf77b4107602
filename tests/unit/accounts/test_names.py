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
    ["", "   ", "x" * 65, "new\nline", "nul\0", "zero\u200bwidth", "right\u202eleft", "two  blanks", "\ufdfa" * 60],
)
def test_a_name_that_could_deceive_or_overflow_is_refused(name: str) -> None:
    with pytest.raises(BadInput) as refused:
        clean_username(name)
    assert refused.value.fields[0].field == "body.username"


@pytest.mark.parametrize("other", ["ADA", " ada ", "Ａｄａ"])
def test_the_same_name_written_otherwise_has_the_same_key(other: str) -> None:
    assert username_key(other) == username_key("ada")


def test_folding_goes_beyond_lower_case() -> None:
    assert username_key("STRASSE") == username_key("straße")
