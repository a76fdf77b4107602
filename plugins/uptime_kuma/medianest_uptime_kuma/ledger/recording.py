"""Writes what monitors were found to be, and with it, in the same transaction, whatever follows from a change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from medianest_hub.plugin_api import Context, Queries, Record
from medianest_uptime_kuma.client.seen import Found
from medianest_uptime_kuma.history.beats import Beat, add
from medianest_uptime_kuma.ledger.alerts import AlertState, judge
from medianest_uptime_kuma.models import MonitorAlerted, MonitorChanged, Status
from medianest_uptime_kuma.notifications import notify
from medianest_uptime_kuma.privacy import shown_args, shown_sql
from medianest_uptime_kuma.settings import UptimeKumaSettings

_LOCK: Final = f"""
    SELECT m.number, m.id, m.name, m.group_name, m.status, m.since, m.seen_at, m.created_at, m.ping, m.message,
           m.alert, {shown_sql(2)} AS shown
      FROM plugin_uptime_kuma.monitor m WHERE m.number = ANY($1) AND m.gone_at IS NULL ORDER BY m.number FOR NO KEY UPDATE
"""  # nosec B608 # noqa: S608 - every part is written here
_WRITE: Final = """
    UPDATE plugin_uptime_kuma.monitor m
       SET status = x.status, since = x.since, seen_at = x.seen_at, ping = x.ping, message = x.message,
           alert = x.alert::jsonb
      FROM unnest($1::integer[], $2::smallint[], $3::timestamptz[], $4::timestamptz[], $5::real[], $6::text[], $7::text[])
           AS x(number, status, since, seen_at, ping, message, alert)
     WHERE m.number = x.number
"""


@dataclass(slots=True)
class Recorded:
    """What open pages are to be told once the transaction stands, and when to judge which monitor again (Unix seconds)."""

    changes: list[MonitorChanged] = field(default_factory=list)
    alerts: list[MonitorAlerted] = field(default_factory=list)
    wakes: dict[int, float | None] = field(default_factory=dict)


@dataclass(slots=True)
class _State:
    """A monitor while its beats are taken in."""

    row: Record
    status: Status
    since: datetime
    seen_at: datetime
    ping: float | None
    message: str
    alert: AlertState
    is_new: bool


async def record(
    ctx: Context[UptimeKumaSettings], tx: Queries, found: Sequence[tuple[int, Found]], *, live: bool, now: datetime
) -> Recorded:
    """Take in beats, by number, in the order in which they were made; call it in a transaction.

    `live`: they say how things are now, whatever their clock says, and each change is told. Otherwise they are read later:
    only those newer than what is known count, and what came out in the end is told, not each turn on the way.
    """
    outcome = Recorded()
    by_number: defaultdict[int, list[Found]] = defaultdict(list)
    for number, one in found:
        by_number[number].append(one)
    rows = await tx.fetch(_LOCK, list(by_number), *shown_args(ctx.settings))
    states = []
    beats: list[Beat] = []
    for row in rows:
        state = _begin(row)
        fresh = [replace(one, at=min(one.at, now)) for one in by_number[row["number"]]]
        if not live:
            fresh = [one for one in fresh if state.is_new or one.at > state.seen_at or _still_holds(state, one, now)]
        beats += [Beat(row["number"], one.at, one.status, one.ping, one.hold) for one in fresh]
        for one, since in ((one, one.at) for one in fresh) if live else _outcome(fresh):
            await _take(ctx, tx, state, one, since, outcome, judged_at=now if live else one.at)
        outcome.wakes[row["number"]] = state.alert.wake_at
        states.append(state)
    await add(tx, beats, now, keep_known=not live)
    await _write(tx, states)
    return outcome


async def reconsider(ctx: Context[UptimeKumaSettings], tx: Queries, numbers: Sequence[int], now: datetime) -> Recorded:
    """Judge again what was waited for: nothing was seen, but time has passed. Call it in a transaction."""
    outcome = Recorded()
    states = []
    for row in await tx.fetch(_LOCK, list(numbers), *shown_args(ctx.settings)):
        state = _begin(row)
        if state.alert.wake_at is not None and state.alert.wake_at <= now.timestamp():
            await _judge(ctx, tx, state, now, outcome)
        outcome.wakes[row["number"]] = state.alert.wake_at
        states.append(state)
    await _write(tx, states)
    return outcome


def _still_holds(state: _State, one: Found, now: datetime) -> bool:
    """Whether it tells how things are where nobody knew: a monitor looked at once a day was lost sight of, and is seen again."""
    return state.status is Status.UNKNOWN and one.at + timedelta(seconds=one.hold) >= now


def _outcome(found: Sequence[Found]) -> list[tuple[Found, datetime]]:
    """The last of them, and since when it has been so."""
    if not found:
        return []
    since = found[-1].at
    for one in reversed(found):
        if one.status is not found[-1].status:
            break
        since = one.at
    return [(found[-1], since)]


def _begin(row: Record) -> _State:
    status = Status.of(row["status"])
    return _State(
        row,
        status,
        row["since"],
        row["seen_at"],
        row["ping"],
        row["message"],
        AlertState.model_validate_json(row["alert"]),
        is_new=status is Status.UNKNOWN and row["since"] == row["created_at"],
    )


async def _take(
    ctx: Context[UptimeKumaSettings],
    tx: Queries,
    state: _State,
    one: Found,
    since: datetime,
    outcome: Recorded,
    *,
    judged_at: datetime,
) -> None:
    """`judged_at` is by our clock where that can be known: alerts are waited for by it, and Uptime Kuma's may be wrong."""
    was = state.status
    state.seen_at = one.at if state.is_new else max(state.seen_at, one.at)
    state.ping = one.ping
    if one.message is not None:
        state.message = one.message
    if one.status is was:
        return
    state.status, state.since = one.status, since
    if not state.is_new:
        change = MonitorChanged(
            monitor_id=state.row["id"],
            name=state.row["name"],
            group=state.row["group_name"],
            status=one.status,
            was=was,
            since=since,
            response_ms=one.ping,
            shown_to_members=state.row["shown"],
        )
        await ctx.events.emit(change, tx=tx)
        outcome.changes.append(change)
    state.is_new = False
    await _judge(ctx, tx, state, judged_at, outcome)


async def _judge(ctx: Context[UptimeKumaSettings], tx: Queries, state: _State, at: datetime, outcome: Recorded) -> None:
    verdict = judge(state.alert, state.status, at, ctx.settings.alerts)
    state.alert = verdict.state
    if verdict.kind is None:
        return
    alert = MonitorAlerted(
        monitor_id=state.row["id"],
        name=state.row["name"],
        group=state.row["group_name"],
        kind=verdict.kind,
        status=state.status,
        at=at,
        down_seconds=verdict.down_seconds,
        shown_to_members=state.row["shown"],
    )
    await ctx.events.emit(alert, tx=tx)
    await notify(ctx, tx, alert)
    outcome.alerts.append(alert)


async def _write(tx: Queries, states: Sequence[_State]) -> None:
    if not states:
        return
    await tx.execute(
        _WRITE,
        [state.row["number"] for state in states],
        [state.status.number for state in states],
        [state.since for state in states],
        [state.seen_at for state in states],
        [state.ping for state in states],
        [state.message for state in states],
        [state.alert.model_dump_json() for state in states],
    )
