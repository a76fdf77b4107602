"""What this plugin does about events of others: of somebody who was removed it keeps nothing."""

from __future__ import annotations

from medianest_hub.plugin_api import Event, PersonRemoved, listener
from medianest_overseerr.connection import Ctx
from medianest_overseerr.people import matching


@listener(PersonRemoved)
async def forget_person(ctx: Ctx, event: Event[PersonRemoved]) -> None:
    """Forget who they were at Overseerr; their requests are Overseerr's. Done twice it does nothing more."""
    if event.person is not None:
        await matching.forget_person(ctx.db, event.person)
