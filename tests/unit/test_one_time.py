"""One-time tokens: whatever a caller sends has a hash, so that it is refused and not a failure."""

import pytest

from medianest_hub.infrastructure.one_time import token_hash


@pytest.mark.parametrize("token", ["", "mnr_abc", "ÄÖ", "\ud800", "\x00", "x" * 100_000])
def test_every_text_has_a_hash_of_its_own(token: str) -> None:
    assert len(token_hash(token)) == 32
    assert token_hash(token) == token_hash(token)
    assert token_hash(token) != token_hash(token + "?")
