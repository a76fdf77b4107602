"""An address, a token, a key: in no answer, no log line, no error and no row but as the person's sealed secret."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from pydantic import ValidationError

from medianest_hub.plugin_api import Notification, PersonRemoved, errors
from medianest_hub.testing import make_call, make_event
from medianest_notify import listeners, notifiers, routes
from medianest_notify.addresses import reading
from medianest_notify.models import NewAddress, NewDevice, NewLabel, Target

from .conftest import Ctx, addresses, devices, enter, run_job, somebody, subscribed, try_out, waiting

SECRET = "tk-very-secret-topic-0815"


async def everything_kept(ctx: Ctx) -> str:
    """All rows of the plugin, as text."""
    found = ""
    for table in ("address", "device", "push_key", "outgoing"):
        rows = await ctx.db.fetch(f"SELECT to_jsonb(t)::text AS row FROM plugin_notify.{table} t")
        found += "".join(row["row"] for row in rows)
    return found


async def test_an_address_shows_up_nowhere_again(home, sinks):
    mia = somebody(home)
    entered = await enter(home, mia, f"ntfy://user:{SECRET}@{sinks.host}/{SECRET}?token={SECRET}", "Kitchen")
    said = []
    for fault in ("500", "html_404", "reset", "redirect", "slow"):
        sinks.faults.set("message", fault)
        told = await try_out(home, mia, entered)
        said += [told.model_dump_json(), *(one.model_dump_json() for one in await addresses(home, mia))]
    sinks.faults.set("message", "500")
    await notifiers.deliver_by_apprise(home, mia, Notification(kind="a.b", title="Hello"))
    with pytest.raises(errors.RetryLater) as later:
        await run_job(home)
    said.append(f"{later.value!r} {later.value.params}")

    lines = json.dumps([(line.event, line.fields) for line in home.log.lines], default=str)
    jobs = json.dumps([job.args.model_dump(mode="json") for job in home.jobs.queued if job.args])
    for text in (*said, entered.model_dump_json(), lines, jobs, await everything_kept(home)):
        assert SECRET not in text
    assert (entered.label, entered.server) == ("Kitchen", "127.0.0.1")
    assert home.people.secrets[mia.id, f"address.{entered.id}"].count(SECRET) == 3


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("ntfys://ntfy.example/topic", "ntfy.example"),
        ("ntfys://user:password@ntfy.example:8443/topic", "ntfy.example"),
        ("ntfy://very-secret-topic", ""),
        ("ntfy://secret.topic", ""),
        ("discord://1234567890/token.with.dots", ""),
        ("tgram://123456789:abcdef/12345", ""),
        ("json://[fd00::1]:8080/hook", "fd00::1"),
        ("json://server.example", ""),
    ],
)
def test_of_an_address_only_the_servers_name_is_shown(address, shown):
    assert reading.read(address, ["ntfy", "discord", "telegram", "json"]).shown == shown


def test_of_an_email_address_the_first_letter_and_the_domain_are_shown():
    found = reading.read("mailto:mia.smith@Mail.Example", ["mail"])
    assert (found.text, found.shown) == ("mia.smith@Mail.Example", "m•••@mail.example")


def test_models_that_refuse_what_is_entered_do_not_repeat_it():
    for model, values in (
        (NewAddress, {"address": {"a": SECRET}}),
        (NewAddress, {"address": SECRET, "label": 7}),
        (NewDevice, {"endpoint": SECRET, "keys": {"p256dh": SECRET, "auth": SECRET}}),
    ):
        with pytest.raises(ValidationError) as refused:
            model.model_validate(values)
        assert SECRET not in str(refused.value)


async def test_a_device_shows_neither_endpoint_nor_keys(home, push):
    mia = somebody(home)
    browser, device = await subscribed(home, mia, push)
    kept = await everything_kept(home)
    for secret in (browser.endpoint, *browser.subscription()["keys"].values()):
        assert secret not in device.model_dump_json() + kept
        assert secret in home.people.secrets[mia.id, f"device.{device.id}"]


async def test_whoever_leaves_leaves_nothing_behind(home, sinks, push):
    mia, tom = somebody(home), somebody(home, "tom")
    for person in (mia, tom):
        await enter(home, person, f"ntfy://{sinks.host}/{person.username}")
        await subscribed(home, person, push)
        await notifiers.deliver_by_apprise(home, person, Notification(kind="a.b", title="Hello"))
        await notifiers.deliver_by_push(home, person, Notification(kind="a.b", title="Hello"))

    for _ in range(2):
        await listeners.person_removed(home, make_event(PersonRemoved(username="mia"), person=mia.id))

    assert (await addresses(home, mia), await devices(home, mia)) == ([], [])
    assert (len(await addresses(home, tom)), len(await devices(home, tom))) == (1, 1)
    assert len(await waiting(home)) == 2
    assert str(mia.id) not in await everything_kept(home)
    for index in range(4):
        await run_job(home, index)
    assert [one.to for one in sinks.arrived] == ["tom"]


async def test_an_address_is_renamed_and_removed_with_what_was_on_its_way(home, sinks):
    mia = somebody(home)
    entered = await enter(home, mia, f"ntfy://{sinks.host}/topic")
    path = Target(id=entered.id)
    call = make_call(person=mia, path=path, body=NewLabel(label="  Living \n room "))
    assert (await routes.rename_address(home, call)).label == "Living room"
    await notifiers.deliver_by_apprise(home, mia, Notification(kind="a.b", title="Hello"))

    await routes.remove_address(home, make_call(person=mia, path=path))

    assert (await addresses(home, mia), await waiting(home), home.people.secrets) == ([], [], {})
    await run_job(home)
    assert sinks.asked == []
    for gone in (path, Target(id=uuid4())):
        assert await routes.address_owner(home, make_call(person=mia, path=gone)) is None
        with pytest.raises(errors.NotFound):
            await routes.remove_address(home, make_call(person=mia, path=gone))


async def test_an_address_is_its_owners(home):
    mia = somebody(home)
    entered = await enter(home, mia, "ntfy://127.0.0.1/topic")
    assert await routes.address_owner(home, make_call(person=mia, path=Target(id=entered.id))) == mia.id
    assert await addresses(home, somebody(home, "tom")) == []
