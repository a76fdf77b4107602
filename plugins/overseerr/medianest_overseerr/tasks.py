"""What the worker does: looking now and then what changed, and once more where a webhook told of what was not there yet."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, Field

from medianest_hub.plugin_api import Job, task
from medianest_hub.plugin_api.errors import AuthFailed, ConfigInvalid, HubError, UpstreamError
from medianest_overseerr.catalogue.titles import renew
from medianest_overseerr.connection import Ctx
from medianest_overseerr.hearing.issues import poll as poll_issues
from medianest_overseerr.hearing.later import LOOK_AGAIN, POLL, AgainArgs, PollArgs
from medianest_overseerr.hearing.requests import look_once_more
from medianest_overseerr.people import accounts
from medianest_overseerr.requests import polling

_TURN = timedelta(seconds=15)
"""How often it is asked whether it is time to look; the settings say when it is."""


class PollResult(BaseModel):
    """How many requests changed; `trouble` is what kept the look from its end."""

    changed: int = Field(default=0, ge=0)
    trouble: str = ""


@task(POLL, every=_TURN, timeout=300, retries=0, concurrency=1, cancellable=False)
async def poll(ctx: Ctx, job: Job[PollArgs]) -> PollResult:
    """See what changed, if it is time to. That Overseerr is away is no failure of the job: it is noted, and health says so."""
    if not job.args.now and not await polling.is_due(ctx):
        return PollResult()
    try:
        changes = await polling.poll(ctx)
    except HubError as error:
        return PollResult(trouble=_trouble(error))
    try:
        await accounts.keep_up(ctx)
        await renew(ctx)
        await poll_issues(ctx)
    except HubError as error:
        # Requests are kept up all the same, and only their trouble makes what is shown of them untrue.
        ctx.log.debug("overseerr_not_all_seen", reason=error.message)
        return PollResult(changed=len(changes), trouble=_trouble(error))
    return PollResult(changed=len(changes))


@task(LOOK_AGAIN, timeout=60, retries=2, concurrency=2, cancellable=False)
async def look_again(ctx: Ctx, job: Job[AgainArgs]) -> None:
    """Look at one request a while after a webhook told of it."""
    await look_once_more(ctx, job.args)


def _trouble(error: HubError) -> str:
    """The words for it. Raises it again if it is the hub's own."""
    is_theirs = isinstance(error, (AuthFailed, ConfigInvalid, UpstreamError)) or error.error_code == "service_down"
    if not is_theirs:
        raise error
    return error.message
