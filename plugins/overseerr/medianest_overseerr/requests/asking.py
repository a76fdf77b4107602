"""Asks for films and series, and takes that back, always in the name of whoever wants it. Decides nothing."""

from __future__ import annotations

from uuid import UUID

from medianest_hub.plugin_api import Person
from medianest_hub.plugin_api.errors import (
    BadInput,
    Conflict,
    FieldProblem,
    Forbidden,
    HubError,
    UpstreamError,
)
from medianest_overseerr.client import answers
from medianest_overseerr.client.refusals import SERVICE, no_request
from medianest_overseerr.connection import Ctx, about, service, title_key
from medianest_overseerr.installation import ensure_same
from medianest_overseerr.models import Allowance, Quota, RequestView, Wish
from medianest_overseerr.people.accounts import Account
from medianest_overseerr.people.acting import acting
from medianest_overseerr.people.matching import person_of, self_of, user_of
from medianest_overseerr.privacy import REQUEST_4K, full
from medianest_overseerr.requests import lists, looking, rows
from medianest_overseerr.requests.claiming import claimed
from medianest_overseerr.requests.doubt import doubting
from medianest_overseerr.rights import Right, has, may_request
from medianest_overseerr.states import RequestState

NOBODY = UUID(int=0)
"""Whose a request is that was made by somebody who is nobody here."""


async def ask_for(ctx: Ctx, person: Person, wish: Wish) -> RequestView:
    """Ask for it in the person's name, and keep what Overseerr says.

    Raises what `matching.user_of` and `Overseerr.ask_for` do; `Forbidden` (`overseerr_4k_not_allowed`), `Conflict`
    (`overseerr_no_4k`), `BadInput` for seasons that make no sense.
    """
    account = await user_of(ctx, person)
    await _check(ctx, person, wish)
    asked_at = await looking.now_of_database(ctx)
    try:
        async with acting(ctx, account):
            made = await _send(ctx, account, wish)
    except HubError as error:
        _count(ctx, wish, error.error_code)
        raise
    if made.by is None or made.by.id != account.user_id:
        raise UpstreamError(
            f"{SERVICE} took the request in somebody else's name. An admin must look at it there.",
            service=SERVICE,
            field="requestedBy.id",
        )
    _count(ctx, wish, "made")
    await looking.take(ctx, made, asked_at)
    await ctx.cache.delete(title_key(ctx, wish.kind, wish.tmdb_id))
    kept = await rows.row(ctx.db, ctx.instance, made.id)
    if kept is None:
        raise no_request()
    return (await lists.views(ctx, [kept], person, account.user_id))[0]


async def one(ctx: Ctx, person: Person, number: int) -> RequestView:
    """One request as it is kept. Raises `NotFound` (`overseerr_request_not_found`)."""
    kept = await rows.row(ctx.db, ctx.instance, number)
    if kept is None:
        raise no_request()
    me = await self_of(ctx, person)
    return (await lists.views(ctx, [kept], person, None if me is None else me.user_id))[0]


async def cancel(ctx: Ctx, person: Person, number: int) -> None:
    """Take a request back: one's own while nobody has decided on it, as one who manages them any.

    In the person's own name where Overseerr lets them, else, for those who manage requests here, as the key's owner. Whose
    request somebody else removes is told so. Raises `NotFound`, `Conflict` (`overseerr_already_decided`,
    `overseerr_being_decided`), and what the client does.
    """
    await known(ctx, number)
    async with claimed(ctx, number):
        kept = await looking.look(ctx, number)
        if kept is None:
            raise no_request()
        account = await (self_of if lists.manages(person) else user_of)(ctx, person)
        is_own = account is not None and kept.user_id == account.user_id
        if not lists.manages(person):
            if not is_own:
                raise no_request()
            if kept.state is not RequestState.PENDING:
                raise already_decided(kept.state)
        asked_at = await looking.now_of_database(ctx)
        await _cancel(ctx, person, kept, account, is_own=is_own)
        await looking.forget(ctx, number, asked_at, None if is_own else kept)
    await ctx.cache.delete(title_key(ctx, kept.kind, kept.tmdb_id))


async def quota(ctx: Ctx, person: Person) -> Quota:
    """What the person may still ask for. Raises as `ask_for`."""
    account = await user_of(ctx, person)
    async with acting(ctx, account):
        found = await service(ctx).quota(account.user_id)
    service_has = await about(ctx)
    in_4k = person.can(full(REQUEST_4K))
    return Quota(
        movie=_allowance(found.movie),
        tv=_allowance(found.tv),
        movie_allowed=may_request(account.permissions, "movie", is4k=False),
        tv_allowed=may_request(account.permissions, "tv", is4k=False),
        movie_4k_allowed=in_4k and service_has.movie_4k and may_request(account.permissions, "movie", is4k=True),
        tv_4k_allowed=in_4k and service_has.series_4k and may_request(account.permissions, "tv", is4k=True),
    )


