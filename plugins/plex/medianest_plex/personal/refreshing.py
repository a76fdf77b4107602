"""When Plex is asked about somebody: at once and briefly before they first see anything, else hourly and in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from pydantic import BaseModel

from medianest_hub.plugin_api import Context, Event, Job, Person, PersonRemoved, listener, task
from medianest_hub.plugin_api.errors import HubError
from medianest_plex.browsing.sight import Sight, sight
from medianest_plex.personal import shares
from medianest_plex.personal.watched import ask_watched, keep_watched
from medianest_plex.servers import everywhere
from medianest_plex.settings import PlexSettings

REFRESH: Final = "refresh_seen"
"""The name of the task."""

AT_ONCE_SECONDS: Final = 3.0
"""How long somebody waits for Plex to say what they may see, the first time."""

AGAIN_SECONDS: Final = 30.0
_ASKED_SECONDS: Final = 60.0


class OfPerson(BaseModel):
    """Whom a job is about, and on which servers: on all of them where none is named."""

    person_id: UUID
    instances: list[str] = []


async def look(ctx: Context[PlexSettings], person: Person) -> Sight:
    """What the person may see now. Asks Plex only before it ever said, and otherwise sees to its being asked in time."""
    seen = await sight(ctx, person)
    unasked = seen.unasked() if seen.bound and seen.linked else []
    if unasked and await _ask_at_once(ctx, seen, unasked):
        seen = await sight(ctx, person)
    if due := seen.due(ctx.clock.now()):
        await _ask_when_due(ctx, person.id, due if len(due) < len(seen.servers) else [])
    return seen


async def _ask_at_once(ctx: Context[PlexSettings], seen: Sight, instances: Sequence[str]) -> bool:
    """Whether Plex said of any of these servers in time what the person may see there.

    However often pages ask, Plex is asked twice a minute at most.
    """

    person_id = seen.person_id

    async def ask_one(server: Context[PlexSettings]) -> bool:
        try:
            async with asyncio.timeout(AT_ONCE_SECONDS):
                await shares.ask_shares(server, person_id)
        except (HubError, TimeoutError):
            return False
        return True

    async def ask() -> bool:
        await shares.note_account(ctx, person_id)
        asked = [server for server in everywhere(ctx) if server.instance in instances]
        answers = await asyncio.gather(*(ask_one(server) for server in asked))
        await shares.forget_if_gone(ctx, person_id)
        if not any(answers):
            return False
        await ask_later(ctx, person_id)  # what they have watched takes longer
        return True

    return await ctx.cache.remember(f"at_once:{person_id}:{seen.subject}", AGAIN_SECONDS, ask)


async def _ask_when_due(ctx: Context[PlexSettings], person_id: UUID, instances: list[str]) -> None:
    key = f"later:{person_id}"
    if await ctx.cache.get(key) is None:
        await ctx.cache.set(key, True, _ASKED_SECONDS)
        await ask_later(ctx, person_id, instances)


async def ask_later(ctx: Context[PlexSettings], person_id: UUID, instances: Sequence[str] = ()) -> None:
    """Have Plex asked about the person in the background: on these servers, or on all."""
    args, unique = OfPerson(person_id=person_id, instances=list(instances)), ":".join((str(person_id), *instances))
    await ctx.jobs.enqueue(refresh_seen, args, unique=unique)


@task(REFRESH, timeout=900, retries=1, concurrency=2, cancellable=False)
async def refresh_seen(ctx: Context[PlexSettings], job: Job[OfPerson]) -> None:
    """Ask Plex with the person's own token what each server shares with them, and what they have watched to the end.

    Plex being away is no failure of the job: it is asked again while the person looks.
    """
    person_id, instances = job.args.person_id, job.args.instances
    if await ctx.people.get(person_id) is None:
        return
    asked = [server for server in everywhere(ctx) if not instances or server.instance in instances]
    outcomes = await asyncio.gather(*(_refresh(server, person_id) for server in asked), return_exceptions=True)
    await shares.forget_if_gone(ctx, person_id)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome


async def _refresh(ctx: Context[PlexSettings], person_id: UUID) -> None:
    try:
        found = await shares.ask_shares(ctx, person_id)
        if found is None:
            return
        plex, sections = found
        keys = await ask_watched(ctx, person_id, plex, sections)
    except HubError as error:
        ctx.log.debug("plex_person_not_asked", server=ctx.instance, reason=error.message)
        await shares.ask_again_soon(ctx, person_id)
        return
    async with ctx.db.transaction() as tx:
        await keep_watched(tx, ctx.instance, person_id, keys)
        await shares.settle(tx, ctx.instance, person_id)


@listener(PersonRemoved)
async def forget_person(ctx: Context[PlexSettings], event: Event[PersonRemoved]) -> None:
    """Keep nothing of somebody who was removed. Done twice it does nothing more."""
    if event.person is not None:
        await shares.forget(ctx.db, event.person)
