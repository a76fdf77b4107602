"""What an outside service may tell: here a postcard for the guest book. The hub has checked the secret before."""

from __future__ import annotations

from uuid import UUID

from medianest_hello import store
from medianest_hello.events import GreetingLeft
from medianest_hello.models import Postcard
from medianest_hello.settings import HelloSettings
from medianest_hub.plugin_api import Context, Webhook

FROM_OUTSIDE = UUID(int=0)
"""The author of what nobody of the household wrote."""


async def receive(ctx: Context[HelloSettings], payload: Postcard) -> None:
    """Write the postcard into the book. Raising makes the service try again: what failed is not taken for a repetition."""
    async with ctx.db.transaction() as tx:
        greeting = await store.add(tx, FROM_OUTSIDE, payload.name, payload.text, ctx.clock.now())
        await ctx.events.emit(GreetingLeft(id=greeting.id), tx=tx)
    await ctx.cache.bump("greetings")
    await ctx.realtime.widget_changed("latest")


postcard = Webhook("postcard", receive, Postcard, body_limit=4096)
