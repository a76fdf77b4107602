"""The users of the service, kept in Postgres: who there is, by number, Plex account and e-mail address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from medianest_hub.plugin_api import Record
from medianest_hub.plugin_api.errors import UpstreamError
from medianest_overseerr.client import answers
from medianest_overseerr.client.refusals import SERVICE
from medianest_overseerr.connection import Ctx, service
from medianest_overseerr.installation import ensure_same

AGAIN_SECONDS: Final = 20.0
"""However often somebody unknown comes, all users are read no more often than this."""

GOOD_FOR: Final = timedelta(minutes=30)
"""How old what is kept of users may become: others than those who are asked about change too."""

MOST: Final = 5000
_COLUMNS: Final = "user_id, plex_id, email, name, permissions"

_WRITE: Final = """
INSERT INTO plugin_overseerr.account (instance, user_id, plex_id, email, name, permissions, seen_at)
SELECT $1, user_id, plex_id, email, name, permissions, $7
FROM unnest($2::integer[], $3::bigint[], $4::text[], $5::text[], $6::bigint[])
    AS given(user_id, plex_id, email, name, permissions)
ORDER BY user_id
ON CONFLICT (instance, user_id) DO UPDATE SET plex_id = EXCLUDED.plex_id, email = EXCLUDED.email, name = EXCLUDED.name,
    permissions = EXCLUDED.permissions, seen_at = EXCLUDED.seen_at
WHERE account.seen_at <= EXCLUDED.seen_at
"""


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the service. `permissions` is a sum of `rights.Right`; `email` is in small letters."""

    user_id: int
    plex_id: int | None
    email: str
    name: str
    permissions: int


def _account(row: Record) -> Account:
    return Account(row["user_id"], row["plex_id"], row["email"], row["name"], row["permissions"])


async def account(ctx: Ctx, user_id: int) -> Account | None:
    """That user, as far as it is kept."""
    return await _one(ctx, "user_id = $2", user_id)


async def by_plex(ctx: Ctx, plex_id: int) -> Account | None:
    """The user with that Plex account."""
    return await _one(ctx, "plex_id = $2", plex_id)


async def by_email(ctx: Ctx, email: str) -> Account | None:
    """The user with that address (in small letters), if it is one alone."""
    return await _one(ctx, "email = $2 AND email <> ''", email)


async def accounts(ctx: Ctx) -> list[Account]:
    """All that are kept, by name."""
    rows = await ctx.db.fetch(
        f"SELECT {_COLUMNS} FROM plugin_overseerr.account WHERE instance = $1 ORDER BY lower(name), user_id LIMIT {MOST}",  # nosec B608 # noqa: S608 - constants
        ctx.instance,
    )
    return [_account(row) for row in rows]


async def names(ctx: Ctx, user_ids: set[int]) -> dict[int, str]:
    """What these users are called."""
    rows = await ctx.db.fetch(
        "SELECT user_id, name FROM plugin_overseerr.account WHERE instance = $1 AND user_id = ANY($2::integer[])",
        ctx.instance,
        sorted(user_ids),
    )
    return {row["user_id"]: row["name"] for row in rows}


async def read_anew(ctx: Ctx) -> None:
    """Ask for all users, unless that was done a moment ago. Raises as the client does."""

    async def read() -> bool:
        await refresh(ctx)
        return True

    await ctx.cache.remember(f"accounts:{ctx.generation}", AGAIN_SECONDS, read)


async def keep_up(ctx: Ctx) -> None:
    """Ask for all users if that was done long ago. Raises as the client does."""
    row = await ctx.db.fetchrow("SELECT accounts_at FROM plugin_overseerr.source WHERE instance = $1", ctx.instance)
    last = None if row is None else row["accounts_at"]
    if last is None or ctx.clock.now() - last > GOOD_FOR:
        await read_anew(ctx)


async def refresh(ctx: Ctx) -> None:
    """Ask for all users, and forget those who are gone. Raises as the client does, and keeps what there was then."""
    await ensure_same(ctx)
    began = await ctx.db.fetchval("SELECT clock_timestamp()")
    found = await _all(ctx)
    async with ctx.db.transaction() as tx:
        await tx.execute(
            _WRITE,
            ctx.instance,
            [one.id for one in found],
            [one.plex_id for one in found],
            [one.email.lower() for one in found],
            [one.name or f"#{one.id}" for one in found],
            [one.permissions for one in found],
            began,
        )
        await tx.execute(
            "DELETE FROM plugin_overseerr.account WHERE instance = $1 AND seen_at < $2", ctx.instance, began
        )
        await tx.execute(
            "INSERT INTO plugin_overseerr.source (instance, accounts_at) VALUES ($1, $2) "
            "ON CONFLICT (instance) DO UPDATE SET accounts_at = EXCLUDED.accounts_at",
            ctx.instance,
            began,
        )


async def _all(ctx: Ctx) -> list[answers.User]:
    asked, found = service(ctx), dict[int, answers.User]()
    while True:
        page = await asked.users(len(found))
        before = len(found)
        found |= {one.id: one for one in page.results}
        if len(found) >= page.page.results:
            return list(found.values())
        if len(found) == before or len(found) >= MOST:
            raise UpstreamError(
                f"{SERVICE} does not list as many users as it says there are.",
                service=SERVICE,
                field="pageInfo.results",
            )


async def _one(ctx: Ctx, condition: str, value: int | str) -> Account | None:
    """The one user of whom that is true; None for none, and for several."""
    rows = await ctx.db.fetch(
        f"SELECT {_COLUMNS} FROM plugin_overseerr.account WHERE instance = $1 AND {condition} LIMIT 2",  # nosec B608 # noqa: S608 - conditions of ours
        ctx.instance,
        value,
    )
    return _account(rows[0]) if len(rows) == 1 else None
