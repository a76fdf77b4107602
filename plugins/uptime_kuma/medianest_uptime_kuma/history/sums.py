"""What beats add up to within an hour, as SQL and as a row in memory; writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from medianest_hub.plugin_api import Record

COLUMNS: Final = (
    *("number", "starts_at", "up", "down", "pending", "maintenance", "paused"),
    *("beats", "pings", "ping_sum", "ping_min", "ping_max"),
)
"""Those of `hourly` and `daily`, in the order of the queries here."""


def hour_from_beats(of: str) -> str:
    """A query for one row of `COLUMNS` for each monitor of which anything is known in the hour.

    `$1` is the hour's beginning and `$2` where to stop: at its end, or now. `of` is a condition for the monitor `m`.
    A beat from before the hour counts as far as it holds into it: only a monitor's last one can, as it ends all others.
    Response times are those of checks that found the monitor up.
    """
    # Monitor by monitor, through the primary key: by time alone it would be all pages once old beats were deleted.
    return f"""
        SELECT m.number, $1::timestamptz AS starts_at, s.*
          FROM plugin_uptime_kuma.monitor m CROSS JOIN LATERAL (
              SELECT {_seconds(1)} AS up, {_seconds(0)} AS down, {_seconds(2)} AS pending, {_seconds(3)} AS maintenance,
                     {_seconds(4)} AS paused, (count(*) FILTER (WHERE at >= $1))::integer AS beats,
                     count(heard)::integer AS pings, coalesce(sum(heard::double precision), 0) AS ping_sum,
                     min(heard) AS ping_min, max(heard) AS ping_max
                FROM (SELECT at, status, CASE WHEN status = 1 AND at >= $1 THEN ping END AS heard,
                             least(at + make_interval(secs => hold), lead(at) OVER (ORDER BY at), $2)
                                 - greatest(at, $1) AS lasted
                        FROM plugin_uptime_kuma.beat
                       WHERE number = m.number AND at < $2::timestamptz
                         AND at >= coalesce((SELECT max(before.at) FROM plugin_uptime_kuma.beat before
                                              WHERE before.number = m.number AND before.at < $1), $1)) spans
               WHERE lasted >= interval '0'
              HAVING max(lasted) FILTER (WHERE status <= 4) > interval '0') s
         {of}
    """  # nosec B608 # noqa: S608 - every part is written in this package


def _seconds(status: int) -> str:
    # Added up as intervals, which are whole microseconds: nothing is rounded on the way.
    return f"coalesce(extract(epoch FROM sum(lasted) FILTER (WHERE status = {status})), 0)::double precision"


@dataclass(slots=True)
class Sums:
    """Seconds in each status, and response times in ms, of one monitor over some time."""

    up: float = 0
    down: float = 0
    pending: float = 0
    maintenance: float = 0
    paused: float = 0
    pings: int = 0
    ping_sum: float = 0
    ping_min: float | None = None
    ping_max: float | None = None

    def take(self, row: Record) -> None:
        """Add a row of `COLUMNS`."""
        self.up += row["up"]
        self.down += row["down"]
        self.pending += row["pending"]
        self.maintenance += row["maintenance"]
        self.paused += row["paused"]
        self.pings += row["pings"]
        self.ping_sum += row["ping_sum"]
        self.ping_min = min((ping for ping in (self.ping_min, row["ping_min"]) if ping is not None), default=None)
        self.ping_max = max((ping for ping in (self.ping_max, row["ping_max"]) if ping is not None), default=None)

    @property
    def known(self) -> float:
        """Seconds anything is known of."""
        return self.up + self.down + self.pending + self.maintenance + self.paused

    @property
    def uptime(self) -> float | None:
        """The part of the time it was up, 0-1, or None where it was neither up nor down."""
        counted = self.up + self.down + self.pending
        return self.up / counted if counted else None

    @property
    def response(self) -> float | None:
        """The mean of its response times."""
        return self.ping_sum / self.pings if self.pings else None
