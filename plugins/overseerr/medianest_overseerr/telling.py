"""Tells of what became of requests: in the transaction that keeps it whoever it concerns, once it is kept open pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from medianest_hub.plugin_api import NotificationKind, Queries
from medianest_hub.plugin_api.errors import HubError
from medianest_overseerr.catalogue.titles import Key, Title, titles
from medianest_overseerr.connection import About, Ctx, about, href_of
from medianest_overseerr.events import RequestChanged
from medianest_overseerr.images import poster_link
from medianest_overseerr.kinds import OF_OTHERS, REQUEST_PENDING, REQUEST_REMOVED
from medianest_overseerr.outcomes import key, outcomes
from medianest_overseerr.pages import OWN_TILES, TAG, everybody_sees_anew
from medianest_overseerr.people import accounts
from medianest_overseerr.people.matching import person_of
from medianest_overseerr.requests.rows import Change, Row

_LIVE: Final = "request.changed"


@dataclass(frozen=True, slots=True)
class Known:
    """What telling needs: found out before the transaction, which must not wait for anybody else.

    `whose`: which person each user is here; `names`: what the users are called there, for those who manage requests.
    """

    whose: Mapping[int, UUID | None]
    called: Mapping[Key, Title]
    names: Mapping[int, str]
    about: About | None = None

    def person(self, row: Row) -> UUID | None:
        """Whose request it is; None for somebody who is nobody here."""
        return None if row.user_id is None else self.whose.get(row.user_id)

    def title(self, row: Row) -> str:
        """What it is called; empty while that is not known."""
        found = self.called.get((row.kind, row.tmdb_id))
        return "" if found is None else found.title


async def know(ctx: Ctx, users: Iterable[int | None], keys: Iterable[Key], *, wait: float | None = None) -> Known:
    """Who these users are here, and what these titles are called, as far as it can be found out in `wait` seconds."""
    wanted = {one for one in users if one is not None}
    names = await _names(ctx, wanted)
    whose = {user: await person_of(ctx, user) for user in wanted}
    called = await titles(ctx, keys, wait=wait)
    return Known(whose, called, names, await _about(ctx) if wanted else None)


async def tell(ctx: Ctx, tx: Queries, changes: Sequence[Change], known: Known) -> None:
    """Write an event for each change, and what people are told of it."""
    known = await _know_all(ctx, changes, known)
    for change in changes:
        person = known.person(change.row)
        await ctx.events.emit(_event(change, known), person=person, tx=tx)
        if change.row.user_id is not None and person is None:
            _count_untold(ctx)
        await _tell_people(ctx, tx, change, known, person)


async def tell_removed(ctx: Ctx, tx: Queries, row: Row, known: Known) -> None:
    """Tell whose request it was that somebody who manages requests removed it."""
    change = Change(row, None)
    await _tell_kind(ctx, tx, REQUEST_REMOVED, change, known, known.person(row), ctx.clock.now())


async def show(ctx: Ctx, changes: Sequence[Change], known: Known) -> None:
    """Let open pages know what was kept. Each page hears of its own person's requests alone."""
    if not changes:
        return
    known = await _know_all(ctx, changes, known)
    await ctx.cache.bump(TAG)
    for change in changes:
        person = known.person(change.row)
        if person is not None:
            await ctx.realtime.send(_LIVE, _event(change, known), person=person)
    for person in {one for one in map(known.person, (change.row for change in changes)) if one is not None}:
        for tile in OWN_TILES:
            await ctx.realtime.widget_changed(tile, person=person)
    await ctx.realtime.widget_changed("waiting")


async def show_all(ctx: Ctx) -> None:
    """Let open pages load everything anew: what was read for the first time is no news, but is there now."""
    await everybody_sees_anew(ctx)


async def _know_all(ctx: Ctx, changes: Sequence[Change], known: Known) -> Known:
    """With those in it that changed although it did not seem so: somebody else looked at the same moment."""
    users = {change.row.user_id for change in changes} - {None, *known.whose}
    if not users:
        return known
    keys = [(change.row.kind, change.row.tmdb_id) for change in changes]
    more = await know(ctx, users, keys, wait=0)
    return Known(
        {**known.whose, **more.whose},
        {**more.called, **known.called},
        {**known.names, **more.names},
        known.about or more.about,
    )


async def _tell_people(ctx: Ctx, tx: Queries, change: Change, known: Known, person: UUID | None) -> None:
    for kind in outcomes(change):
        await _tell_kind(ctx, tx, kind, change, known, person, change.row.changed_at)


async def _tell_kind(
    ctx: Ctx, tx: Queries, kind: NotificationKind, change: Change, known: Known, person: UUID | None, at: datetime
) -> None:
    """Tell it to whose request it is; of somebody who is nobody here it is in the activity of those who manage requests."""
    row, for_managers = change.row, kind is REQUEST_PENDING
    poster = known.called.get((row.kind, row.tmdb_id))
    if not for_managers and person is None:
        kind, for_managers = OF_OTHERS[kind.name], True
    params: dict[str, str | int | float | bool] = {
        "title": _label(row, poster),
        "reason": row.reason,
        "request_id": row.request_id,
        "kind": row.kind,
        "tmdb_id": row.tmdb_id,
        "is4k": row.is4k,
    }
    if for_managers:
        params["who"] = known.names.get(row.user_id or 0, "") or f"#{row.user_id or '?'}"
    await ctx.notify.tell(
        kind,
        params,
        key=key(change, kind),
        person=None if for_managers else person,
        href=None if known.about is None else href_of(known.about, row.kind, row.tmdb_id),
        image=None if poster is None else poster_link(ctx, poster.poster),
        at=at,
        tx=tx,
    )


def _event(change: Change, known: Known) -> RequestChanged:
    row = change.row
    return RequestChanged(
        request_id=row.request_id,
        kind=row.kind,
        tmdb_id=row.tmdb_id,
        title=known.title(row),
        is4k=row.is4k,
        seasons=row.seasons,
        state=None if change.after is None else change.after.state,
        was=None if change.before is None else change.before.state,
    )


def label_of(title: Title | None, tmdb_id: int) -> str:
    """What a film or series is called among others, in words of no language."""
    if title is None or not title.title:
        return f"TMDB {tmdb_id}"
    return f"{title.title} ({title.year})" if title.year else title.title


def _label(row: Row, title: Title | None) -> str:
    parts = [label_of(title, row.tmdb_id)]
    if row.seasons:
        parts.append(", ".join(f"S{number}" for number in row.seasons[:10]) + ("…" if len(row.seasons) > 10 else ""))
    if row.is4k:
        parts.append("4K")
    return " · ".join(parts)


async def _names(ctx: Ctx, users: set[int]) -> dict[int, str]:
    """What they are called. Somebody new is asked for; where that fails they go without a name."""
    known = await accounts.names(ctx, users)
    if users <= set(known):
        return known
    try:
        await accounts.read_anew(ctx)
    except HubError as error:
        ctx.log.debug("overseerr_users_not_asked", reason=error.message)
    return await accounts.names(ctx, users)


async def _about(ctx: Ctx) -> About | None:
    try:
        return await about(ctx)
    except HubError:
        return None


def _count_untold(ctx: Ctx) -> None:
    ctx.metrics.counter(
        "untold", "Changes of requests of users who are nobody of the hub, so that nobody was told."
    ).inc()
