"""What is done when something happened; each listener runs once per event, in one worker, and is retried."""

from __future__ import annotations

from medianest_hello.events import GreetingLeft
from medianest_hello.models import GreetingId
from medianest_hello.settings import HelloSettings
from medianest_hello.tasks import answer
from medianest_hub.plugin_api import Context, Event, listener


@listener(GreetingLeft)
async def ask_for_an_answer(ctx: Context[HelloSettings], event: Event[GreetingLeft]) -> None:
    """Queue the answer; `unique` makes a second delivery of the same event harmless."""
    await ctx.jobs.enqueue(answer, GreetingId(id=event.data.id), person=event.person, unique=f"answer-{event.data.id}")
