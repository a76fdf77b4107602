"""What is wrong with something in the library: reported, talked about and closed, in the name of whoever does it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from medianest_hub.plugin_api import Person
from medianest_hub.plugin_api.errors import BadInput, FieldProblem
from medianest_overseerr import cursors
from medianest_overseerr.catalogue.titles import Title, titles
from medianest_overseerr.client import answers
from medianest_overseerr.client.refusals import no_issue, not_in_library
from medianest_overseerr.connection import Ctx, service
from medianest_overseerr.images import poster_link
from medianest_overseerr.installation import ensure_same
from medianest_overseerr.models import CommentView, IssueKind, IssuePage, IssueView
from medianest_overseerr.people.accounts import Account
from medianest_overseerr.people.acting import acting
from medianest_overseerr.people.matching import self_of, user_of
from medianest_overseerr.requests.asking import owner_of
from medianest_overseerr.requests.lists import manages
from medianest_overseerr.rights import Right, has

About = Literal["video", "audio", "subtitles", "other"]
_KINDS: Final[dict[int, About]] = {1: "video", 2: "audio", 3: "subtitles", 4: "other"}
_NUMBERS: Final = {about: number for number, about in _KINDS.items()}
_OPEN: Final = 1
_MOST: Final = 10_000
_PAGES: Final = 5
"""Pages of others' issues that are passed over for one of the person's own."""


class IssuesQuery(BaseModel):
    """Which issues."""

    state: Literal["open", "closed", "all"] = "open"
    limit: int = Field(default=20, ge=1, le=50)
    cursor: cursors.Cursor | None = None


class _Place(cursors.Place):
    skip: int = Field(ge=1, le=_MOST)


async def page(ctx: Ctx, person: Person, query: IssuesQuery, *, everybody: bool) -> IssuePage:
    """A page of the person's own issues, or of everybody's. Raises what `user_of` and the client do."""
    skip = cursors.read(_Place, "issues", query.cursor).skip if query.cursor else 0
    account = await self_of(ctx, person) if everybody else await user_of(ctx, person, wants=False)
    which: Literal["open", "resolved", "all"] = "resolved" if query.state == "closed" else query.state
    shown: list[answers.Issue] = []
    for _ in range(_PAGES):
        if account is None or everybody:
            found = await service(ctx).issues(which, skip, query.limit, None, None)
            shown += found.results
        else:
            async with acting(ctx, account):
                found = await service(ctx).issues(which, skip, query.limit, account.user_id, account.user_id)
            # Whoever may see everybody's there gets everybody's, whatever was asked for.
            shown += [one for one in found.results if one.by is not None and one.by.id == account.user_id]
        skip += len(found.results)
        more = bool(found.results) and skip < min(found.page.results, _MOST)
        if shown or not more:
            break
    return IssuePage(
        items=await views(ctx, list({one.id: one for one in shown}.values()), person, account, in_list=True),
        next_cursor=cursors.write(_Place(list="issues", skip=skip)) if more else None,
    )


async def one(ctx: Ctx, person: Person, number: int) -> IssueView:
    """One issue. Raises `NotFound` (`overseerr_issue_not_found`)."""
    found = await service(ctx).issue(number)
    if found is None:
        raise no_issue()
    return (await views(ctx, [found], person, await self_of(ctx, person)))[0]


async def report(ctx: Ctx, person: Person, wanted: IssueKind) -> IssueView:
    """Report it in the person's name.

    Raises `BadInput` for an episode of no season, `Conflict` (`overseerr_not_in_library`) for what Overseerr knows nothing
    of, and what `user_of` and the client do.
    """
    if wanted.episode is not None and wanted.season is None:
        words = "Say of which season the episode is, too."
        raise BadInput(words, fields=[FieldProblem(field="body.season", code="missing", message=words)])
    account = await user_of(ctx, person)
    asked = service(ctx)
    found = await (asked.movie(wanted.tmdb_id) if wanted.kind == "movie" else asked.series(wanted.tmdb_id))
    if found.media is None:
        raise not_in_library()
    # Season 0 means all of it there, so that it is about specials can only be said in words.
    season, episode = (wanted.season, wanted.episode or 0) if wanted.season else (0, 0)
    async with acting(ctx, account):
        made = await asked.open_issue(
            account.user_id, found.media.id, _NUMBERS[wanted.about], _words(wanted), season, episode
        )
    return (await views(ctx, [await asked.issue(made.id) or made], person, account))[0]


async def comment(ctx: Ctx, person: Person, number: int, message: str) -> IssueView:
    """Say something about an issue, in the person's name. Raises as `report`."""
    account = await user_of(ctx, person)
    async with acting(ctx, account):
        await service(ctx).comment(number, account.user_id, message)
    return await one(ctx, person, number)


