"""The tiles: one's own requests and how many there are, and what waits for somebody to decide. They read what is kept."""

from __future__ import annotations

from typing import Final

from medianest_hub.plugin_api import (
    PERSON,
    Action,
    ActionField,
    ItemList,
    ListItem,
    MediaCard,
    MediaRow,
    Person,
    Tone,
    Viewer,
    errors,
    widget,
)
from medianest_overseerr.connection import Ctx
from medianest_overseerr.models import RequestView
from medianest_overseerr.people.matching import user_of
from medianest_overseerr.privacy import MANAGE, REQUEST
from medianest_overseerr.requests import lists
from medianest_overseerr.requests.lists import RequestsQuery
from medianest_overseerr.states import RequestState

MOST_CARDS: Final = 24
MOST_WAITING: Final = 50
_STALE: Final = 3600.0
"""An older tile may show what was decided long ago."""

STATES: Final = {
    RequestState.PENDING: "Waiting for approval",
    RequestState.APPROVED: "Approved",
    RequestState.PROCESSING: "On its way",
    RequestState.PARTLY_AVAILABLE: "Partly there",
    RequestState.AVAILABLE: "There",
    RequestState.COMPLETED: "There",
    RequestState.DECLINED: "Declined",
    RequestState.FAILED: "Failed",
    RequestState.DELETED: "No longer there",
    RequestState.BLOCKLISTED: "Not to be had",
}
"""How a request stands, in words for people."""

_TONES: Final = {
    "Waiting for approval": Tone.WARN,
    "There": Tone.GOOD,
    "Partly there": Tone.GOOD,
    "Failed": Tone.BAD,
    "Declined": Tone.BAD,
}


@widget("my_requests", title="My requests", scope=PERSON, ttl=30, stale_for=_STALE, permission=REQUEST, size="wide")
async def my_requests(ctx: Ctx, viewer: Viewer) -> MediaRow:
    """What somebody asked for, the newest first, and how it stands."""
    person = _person(viewer)
    mine = (await user_of(ctx, person, wants=False)).user_id
    found = await lists.page(ctx, RequestsQuery(limit=MOST_CARDS), person, mine, mine)
    return MediaRow(items=[_card(one) for one in found.items])


@widget(
    "counts", title="My requests, counted", scope=PERSON, ttl=60, stale_for=_STALE, permission=REQUEST, size="small"
)
async def counts(ctx: Ctx, viewer: Viewer) -> ItemList:
    """How many of somebody's own requests stand how."""
    found = await lists.counts(ctx, (await user_of(ctx, _person(viewer), wants=False)).user_id)
    many: dict[str, int] = {}
    for state, words in STATES.items():
        if state in found.states:
            many[words] = many.get(words, 0) + found.states[state]
    items = [
        ListItem(
            id=words.lower().replace(" ", "_"), title=words, subtitle=str(number), tone=_TONES.get(words, Tone.NEUTRAL)
        )
        for words, number in many.items()
    ]
    return ItemList(items=items, empty="You have not asked for anything yet.")


@widget("waiting", title="Waiting for approval", scope=PERSON, ttl=30, stale_for=600.0, permission=MANAGE)
async def waiting(ctx: Ctx, viewer: Viewer) -> ItemList:
    """What nobody has decided on yet, and the two answers beside it."""
    person = _person(viewer)
    query = RequestsQuery(state=[RequestState.PENDING], limit=MOST_WAITING)
    found = await lists.page(ctx, query, person, None, None)
    return ItemList(items=[_waiting(one) for one in found.items], empty="Nothing waits for approval.")


def _card(one: RequestView) -> MediaCard:
    return MediaCard(
        id=str(one.id),
        title=_title(one),
        subtitle=_what(one),
        year=one.year,
        image=one.poster,
        href=_link(one),
        badge=STATES[one.state],
        actions=[_cancel(one)] if one.mine and one.state is RequestState.PENDING else [],
    )


def _waiting(one: RequestView) -> ListItem:
    who = one.by.name if one.by is not None else ""
    return ListItem(
        id=str(one.id),
        title=f"{_title(one)} ({one.year})" if one.year else _title(one),
        subtitle=" · ".join(part for part in (who, _what(one)) if part),
        at=one.created_at,
        href=_link(one),
        image=one.poster,
        tone=Tone.WARN,
        actions=[_approve(one), _decline(one)],
    )


def _approve(one: RequestView) -> Action:
    return Action(
        id="approve", title="Approve", path=f"/api/v1/overseerr/manage/requests/{one.id}/approve", tone=Tone.GOOD
    )


def _decline(one: RequestView) -> Action:
    return Action(
        id="decline",
        title="Decline",
        path=f"/api/v1/overseerr/manage/requests/{one.id}/decline",
        tone=Tone.BAD,
        ask=ActionField(name="reason", title="Why? Whoever asked for it reads this.", max_length=500),
    )


def _cancel(one: RequestView) -> Action:
    return Action(
        id="cancel",
        title="Take back",
        method="DELETE",
        path=f"/api/v1/overseerr/requests/{one.id}",
        confirm=f"Take back your request for {_title(one)[:300]}?",
    )


def _title(one: RequestView) -> str:
    return one.title or f"TMDB {one.tmdb_id}"


def _what(one: RequestView) -> str:
    parts = []
    if one.kind == "tv":
        shown = ", ".join(str(number) for number in one.seasons[:10]) + ("…" if len(one.seasons) > 10 else "")
        parts.append(f"{'Season' if len(one.seasons) == 1 else 'Seasons'} {shown}" if one.seasons else "Series")
    if one.is4k:
        parts.append("4K")
    return " · ".join(parts)


def _link(one: RequestView) -> str | None:
    """Tiles may link to https alone."""
    return one.href if one.href is not None and one.href.startswith("https://") else None


def _person(viewer: Viewer) -> Person:
    if viewer.person is None:
        raise errors.Forbidden("This tile belongs to a person.")
    return viewer.person
