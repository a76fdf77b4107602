"""The routes, at `/api/v1/hello/…`. The hub checks permission, owner, limit and input before a handler is called."""

from __future__ import annotations

from uuid import UUID

from medianest_hello import store
from medianest_hello.events import GreetingLeft
from medianest_hello.models import About, Greeting, GreetingPath, GreetingQuery, NewGreeting
from medianest_hello.settings import HelloSettings
from medianest_hub.plugin_api import AnswerCache, Call, Context, Empty, Page, Router, errors

router = Router()


@router.get("/about", public=True)
async def about(ctx: Context[HelloSettings], call: Call) -> About:
    """What this guest book greets with, and whether its stream beats."""
    beats, fence = await store.pulse(ctx.db)
    return About(greeting=ctx.settings.greeting, generation=ctx.generation, beats=beats, fence=fence)


@router.get("/greetings", permission="read", cache=AnswerCache(ttl=60, per="everyone", tags=["greetings"]))
async def greetings(ctx: Context[HelloSettings], call: Call[Empty, GreetingQuery]) -> Page[Greeting]:
    """The book, newest first."""
    found = await store.page(ctx.db, call.query.limit + 1, call.query.cursor)
    items = found[: call.query.limit]
    return Page(items=items, next_cursor=str(items[-1].id) if len(found) > len(items) else None)


@router.post("/greetings", permission="write", limit="greetings", body_limit=4096, status=201)
async def leave(ctx: Context[HelloSettings], call: Call[Empty, Empty, NewGreeting]) -> Greeting:
    """Write into the book.

    The greeting and the event that asks for its answer are written in one transaction: both are kept, or neither.
    """
    person = call.caller
    async with ctx.db.transaction() as tx:
        greeting = await store.add(tx, person.id, person.username, call.body.text, ctx.clock.now())
        await ctx.events.emit(GreetingLeft(id=greeting.id), person=person.id, tx=tx)
    ctx.metrics.counter("greetings_left", "Greetings written into the book.").inc()
    await ctx.cache.bump("greetings")
    await ctx.realtime.widget_changed("latest")
    await ctx.realtime.widget_changed("mine", person=person.id)
    return greeting


async def author(ctx: Context[HelloSettings], call: Call[GreetingPath]) -> UUID | None:
    """Whose greeting the path speaks of; the hub answers 404 to anyone else before a handler runs."""
    greeting = await store.one(ctx.db, call.path.id)
    return None if greeting is None else greeting.author_id


@router.get("/greetings/{id}", permission="read")
async def greeting(ctx: Context[HelloSettings], call: Call[GreetingPath]) -> Greeting:
    """One greeting."""
    found = await store.one(ctx.db, call.path.id)
    if found is None:
        raise errors.NotFound(f"there is no greeting {call.path.id}; it may have been removed")
    return found


@router.delete("/greetings/{id}", permission="write", owner=author, status=204)
async def take_back(ctx: Context[HelloSettings], call: Call[GreetingPath]) -> None:
    """Remove one's own greeting."""
    await store.remove(ctx.db, call.path.id)
    await ctx.cache.bump("greetings")
    await ctx.realtime.widget_changed("latest")
    await ctx.realtime.widget_changed("mine", person=call.caller.id)