async def set_open(ctx: Ctx, person: Person, number: int, *, to_open: bool) -> IssueView:
    """Close an issue, or open it again: in the person's own name where Overseerr lets them.

    Else, for those who manage issues here, as the key's owner, which the log tells.
    """
    account = await self_of(ctx, person)
    status: Literal["open", "resolved"] = "open" if to_open else "resolved"
    # Overseerr lets nobody else do that, not even whoever reported it.
    as_self = not manages(person) or (account is not None and has(account.permissions, Right.MANAGE_ISSUES))
    if as_self:
        acted = account or await user_of(ctx, person)
        async with acting(ctx, acted):
            await service(ctx).set_issue(number, status, acted.user_id)
    else:
        await service(ctx).set_issue(number, status, None)
    ctx.log.info("overseerr_issue_set", issue=number, status=status, person=str(person.id), as_self=as_self)
    return await one(ctx, person, number)


async def whose(ctx: Ctx, number: int, asking: Person) -> UUID | None:
    """Whose issue that is; None where there is none, `NOBODY` for one of somebody who is nobody here."""
    await ensure_same(ctx)
    found = await service(ctx).issue(number)
    if found is None:
        return None
    return await owner_of(ctx, None if found.by is None else found.by.id, asking)


async def views(
    ctx: Ctx, found: Sequence[answers.Issue], reader: Person, me: Account | None, *, in_list: bool = False
) -> list[IssueView]:
    """The issues as the reader may see them. `in_list`: without what was said, as lists there do not tell who said it."""
    keys = [(one.media.kind, one.media.tmdb_id) for one in found if one.media is not None and one.media.kind]
    called = await titles(ctx, [(kind, number) for kind, number in keys if kind is not None])
    seen = [_view(ctx, one, called, reader, me) for one in found]
    return [one.model_copy(update={"comments": None}) for one in seen] if in_list else seen


def _view(
    ctx: Ctx,
    found: answers.Issue,
    called: dict[tuple[Literal["movie", "tv"], int], Title],
    reader: Person,
    me: Account | None,
) -> IssueView:
    media = found.media
    kind = media.kind if media is not None else None
    title = called.get((kind, media.tmdb_id)) if kind is not None and media is not None else None
    return IssueView(
        id=found.id,
        kind=kind,
        tmdb_id=None if media is None else media.tmdb_id,
        title="" if title is None else title.title,
        year=None if title is None else title.year,
        poster=None if title is None else poster_link(ctx, title.poster),
        about=_KINDS[found.kind],
        season=found.season or None,
        episode=found.episode or None,
        open=found.status == _OPEN,
        mine=_is(me, found.by),
        by=_name(reader, found.by),
        comments=[
            CommentView(
                id=said.id, message=said.message, mine=_is(me, said.by), by=_name(reader, said.by), at=said.created_at
            )
            for said in found.comments
        ],
        created_at=found.created_at,
        updated_at=found.updated_at,
    )


def _words(wanted: IssueKind) -> str:
    if wanted.season != 0:
        return wanted.message
    return f"(Specials{'' if wanted.episode is None else f', episode {wanted.episode}'}) {wanted.message}"


def _is(me: Account | None, user: answers.User | None) -> bool:
    return me is not None and user is not None and user.id == me.user_id


def _name(reader: Person, user: answers.User | None) -> str | None:
    return user.name if user is not None and manages(reader) else None
