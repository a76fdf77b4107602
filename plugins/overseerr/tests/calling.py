"""Calls each route as a person would, for tests of what people see."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from medianest_hub.plugin_api import Person
from medianest_hub.testing import make_call
from medianest_overseerr import issues as issues_of
from medianest_overseerr import models, routes
from medianest_overseerr.requests.lists import RequestsQuery

from .conftest import FILM, Ctx


async def search(ctx: Ctx, person: Person, q: str = "a", cursor: str | None = None) -> models.FoundPage:
    return await routes.search(ctx, make_call(person=person, query=routes.SearchQuery(q=q, cursor=cursor)))


async def trending(ctx: Ctx, person: Person, cursor: str | None = None) -> models.FoundPage:
    return await routes.trending(ctx, make_call(person=person, query=routes.MoreQuery(cursor=cursor)))


async def movie(ctx: Ctx, person: Person, tmdb_id: int = FILM) -> models.Details:
    return await routes.movie(ctx, make_call(person=person, path=routes.TitlePath(tmdb_id=tmdb_id)))


async def series(ctx: Ctx, person: Person, tmdb_id: int = 210001) -> models.Details:
    return await routes.series(ctx, make_call(person=person, path=routes.TitlePath(tmdb_id=tmdb_id)))


async def quota(ctx: Ctx, person: Person) -> models.Quota:
    return await routes.quota(ctx, make_call(person=person))


async def ask(
    ctx: Ctx, person: Person, tmdb_id: int = FILM, kind: models.Kind = "movie", **fields: Any
) -> models.RequestView:
    wish = models.Wish(kind=kind, tmdb_id=tmdb_id, **fields)
    return await routes.ask(ctx, make_call(person=person, body=wish))


async def mine(ctx: Ctx, person: Person, **query: Any) -> models.RequestPage:
    return await routes.my_requests(ctx, make_call(person=person, query=RequestsQuery(**query)))


async def my_counts(ctx: Ctx, person: Person) -> models.Counts:
    return await routes.my_counts(ctx, make_call(person=person))


async def one(ctx: Ctx, person: Person, number: int) -> models.RequestView:
    return await routes.one_request(ctx, make_call(person=person, path=routes.NumberPath(id=number)))


async def cancel(ctx: Ctx, person: Person, number: int) -> None:
    await routes.cancel(ctx, make_call(person=person, path=routes.NumberPath(id=number)))


async def everybodys(ctx: Ctx, person: Person, **query: Any) -> models.RequestPage:
    return await routes.all_requests(ctx, make_call(person=person, query=RequestsQuery(**query)))


async def all_counts(ctx: Ctx, person: Person) -> models.Counts:
    return await routes.all_counts(ctx, make_call(person=person))


async def approve(ctx: Ctx, person: Person, number: int) -> models.RequestView:
    return await routes.approve(ctx, make_call(person=person, path=routes.NumberPath(id=number)))


async def decline(ctx: Ctx, person: Person, number: int, reason: str = "") -> models.RequestView:
    path, body = routes.NumberPath(id=number), models.Verdict(reason=reason)
    return await routes.decline(ctx, make_call(person=person, path=path, body=body))


async def retry(ctx: Ctx, person: Person, number: int) -> models.RequestView:
    return await routes.retry(ctx, make_call(person=person, path=routes.NumberPath(id=number)))


async def my_issues(ctx: Ctx, person: Person, **query: Any) -> models.IssuePage:
    return await routes.my_issues(ctx, make_call(person=person, query=issues_of.IssuesQuery(**query)))


async def all_issues(ctx: Ctx, person: Person, **query: Any) -> models.IssuePage:
    return await routes.all_issues(ctx, make_call(person=person, query=issues_of.IssuesQuery(**query)))


async def report(ctx: Ctx, person: Person, tmdb_id: int = FILM, **fields: Any) -> models.IssueView:
    given = {"kind": "movie", "about": "video", "message": "It is too dark.", **fields}
    return await routes.report(ctx, make_call(person=person, body=models.IssueKind(tmdb_id=tmdb_id, **given)))


async def issue(ctx: Ctx, person: Person, number: int) -> models.IssueView:
    return await routes.one_issue(ctx, make_call(person=person, path=routes.NumberPath(id=number)))


async def comment(ctx: Ctx, person: Person, number: int, message: str = "Indeed.") -> models.IssueView:
    path, body = routes.NumberPath(id=number), models.Remark(message=message)
    return await routes.comment(ctx, make_call(person=person, path=path, body=body))


async def close(ctx: Ctx, person: Person, number: int) -> models.IssueView:
    return await routes.close(ctx, make_call(person=person, path=routes.NumberPath(id=number)))


async def reopen(ctx: Ctx, person: Person, number: int) -> models.IssueView:
    return await routes.reopen(ctx, make_call(person=person, path=routes.NumberPath(id=number)))


async def people(ctx: Ctx, person: Person) -> models.PeopleView:
    return await routes.people(ctx, make_call(person=person))


async def match(ctx: Ctx, person: Person, who: UUID, user: int) -> models.PeopleView:
    path, body = routes.PersonPath(person_id=who), models.MatchWanted(user_id=user)
    return await routes.match(ctx, make_call(person=person, path=path, body=body))


async def unmatch(ctx: Ctx, person: Person, who: UUID) -> None:
    await routes.unmatch(ctx, make_call(person=person, path=routes.PersonPath(person_id=who)))
