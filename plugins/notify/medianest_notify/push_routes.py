"""The routes about devices, under `/api/v1/notify/push`; endpoints and keys come in by one of them and never go out again."""

from __future__ import annotations

from uuid import UUID

from medianest_hub.plugin_api import ADMIN, Call, Context, Empty, Page, Router, errors
from medianest_notify.models import Device, NewDevice, NewLabel, PushKey, Target, Tested, Way
from medianest_notify.permissions import PUSH
from medianest_notify.push import devices, keys
from medianest_notify.push import services as push_services
from medianest_notify.push.encryption import Receiver, padless, public_point
from medianest_notify.routes import router, sent_test
from medianest_notify.settings import NotifySettings


def routes() -> Router:
    """All routes of this plugin: those about addresses, and these, which share one router."""
    return router


async def device_owner(ctx: Context[NotifySettings], call: Call[Target]) -> UUID | None:
    """Whose device the path speaks of."""
    return await devices.owner(ctx, call.path.id)


@router.get("/push/key", permission=PUSH)
async def key(ctx: Context[NotifySettings], call: Call) -> PushKey:
    """Show the key a browser needs to allow push.

    The hub's own (VAPID), the same for everybody and for good.
    """
    return PushKey(public_key=padless(public_point(await keys.push_key(ctx))))


@router.delete("/push/key", permission=ADMIN)
async def forget_key(ctx: Context[NotifySettings], call: Call) -> None:
    """Have a new key made.

    For when the old one can no longer be opened, or became known. Every device has to allow push anew.
    """
    await keys.forget(ctx)
    ctx.log.warning("the key for web push was forgotten", by=str(call.caller.id))


@router.get("/push/devices", permission=PUSH)
async def list_devices(ctx: Context[NotifySettings], call: Call) -> Page[Device]:
    """List the devices you allowed push on."""
    return Page(items=await devices.of_person(ctx, call.caller.id))


@router.post("/push/devices", permission=PUSH, limit="addresses", body_limit=8 * 1024, status=201)
async def add_device(ctx: Context[NotifySettings], call: Call[Empty, Empty, NewDevice]) -> Device:
    """Let the hub push to this browser.

    The body is what `PushSubscription.toJSON()` gives, with a `label`. Sent again it changes keys and label and keeps its id.
    """
    endpoint = push_services.read(call.body.endpoint, ctx.settings.push_services)
    try:
        Receiver.read(call.body.keys.p256dh, call.body.keys.auth)
    except ValueError:
        message = "These are not the keys of a push subscription. Send what PushSubscription.toJSON() gives."
        raise errors.BadInput(
            message, fields=[errors.FieldProblem(field="body.keys", code="bad_keys", message=message)]
        ) from None
    return await devices.add(ctx, call.caller.id, call.body, endpoint)


@router.patch("/push/devices/{id}", permission=PUSH, owner=device_owner)
async def rename_device(ctx: Context[NotifySettings], call: Call[Target, Empty, NewLabel]) -> Device:
    """Call a device otherwise."""
    return await devices.rename(ctx, call.path.id, call.body.label)


@router.delete("/push/devices/{id}", permission=PUSH, owner=device_owner)
async def remove_device(ctx: Context[NotifySettings], call: Call[Target]) -> None:
    """Push to a device no more."""
    await devices.remove(ctx, call.path.id)


@router.post("/push/devices/{id}/test", permission=PUSH, owner=device_owner, limit="tests", deadline=30)
async def test_device(ctx: Context[NotifySettings], call: Call[Target]) -> Tested:
    """Push a test message now.

    A device that takes none any more is forgotten.
    """
    return await sent_test(ctx, Way.WEB_PUSH, call, await devices.owner(ctx, call.path.id))
