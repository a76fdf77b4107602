"""Who is who, for an admin to see and to set right. Changes nothing."""

from __future__ import annotations

from uuid import UUID

from medianest_overseerr.connection import Ctx
from medianest_overseerr.models import MatchView, PeopleView, UnmatchedView, UserView
from medianest_overseerr.people import accounts

_MOST = 1000


async def overview(ctx: Ctx) -> PeopleView:
    """All matches, the people who wanted something and are nobody there, and the users who are nobody here.

    Reads the users anew; where Overseerr cannot be asked it raises as the client does.
    """
    await accounts.read_anew(ctx)
    users = {one.user_id: UserView(user_id=one.user_id, name=one.name) for one in await accounts.accounts(ctx)}
    matched = await ctx.db.fetch(
        "SELECT person_id, user_id, how, matched_at FROM plugin_overseerr.match WHERE instance = $1 "
        "ORDER BY matched_at DESC LIMIT $2",
        ctx.instance,
        _MOST,
    )
    unmatched = await ctx.db.fetch(
        "SELECT person_id, reason, user_id, at FROM plugin_overseerr.unmatched WHERE instance = $1 ORDER BY at DESC LIMIT $2",
        ctx.instance,
        _MOST,
    )
    names = await _names(ctx, {row["person_id"] for row in (*matched, *unmatched)})
    taken = {row["user_id"] for row in matched}
    return PeopleView(
        matched=[
            MatchView(
                person_id=row["person_id"],
                username=names[row["person_id"]],
                user=users.get(row["user_id"], UserView(user_id=row["user_id"], name=f"#{row['user_id']}")),
                how=row["how"],
                matched_at=row["matched_at"],
            )
            for row in matched
            if row["person_id"] in names
        ],
        unmatched=[
            UnmatchedView(
                person_id=row["person_id"],
                username=names[row["person_id"]],
                reason=row["reason"],
                user=users.get(row["user_id"]) if row["user_id"] is not None else None,
                at=row["at"],
            )
            for row in unmatched
            if row["person_id"] in names
        ],
        users=[user for number, user in users.items() if number not in taken],
    )


async def _names(ctx: Ctx, people: set[UUID]) -> dict[UUID, str]:
    """What those of them who are still there are called."""
    found = {person: await ctx.people.get(person) for person in people}
    return {person: one.username for person, one in found.items() if one is not None}
