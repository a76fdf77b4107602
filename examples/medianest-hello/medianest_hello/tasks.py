"""Work for the worker: tidying up now and then, and answering one greeting."""

from __future__ import annotations

from datetime import timedelta

from medianest_hello import client, store
from medianest_hello.models import Answered, GreetingId
from medianest_hello.notifications import GREETING_ANSWERED
from medianest_hello.settings import HelloSettings
from medianest_hello.tables import GreetingRow
from medianest_hub.plugin_api import Context, Job, errors, task


@task("tidy", every=timedelta(minutes=1), timeout=30, retries=0)
async def tidy(ctx: Context[HelloSettings], job: Job) -> None:
    """Remove what is older than `keep_days`; a period later it runs again, so a failed run is not repeated."""
    removed = await store.remove_older(ctx.db, ctx.clock.now() - timedelta(days=ctx.settings.keep_days))
    # Piccolo's own queries go to the same database; SQL through ctx.db is needed only where a transaction is shared.
    ctx.metrics.gauge("greetings", "Greetings in the book.").set(await GreetingRow.count())
    if removed:
        ctx.log.info("removed old greetings", removed=removed)
        await ctx.cache.bump("greetings")
        await ctx.realtime.widget_changed("latest")


@task("answer", timeout=20, retries=3, concurrency=4)
async def answer(ctx: Context[HelloSettings], job: Job[GreetingId]) -> Answered:
    """Answer one greeting. Safe to run twice: the first answer stays."""
    greeting = await store.one(ctx.db, job.args.id)
    if greeting is None:
        raise errors.GiveUp("the greeting was taken back before it was answered", code="greeting_gone")
    await job.progress(0.5, "looking for a kind word")
    word = await client.kind_word(ctx)
    text = f"{ctx.settings.greeting}, {greeting.author_name}!" + (f" Have a {word} day." if word else "")
    told = {"answer": text}
    async with ctx.db.transaction() as tx:
        if not await store.write_answer(tx, greeting.id, text):
            return Answered(id=greeting.id, answer=greeting.answer or "")
        await ctx.notify.tell(GREETING_ANSWERED, told, key=str(greeting.id), person=greeting.author_id, tx=tx)
    answered = Answered(id=greeting.id, answer=text)
    await ctx.cache.bump("greetings")
    await ctx.realtime.send("greeting.answered", answered, person=greeting.author_id)
    await ctx.realtime.widget_changed("latest")
    return answered