async def whose(ctx: Ctx, number: int, asking: Person) -> UUID | None:
    """Whose request that is; None where there is none. `NOBODY` for one made by somebody who is nobody here.

    Who is `asking` is found by their address, too, although they may never have asked for anything. Raises as the client does.
    """
    await ensure_same(ctx)
    kept = await rows.row(ctx.db, ctx.instance, number) or await looking.look(ctx, number)
    if kept is None:
        return None
    return await owner_of(ctx, kept.user_id, asking)


async def owner_of(ctx: Ctx, user_id: int | None, asking: Person) -> UUID:
    """Which person what is that user's belongs to, for somebody who asks for it. Raises as `whose`."""
    person = await person_of(ctx, user_id)
    if person is None and user_id is not None:
        me = await self_of(ctx, asking)
        person = asking.id if me is not None and me.user_id == user_id else None
    return person or NOBODY


def already_decided(state: RequestState) -> Conflict:
    """It is too late for that."""
    return Conflict(
        f"This request is {state.value.replace('_', ' ')} already, so that cannot be done any more.",
        code="overseerr_already_decided",
        params={"state": state.value},
    )


async def _check(ctx: Ctx, person: Person, wish: Wish) -> None:
    if wish.kind == "movie" and wish.seasons is not None:
        raise _bad_seasons("A film has no seasons: leave them out.")
    if wish.seasons is not None and len(set(wish.seasons)) != len(wish.seasons):
        raise _bad_seasons("A season is named twice.")
    service_has = await about(ctx)
    if wish.seasons is not None and 0 in wish.seasons and not service_has.specials:
        raise _bad_seasons("Specials (season 0) cannot be asked for here.")
    if wish.seasons is not None and not service_has.partial_requests:
        raise _bad_seasons("Series can only be asked for whole here: leave the seasons out.")
    if not wish.is4k:
        return
    if not person.can(full(REQUEST_4K)):
        raise Forbidden("You may not ask for anything in 4K here.", code="overseerr_4k_not_allowed")
    if not service_has.has_4k(wish.kind):
        what = "films" if wish.kind == "movie" else "series"
        raise Conflict(f"There is nothing here to get {what} in 4K with.", code="overseerr_no_4k")


async def _send(ctx: Ctx, account: Account, wish: Wish) -> answers.Request:
    seasons = await _seasons(ctx, wish) if wish.kind == "tv" else None
    with doubting("may have taken the request all the same. Look at your requests in a minute before you ask again."):
        return await service(ctx).ask_for(account.user_id, wish.kind, wish.tmdb_id, is4k=wish.is4k, seasons=seasons)


async def known(ctx: Ctx, number: int) -> None:
    """Return once the request is kept. Raises `NotFound`."""
    await ensure_same(ctx)
    if await rows.row(ctx.db, ctx.instance, number) is None and await looking.look(ctx, number) is None:
        raise no_request()


async def _cancel(ctx: Ctx, person: Person, kept: rows.Row, account: Account | None, *, is_own: bool) -> None:
    """Have Overseerr remove it: in one's own name where it lets the user, which the log tells of others' requests."""
    may = account is not None and has(account.permissions, Right.MANAGE_REQUESTS)
    perhaps = "may have removed the request all the same. Look at it in a minute before you try again."
    if account is not None and (may or (is_own and kept.state is RequestState.PENDING)):
        async with acting(ctx, account):
            with doubting(perhaps):
                await service(ctx).cancel(kept.request_id, account.user_id)
        as_self = True
    else:
        with doubting(perhaps):
            await service(ctx).cancel(kept.request_id, None)
        as_self = False
    ctx.log.info(
        "overseerr_request_removed", request=kept.request_id, person=str(person.id), as_self=as_self, own=is_own
    )


async def _seasons(ctx: Ctx, wish: Wish) -> list[int]:
    """Which seasons to ask for: by number, as "all" means specials too to one of the services and not to the other."""
    if wish.seasons is not None:
        return sorted(wish.seasons)
    found = await service(ctx).series(wish.tmdb_id)
    specials = (await about(ctx)).specials
    every = sorted({one.number for one in found.seasons if one.number > 0 or specials})
    if not every:
        raise _bad_seasons("This series has no seasons yet, so there is nothing to ask for.")
    return every


def _bad_seasons(words: str) -> BadInput:
    return BadInput(words, fields=[FieldProblem(field="body.seasons", code="bad_seasons", message=words)])


def _allowance(found: answers.Quota) -> Allowance:
    limit = found.limit or None
    remaining = None if limit is None else max(0, limit - found.used if found.remaining is None else found.remaining)
    return Allowance(
        limit=limit,
        days=found.days if limit else None,
        used=found.used,
        remaining=remaining,
        restricted=found.restricted,
    )


def _count(ctx: Ctx, wish: Wish, result: str) -> None:
    ctx.metrics.counter("requests", "What people asked for, and what became of it.", ["kind", "result"]).inc(
        kind=wish.kind, result=result
    )
