"""Tells people what became of what they reported: kept is only what they know, so that each thing is told once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from medianest_hub.plugin_api import NotificationKind, Queries
from medianest_overseerr.catalogue.titles import Key, titles
from medianest_overseerr.client import answers
from medianest_overseerr.connection import Ctx, service
from medianest_overseerr.installation import ensure_same
from medianest_overseerr.kinds import ISSUE_COMMENTED, ISSUE_REOPENED, ISSUE_REPORTED, ISSUE_RESOLVED
from medianest_overseerr.people.matching import person_of
from medianest_overseerr.requests.looking import now_of_database
from medianest_overseerr.telling import label_of

_PAGE: Final = 20
_MOST_PAGES: Final = 10
_MOST_CLOSER: Final = 20
_NEW_FOR: Final = timedelta(days=1)
"""What became of an issue longer ago, before it was known here, is no news."""

_WRITE: Final = """
INSERT INTO plugin_overseerr.issue (instance, issue_id, created_at, updated_at, is_open, last_comment, asked_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (instance, issue_id) DO UPDATE SET created_at = EXCLUDED.created_at, updated_at = EXCLUDED.updated_at,
    is_open = EXCLUDED.is_open, last_comment = EXCLUDED.last_comment, asked_at = EXCLUDED.asked_at
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What people know of an issue. `last_comment` is the number of its newest comment."""

    created_at: datetime
    updated_at: datetime
    is_open: bool
    last_comment: int
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class News:
    """Something to tell. `what` makes it this happening among those of one issue."""

    kind: NotificationKind
    what: str
    message: str = ""


async def look(ctx: Ctx, number: int) -> None:
    """Read one issue, and tell what is new of it. Raises as the client does."""
    await ensure_same(ctx)
    asked_at = await now_of_database(ctx)
    found = await service(ctx).issue(number)
    if found is not None:
        await _take(ctx, found, asked_at)


async def poll(ctx: Ctx) -> None:
    """Look at those that changed last. The first time nothing of them is news. Raises as the client does."""
    await ensure_same(ctx)
    first = await ctx.db.fetchval("SELECT issues_at FROM plugin_overseerr.source WHERE instance = $1", ctx.instance)
    asked_at = await now_of_database(ctx)
    fresh = await _fresh(ctx, 1 if first is None else _MOST_PAGES)
    # Those that changed first go first: whatever is left for the next time then stands before all that is known.
    for number in fresh[::-1][:_MOST_CLOSER]:
        found = await service(ctx).issue(number)
        if found is not None:
            await _take(ctx, found, asked_at, silently=first is None)
    if first is None:
        await ctx.db.execute(
            "INSERT INTO plugin_overseerr.source (instance, issues_at) VALUES ($1, $2) "
            "ON CONFLICT (instance) DO UPDATE SET issues_at = EXCLUDED.issues_at",
            *(ctx.instance, ctx.clock.now()),
        )


async def _fresh(ctx: Ctx, pages: int) -> list[int]:
    """Those that changed, the last first, down to one that is known; of so many pages at most."""
    fresh: list[int] = []
    skip = 0
    for _ in range(pages):
        page = await service(ctx).issues("all", skip, _PAGE, None, None, sort="modified")
        kept = await _seen(ctx.db, ctx.instance, [one.id for one in page.results])
        changed = [one.id for one in page.results if _changed(one, kept.get(one.id))]
        fresh += [number for number in changed if number not in fresh]
        skip += len(page.results)
        if len(changed) < len(page.results) or skip >= page.page.results or not page.results:
            break
    return fresh


def news(found: answers.Issue, kept: Seen | None, now: datetime) -> Iterator[News]:
    """What of it people do not know yet."""
    is_open = found.status == 1
    known = kept if kept is not None and kept.created_at == found.created_at else None
    if known is None:
        if not _is_recent(found.updated_at or found.created_at, now):
            return
        if _is_recent(found.created_at, now):
            yield News(ISSUE_REPORTED, "reported", found.comments[0].message if found.comments else "")
    for comment in found.comments[1:]:
        own = found.by is not None and comment.by is not None and comment.by.id == found.by.id
        is_new = _is_recent(comment.created_at, now) if known is None else comment.id > known.last_comment
        if is_new and not own:
            yield News(ISSUE_COMMENTED, f"comment:{comment.id}", comment.message)
    changed = f"{found.updated_at:%Y%m%dT%H%M%S}" if found.updated_at else ""
    if not is_open and (known is None or known.is_open):
        yield News(ISSUE_RESOLVED, f"resolved:{changed}")
    elif is_open and known is not None and not known.is_open:
        yield News(ISSUE_REOPENED, f"reopened:{changed}")


def _is_recent(at: datetime | None, now: datetime) -> bool:
    return at is not None and now - at < _NEW_FOR


def _changed(found: answers.Issue, kept: Seen | None) -> bool:
    """Whether a list's entry differs from what is kept. Overseerr's say nothing of comments: those move `updated_at`."""
    if kept is None or kept.is_open is not (found.status == 1) or kept.updated_at != found.updated_at:
        return True
    return any(one.id > kept.last_comment for one in found.comments)


async def _take(ctx: Ctx, found: answers.Issue, asked_at: datetime, *, silently: bool = False) -> None:
    created = found.created_at or asked_at
    seen = Seen(
        created,
        found.updated_at or created,
        found.status == 1,
        max((one.id for one in found.comments), default=0),
        asked_at,
    )
    key = _key(found)
    called = await titles(ctx, [] if key is None else [key])
    person = await person_of(ctx, None if found.by is None else found.by.id)
    label = label_of(None if key is None else called.get(key), 0 if key is None else key[1])
    async with ctx.db.transaction() as tx:
        # Two who look at one issue at once must not both take it for news.
        await tx.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('plugin_overseerr.issue' || $1, 0))", ctx.instance
        )
        kept = (await _seen(tx, ctx.instance, [found.id])).get(found.id)
        if kept is not None and kept.asked_at > asked_at:
            return
        await tx.execute(
            _WRITE,
            *(ctx.instance, found.id, seen.created_at, seen.updated_at, seen.is_open, seen.last_comment, asked_at),
        )
        if not silently:
            for one in news(found, kept, ctx.clock.now()):
                await _tell(ctx, tx, found, one, label, person)


async def _tell(ctx: Ctx, tx: Queries, found: answers.Issue, one: News, label: str, person: UUID | None) -> None:
    for_managers = one.kind is ISSUE_REPORTED
    if person is None and not for_managers:
        return
    made = f"{found.created_at:%Y%m%dT%H%M%S}" if found.created_at else ""
    await ctx.notify.tell(
        one.kind,
        {"title": label, "message": one.message, "issue_id": found.id},
        key=f"issue:{found.id}:{made}:{one.what}",
        person=None if for_managers else person,
        tx=tx,
    )


def _key(found: answers.Issue) -> Key | None:
    media = found.media
    return None if media is None or media.kind is None else (media.kind, media.tmdb_id)


async def _seen(db: Queries, instance: str, numbers: Sequence[int]) -> dict[int, Seen]:
    found = await db.fetch(
        "SELECT issue_id, created_at, updated_at, is_open, last_comment, asked_at FROM plugin_overseerr.issue "
        "WHERE instance = $1 AND issue_id = ANY($2::integer[])",
        instance,
        list(numbers),
    )
    return {
        row["issue_id"]: Seen(
            row["created_at"], row["updated_at"], row["is_open"], row["last_comment"], row["asked_at"]
        )
        for row in found
    }
