"""The routes under `/api/v1/overseerr`: what is asked of Overseerr is asked in the caller's name, lists come from Postgres."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from medianest_hub.plugin_api import ADMIN, Call, Empty, Router
from medianest_overseerr import browsing, cursors, issues, models
from medianest_overseerr.connection import Ctx
from medianest_overseerr.hearing.hint import TEMPLATE
from medianest_overseerr.people import matching
from medianest_overseerr.people.overview import overview
from medianest_overseerr.privacy import ISSUES, MANAGE, REQUEST
from medianest_overseerr.requests import asking, deciding, lists
from medianest_overseerr.requests.lists import RequestsQuery
from medianest_overseerr.webhooks import ISSUES_TOLD, NOT_YET, NOTIFICATION, TEST

router = Router()
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class SearchQuery(BaseModel):
    """What to look for."""

    q: Text
    cursor: cursors.Cursor | None = None


class MoreQuery(BaseModel):
    """Which page."""

    cursor: cursors.Cursor | None = None


class TitlePath(BaseModel):
    """Which title, by TMDB's number."""

    tmdb_id: int = Field(ge=1, lt=2**31)


class NumberPath(BaseModel):
    """Which one, by its number in Overseerr."""

    id: int = Field(ge=1, lt=2**31)


class PersonPath(BaseModel):
    """Which person."""

    person_id: UUID


async def owner_of_request(ctx: Ctx, call: Call[NumberPath, Any, Any]) -> UUID | None:
    """Whose request it is; for those who manage them it is theirs as well."""
    whose = await asking.whose(ctx, call.path.id, call.caller)
    return call.caller.id if whose is not None and lists.manages(call.caller) else whose


async def owner_of_issue(ctx: Ctx, call: Call[NumberPath, Any, Any]) -> UUID | None:
    """Whose issue it is; for those who manage them it is theirs as well."""
    whose = await issues.whose(ctx, call.path.id, call.caller)
    return call.caller.id if whose is not None and lists.manages(call.caller) else whose


@router.get("/search", permission=REQUEST)
async def search(ctx: Ctx, call: Call[Empty, SearchQuery]) -> models.FoundPage:
    """Search films and series, also those that are not in the library.

    With how each stands there, whether it was asked for (never by whom), and whether you may ask for it.
    """
    return await browsing.search(ctx, call.caller, call.query.q, call.query.cursor)


@router.get("/trending", permission=REQUEST)
async def trending(ctx: Ctx, call: Call[Empty, MoreQuery]) -> models.FoundPage:
    """List what many look at these days."""
    return await browsing.trending(ctx, call.caller, call.query.cursor)


@router.get("/movies/{tmdb_id}", permission=REQUEST)
async def movie(ctx: Ctx, call: Call[TitlePath]) -> models.Details:
    """Show a film, with trailers."""
    return await browsing.movie(ctx, call.caller, call.path.tmdb_id)


@router.get("/series/{tmdb_id}", permission=REQUEST)
async def series(ctx: Ctx, call: Call[TitlePath]) -> models.Details:
    """Show a series, with trailers and seasons.

    Each season with how it stands in the library and whether you may ask for it.
    """
    return await browsing.series(ctx, call.caller, call.path.tmdb_id)


@router.get("/quota", permission=REQUEST)
async def quota(ctx: Ctx, call: Call) -> models.Quota:
    """Show what you may still ask for."""
    return await asking.quota(ctx, call.caller)


@router.post("/requests", permission=REQUEST, body_limit=16_384, status=201)
async def ask(ctx: Ctx, call: Call[Empty, Empty, models.Wish]) -> models.RequestView:
    """Ask for a film, or for seasons of a series, in your own name.

    409 for what was asked for before or is there, 403 when your quota is used up or you are nobody at Overseerr.
    """
    return await asking.ask_for(ctx, call.caller, call.body)


@router.get("/requests", permission=REQUEST)
async def my_requests(ctx: Ctx, call: Call[Empty, RequestsQuery]) -> models.RequestPage:
    """List your own requests, the newest first."""
    mine = (await matching.user_of(ctx, call.caller, wants=False)).user_id
    return await lists.page(ctx, call.query, call.caller, mine, mine)


@router.get("/requests/counts", permission=REQUEST)
async def my_counts(ctx: Ctx, call: Call) -> models.Counts:
    """Count your own requests by state."""
    return await lists.counts(ctx, (await matching.user_of(ctx, call.caller, wants=False)).user_id)


@router.get("/requests/{id}", permission=REQUEST, owner=owner_of_request)
async def one_request(ctx: Ctx, call: Call[NumberPath]) -> models.RequestView:
    """Show one of your requests."""
    return await asking.one(ctx, call.caller, call.path.id)


@router.delete("/requests/{id}", permission=REQUEST, owner=owner_of_request)
async def cancel(ctx: Ctx, call: Call[NumberPath]) -> None:
    """Take a request back.

    Your own while nobody has decided on it (409 afterwards); any for `overseerr.manage`.
    """
    await asking.cancel(ctx, call.caller, call.path.id)


@router.get("/manage/requests", permission=MANAGE)
async def all_requests(ctx: Ctx, call: Call[Empty, RequestsQuery]) -> models.RequestPage:
    """List everybody's requests, the newest first, with who made them."""
    me = await matching.self_of(ctx, call.caller)
    return await lists.page(ctx, call.query, call.caller, None if me is None else me.user_id, None)


