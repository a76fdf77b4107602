"""When it is quiet and when a digest is due, by the clock on the wall of any place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medianest_hub.notifications.hours import Hours, clock, minutes

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Kiritimati", "Asia/Kathmandu")


def at(text: str, fold: int = 0) -> datetime:
    """That moment by the clocks of Berlin."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("begins", "ends", "now", "until"),
    [
        ("22:00", "07:00", at("2026-11-30 21:59"), None),
        ("22:00", "07:00", at("2026-11-30 22:00"), at("2026-12-01 07:00")),
        ("22:00", "07:00", at("2026-12-01 06:59"), at("2026-12-01 07:00")),
        ("22:00", "07:00", at("2026-12-01 07:00"), None),
        ("13:00", "15:30", at("2026-12-01 13:00"), at("2026-12-01 15:30")),
        ("13:00", "15:30", at("2026-12-01 15:30"), None),
        ("08:00", "08:00", at("2026-12-01 08:00"), None),
        # The night the clocks go forward has no half past two; the one they go back has it twice.
        ("22:00", "02:30", at("2026-03-29 01:30"), at("2026-03-29 01:30") + timedelta(hours=1)),
        ("22:00", "02:30", at("2026-10-25 02:10"), at("2026-10-25 02:30")),
        ("22:00", "02:30", at("2026-10-25 02:10", fold=1), at("2026-10-25 02:30", fold=1)),
    ],
)
def test_quiet_hours_begin_and_end(begins: str, ends: str, now: datetime, until: datetime | None) -> None:
    assert Hours(BERLIN, 0, minutes(begins), minutes(ends)).quiet_until(now) == until


def test_nothing_is_quiet_where_nobody_asked_for_it() -> None:
    assert Hours(BERLIN, 0).quiet_until(at("2026-12-01 03:00")) is None


MINUTES = st.integers(0, 1439)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC))


@given(zone=st.sampled_from(ZONES), begins=MINUTES, ends=MINUTES, now=MOMENTS)
def test_quiet_always_ends_later_and_within_a_day_and_the_change_of_clocks(
    zone: str, begins: int, ends: int, now: datetime
) -> None:
    until = Hours(ZoneInfo(zone), 0, begins, ends).quiet_until(now)
    assert until is None or now < until <= now + timedelta(hours=25)


@given(zone=st.sampled_from(ZONES), digest_at=MINUTES, now=MOMENTS)
def test_a_digest_is_always_due_within_a_day_and_the_change_of_clocks(zone: str, digest_at: int, now: datetime) -> None:
    due = Hours(ZoneInfo(zone), digest_at).next_digest(now)
    assert now < due <= now + timedelta(hours=25)


@given(minute=MINUTES)
def test_times_of_day_are_written_as_they_are_read(minute: int) -> None:
    assert minutes(clock(minute)) == minute
