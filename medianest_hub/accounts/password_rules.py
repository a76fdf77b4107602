"""What a new password must be: long, and none of those that everybody tries first; hashes and stores nothing."""

from __future__ import annotations

import unicodedata

from medianest_hub.accounts.common_passwords import is_common_password
from medianest_hub.plugin_api.errors import BadInput, FieldProblem

SHORTEST = 10
"""Characters."""

LONGEST_BYTES = 1024

_FEWEST_DIFFERENT = 4
_FEW_ADDED = 6
"""Digits and signs around a common password that do not make it another one."""

_RUNS = ("0123456789" * 3, "abcdefghijklmnopqrstuvwxyz" * 2, "qwertyuiopasdfghjklzxcvbnm", "qwertzuiopasdfghjklyxcvbnm")
_RUNS_BACKWARDS = tuple(run[::-1] for run in _RUNS)

# Words of this house and of other tongues that are on no list, without the digits and signs people put around them.
_COMMON_WORDS = frozenset(
    """
    password passwort passwd motdepasse contrasena senha parola letmein letmeinplease letmeinnow welcome welcomehome
    welcomeback administrator admin administrador root superuser changeme changemenow changemeplease default
    iloveyou iloveyouso ilovemyself ilovemyfamily princess princesses sunshine football basketball baseball
    superman batman spiderman starwars trustno trustnoone whatever mypassword thepassword newpassword
    yourpassword secretpassword supersecret topsecret secret dragon monkey master
    shadow michael jennifer jessica liverpool chelsea arsenal barcelona realmadrid computer internet
    medianest medianesthub mediaserver homeserver plex plexserver plexmediaserver overseerr jellyfin
    """.split()  # noqa: SIM905 - a list of words reads best as words
)
_COMMON = frozenset(
    """
    1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx3edc 1qazxsw23edc qazwsxedcrfv zaq12wsxcde3 q1w2e3r4t5 qweasdzxc123 asdfghjkl123
    qwerty12345 qwerty123456 abc1234567 abcd123456 a123456789 aa12345678 123456789a 1234qwerasdf 12qwaszx34
    3.14159265 31415926535 147258369 1472583690 9876543210 0987654321 1122334455 123123123123 1234512345
    """.split()  # noqa: SIM905 - as above
)
_LOOKALIKES = str.maketrans("013457@$!", "oieastasi")


def check_password(password: str, username: str, *, field: str = "body.password") -> None:
    """Refuse a bad new password. Raises `BadInput` whose field says what to do instead."""
    problem = _problem(unicodedata.normalize("NFKC", password), unicodedata.normalize("NFKC", username))
    if problem is not None:
        code, message = problem
        raise BadInput(message, code="password_refused", fields=[FieldProblem(field=field, code=code, message=message)])


def _problem(password: str, username: str) -> tuple[str, str] | None:
    if len(password) < SHORTEST:
        return (
            "password_short",
            f"Choose a password of at least {SHORTEST} characters; several words are easy to remember.",
        )
    if len(password.encode()) > LONGEST_BYTES:
        return "password_long", f"Choose a password of at most {LONGEST_BYTES} bytes."
    if _is_control(password):
        return "password_unprintable", "The password contains a control character; leave it out."
    plain = password.casefold()
    if len(set(plain)) < _FEWEST_DIFFERENT:
        return "password_repeats", "That password repeats the same few characters; choose one with more variety."
    if _is_hardly_more_than(plain, username.casefold()):
        return "password_is_name", "That password is hardly more than the username; choose another."
    if _is_common(plain):
        return "password_common", "That password is among the first anybody tries; choose another."
    return None


def _is_control(password: str) -> bool:
    return any(unicodedata.category(character) == "Cc" for character in password)


def _is_hardly_more_than(plain: str, name: str) -> bool:
    """Whether little is left of the password without the name, forwards and backwards."""
    if len(name) < 3:
        return False
    rest = plain.replace(name, "").replace(name[::-1], "")
    return rest != plain and len(rest) < SHORTEST // 2


def _is_common(plain: str) -> bool:
    if plain in _COMMON or is_common_password(plain) or any(plain in run for run in (*_RUNS, *_RUNS_BACKWARDS)):
        return True
    core = plain.strip("0123456789!#$%^&*()-_=+.,?/ ")
    for form in (core, core.translate(_LOOKALIKES)):
        if len(plain) - len(core) <= _FEW_ADDED and (is_common_password(form) or is_common_password(_halved(form))):
            return True
        letters = "".join(character for character in form if character.isalpha())
        if {letters, _halved(letters)} & _COMMON_WORDS:
            return True
    return False


def _halved(word: str) -> str:
    """`passwordpassword` is `password`."""
    half = len(word) // 2
    return word[:half] if word and word[:half] == word[half:] else word
