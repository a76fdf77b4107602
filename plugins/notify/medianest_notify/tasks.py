"""Sending, tried again for a day, and tidying up."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from medianest_hub.plugin_api import Context, Job, errors, task
from medianest_notify import outgoing
from medianest_notify.addresses import store
from medianest_notify.delivering import deliver_to
from medianest_notify.models import Send, Way
from medianest_notify.outcomes import Outcome
from medianest_notify.push import devices, keys
from medianest_notify.settings import NotifySettings

PAUSES: Final = (5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 14400, 21600, 21600)
"""Seconds between attempts: a service that restarts is soon had again, one that is away for the night as well."""


@task("send", timeout=90, retries=len(PAUSES), concurrency=4, cancellable=False)
async def send(ctx: Context[NotifySettings], job: Job[Send]) -> None:
    """Send one message to one target. `RetryLater` while it was certainly not taken."""
    message = await outgoing.claim(ctx, job.args.message)
    if message is None:
        return
    if isinstance(message, str):
        await _interrupted(ctx, job.args.message)
        return
    outcome = await deliver_to(ctx, message)
    if outcome is None or outcome.kind != "passing":
        await outgoing.done(ctx, message.id)
        return
    if job.last_attempt:
        await _note(ctx, message.way, message.target_id, Outcome("refused", "expired"))
        await outgoing.done(ctx, message.id)
        raise errors.GiveUp(outcome.words)
    await outgoing.put_back(ctx, message.id)
    pause = PAUSES[min(job.attempt, len(PAUSES)) - 1]
    raise errors.RetryLater(outcome.words, retry_after=max(pause, outcome.retry_after or 0.0))


@task("tidy", every=timedelta(hours=1), timeout=60)
async def tidy(ctx: Context[NotifySettings], job: Job) -> None:
    """Drop what never left, and seal the push key under the hub's key in use."""
    if dropped := await outgoing.drop_old(ctx):
        ctx.log.warning("messages were dropped that could not be sent", count=dropped)
    await keys.seal_anew(ctx)


async def _interrupted(ctx: Context[NotifySettings], message: UUID) -> None:
    target = await outgoing.target_of(ctx, message)
    if target is not None:
        await _note(ctx, *target, Outcome("uncertain", "interrupted"))
    await outgoing.done(ctx, message)


async def _note(ctx: Context[NotifySettings], way: Way, target: UUID, outcome: Outcome) -> None:
    await (store.note if way is Way.APPRISE else devices.note)(ctx, target, outcome)
