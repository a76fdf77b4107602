"""Keeps the browsers people let the hub push to; endpoint and keys are secrets of the person's. Connects nowhere."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from uuid_utils.compat import uuid7

from medianest_hub.plugin_api import Context, Queries, Record, errors
from medianest_notify.addresses.store import trouble
from medianest_notify.models import Device, NewDevice
from medianest_notify.outcomes import Outcome
from medianest_notify.push.encryption import Receiver
from medianest_notify.push.services import Endpoint
from medianest_notify.settings import NotifySettings

_SHOWN: Final = "id, service, label, created_at, delivered_at, trouble, trouble_since"


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A device ready to be pushed to. `endpoint` and `receiver` are None where they are not known any more."""

    person_id: UUID
    endpoint: str | None
    receiver: Receiver | None


async def add(ctx: Context[NotifySettings], person: UUID, new: NewDevice, endpoint: Endpoint) -> Device:
    """Keep it. One that is known keeps its id and gets the new keys; one of somebody else's is theirs no more.

    `Conflict` where the person has as many as are allowed.
    """
    known_by = hashlib.sha256(endpoint.url.encode()).hexdigest()
    most = ctx.settings.devices_per_person
    async with ctx.db.transaction() as tx:
        await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 18))", known_by)
        before = await tx.fetchrow(
            "SELECT id, person_id FROM plugin_notify.device WHERE instance = $1 AND endpoint_hash = $2",
            *(ctx.instance, known_by),
        )
        if before is not None and before["person_id"] != person:
            # Two people share a browser: it shows the messages of who signed in to it last.
            await _drop(ctx, tx, before["id"])
        device = before["id"] if before is not None and before["person_id"] == person else uuid7()
        if before is None or device != before["id"]:
            await _make(ctx, tx, device, person, known_by, endpoint.service, most)
        row = await tx.fetchrow(
            f"""UPDATE plugin_notify.device SET label = $2, trouble = '', trouble_since = NULL
                 WHERE id = $1 RETURNING {_SHOWN}""",  # noqa: S608 # nosec B608 - every part is written here
            *(device, new.label),
        )
    if row is None:
        raise LookupError("a row just made is there")
    if before is not None and before["person_id"] != person:
        await ctx.people.set_secret(before["person_id"], _secret(before["id"]), None)
    kept = json.dumps({"endpoint": endpoint.url, "p256dh": new.keys.p256dh, "auth": new.keys.auth})
    await ctx.people.set_secret(person, _secret(device), kept)
    return shown(row)


async def of_person(ctx: Context[NotifySettings], person: UUID) -> list[Device]:
    """Those of somebody, the oldest first."""
    rows = await ctx.db.fetch(
        f"""SELECT {_SHOWN} FROM plugin_notify.device
             WHERE instance = $1 AND person_id = $2 ORDER BY created_at, id""",  # nosec B608 # noqa: S608 - constants of ours
        *(ctx.instance, person),
    )
    return [shown(row) for row in rows]


async def owner(ctx: Context[NotifySettings], device: UUID) -> UUID | None:
    """Whose it is, or None where there is none."""
    found = await ctx.db.fetchval(
        "SELECT person_id FROM plugin_notify.device WHERE instance = $1 AND id = $2", ctx.instance, device
    )
    return found if isinstance(found, UUID) else None


async def rename(ctx: Context[NotifySettings], device: UUID, label: str) -> Device:
    """Call it otherwise. Raises `NotFound`."""
    row = await ctx.db.fetchrow(
        f"UPDATE plugin_notify.device SET label = $3 WHERE instance = $1 AND id = $2 RETURNING {_SHOWN}",  # nosec B608 # noqa: S608 - constants of ours
        *(ctx.instance, device, label),
    )
    if row is None:
        raise not_found()
    return shown(row)


async def remove(ctx: Context[NotifySettings], device: UUID) -> None:
    """Forget it, and what was on its way there. Raises `NotFound`."""
    person = await owner(ctx, device)
    if person is None:
        raise not_found()
    await ctx.people.set_secret(person, _secret(device), None)
    async with ctx.db.transaction() as tx:
        await _drop(ctx, tx, device)


async def subscribed(ctx: Context[NotifySettings], device: UUID) -> Subscribed | None:
    """It, to be pushed to; None where there is none."""
    person = await owner(ctx, device)
    if person is None:
        return None
    kept = await ctx.people.secret(person, _secret(device))
    if kept is None:
        return Subscribed(person, None, None)
    values = json.loads(kept)
    return Subscribed(person, values["endpoint"], Receiver.read(values["p256dh"], values["auth"]))


async def note(ctx: Context[NotifySettings], device: UUID, outcome: Outcome, tx: Queries | None = None) -> None:
    """Keep how the last message fared, for the person to see."""
    good = outcome.kind == "delivered"
    await (tx or ctx.db).execute(
        """UPDATE plugin_notify.device
              SET delivered_at = CASE WHEN $3 THEN $5 ELSE delivered_at END, trouble = $4,
                  trouble_since = CASE WHEN $3 THEN NULL WHEN trouble = '' THEN $5 ELSE trouble_since END
            WHERE instance = $1 AND id = $2""",
        *(ctx.instance, device, good, "" if good else outcome.code, ctx.clock.now()),
    )


def shown(row: Record) -> Device:
    """A row as its owner sees it."""
    return Device(
        id=row["id"],
        service=row["service"],
        label=row["label"],
        created_at=row["created_at"],
        delivered_at=row["delivered_at"],
        trouble=trouble(row),
    )


def not_found() -> errors.NotFound:
    """What to say of a device that is not there."""
    return errors.NotFound("There is no such device.", code="device_not_found")


async def _make(
    ctx: Context[NotifySettings], tx: Queries, device: UUID, person: UUID, known_by: str, service: str, most: int
) -> None:
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 17))", str(person))
    count = await tx.fetchval(
        "SELECT count(*) FROM plugin_notify.device WHERE instance = $1 AND person_id = $2", ctx.instance, person
    )
    if count >= most:
        raise errors.Conflict(
            f"You have {count} devices; {most} are allowed. Remove one first.",
            code="too_many_devices",
            params={"most": most},
        )
    await tx.execute(
        """INSERT INTO plugin_notify.device (id, instance, person_id, endpoint_hash, service, created_at)
           VALUES ($1, $2, $3, $4, $5, $6)""",
        *(device, ctx.instance, person, known_by, service, ctx.clock.now()),
    )


async def _drop(ctx: Context[NotifySettings], tx: Queries, device: UUID) -> None:
    await tx.execute("DELETE FROM plugin_notify.device WHERE instance = $1 AND id = $2", ctx.instance, device)
    await tx.execute("DELETE FROM plugin_notify.outgoing WHERE target_id = $1", device)


def _secret(device: UUID) -> str:
    return f"device.{device}"
