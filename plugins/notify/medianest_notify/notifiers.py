"""The two ways to reach people that the hub's notifications use. Each only puts a message on its way: `tasks.send` sends it."""

from __future__ import annotations

from medianest_hub.plugin_api import Context, Notification, Notifier, Person
from medianest_notify import outgoing
from medianest_notify.models import Way
from medianest_notify.permissions import ADDRESSES, PUSH
from medianest_notify.settings import NotifySettings


async def deliver_by_apprise(ctx: Context[NotifySettings], person: Person, notification: Notification) -> None:
    """To each address of the person, each tried again by itself: one that is away holds up none, and none gets it twice."""
    if person.can(f"{ctx.plugin}.{ADDRESSES}"):
        await outgoing.put(ctx, person.id, Way.APPRISE, notification)


async def deliver_by_push(ctx: Context[NotifySettings], person: Person, notification: Notification) -> None:
    """To each device of the person, likewise."""
    if person.can(f"{ctx.plugin}.{PUSH}"):
        await outgoing.put(ctx, person.id, Way.WEB_PUSH, notification)


async def has_address(ctx: Context[NotifySettings], person: Person) -> bool:
    """Whether the person has entered an address."""
    return person.can(f"{ctx.plugin}.{ADDRESSES}") and bool(
        await ctx.db.fetchval(
            "SELECT EXISTS (SELECT FROM plugin_notify.address WHERE instance = $1 AND person_id = $2)",
            *(ctx.instance, person.id),
        )
    )


async def has_device(ctx: Context[NotifySettings], person: Person) -> bool:
    """Whether the person has allowed push on a device."""
    return person.can(f"{ctx.plugin}.{PUSH}") and bool(
        await ctx.db.fetchval(
            "SELECT EXISTS (SELECT FROM plugin_notify.device WHERE instance = $1 AND person_id = $2)",
            *(ctx.instance, person.id),
        )
    )


_APPRISE_TITLE = {"en": "Messages to your addresses", "de": "Nachrichten an deine Adressen"}
_PUSH_TITLE = {"en": "Push to your devices", "de": "Push auf deine Geräte"}
APPRISE = Notifier("apprise", _APPRISE_TITLE, deliver_by_apprise, reaches=has_address)
WEB_PUSH = Notifier("web_push", _PUSH_TITLE, deliver_by_push, reaches=has_device)
