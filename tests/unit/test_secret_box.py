"""The secret box: sealing, signing, key rings."""

import time

import pytest

from medianest_hub.infrastructure.secrets import SecretBox
from medianest_hub.plugin_api.errors import Forbidden, Gone

OLD, NEW = "o" * 40, "n" * 40


def test_a_sealed_value_opens_for_its_own_purpose_only() -> None:
    box = SecretBox([NEW])
    sealed = box.seal("a", b"plex-token")
    assert b"plex-token" not in sealed.encode()
    assert box.open("a", sealed) == b"plex-token"
    with pytest.raises(ValueError, match="not sealed"):
        box.open("b", sealed)


def test_a_value_sealed_with_an_older_key_of_the_ring_still_opens() -> None:
    sealed = SecretBox([OLD]).seal("a", b"x")
    assert SecretBox([NEW, OLD]).open("a", sealed) == b"x"
    with pytest.raises(ValueError, match="not sealed"):
        SecretBox([NEW]).open("a", sealed)


@pytest.mark.parametrize("text", ["", "mn1.", "mn1.x.y", "nonsense", "mn1.00000000.AAAA"])
def test_text_that_was_never_sealed_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not sealed"):
        SecretBox([NEW]).open("a", text)


def test_a_signed_token_proves_its_claims_until_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    box = SecretBox([NEW])
    token = box.sign("file", {"id": "7"}, ttl=60)
    assert box.verify("file", token) == {"id": "7"}
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 120)
    with pytest.raises(Gone):
        box.verify("file", token)


def test_a_token_changed_by_one_character_or_for_another_purpose_is_refused() -> None:
    box = SecretBox([NEW])
    token = box.sign("file", {"id": "7"}, ttl=60)
    key, body, mac = token.split(".")
    for forged in (f"{key}.{body[:-2]}AA.{mac}", f"{key}.{body}.{mac[:-2]}AA", "a.b", "", "a.b.ü"):
        with pytest.raises(Forbidden):
            box.verify("file", forged)
    with pytest.raises(Forbidden):
        box.verify("other", token)