@router.get("/manage/requests/counts", permission=MANAGE)
async def all_counts(ctx: Ctx, call: Call) -> models.Counts:
    """Count everybody's requests by state."""
    return await lists.counts(ctx, None)


@router.post("/manage/requests/{id}/approve", permission=MANAGE)
async def approve(ctx: Ctx, call: Call[NumberPath]) -> models.RequestView:
    """Say yes to a request. 409 where somebody else decided first."""
    return await deciding.decide(ctx, call.caller, call.path.id, "approve")


@router.post("/manage/requests/{id}/decline", permission=MANAGE, body_limit=16_384)
async def decline(ctx: Ctx, call: Call[NumberPath, Empty, models.Verdict]) -> models.RequestView:
    """Say no to a request, with a reason its maker sees. 409 where somebody else decided first."""
    return await deciding.decide(ctx, call.caller, call.path.id, "decline", call.body.reason)


@router.post("/manage/requests/{id}/retry", permission=MANAGE)
async def retry(ctx: Ctx, call: Call[NumberPath]) -> models.RequestView:
    """Have a failed request tried again. 409 for one that has not failed."""
    return await deciding.decide(ctx, call.caller, call.path.id, "retry")


@router.get("/issues", permission=ISSUES)
async def my_issues(ctx: Ctx, call: Call[Empty, issues.IssuesQuery]) -> models.IssuePage:
    """List the issues you reported, the newest first."""
    return await issues.page(ctx, call.caller, call.query, everybody=False)


@router.post("/issues", permission=ISSUES, body_limit=16_384, status=201)
async def report(ctx: Ctx, call: Call[Empty, Empty, models.IssueKind]) -> models.IssueView:
    """Report what is wrong with something in the library, in your own name."""
    return await issues.report(ctx, call.caller, call.body)


@router.get("/issues/{id}", permission=ISSUES, owner=owner_of_issue)
async def one_issue(ctx: Ctx, call: Call[NumberPath]) -> models.IssueView:
    """Show an issue you reported, with what was said about it."""
    return await issues.one(ctx, call.caller, call.path.id)


@router.post("/issues/{id}/comments", permission=ISSUES, owner=owner_of_issue, body_limit=16_384, status=201)
async def comment(ctx: Ctx, call: Call[NumberPath, Empty, models.Remark]) -> models.IssueView:
    """Say something about an issue, in your own name."""
    return await issues.comment(ctx, call.caller, call.path.id, call.body.message)


@router.post("/issues/{id}/close", permission=ISSUES, owner=owner_of_issue)
async def close(ctx: Ctx, call: Call[NumberPath]) -> models.IssueView:
    """Close an issue: it is solved."""
    return await issues.set_open(ctx, call.caller, call.path.id, to_open=False)


@router.post("/issues/{id}/reopen", permission=ISSUES, owner=owner_of_issue)
async def reopen(ctx: Ctx, call: Call[NumberPath]) -> models.IssueView:
    """Open an issue again: it is not solved after all."""
    return await issues.set_open(ctx, call.caller, call.path.id, to_open=True)


@router.get("/manage/issues", permission=MANAGE)
async def all_issues(ctx: Ctx, call: Call[Empty, issues.IssuesQuery]) -> models.IssuePage:
    """List everybody's issues, the newest first, with who reported them."""
    return await issues.page(ctx, call.caller, call.query, everybody=True)


@router.get("/webhook-template", permission=ADMIN)
async def webhook_template(ctx: Ctx, call: Call) -> models.WebhookTemplate:
    """Show what to enter at Overseerr, under Notifications, Webhook; its secret is made among the plugin's webhooks."""
    return models.WebhookTemplate(
        address=f"{call.request.base_url}/api/v1/hooks/{ctx.plugin}/{NOTIFICATION.name}",
        json_payload=TEMPLATE,
        types=sorted({TEST, *NOT_YET, *ISSUES_TOLD}),
    )


@router.get("/people", permission=MANAGE)
async def people(ctx: Ctx, call: Call) -> models.PeopleView:
    """List who is who: people matched with users of Overseerr, people who are nobody there, and users nobody is."""
    return await overview(ctx)


@router.put("/people/{person_id}", permission=MANAGE, body_limit=4096)
async def match(ctx: Ctx, call: Call[PersonPath, Empty, models.MatchWanted]) -> models.PeopleView:
    """Say which user of Overseerr a person is.

    409 where somebody else is that user; 403 where it is an admin there and you are none of the hub.
    """
    await matching.match(ctx, call.caller, call.path.person_id, call.body.user_id)
    ctx.log.info("overseerr_matched", person=str(call.path.person_id), user=call.body.user_id, by=str(call.caller.id))
    return await overview(ctx)


@router.delete("/people/{person_id}", permission=MANAGE)
async def unmatch(ctx: Ctx, call: Call[PersonPath]) -> None:
    """Take a match away.

    One by Plex account or e-mail address comes back when the person next asks, while these still agree.
    """
    await matching.unmatch(ctx, call.path.person_id)
    ctx.log.info("overseerr_unmatched", person=str(call.path.person_id), by=str(call.caller.id))
