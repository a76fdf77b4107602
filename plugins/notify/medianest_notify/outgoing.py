"""What is on its way: one row for each message and target, gone once it is there. Sends nothing itself.

An attempt claims its row before it sends. So one that died in between is known: whether its message was taken nobody can tell,
and it is not sent again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal
from uuid import UUID, uuid5

from uuid_utils.compat import uuid7

from medianest_hub.plugin_api import Context, Notification
from medianest_notify.models import Send, Way
from medianest_notify.settings import NotifySettings

KEPT: Final = timedelta(days=1)
"""How long is tried to bring a message to a target that cannot be reached."""

_TITLE, _BODY, _HREF, _KIND = 200, 1500, 1000, 100
_TABLES: Final = {Way.APPRISE: "address", Way.WEB_PUSH: "device"}
_COLUMNS: Final = "id, person_id, way, target_id, kind, title, body, href"


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one address or device."""

    id: UUID
    person_id: UUID
    way: Way
    target_id: UUID
    kind: str
    title: str
    body: str
    href: str | None


async def put(ctx: Context[NotifySettings], person: UUID, way: Way, notification: Notification) -> list[UUID]:
    """Put it on its way to each target the person has, and a job for each; all of it or nothing. Returns their ids."""
    href = notification.href if notification.href and len(notification.href) <= _HREF else None
    async with ctx.db.transaction() as tx:
        targets = await tx.fetch(
            f"SELECT id FROM plugin_notify.{_TABLES[way]} WHERE instance = $1 AND person_id = $2",  # nosec B608 # noqa: S608 - constants of ours
            *(ctx.instance, person),
        )
        ids = [_id_of(target["id"], notification) for target in targets]
        for message, target in zip(ids, targets, strict=True):
            await tx.execute(
                f"""INSERT INTO plugin_notify.outgoing ({_COLUMNS}, instance, created_at)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
                    ON CONFLICT (id) DO NOTHING""",  # noqa: S608 # nosec B608 - every part is written here
                *(message, person, way.value, target["id"], notification.kind[:_KIND]),
                *(_cut(notification.title, _TITLE), _cut(notification.body, _BODY), href),
                *(ctx.instance, ctx.clock.now()),
            )
            await ctx.jobs.enqueue("send", Send(message=message), unique=str(message), tx=tx)
    return ids


async def claim(ctx: Context[NotifySettings], message: UUID) -> Message | Literal["interrupted"] | None:
    """The message, now this attempt's to send; `interrupted` where an earlier attempt never said how it went; None: gone."""
    row = await ctx.db.fetchrow(
        f"""UPDATE plugin_notify.outgoing o SET state = 'sending'
              FROM (SELECT id, state FROM plugin_notify.outgoing WHERE id = $1 FOR UPDATE) was
             WHERE o.id = was.id RETURNING was.state AS before, {", ".join(f"o.{one}" for one in _COLUMNS.split(", "))}""",  # nosec B608 # noqa: S608 - constants of ours
        message,
    )
    if row is None:
        return None
    if row["before"] != "waiting":
        return "interrupted"
    values = {name: row[name] for name in _COLUMNS.split(", ")}
    return Message(**(values | {"way": Way(row["way"])}))


async def target_of(ctx: Context[NotifySettings], message: UUID) -> tuple[Way, UUID] | None:
    """Where it is going; None where it is gone."""
    row = await ctx.db.fetchrow("SELECT way, target_id FROM plugin_notify.outgoing WHERE id = $1", message)
    return None if row is None else (Way(row["way"]), row["target_id"])


async def put_back(ctx: Context[NotifySettings], message: UUID) -> None:
    """It was not sent: the next attempt may."""
    await ctx.db.execute("UPDATE plugin_notify.outgoing SET state = 'waiting' WHERE id = $1", message)


async def done(ctx: Context[NotifySettings], message: UUID) -> None:
    """Nothing more is to be done about it."""
    await ctx.db.execute("DELETE FROM plugin_notify.outgoing WHERE id = $1", message)


async def drop_old(ctx: Context[NotifySettings]) -> int:
    """Drop what has been on its way for too long, as after a job that was lost. Returns how many."""
    rows = await ctx.db.fetch(
        "DELETE FROM plugin_notify.outgoing WHERE instance = $1 AND created_at < $2 RETURNING id",
        *(ctx.instance, ctx.clock.now() - KEPT - timedelta(hours=6)),
    )
    return len(rows)


def _id_of(target: UUID, notification: Notification) -> UUID:
    """The same for the same message and target; a digest has no id, and is always another one."""
    return uuid7() if notification.id is None else uuid5(target, str(notification.id))


def _cut(text: str, most: int) -> str:
    text = text.replace("\x00", "")
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
