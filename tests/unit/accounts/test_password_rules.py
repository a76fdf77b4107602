"""What a new password must be."""

import pytest

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
