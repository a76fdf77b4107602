"""Works out how much of the last day, week and month each monitor was up, from hours that were added up before."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from medianest_hub.plugin_api import Database
from medianest_uptime_kuma.history.beats import hour_of

_DAY: Final = timedelta(hours=24)
_WEEK: Final = timedelta(hours=168)
_MONTH: Final = timedelta(hours=720)


async def refresh_uptimes(db: Database, now: datetime) -> None:
    """Write `own_day`, `own_week` and `own_month` of all monitors there are, 0-1 or null: whole hours and the running one.

    A monitor that somebody is just writing to is left for the next time, so that nobody ever waits in a ring.
    """
    running = hour_of(now)
    await db.execute(
        """WITH sums AS MATERIALIZED (
               SELECT number, sum(up) FILTER (WHERE starts_at >= $2) AS day_up,
                      sum(up + down + pending) FILTER (WHERE starts_at >= $2) AS day_all,
                      sum(up) FILTER (WHERE starts_at >= $3) AS week_up,
                      sum(up + down + pending) FILTER (WHERE starts_at >= $3) AS week_all,
                      sum(up) AS month_up, sum(up + down + pending) AS month_all
                 FROM plugin_uptime_kuma.hourly WHERE starts_at >= $4 AND starts_at <= $1 GROUP BY number
           ), ratios AS MATERIALIZED (
               SELECT m.number, s.day_up / nullif(s.day_all, 0) AS of_day, s.week_up / nullif(s.week_all, 0) AS of_week,
                      s.month_up / nullif(s.month_all, 0) AS of_month
                 FROM plugin_uptime_kuma.monitor m LEFT JOIN sums s ON s.number = m.number
           ), mine AS MATERIALIZED (
               SELECT m.number, r.of_day, r.of_week, r.of_month
                 FROM plugin_uptime_kuma.monitor m JOIN ratios r ON r.number = m.number
                WHERE m.gone_at IS NULL
                  AND (m.own_day, m.own_week, m.own_month) IS DISTINCT FROM (r.of_day, r.of_week, r.of_month)
                  FOR NO KEY UPDATE OF m SKIP LOCKED
           )
           UPDATE plugin_uptime_kuma.monitor m
              SET own_day = mine.of_day, own_week = mine.of_week, own_month = mine.of_month
             FROM mine WHERE m.number = mine.number""",
        *(running, running - _DAY, running - _WEEK, running - _MONTH),
    )
