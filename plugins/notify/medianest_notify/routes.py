"""The routes about addresses, under `/api/v1/notify`; an address comes in by one of them and never goes out again."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from uuid_utils.compat import uuid7

from medianest_hub.plugin_api import Call, Context, Empty, Page, Router, errors
from medianest_notify.addresses import reading, store
from medianest_notify.addresses.catalogue import MAIL, SERVICES
from medianest_notify.delivering import deliver_to
from medianest_notify.models import Address, NewAddress, NewLabel, OfferedService, Target, Tested, Way
from medianest_notify.outcomes import Outcome, words
from medianest_notify.outgoing import Message
from medianest_notify.permissions import ADDRESSES
from medianest_notify.senders import senders_of
from medianest_notify.settings import NotifySettings

router = Router()
TEST_TITLE = "MediaNest Hub"
TEST_BODIES: Final = {
    "en": "This is a test. Messages of the hub reach you here.",
    "de": "Das ist ein Test. Nachrichten des Hubs erreichen dich hier.",
}


async def address_owner(ctx: Context[NotifySettings], call: Call[Target]) -> UUID | None:
    """Whose address the path speaks of."""
    return await store.owner(ctx, call.path.id)


@router.get("/services", permission=ADDRESSES)
async def services(ctx: Context[NotifySettings], call: Call) -> Page[OfferedService]:
    """List the services you may enter addresses of.

    In the order of their titles; e-mail is among them where the hub can send any.
    """
    offered = [SERVICES[name] for name in ctx.settings.offered if name != MAIL]
    items = [OfferedService(name=s.name, title=s.title, example=s.example, names_server=s.host) for s in offered]
    if MAIL in ctx.settings.offered:
        items.append(OfferedService(name=MAIL, title="E-mail", example="you@mail.example", names_server=False))
    return Page(items=sorted(items, key=lambda item: item.title.casefold()))


@router.get("/addresses", permission=ADDRESSES)
async def addresses(ctx: Context[NotifySettings], call: Call) -> Page[Address]:
    """List your addresses.

    Without the addresses themselves: they are sealed, and shown to nobody.
    """
    return Page(items=await store.of_person(ctx, call.caller.id))


@router.post("/addresses", permission=ADDRESSES, limit="addresses", body_limit=8 * 1024, status=201, deadline=45)
async def add_address(ctx: Context[NotifySettings], call: Call[Empty, Empty, NewAddress]) -> Address:
    """Enter an address of yours.

    As Apprise writes it, such as `ntfys://ntfy.sh/topic`, or an e-mail address. It is read at once, and tried only by its test.
    """
    entered = reading.read(call.body.address, ctx.settings.offered)
    if entered.service != MAIL and not await senders_of(ctx).is_readable(entered.text):
        message = words("bad_address")
        raise errors.BadInput(
            message, fields=[errors.FieldProblem(field="body.address", code="bad_address", message=message)]
        )
    return await store.add(ctx, call.caller.id, entered, call.body.label)


@router.patch("/addresses/{id}", permission=ADDRESSES, owner=address_owner)
async def rename_address(ctx: Context[NotifySettings], call: Call[Target, Empty, NewLabel]) -> Address:
    """Call an address otherwise."""
    return await store.rename(ctx, call.path.id, call.body.label)


@router.delete("/addresses/{id}", permission=ADDRESSES, owner=address_owner)
async def remove_address(ctx: Context[NotifySettings], call: Call[Target]) -> None:
    """Forget an address.

    What was on its way there is dropped.
    """
    await store.remove(ctx, call.path.id)


@router.post("/addresses/{id}/test", permission=ADDRESSES, owner=address_owner, limit="tests", deadline=75)
async def test_address(ctx: Context[NotifySettings], call: Call[Target]) -> Tested:
    """Send a test message there now.

    To the address's owner. It is not tried again; what became of it is answered in words.
    """
    return await sent_test(ctx, Way.APPRISE, call, await store.owner(ctx, call.path.id))


def language_of(accepted: str) -> str:
    """Which of the languages of `TEST_BODIES` a browser asks for first (`Accept-Language`); English where it asks for none."""
    best, most = "en", 0.0
    for part in accepted[:500].split(","):
        name, _, weight = part.replace(" ", "").lower().partition(";q=")
        try:
            weighs = float(weight or 1)
        except ValueError:
            continue
        if (language := name.partition("-")[0]) in TEST_BODIES and most < weighs <= 1:
            best, most = language, weighs
    return best


async def sent_test(ctx: Context[NotifySettings], way: Way, call: Call[Target], person: UUID | None) -> Tested:
    """What became of a test. Raises `NotFound` where the target, or its owner's right to it, is gone."""
    body = TEST_BODIES[language_of(call.request.headers.get("accept-language", ""))]
    outcome: Outcome | None = None
    if person is not None:
        message = Message(uuid7(), person, way, call.path.id, "notify.test", TEST_TITLE, body, None)
        outcome = await deliver_to(ctx, message)
    if outcome is None:
        raise errors.NotFound("There is nothing to test any more.", code="target_not_found")
    if outcome.kind == "delivered":
        return Tested(outcome="delivered")
    kind = "uncertain" if outcome.kind == "uncertain" else "failed"
    return Tested(outcome=kind, code=outcome.code, message=outcome.words)
