"""When somebody may be disturbed, and when their digest is due, by the clock on their wall. Asks no clock itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Hours:
    """Minutes after midnight in `zone`. Quiet hours that end before they begin go over midnight; None: there are none."""

    zone: ZoneInfo
    digest_at: int
    quiet_from: int | None = None
    quiet_to: int | None = None

    def quiet_until(self, now: datetime) -> datetime | None:
        """When the quiet hours that are now will end (UTC); None when it is not quiet."""
        begins, ends = self.quiet_from, self.quiet_to
        if begins is None or ends is None or begins == ends:
            return None
        local = now.astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        over_midnight = ends < begins
        quiet = (minute >= begins or minute < ends) if over_midnight else begins <= minute < ends
        if not quiet:
            return None
        day = local.date() + timedelta(days=1) if over_midnight and minute >= begins else local.date()
        return self._after(now, day, ends)

    def next_digest(self, now: datetime) -> datetime:
        """When the next digest is due (UTC), after `now`."""
        today = now.astimezone(self.zone).date()
        return self._after(now, today, self.digest_at) or self._at(today + timedelta(days=1), self.digest_at, 0)

    def _after(self, now: datetime, day: date, minute: int) -> datetime | None:
        """That minute of that day, if it is still to come: in the night the clocks go back it comes twice."""
        return next((at for at in (self._at(day, minute, fold) for fold in (0, 1)) if at > now), None)

    def _at(self, day: date, minute: int, fold: int) -> datetime:
        hour, rest = divmod(minute % _MINUTES, 60)
        return datetime.combine(day, time(hour, rest, fold=fold), tzinfo=self.zone).astimezone(UTC)


def minutes(text: str) -> int:
    """`"22:30"` as minutes after midnight."""
    hour, _, minute = text.partition(":")
    return int(hour) * 60 + int(minute)


def clock(minute: int) -> str:
    """The reverse of `minutes`."""
    return f"{minute // 60:02}:{minute % 60:02}"
