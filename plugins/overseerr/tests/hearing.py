"""Has the hub hear and see what happens at the simulated service, and shows what it told people."""

from __future__ import annotations

from typing import Any

from medianest_hub.testing import make_job
from medianest_overseerr import tasks
from medianest_overseerr.events import RequestChanged
from medianest_overseerr.hearing.hint import TEMPLATE, Hint
from medianest_overseerr.hearing.later import AgainArgs, PollArgs
from medianest_overseerr.webhooks import notified
from tests.simulators.overseerr import webhook
from tests.simulators.overseerr.notices import Kind, Notice
from tests.simulators.overseerr.server import OverseerrSimulator

from .conftest import Ctx


async def hear(ctx: Ctx, sim: OverseerrSimulator, kind: Kind, *, template: str | None = TEMPLATE, **about: Any) -> None:
    """The webhook comes; `template` None is the one the service brings. `about`: request, issue, comment, user."""
    media = getattr(about.get("request") or about.get("issue"), "media", None)
    said = webhook.body(sim.world, Notice(kind, media, **about), template)
    await notified(ctx, Hint.model_validate(said))


async def poll(ctx: Ctx, *, now: bool = True) -> tasks.PollResult:
    """The worker looks."""
    result = await tasks.poll(ctx, make_job(PollArgs(now=now)))
    assert isinstance(result, tasks.PollResult)
    return result


async def look_again(ctx: Ctx) -> list[AgainArgs]:
    """The looks that were put off are made; returns those that were."""
    queued = [job for job in ctx.jobs.queued if job.task == "look_again"]
    ctx.jobs.queued[:] = [job for job in ctx.jobs.queued if job not in queued]
    done = [AgainArgs.model_validate(job.args) for job in queued]
    for args in done:
        await tasks.look_again(ctx, make_job(args))
    return done


def told(ctx: Ctx) -> list[tuple[str, Any]]:
    """Kinds told and whom, in order; None is all who may know."""
    return [(one.kind.removeprefix("overseerr."), one.person) for one in ctx.notify.told]


def changes(ctx: Ctx) -> list[tuple[Any, Any, Any]]:
    """Of each event: the states before and after, and whose it is."""
    return [(data.was, data.state, person) for data, person in ctx.events.emitted if isinstance(data, RequestChanged)]


def shown(ctx: Ctx) -> list[tuple[Any, Any]]:
    """The states live events told of, and to whom."""
    return [(one.data["state"], one.person) for one in ctx.realtime.sent if one.event.endswith("request.changed")]
