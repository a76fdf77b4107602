"""What somebody can ask for in place, in the search of the whole hub: buttons, and words where there is nothing to press."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from medianest_hub.plugin_api import Action, Person
from medianest_hub.plugin_api.errors import HubError
from medianest_overseerr.browsing import You, is_free
from medianest_overseerr.connection import Ctx
from medianest_overseerr.models import Allowance, Found, Quota
from medianest_overseerr.people.matching import user_of
from medianest_overseerr.requests import asking

QUOTA_SECONDS: Final = 60.0
"""How long somebody's quota is believed, unless they ask for something."""

_WAIT_SECONDS: Final = 1.0
"""How long a search waits for it."""


@dataclass(frozen=True, slots=True)
class Offer:
    """`possible`: the person may ask for it now. `words`: why there is no button, where that is not to be seen."""

    actions: list[Action] = field(default_factory=list)
    possible: bool = False
    words: str = ""


async def quota_of(ctx: Ctx, person: Person, found: Sequence[Found]) -> Quota | None:
    """What the person may still ask for, where there is anything to ask for; None where it cannot be found out at once."""
    if not any(one.requestable or one.requestable_4k for one in found):
        return None
    try:
        account = await user_of(ctx, person, wants=False)
        made = await ctx.db.fetchrow(
            "SELECT count(*) AS many, coalesce(max(request_id), 0) AS last FROM plugin_overseerr.request "
            "WHERE instance = $1 AND user_id = $2",
            ctx.instance,
            account.user_id,
        )
        so_far = "" if made is None else f"{made['many']}-{made['last']}"

        async def load() -> dict[str, object]:
            return (await asking.quota(ctx, person)).model_dump(mode="json")

        key = f"quota:{ctx.generation}:{account.user_id}:{person.id}:{so_far}"
        async with asyncio.timeout(_WAIT_SECONDS):
            return Quota.model_validate(await ctx.cache.remember(key, QUOTA_SECONDS, load))
    except (HubError, TimeoutError) as error:
        ctx.log.debug("overseerr_quota_not_asked", reason=str(error))
        return None


def offer(found: Found, you: You, quota: Quota | None) -> Offer:
    """What the person may do with it. Who is nobody at Overseerr has the button as well: pressing it says why, and what helps."""
    if you != "matched":
        return Offer([_ask(found, "request", "Request", "", is4k=False)] if is_free(found) else [])
    offered = [
        (id, title, is4k)
        for id, title, possible, is4k in (
            ("request", "Request", found.requestable, False),
            ("request_4k", "Request in 4K", found.requestable_4k, True),
        )
        if possible
    ]
    allowance = None if quota is None else quota.movie if found.kind == "movie" else quota.tv
    if offered and allowance is not None and (allowance.restricted or allowance.remaining == 0):
        return Offer(words=f"Your quota is used up: you may ask for no more {_what(found, 2)} for now.")
    confirm = "" if allowance is None else _confirm(found, allowance)
    return Offer([_ask(found, id, title, confirm, is4k=is4k) for id, title, is4k in offered], possible=bool(offered))


def _ask(found: Found, id: str, title: str, confirm: str, *, is4k: bool) -> Action:
    # Without seasons a series is asked for as far as it is neither there nor asked for.
    return Action(
        id=id,
        title=title,
        path="/api/v1/overseerr/requests",
        body={"kind": found.kind, "tmdb_id": found.tmdb_id, "is4k": is4k},
        confirm=confirm,
    )


def _confirm(found: Found, allowance: Allowance) -> str:
    if allowance.remaining is None:
        return ""
    all_of = "" if found.kind == "movie" else "all seasons that are left of "
    return (
        f"You may ask for {allowance.remaining} more {_what(found, allowance.remaining)} for now. "
        f"Request {all_of}{found.title[:200]}?"
    )


def _what(found: Found, many: int) -> str:
    return ("film" if found.kind == "movie" else "season") + ("" if many == 1 else "s")
