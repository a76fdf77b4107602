"""What Uptime Kuma's own notifications tell, for those who prefer them to a connection kept open."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from medianest_hub.plugin_api import Context, Queries, Webhook
from medianest_hub.plugin_api.errors import BadInput, FieldProblem
from medianest_uptime_kuma.client.answers import Line
from medianest_uptime_kuma.client.live_models import LiveBeat, LiveMonitor
from medianest_uptime_kuma.client.secrets import secrets_of
from medianest_uptime_kuma.client.seen import Found, Seen, hold_of
from medianest_uptime_kuma.client.words import message
from medianest_uptime_kuma.ledger.recording import record
from medianest_uptime_kuma.ledger.registering import Register
from medianest_uptime_kuma.ledger.source import read
from medianest_uptime_kuma.settings import UptimeKumaSettings
from medianest_uptime_kuma.telling import STATUS_TILES, tell, tell_tiles

_JUST_NOW: Final = timedelta(minutes=2)
"""A check said to be so old or so far ahead is taken for one of this moment: clocks differ, and it came at once."""

_NOTIFICATION_HOLD: Final = timedelta(days=1).total_seconds()
"""Uptime Kuma notifies of changes only: until the next one all is as it was, as far as anybody tells."""


class NotifiedMonitor(LiveMonitor):
    """The monitor, and which of its texts must not be shown."""

    secrets: SkipJsonSchema[tuple[str, ...]] = Field(default=(), repr=False, exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _find_secrets(cls, value: Any) -> Any:
        return {**value, "secrets": secrets_of(value)} if isinstance(value, dict) else value


class KumaNotification(BaseModel):
    """The body of Uptime Kuma's notification type Webhook, preset `application/json` or `multipart/form-data`.

    Both parts are null in the message its Test button sends, and in those about certificates.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    heartbeat: LiveBeat | None = None
    monitor: NotifiedMonitor | None = None
    msg: Line = ""

    @model_validator(mode="before")
    @classmethod
    def _number_monitor(cls, value: Any) -> Any:
        """A monitor without a number has that of the check."""
        monitor, beat = (value.get(name) for name in ("monitor", "heartbeat")) if isinstance(value, dict) else (0, 0)
        if isinstance(monitor, dict) and isinstance(beat, dict) and monitor.get("id") is None:
            return {**value, "monitor": {**monitor, "id": beat.get("monitorID", beat.get("monitor_id"))}}
        return value


async def notified(ctx: Context[UptimeKumaSettings], payload: KumaNotification) -> None:
    """Take in the check it tells of; older than what is known, it changes nothing. Raises `BadInput` if it is of two monitors."""
    if payload.heartbeat is None or payload.monitor is None:
        ctx.log.info("uptime kuma sent a notification without a check, as its Test button does")
        return
    monitor = payload.monitor
    if monitor.id != payload.heartbeat.monitor_id:
        words = "The check is another monitor's: heartbeat.monitorID and monitor.id must be the same."
        raise BadInput(words, fields=[FieldProblem(field="body.heartbeat.monitorID", code="mismatch", message=words)])
    now = ctx.clock.now()
    found = _found(payload.heartbeat, monitor, monitor.secrets, now)
    async with ctx.db.transaction() as tx:
        number, is_new = await _number(ctx, tx, monitor, now)
        if not await _is_newer(tx, number, min(payload.heartbeat.time, now)):
            return
        if not (await read(tx, ctx.instance)).is_stale(now):
            found = replace(found, hold=hold_of(monitor.interval))  # a way in looks at it as well
        outcome = await record(ctx, tx, [(number, found)], live=False, now=now)
    await tell(ctx, outcome.changes, outcome.alerts)
    if is_new:
        await tell_tiles(ctx, *STATUS_TILES)


def _found(beat: LiveBeat, monitor: LiveMonitor, secrets: tuple[str, ...], now: datetime) -> Found:
    at = now if abs(now - beat.time) < _JUST_NOW else beat.time
    hold = max(hold_of(monitor.interval), _NOTIFICATION_HOLD)
    return Found(at, beat.status, hold, beat.ping, message(beat.message, secrets))


async def _is_newer(tx: Queries, number: int, at: datetime) -> bool:
    """Whether no notification told of this moment, or a later one, before: they may come twice, and in any order."""
    noted = await tx.fetchval(
        """UPDATE plugin_uptime_kuma.monitor SET notified_at = $2
            WHERE number = $1 AND (notified_at IS NULL OR notified_at < $2) RETURNING number""",
        *(number, at),
    )
    return noted is not None


async def _number(
    ctx: Context[UptimeKumaSettings], tx: Queries, monitor: NotifiedMonitor, now: datetime
) -> tuple[int, bool]:
    """What the monitor's beats are kept under, and whether it was not known before."""
    # Two notifications of a new monitor must not both make it.
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 11))", f"plugin_uptime_kuma:{ctx.instance}")
    register = Register(ctx.instance)
    await register.load(tx)
    seen = Seen(name=message(monitor.name, monitor.secrets) or f"#{monitor.id}", kuma_id=monitor.id, kind=monitor.type)
    known = register.find(seen)
    if known is not None and known.name == seen.name:
        return known.number, False
    done = await register.register(tx, [seen], whole=False, partly=True, now=now)
    return done.numbers[0], done.changed


NOTIFICATION: Final = Webhook("notification", notified, KumaNotification, secret_in_path=True, multipart_field="data")
