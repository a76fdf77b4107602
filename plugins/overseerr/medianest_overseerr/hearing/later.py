"""Looking once more after a while: what the worker is asked to do, and how it is asked. Looks at nothing itself."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, Field

from medianest_overseerr.connection import Ctx
from medianest_overseerr.states import RequestState

POLL: Final = "poll"
LOOK_AGAIN: Final = "look_again"

DELAYS: Final = (3.0, 20.0)
"""Seconds to wait before each further look at one request; after the last the poll has to find it."""

_SOON: Final = 5.0
_MOMENT: Final = 5.0


class PollArgs(BaseModel):
    """`now`: there is a reason to look, whenever that was done last."""

    now: bool = False


class AgainArgs(BaseModel):
    """Which request. `unless`: the states in which what was told of has not happened yet; `tries`: looks made so far."""

    request_id: int = Field(ge=1)
    unless: list[RequestState]
    tries: int = Field(default=1, ge=1)


async def poll_soon(ctx: Ctx) -> None:
    """Have the worker see what changed, once, however many ask for it."""
    await ctx.jobs.enqueue(POLL, PollArgs(now=True), delay=_SOON, unique=f"now:{_moment(ctx)}")


async def look_later(ctx: Ctx, args: AgainArgs) -> None:
    """Have it look at that request once more; not after the last try."""
    if args.tries <= len(DELAYS):
        unique = f"{args.request_id}:{args.tries}:{_moment(ctx)}"
        await ctx.jobs.enqueue(LOOK_AGAIN, args, delay=DELAYS[args.tries - 1], unique=unique)


def _moment(ctx: Ctx) -> int:
    """What comes within it is one. A look that is being made already may have begun too early, so it does not count."""
    return int(ctx.clock.now().timestamp() // _MOMENT)
