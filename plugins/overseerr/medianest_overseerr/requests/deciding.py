"""Says yes or no to requests, and has failed ones tried again, for those the hub lets decide."""

from __future__ import annotations

from typing import Literal

from medianest_hub.plugin_api import Person
from medianest_hub.plugin_api.errors import HubError
from medianest_overseerr.client import answers
from medianest_overseerr.client.refusals import no_request
from medianest_overseerr.connection import Ctx, service, title_key
from medianest_overseerr.models import RequestView
from medianest_overseerr.people.accounts import Account
from medianest_overseerr.people.acting import acting
from medianest_overseerr.people.matching import self_of
from medianest_overseerr.requests import lists, looking, rows
from medianest_overseerr.requests.asking import already_decided, known
from medianest_overseerr.requests.claiming import claimed
from medianest_overseerr.requests.doubt import Doubtful, doubting
from medianest_overseerr.rights import Right, has
from medianest_overseerr.states import RequestState

Act = Literal["approve", "decline", "retry"]

_FROM: dict[Act, frozenset[RequestState]] = {
    "approve": frozenset({RequestState.PENDING, RequestState.DECLINED}),
    "decline": frozenset({RequestState.PENDING}),
    "retry": frozenset({RequestState.FAILED}),
}


async def decide(ctx: Ctx, person: Person, number: int, act: Act, reason: str = "") -> RequestView:
    """Approve, decline or retry a request, in the person's own name where Overseerr lets them, else as the key's owner.

    It is the hub that lets them. `reason` is kept here, as Overseerr has no place for it. Raises `NotFound`
    (`overseerr_request_not_found`), `Conflict` (`overseerr_already_decided`, `overseerr_being_decided`), and what the client
    does.
    """
    await known(ctx, number)
    async with claimed(ctx, number):
        kept = await looking.look(ctx, number)
        if kept is None:
            raise no_request()
        if kept.state not in _FROM[act]:
            raise already_decided(kept.state)
        account = await self_of(ctx, person)
        await _decide(ctx, person, number, act, reason, account)
    await ctx.cache.delete(title_key(ctx, kept.kind, kept.tmdb_id))
    row = await rows.row(ctx.db, ctx.instance, number)
    if row is None:
        raise no_request()
    return (await lists.views(ctx, [row], person, None if account is None else account.user_id))[0]


async def _decide(ctx: Ctx, person: Person, number: int, act: Act, reason: str, account: Account | None) -> None:
    as_self = account is not None and has(account.permissions, Right.MANAGE_REQUESTS)
    asked_at = await looking.now_of_database(ctx)
    if act == "decline":
        # Overseerr tells of it before it has answered: whoever hears that must find the reason.
        await rows.give_reason(ctx.db, ctx.instance, number, reason)
    try:
        if account is not None and as_self:
            async with acting(ctx, account):
                found = await _do(ctx, number, act, account.user_id)
        else:
            found = await _do(ctx, number, act, None)
    except Doubtful:
        raise  # it may be declined, and then its maker is to know why
    except HubError:
        await rows.take_reason_back(ctx.db, ctx.instance, number)
        raise
    ctx.log.info("overseerr_request_decided", request=number, act=act, person=str(person.id), as_self=as_self)
    try:
        # The answer has the title's status as it was before; only a look afterwards knows what became of it.
        await looking.look(ctx, number, reason if act == "decline" else "")
    except HubError:
        await looking.take(ctx, found, asked_at, reason if act == "decline" else "")


async def _do(ctx: Ctx, number: int, act: Act, user: int | None) -> answers.Request:
    asked = service(ctx)
    with doubting("may have done it all the same. Look at the request in a minute before you try again."):
        return await asked.retry(number, user) if act == "retry" else await asked.decide(number, act, user)
