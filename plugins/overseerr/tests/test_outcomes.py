"""What a change of a request means to people, for each way it can go; and the words for it in both languages."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from medianest_hub.plugin_host.notification_kinds import check_kinds, fill, wanted_params
from medianest_overseerr.kinds import (
    KINDS,
    OF_OTHERS,
    REQUEST_APPROVED,
    REQUEST_AVAILABLE,
    REQUEST_DECLINED,
    REQUEST_FAILED,
    REQUESTED,
)
from medianest_overseerr.outcomes import key, outcomes
from medianest_overseerr.requests.rows import Change, Row
from medianest_overseerr.states import RequestState as S

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
ROW = Row(7, 2, "movie", 910001, 1, False, S.PENDING, [], "", NOW, NOW, NOW, NOW, NOW)
LONG = timedelta(days=3)


def meant(was: S | None, state: S | None) -> list[str]:
    before = None if was is None else replace(ROW, state=was)
    after = None if state is None else replace(ROW, state=state)
    return [kind.name.removeprefix("request_") for kind in outcomes(Change(before, after))]


@pytest.mark.parametrize(
    ("was", "state", "kinds"),
    [
        (None, S.PENDING, ["requested", "pending"]),
        (None, S.PROCESSING, ["requested", "approved"]),
        (None, S.AVAILABLE, ["requested", "available"]),
        (None, S.DECLINED, ["requested", "declined"]),
        (None, S.BLOCKLISTED, ["requested"]),
        (S.PENDING, S.APPROVED, ["approved"]),
        (S.PENDING, S.PROCESSING, ["approved"]),
        (S.PENDING, S.PARTLY_AVAILABLE, ["approved"]),
        (S.DECLINED, S.PROCESSING, ["approved"]),
        (S.APPROVED, S.PROCESSING, []),
        (S.FAILED, S.PROCESSING, []),
        (S.PROCESSING, S.PARTLY_AVAILABLE, []),
        (S.PROCESSING, S.AVAILABLE, ["available"]),
        (S.PARTLY_AVAILABLE, S.COMPLETED, ["available"]),
        (S.PENDING, S.COMPLETED, ["available"]),
        (S.AVAILABLE, S.COMPLETED, []),
        (S.AVAILABLE, S.DELETED, []),
        (S.PENDING, S.DECLINED, ["declined"]),
        (S.PENDING, S.FAILED, ["failed"]),
        (S.PROCESSING, S.FAILED, ["failed"]),
        (S.PENDING, None, []),
    ],
)
def test_what_is_told_of_each_change(was, state, kinds):
    assert meant(was, state) == kinds


def test_what_a_service_has_from_long_before_it_was_looked_at_is_no_news():
    old = replace(ROW, state=S.COMPLETED, created_at=NOW - LONG, updated_at=NOW - LONG)
    assert outcomes(Change(None, old)) == []


def test_another_request_of_the_same_number_is_a_new_one():
    other = replace(ROW, state=S.PROCESSING, created_at=NOW + timedelta(hours=1))
    change = Change(replace(ROW, state=S.COMPLETED), other)
    assert [kind.name for kind in outcomes(change)] == ["requested", "request_approved"]
    same = Change(ROW, replace(ROW, state=S.PROCESSING))
    assert key(change, REQUEST_APPROVED) != key(same, REQUEST_APPROVED)


@pytest.mark.parametrize(
    ("kind", "is_told_again"),
    [
        (REQUESTED, False),
        (REQUEST_AVAILABLE, False),
        (REQUEST_APPROVED, True),
        (REQUEST_DECLINED, True),
        (REQUEST_FAILED, True),
        (OF_OTHERS["request_approved"], True),
    ],
)
def test_a_state_is_told_once_but_each_failure_and_each_decision(kind, is_told_again):
    again = replace(ROW, updated_at=NOW + timedelta(minutes=5))
    assert (key(Change(None, ROW), kind) != key(Change(None, again), kind)) is is_told_again


def test_every_kind_has_words_in_both_languages():
    check_kinds(KINDS)
    for kind in KINDS:
        assert set(kind.words) == set(kind.title) == {"en", "de"}
        params = dict.fromkeys(wanted_params(kind), "Metropolis")
        english, german = fill(kind, "en", params), fill(kind, "de", params)
        assert english.title != german.title
        assert "Metropolis" in english.title
        assert "Metropolis" in german.title
        assert "Bibliothek" not in f"{kind.title['de']} {german.title} {german.body}"


def test_what_people_see_of_others_is_for_those_who_manage():
    assert all(kind.permission == "manage" and not kind.notify for kind in OF_OTHERS.values())
    assert all(kind.oversight == "manage" for kind in KINDS if kind.activity and kind.permission != "manage")
