"""Finds who somebody is at Overseerr: by linked Plex account, then by verified e-mail address, else as an admin said.

Whoever cannot be found is told so. Nobody is ever taken for the key's owner for lack of anybody else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from medianest_hub.plugin_api import Person, Queries
from medianest_hub.plugin_api.errors import Conflict, Forbidden, NotFound
from medianest_overseerr.connection import Ctx
from medianest_overseerr.installation import ensure_same
from medianest_overseerr.pages import see_anew
from medianest_overseerr.people import accounts
from medianest_overseerr.people.accounts import Account
from medianest_overseerr.rights import Right, has

How = Literal["plex", "email", "admin"]
PLEX: Final = "plex"
"""The sign-in provider by whose accounts people are found."""

_PLEX_ID: Final = re.compile(r"[0-9]{1,18}")
_STRENGTH: Final[dict[str, int]] = {"email": 1, "plex": 2, "admin": 3}


@dataclass(frozen=True, slots=True)
class Match:
    """Who somebody is there, and how that is known."""

    person_id: UUID
    user_id: int
    how: How


def not_matched() -> Forbidden:
    """Nobody there is this person, as far as can be known."""
    return Forbidden(
        "Overseerr has no user that is known to be you, so nothing can be asked for in your name. Link your Plex account "
        "under Account, or ask an admin to match you.",
        code="overseerr_not_matched",
    )


def in_conflict() -> Conflict:
    """Somebody else is that user already."""
    return Conflict(
        "The user of Overseerr that seems to be yours is somebody else's here. An admin must say whose it is.",
        code="overseerr_match_conflict",
    )


async def user_of(ctx: Ctx, person: Person, *, wants: bool = True) -> Account:
    """Who the person is at Overseerr. `wants`: they want something of it, so an admin should know if they are nobody there.

    Asks it only where nobody that is kept fits. Raises `Forbidden` (`overseerr_not_matched`), `Conflict`
    (`overseerr_match_conflict`), and as the client does where it had to be asked and could not be.
    """
    await ensure_same(ctx)
    kept = await _kept(ctx, person.id)
    found = await _find(ctx, person.id, kept)
    if found is None:
        await accounts.read_anew(ctx)
        found = await _find(ctx, person.id, kept)
    if found is None:
        await _is_nobody(ctx, person.id, "overseerr_not_matched", None, note=wants)
        raise not_matched()
    account, how = found
    wanted = Match(person.id, account.user_id, how)
    if kept != wanted and not await _take(ctx, wanted):
        await _is_nobody(ctx, person.id, "overseerr_match_conflict", account.user_id, note=wants)
        raise in_conflict()
    return account


async def self_of(ctx: Ctx, person: Person) -> Account | None:
    """Who the person is there, or None for nobody. Raises as the client does where it had to be asked and could not be."""
    try:
        return await user_of(ctx, person, wants=False)
    except (Forbidden, Conflict):
        return None


async def person_of(ctx: Ctx, user_id: int | None) -> UUID | None:
    """Which person that user is; None where nobody is known to be. Asks Overseerr nothing."""
    account = None if user_id is None else await accounts.account(ctx, user_id)
    if account is None:
        return None
    row = await ctx.db.fetchrow(
        "SELECT person_id, user_id, how FROM plugin_overseerr.match WHERE instance = $1 AND user_id = $2",
        ctx.instance,
        account.user_id,
    )
    if row is not None:
        kept = Match(row["person_id"], row["user_id"], row["how"])
        found = await _find(ctx, kept.person_id, kept)
        return kept.person_id if found is not None and found[0].user_id == account.user_id else None
    # Somebody who never asked for anything here, but did so at Overseerr itself.
    if account.plex_id is None:
        return None
    person = await ctx.people.by_identity(str(account.plex_id), PLEX)
    if person is None:
        return None
    kept_now = await _kept(ctx, person.id)
    if kept_now is not None:
        return person.id if kept_now.user_id == account.user_id else None
    return person.id if await _take(ctx, Match(person.id, account.user_id, "plex")) else None


async def match(ctx: Ctx, by: Person, person_id: UUID, user_id: int) -> Account:
    """Somebody who may (`by`) says that they are one. Users who are admins there are given away by admins of the hub alone.

    Raises `NotFound` (`person_not_found`, `overseerr_user_not_found`), `Forbidden` (`overseerr_user_is_admin`), `Conflict`
    (`overseerr_match_conflict`).
    """
    if await ctx.people.get(person_id) is None:
        raise NotFound("There is no such person.", code="person_not_found")
    await ensure_same(ctx)
    account = await accounts.account(ctx, user_id)
    if account is None:
        await accounts.read_anew(ctx)
        account = await accounts.account(ctx, user_id)
    if account is None:
        raise NotFound("Overseerr has no such user.", code="overseerr_user_not_found")
    if has(account.permissions, Right.ADMIN) and not by.is_admin:
        raise Forbidden(
            "This user is an admin at Overseerr. Only an admin of the hub can say whose it is.",
            code="overseerr_user_is_admin",
        )
    wanted = Match(person_id, user_id, "admin")
    async with ctx.db.transaction() as tx:
        holder = await _holder(tx, ctx.instance, user_id)
        if holder is not None and holder.person_id != person_id:
            raise Conflict(
                "Somebody else is this user already. Take that match away first.", code="overseerr_match_conflict"
            )
        claimed = await _claim(tx, ctx.instance, wanted)
    if claimed is None:
        raise in_conflict()
    await see_anew(ctx, claimed)
    return account


async def unmatch(ctx: Ctx, person_id: UUID) -> None:
    """Take the match away; one by Plex account or address comes back while these still agree. Raises `NotFound`."""
    done = await ctx.db.execute(
        "DELETE FROM plugin_overseerr.match WHERE instance = $1 AND person_id = $2", ctx.instance, person_id
    )
    if done.endswith(" 0"):
        raise NotFound("This person is matched with nobody.", code="overseerr_not_matched")
    await see_anew(ctx, [person_id])


async def forget_person(db: Queries, person_id: UUID) -> None:
    """Keep nothing of them."""
    await db.execute("DELETE FROM plugin_overseerr.match WHERE person_id = $1", person_id)
    await db.execute("DELETE FROM plugin_overseerr.unmatched WHERE person_id = $1", person_id)


async def user_is_gone(ctx: Ctx, user_id: int) -> None:
    """Overseerr says that it has no such user any more."""
    async with ctx.db.transaction() as tx:
        were = await tx.fetch(
            "DELETE FROM plugin_overseerr.match WHERE instance = $1 AND user_id = $2 RETURNING person_id",
            ctx.instance,
            user_id,
        )
        await tx.execute(
            "DELETE FROM plugin_overseerr.account WHERE instance = $1 AND user_id = $2", ctx.instance, user_id
        )
    await see_anew(ctx, [row["person_id"] for row in were])


async def _find(ctx: Ctx, person_id: UUID, kept: Match | None) -> tuple[Account, How] | None:
    """Who the person is by what is kept of the users."""
    if kept is not None and kept.how == "admin":
        # While that user is missing from the list nothing else takes the place of what an admin said.
        said = await accounts.account(ctx, kept.user_id)
        return None if said is None else (said, "admin")
    identity = await ctx.people.identity(person_id, PLEX)
    plex_id = int(identity.subject) if identity is not None and _PLEX_ID.fullmatch(identity.subject) else None
    if plex_id is not None and (account := await accounts.by_plex(ctx, plex_id)) is not None:
        return account, "plex"
    email = await ctx.people.verified_email(person_id)
    account = await accounts.by_email(ctx, email) if email else None
    if account is None or has(account.permissions, Right.ADMIN):
        return None  # an address alone makes nobody an admin there
    if None not in (plex_id, account.plex_id) and plex_id != account.plex_id:
        return None  # the address says one thing, Plex another
    return account, "email"


async def _kept(ctx: Ctx, person_id: UUID) -> Match | None:
    row = await ctx.db.fetchrow(
        "SELECT person_id, user_id, how FROM plugin_overseerr.match WHERE instance = $1 AND person_id = $2",
        ctx.instance,
        person_id,
    )
    return None if row is None else Match(row["person_id"], row["user_id"], row["how"])


async def _holder(tx: Queries, instance: str, user_id: int) -> Match | None:
    row = await tx.fetchrow(
        "SELECT person_id, user_id, how FROM plugin_overseerr.match WHERE instance = $1 AND user_id = $2 FOR UPDATE",
        instance,
        user_id,
    )
    return None if row is None else Match(row["person_id"], row["user_id"], row["how"])


async def _take(ctx: Ctx, wanted: Match) -> bool:
    """Whether the user is the person's from now on. Whoever is concerned sees it at once."""
    async with ctx.db.transaction() as tx:
        claimed = await _claim(tx, ctx.instance, wanted)
    await see_anew(ctx, claimed or ())
    return claimed is not None


