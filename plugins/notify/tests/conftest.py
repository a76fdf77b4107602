"""Sinks where messages arrive, a push service, and contexts of this plugin that may reach them."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pytest_asyncio import fixture as async_fixture

from medianest_hub.plugin_api import Person, Role
from medianest_hub.testing import Authority, ContextMaker, MemoryContext, make_call, make_job, make_person
from medianest_notify import lifecycle, push_routes, routes, tasks
from medianest_notify.models import Address, Device, NewAddress, NewDevice, Send, Target, Tested
from medianest_notify.settings import NotifySettings

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.simulators.notify_sinks.http import NotifySinks
from tests.simulators.push.service import Browser, PushService

Ctx = MemoryContext[NotifySettings]
Make = Callable[..., Awaitable[Ctx]]
RIGHTS = ("notify.addresses", "notify.push")


@pytest.fixture(scope="session")
def medianest_plugin() -> str:
    return "notify"


@pytest.fixture(scope="session")
def authority() -> Authority:
    """A household's own CA."""
    return Authority()


@async_fixture
async def sinks() -> AsyncIterator[NotifySinks]:
    async with NotifySinks().running() as running:
        yield running


@async_fixture
async def push(authority: Authority) -> AsyncIterator[PushService]:
    async with PushService(authority.certificate().context()).running() as running:
        yield running


@async_fixture
async def make(context: ContextMaker) -> AsyncIterator[Make]:
    """`await make(…)`: a started context with a database; keyword arguments are fields of the settings."""
    async with AsyncExitStack() as stack:

        async def make(**fields: Any) -> Ctx:
            made = await context(NotifySettings(**fields), database=True)
            made.clock.advance(
                (datetime.now(UTC) - made.clock.now()).total_seconds()
            )  # tokens for push services expire
            await lifecycle.startup(made)
            stack.push_async_callback(lifecycle.shutdown, made)
            return made

        yield make


@async_fixture
async def home(make: Make, authority: Authority) -> Ctx:
    """A hub whose operator allows this machine, plain webhooks, and a push service of their own."""
    return await make(**allowing(authority))


def allowing(authority: Authority) -> dict[str, Any]:
    """Settings that let addresses lead to this machine."""
    return {
        "services": ["ntfy", "gotify", "mattermost", "json", "discord", "telegram"],
        "private_addresses": ["127.0.0.1"],
        "push_services": ["127.0.0.1"],
        "push_contact": "mailto:ada@hub.example",
        "tls": {"ca": authority.pem},
    }


def somebody(ctx: Ctx, name: str = "mia", *rights: str) -> Person:
    """A member who may use both ways, unless told otherwise, and is known to the hub."""
    return ctx.people.add(make_person(name, Role.MEMBER, *(rights or RIGHTS)))


async def enter(ctx: Ctx, person: Person, address: str, label: str = "") -> Address:
    """The person enters an address."""
    return await routes.add_address(ctx, make_call(person=person, body=NewAddress(address=address, label=label)))


async def allow(ctx: Ctx, person: Person, browser: Browser, label: str = "") -> Device:
    """The person allows push in that browser."""
    body = NewDevice.model_validate({**browser.subscription(), "label": label})
    return await push_routes.add_device(ctx, make_call(person=person, body=body))


async def subscribed(ctx: Ctx, person: Person, push: PushService) -> tuple[Browser, Device]:
    """A browser that has asked the hub for its key, and allowed push."""
    key = await push_routes.key(ctx, make_call(person=person))
    browser = push.subscribe(key.public_key)
    return browser, await allow(ctx, person, browser)


async def try_out(ctx: Ctx, person: Person, target: Address | Device) -> Tested:
    """The person presses the button."""
    call = make_call(person=person, path=Target(id=target.id))
    return await (routes.test_address if isinstance(target, Address) else push_routes.test_device)(ctx, call)


async def waiting(ctx: Ctx) -> list[str]:
    """States of what is on its way, the oldest first."""
    rows = await ctx.db.fetch("SELECT state FROM plugin_notify.outgoing ORDER BY created_at, id")
    return [row["state"] for row in rows]


async def run_job(ctx: Ctx, index: int = 0, **options: Any) -> None:
    """One attempt at a queued message, as the worker makes it."""
    args = ctx.jobs.queued[index].args
    assert isinstance(args, Send)
    await tasks.send(ctx, make_job(args, **options))


async def addresses(ctx: Ctx, person: Person) -> list[Address]:
    """As the person's page lists them."""
    return (await routes.addresses(ctx, make_call(person=person))).items


async def devices(ctx: Ctx, person: Person) -> list[Device]:
    """As the person's page lists them."""
    return (await push_routes.list_devices(ctx, make_call(person=person))).items
