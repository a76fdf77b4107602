"""Keeps people's addresses; the only place where one is read again. Connects nowhere.

The address itself is a secret of the person's (`ctx.people`): sealed, sealed anew when the hub's keys change, gone with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from uuid_utils.compat import uuid7

from medianest_hub.plugin_api import Context, Queries, Record, errors
from medianest_notify.addresses.catalogue import MAIL, SERVICES
from medianest_notify.addresses.reading import Entered
from medianest_notify.models import Address, Trouble
from medianest_notify.outcomes import Outcome, words
from medianest_notify.settings import NotifySettings

_SHOWN = "id, service, label, server, created_at, delivered_at, trouble, trouble_since"


@dataclass(frozen=True, slots=True)
class Opened:
    """An address ready to be sent to. `text` is None where it is not known any more."""

    person_id: UUID
    service: str
    text: str | None


async def add(ctx: Context[NotifySettings], person: UUID, entered: Entered, label: str) -> Address:
    """Keep it. The same one entered twice is kept once. `Conflict` where the person has as many as are allowed."""
    for known in await of_person(ctx, person):
        if await ctx.people.secret(person, _secret(known.id)) == entered.text:
            return known
    address, most = uuid7(), ctx.settings.addresses_per_person
    async with ctx.db.transaction() as tx:
        # Somebody who adds two at once waits for themselves.
        await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 17))", str(person))
        count = await tx.fetchval(
            "SELECT count(*) FROM plugin_notify.address WHERE instance = $1 AND person_id = $2", ctx.instance, person
        )
        if count >= most:
            raise errors.Conflict(
                f"You have {count} addresses; {most} are allowed. Remove one first.",
                code="too_many_addresses",
                params={"most": most},
            )
        await tx.execute(
            """INSERT INTO plugin_notify.address (id, instance, person_id, service, label, server, created_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7)""",
            *(address, ctx.instance, person, entered.service, label, entered.shown, ctx.clock.now()),
        )
    await ctx.people.set_secret(person, _secret(address), entered.text)
    return next(one for one in await of_person(ctx, person) if one.id == address)


async def of_person(ctx: Context[NotifySettings], person: UUID) -> list[Address]:
    """Those of somebody, the oldest first."""
    rows = await ctx.db.fetch(
        f"""SELECT {_SHOWN} FROM plugin_notify.address
             WHERE instance = $1 AND person_id = $2 ORDER BY created_at, id""",  # noqa: S608 # nosec B608 - every part is written here
        *(ctx.instance, person),
    )
    return [shown(ctx, row) for row in rows]


async def owner(ctx: Context[NotifySettings], address: UUID) -> UUID | None:
    """Whose it is, or None where there is none."""
    found = await ctx.db.fetchval(
        "SELECT person_id FROM plugin_notify.address WHERE instance = $1 AND id = $2", ctx.instance, address
    )
    return found if isinstance(found, UUID) else None


async def rename(ctx: Context[NotifySettings], address: UUID, label: str) -> Address:
    """Call it otherwise. Raises `NotFound`."""
    row = await ctx.db.fetchrow(
        f"UPDATE plugin_notify.address SET label = $3 WHERE instance = $1 AND id = $2 RETURNING {_SHOWN}",  # nosec B608 # noqa: S608 - constants of ours
        *(ctx.instance, address, label),
    )
    if row is None:
        raise not_found()
    return shown(ctx, row)


async def remove(ctx: Context[NotifySettings], address: UUID) -> None:
    """Forget it, and what was on its way there. Raises `NotFound`."""
    person = await owner(ctx, address)
    if person is None:
        raise not_found()
    # The secret first: what is left behind if this breaks off can be removed again.
    await ctx.people.set_secret(person, _secret(address), None)
    async with ctx.db.transaction() as tx:
        await tx.execute("DELETE FROM plugin_notify.address WHERE instance = $1 AND id = $2", ctx.instance, address)
        await tx.execute("DELETE FROM plugin_notify.outgoing WHERE target_id = $1", address)


async def opened(ctx: Context[NotifySettings], address: UUID) -> Opened | None:
    """It, to be sent to; None where there is none."""
    row = await ctx.db.fetchrow(
        "SELECT person_id, service FROM plugin_notify.address WHERE instance = $1 AND id = $2", ctx.instance, address
    )
    if row is None:
        return None
    person = row["person_id"]
    return Opened(person, row["service"], await ctx.people.secret(person, _secret(address)))


async def note(ctx: Context[NotifySettings], address: UUID, outcome: Outcome, tx: Queries | None = None) -> None:
    """Keep how the last message fared, for the person to see."""
    good = outcome.kind == "delivered"
    await (tx or ctx.db).execute(
        """UPDATE plugin_notify.address
              SET delivered_at = CASE WHEN $3 THEN $5 ELSE delivered_at END, trouble = $4,
                  trouble_since = CASE WHEN $3 THEN NULL WHEN trouble = '' THEN $5 ELSE trouble_since END
            WHERE instance = $1 AND id = $2""",
        *(ctx.instance, address, good, "" if good else outcome.code, ctx.clock.now()),
    )


def shown(ctx: Context[NotifySettings], row: Record) -> Address:
    """A row as its owner sees it."""
    name = row["service"]
    service = SERVICES.get(name)
    return Address(
        id=row["id"],
        service=name,
        service_title=service.title if service else "E-mail" if name == MAIL else name,
        label=row["label"],
        server=row["server"],
        offered=name in ctx.settings.offered,
        created_at=row["created_at"],
        delivered_at=row["delivered_at"],
        trouble=trouble(row),
    )


def trouble(row: Record) -> Trouble | None:
    """What is wrong with a target, or None."""
    code, since = row["trouble"], row["trouble_since"]
    return Trouble(code=code, message=words(code), since=since) if code and since is not None else None


def not_found() -> errors.NotFound:
    """What to say of an address that is not there."""
    return errors.NotFound("There is no such address.", code="address_not_found")


def _secret(address: UUID) -> str:
    return f"address.{address}"