async def _claim(tx: Queries, instance: str, wanted: Match) -> set[UUID] | None:
    """Make the user the person's, unless another's claim is as good: None then, else the people for whom something changed."""
    # One claim at a time: two persons may want one user in the same moment.
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended('plugin_overseerr.match' || $1, 0))", instance)
    holder = await _holder(tx, instance, wanted.user_id)
    concerned = {wanted.person_id}
    if holder is not None and holder.person_id != wanted.person_id:
        if _STRENGTH[holder.how] >= _STRENGTH[wanted.how]:
            return None
        await tx.execute(
            "DELETE FROM plugin_overseerr.match WHERE instance = $1 AND user_id = $2", instance, wanted.user_id
        )
        concerned.add(holder.person_id)
    await tx.execute(
        "INSERT INTO plugin_overseerr.match (instance, person_id, user_id, how) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT (instance, person_id) DO UPDATE SET user_id = EXCLUDED.user_id, how = EXCLUDED.how, matched_at = now()",
        *(instance, wanted.person_id, wanted.user_id, wanted.how),
    )
    await tx.execute(
        "DELETE FROM plugin_overseerr.unmatched WHERE instance = $1 AND person_id = $2", instance, wanted.person_id
    )
    return concerned


async def _is_nobody(ctx: Ctx, person_id: UUID, reason: str, user_id: int | None, *, note: bool) -> None:
    """What was known before is known no more, but for what an admin said; `note`: for an admin to see."""
    async with ctx.db.transaction() as tx:
        ended = await tx.fetch(
            "DELETE FROM plugin_overseerr.match WHERE instance = $1 AND person_id = $2 AND how <> 'admin' RETURNING person_id",
            *(ctx.instance, person_id),
        )
        if note:
            await tx.execute(
                "INSERT INTO plugin_overseerr.unmatched (instance, person_id, reason, user_id, at) "
                "SELECT $1::text, $2::uuid, $3::text, $4::integer, $5::timestamptz WHERE NOT EXISTS "
                "(SELECT 1 FROM plugin_overseerr.match WHERE instance = $1 AND person_id = $2) "
                "ON CONFLICT (instance, person_id) DO UPDATE SET reason = EXCLUDED.reason, user_id = EXCLUDED.user_id, "
                "at = EXCLUDED.at",
                *(ctx.instance, person_id, reason, user_id, ctx.clock.now()),
            )
    await see_anew(ctx, [row["person_id"] for row in ended])
