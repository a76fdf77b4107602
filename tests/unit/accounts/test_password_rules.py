"""What a new password must be."""

import pytest

from medianest_hub.accounts.common_passwords import _digests, is_common_password
from medianest_hub.accounts.password_rules import check_password
from medianest_hub.plugin_api.errors import BadInput


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "x7#kQ9!mW2",
        "unser haus hat 3 katzen",
        "ünïcödé-wörter",
        "中文密码可以很长也没关系",
        "1" * 3 + "tractor-blue-42",
        "a quiet superman reads",
        "ada lovelace wrote notes",
        "love827461912",
        "Xk2-dragon-77",
    ],
)
def test_a_long_uncommon_password_is_taken(password: str) -> None:
    check_password(password, "ada")


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("", "password_short"),
        ("short", "password_short"),
        ("123456789", "password_short"),
        ("x" * 1025 + "yzab", "password_long"),
        ("é" * 513 + "abcd", "password_long"),
        ("tab\tinside-it", "password_unprintable"),
        ("nul\0inside-it", "password_unprintable"),
        ("aaaaaaaaaaaa", "password_repeats"),
        ("abababababab", "password_repeats"),
        ("lovelace-ada", "password_is_name"),
        ("Lovelace-Ada!", "password_is_name"),
        ("ada-ecalevol", "password_is_name"),
        ("1234567890", "password_common"),
        ("0987654321", "password_common"),
        ("abcdefghij", "password_common"),
        ("qwertyuiop", "password_common"),
        ("Password123!", "password_common"),
        ("P@ssw0rd2024", "password_common"),
        ("passwordpassword", "password_common"),
        ("!!!letmein!!!", "password_common"),
        ("medianest-hub-1", "password_common"),
        ("1q2w3e4r5t6y", "password_common"),
        ("1029384756", "password_common"),
        ("TheBeatles", "password_common"),
        ("5hsu75kpot", "password_common"),
        ("Michelle99!", "password_common"),
        ("M1chelle!!", "password_common"),
        ("Sommer2024!", "password_common"),
        ("dragondragon7", "password_common"),
    ],
)
def test_a_bad_password_is_refused_and_the_reason_named(password: str, code: str) -> None:
    with pytest.raises(BadInput) as refused:
        check_password(password, "Lovelace-Ada")
    (problem,) = refused.value.fields
    assert (problem.field, problem.code) == ("body.password", code)
    if password:
        assert password not in refused.value.message


def test_compatibility_characters_count_as_what_they_stand_for() -> None:
    with pytest.raises(BadInput):
        check_password("ｐａｓｓｗｏｒｄ１２３", "ada")


def test_the_list_of_breached_passwords_is_whole_and_sorted() -> None:
    digests = _digests()
    parts = [digests[at : at + 5] for at in range(0, len(digests), 5)]
    assert len(parts) > 30_000
    assert parts == sorted(set(parts))
    assert {len(part) for part in parts} == {5}


def test_words_and_random_texts_are_not_taken_for_breached_ones() -> None:
    taken = [number for number in range(20_000) if is_common_password(f"{number}-of-many-words-that-nobody-has")]
    assert taken == []
    assert not is_common_password("")
    assert not is_common_password("\ud800 lone surrogate")
