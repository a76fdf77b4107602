"""Secrets that plugins were given are hidden wherever they turn up in this process."""

import pytest
from pydantic import BaseModel, SecretStr

from medianest_hub.infrastructure import known_secrets
from medianest_hub.infrastructure.known_secrets import MASK, hide, learn, secret_values
from medianest_hub.infrastructure.masking import mask_value


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_secrets, "_known", {})
    monkeypatch.setattr(known_secrets, "_pattern", None)


class Inner(BaseModel):
    key: SecretStr


class Settings(BaseModel):
    address: str = "http://vault"
    token: SecretStr = SecretStr("s3cret/token+1")
    several: list[Inner] = [Inner(key=SecretStr("another-key-2"))]
    none: SecretStr | None = None


def test_every_secret_of_a_settings_model_is_found_and_nothing_else() -> None:
    assert set(secret_values(Settings())) == {"s3cret/token+1", "another-key-2"}


@pytest.mark.parametrize("spelling", ["s3cret/token+1", "s3cret%2Ftoken%2B1"])
def test_what_was_learned_is_hidden_in_every_usual_spelling(spelling: str) -> None:
    learn(secret_values(Settings()))
    assert hide(f"GET http://vault/?t={spelling} failed") == f"GET http://vault/?t={MASK} failed"
    assert spelling not in str(mask_value("exception", f"Traceback\nValueError: {spelling}"))


def test_a_short_one_does_not_tear_holes_into_words() -> None:
    learn(["in", ""])
    assert hide("inside") == "inside"


def test_of_very_many_the_last_are_known() -> None:
    for number in range(1000):
        learn([f"secret-number-{number:04}"])
    assert hide("secret-number-0999 secret-number-0000") == f"{MASK} secret-number-0000"
