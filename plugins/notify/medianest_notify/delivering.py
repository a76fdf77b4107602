"""Sends one message to one target now, by whichever way it is, and says what became of it. Decides nothing about later."""

from __future__ import annotations

from uuid import UUID

from medianest_hub.plugin_api import Context, errors
from medianest_notify.addresses import store
from medianest_notify.addresses.catalogue import MAIL
from medianest_notify.models import Push, Way
from medianest_notify.outcomes import Outcome
from medianest_notify.outgoing import Message
from medianest_notify.permissions import ADDRESSES, PUSH
from medianest_notify.push import devices
from medianest_notify.push import sending as push_sending
from medianest_notify.senders import senders_of
from medianest_notify.settings import NotifySettings


async def deliver_to(ctx: Context[NotifySettings], message: Message) -> Outcome | None:
    """What became of it, kept with the target; None where there is no such target, or it may not be reached by this any more.

    What the target is at this moment counts, not what it was when the message was put on its way.
    """
    if not await _may(ctx, message):
        return None
    try:
        outcome = await (_by_apprise if message.way is Way.APPRISE else _by_push)(ctx, message)
    except errors.Unavailable as error:
        outcome = Outcome("passing", "busy", error.retry_after)
    if outcome is None:
        return None
    ctx.metrics.counter("messages", "Messages sent to addresses and devices.", ("way", "outcome")).inc(
        way=message.way.value, outcome=outcome.kind
    )
    if message.way is Way.WEB_PUSH and outcome.code == "push_gone":
        await _forget(ctx, message.target_id)
    elif message.way is Way.APPRISE:
        await store.note(ctx, message.target_id, outcome)
    else:
        await devices.note(ctx, message.target_id, outcome)
    return outcome


async def _may(ctx: Context[NotifySettings], message: Message) -> bool:
    """Whether the person is still somebody who may be reached by this."""
    person = await ctx.people.get(message.person_id)
    right = ADDRESSES if message.way is Way.APPRISE else PUSH
    return person is not None and person.can(f"{ctx.plugin}.{right}")


async def _by_apprise(ctx: Context[NotifySettings], message: Message) -> Outcome | None:
    address = await store.opened(ctx, message.target_id)
    if address is None or address.person_id != message.person_id:
        return None
    if address.service not in ctx.settings.offered:
        return Outcome("refused", "not_offered")
    if address.text is None:
        return Outcome("refused", "unreadable")
    senders, body = senders_of(ctx), message.body
    if message.href and message.href.startswith(("https://", "http://")):
        body = f"{body}\n\n{message.href}".strip()
    if address.service == MAIL:
        return await senders.send_mail(address.text, message.title, body)
    # Some services take no message without a body.
    return await senders.send(address.text, message.title, body or message.title)


async def _by_push(ctx: Context[NotifySettings], message: Message) -> Outcome | None:
    device = await devices.subscribed(ctx, message.target_id)
    if device is None or device.person_id != message.person_id:
        return None
    push = Push(id=str(message.id), kind=message.kind, title=message.title, body=message.body, href=message.href)
    return await push_sending.send(ctx, device, push)


async def _forget(ctx: Context[NotifySettings], device: UUID) -> None:
    """The browser said no: the device is none any more."""
    try:
        await devices.remove(ctx, device)
    except errors.NotFound:
        return  # its owner was faster
    ctx.log.info("a device takes no pushes any more", device=str(device))
