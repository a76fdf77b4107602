"""Handlers that need tables, called alone on a real PostgreSQL with the plugin's migrations run."""

from __future__ import annotations

from unittest.mock import ANY

import pytest

from medianest_hello import store
from medianest_hello.events import GreetingLeft
from medianest_hello.listeners import ask_for_an_answer
from medianest_hello.models import GreetingId, GreetingPath, GreetingQuery, NewGreeting, Postcard
from medianest_hello.routes import author, greeting, greetings, leave, take_back
from medianest_hello.settings import HelloSettings
from medianest_hello.streams import pulse
from medianest_hello.tasks import answer, tidy
from medianest_hello.webhooks import FROM_OUTSIDE, postcard
from medianest_hello.widgets import latest, mine
from medianest_hub.plugin_api import Empty, JobState, Viewer, errors
from medianest_hub.testing import (
    ContextMaker,
    FakeUpstream,
    MemoryContext,
    ProgressLog,
    make_call,
    make_event,
    make_job,
    make_lease,
    make_person,
)

ADA = make_person("ada")
BOB = make_person("bob")


async def write(ctx: MemoryContext[HelloSettings], *texts: str) -> list[int]:
    return [(await leave(ctx, make_call(body=NewGreeting(text=text), person=ADA))).id for text in texts]


async def test_leaving_a_greeting_tells_everyone_who_should_know(context: ContextMaker) -> None:
    ctx = await context(HelloSettings(), database=True)
    (number,) = await write(ctx, "good morning")
    ((event, person),) = ctx.events.emitted
    assert (event.model_dump(), person) == ({"id": number}, ADA.id)
    assert ctx.cache.bumped == ["greetings"]
    assert ctx.realtime.changed == [("latest", None), ("mine", ADA.id)]
    assert ctx.metrics.value("greetings_left") == 1


async def test_pages_go_back_through_the_book_without_gap_or_repeat(context: ContextMaker) -> None:
    ctx = await context(HelloSettings(), database=True)
    written = await write(ctx, "one", "two", "three")
    first = await greetings(ctx, make_call(query=GreetingQuery(limit=2), person=BOB))
    assert first.next_cursor is not None
    second = await greetings(ctx, make_call(query=GreetingQuery(limit=2, cursor=int(first.next_cursor)), person=BOB))
    assert [item.id for item in (*first.items, *second.items)] == written[::-1]
    assert second.next_cursor is None


async def test_a_greeting_belongs_to_its_author_until_it_is_taken_back(context: ContextMaker) -> None:
    ctx = await context(HelloSettings(), database=True)
    (number,) = await write(ctx, "mine")
    call = make_call(path=GreetingPath(id=number), person=ADA)
    assert await author(ctx, call) == ADA.id
    await take_back(ctx, call)
    assert await author(ctx, call) is None
    with pytest.raises(errors.NotFound):
        await greeting(ctx, call)


async def test_an_answer_is_written_once_and_told_to_the_author(
    context: ContextMaker, fake_upstream: FakeUpstream
) -> None:
    fake_upstream.answer("GET", "/word", json={"word": "sunny"})
    settings = HelloSettings.model_validate({"greeting": "Hi", "service_url": fake_upstream.url})
    ctx = await context(settings, database=True)
    (number,) = await write(ctx, "good morning")
    reports = ProgressLog()
    answered = await answer(ctx, make_job(GreetingId(id=number), progress=reports))
    again = await answer(ctx, make_job(GreetingId(id=number), attempt=2))
    assert answered.answer == "Hi, ada! Have a sunny day."
    assert again.id == number
    assert [(sent.event, sent.data["answer"], sent.person) for sent in ctx.realtime.sent] == [
        ("greeting.answered", answered.answer, ADA.id)
    ]
    assert [(told.title, told.body, told.person) for told in ctx.notify.told] == [
        ("Your greeting was answered", answered.answer, ADA.id)
    ]
    assert reports.reports[0][0] == 0.5


async def test_the_hubs_own_queue_takes_one_job_for_one_greeting(context: ContextMaker) -> None:
    ctx = await context.real(HelloSettings())
    greeting = await leave(ctx, make_call(body=NewGreeting(text="good morning"), person=ADA))
    event = make_event(GreetingLeft(id=greeting.id))
    await ask_for_an_answer(ctx, event)
    job = await ctx.jobs.enqueue("answer", GreetingId(id=greeting.id), unique=f"answer-{greeting.id}")
    queued = await ctx.jobs.get(job)
    assert queued is not None
    assert (queued.task, queued.state, ctx.state["since"]) == ("answer", JobState.QUEUED, ANY)
    await ask_for_an_answer(ctx, event)
    assert await ctx.jobs.enqueue("answer", GreetingId(id=greeting.id), unique=f"answer-{greeting.id}") == job


async def test_a_greeting_taken_back_needs_no_answer(context: ContextMaker) -> None:
    ctx = await context(HelloSettings(), database=True)
    with pytest.raises(errors.GiveUp):
        await answer(ctx, make_job(GreetingId(id=1)))


async def test_tidying_removes_what_is_too_old_and_nothing_else(context: ContextMaker) -> None:
    ctx = await context(HelloSettings(keep_days=1), database=True)
    await write(ctx, "old")
    ctx.clock.advance(86_400 + 1)
    (young,) = await write(ctx, "young")
    await tidy(ctx, make_job(Empty()))
    assert [item.id for item in await store.page(ctx.db, 10, None)] == [young]
    assert ctx.metrics.value("greetings") == 1


async def test_a_beat_of_a_holder_that_lost_its_lease_is_refused(context: ContextMaker) -> None:
    ctx = await context(HelloSettings(), database=True)
    assert await store.beat(ctx.db, 2, ctx.clock.now())
    await pulse(ctx, make_lease(fence=1))
    assert await store.pulse(ctx.db) == (1, 2)
    assert ctx.log.lines[-1].level == "warning"


async def test_widgets_show_the_book_to_all_and_ones_own_count_to_each(context: ContextMaker) -> None:
    ctx = await context(HelloSettings(), database=True)
    await write(ctx, *(f"greeting {number}" for number in range(6)))
    shared = await latest(ctx, Viewer())
    assert [item.title for item in shared.items] == [f"greeting {number}" for number in (5, 4, 3, 2, 1)]
    assert (await mine(ctx, Viewer(person=ADA, role=ADA.role))).value == 6
    assert (await mine(ctx, Viewer(person=BOB, role=BOB.role))).value == 0


async def test_a_postcard_comes_into_the_book_and_is_answered_like_any_greeting(context: ContextMaker) -> None:
    ctx = await context(HelloSettings(), database=True)
    await postcard(ctx, Postcard(name="Vera", text="sunny here"))
    (greeting,) = await store.page(ctx.db, 5, None)
    assert [(event.model_dump(), person) for event, person in ctx.events.emitted] == [({"id": greeting.id}, None)]
    assert (greeting.author_id, greeting.author_name) == (FROM_OUTSIDE, "Vera")
    tile = await latest(ctx, Viewer())
    assert tile.items[0].image == "/api/v1/images/made-0"
    assert [(one.source, one.ref) for one in ctx.images.made] == [("badge", str(FROM_OUTSIDE))]
