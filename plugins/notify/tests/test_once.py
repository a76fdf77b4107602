"""A message gets to each address and device once: later if it could not be sent, never twice where nobody knows."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from medianest_hub.plugin_api import Empty, Notification, errors
from medianest_hub.testing import make_job, make_person
from medianest_notify import notifiers, outgoing, tasks
from medianest_notify.health import delivery
from medianest_notify.models import Send

from .conftest import addresses, devices, enter, run_job, somebody, subscribed, waiting

HELLO = Notification(
    kind="youtube.download_done", title="It is here", body="Big Buck Bunny", href="https://hub.example/d/1"
)


async def test_each_address_gets_it_and_one_that_is_away_holds_up_none(home, sinks):
    mia = somebody(home)
    await enter(home, mia, "ntfy://127.0.0.1:1/away")
    await enter(home, mia, f"ntfy://{sinks.host}/here")
    await notifiers.deliver_by_apprise(home, mia, HELLO)
    assert await waiting(home) == ["waiting", "waiting"]

    with pytest.raises(errors.RetryLater) as later:
        await run_job(home, 0)
    await run_job(home, 1)

    (arrived,) = sinks.arrived
    assert (arrived.to, arrived.title) == ("here", "It is here")
    assert arrived.body == "Big Buck Bunny\n\nhttps://hub.example/d/1"
    assert later.value.retry_after == tasks.PAUSES[0]
    assert await waiting(home) == ["waiting"]
    away, here = await addresses(home, mia)
    assert away.trouble is not None
    assert (away.trouble.code, here.trouble) == ("unreachable", None)


async def test_a_service_down_for_a_while_gets_it_later_and_once(home, sinks):
    mia = somebody(home)
    await enter(home, mia, f"ntfy://{sinks.host}/topic")
    await notifiers.deliver_by_apprise(home, mia, HELLO)
    sinks.faults.set("message", "503")
    for attempt in (1, 2, 3):
        with pytest.raises(errors.RetryLater):
            await run_job(home, attempt=attempt)
    sinks.faults.clear()
    for attempt in (4, 5):
        await run_job(home, attempt=attempt)
    assert len(sinks.arrived) == 1
    assert (await waiting(home), (await addresses(home, mia))[0].trouble) == ([], None)


async def test_a_service_says_when_to_come_again(home, sinks):
    mia = somebody(home)
    await enter(home, mia, f"ntfy://{sinks.host}/topic")
    await notifiers.deliver_by_apprise(home, mia, HELLO)
    sinks.faults.set("message", "busy")
    with pytest.raises(errors.RetryLater) as later:
        await run_job(home)
    assert later.value.retry_after == 40


async def test_what_may_have_been_taken_is_not_sent_again(home, sinks):
    mia = somebody(home)
    await enter(home, mia, f"ntfy://{sinks.host}/topic")
    await notifiers.deliver_by_apprise(home, mia, HELLO)
    sinks.faults.set("message", "empty")
    await run_job(home)
    await run_job(home, attempt=2)
    assert len(sinks.asked) == 1
    (address,) = await addresses(home, mia)
    assert address.trouble is not None
    assert (address.trouble.code, await waiting(home)) == ("no_answer", [])


async def test_an_attempt_that_died_while_sending_is_the_last(home, sinks):
    mia = somebody(home)
    await enter(home, mia, f"ntfy://{sinks.host}/topic")
    await notifiers.deliver_by_apprise(home, mia, HELLO)
    args = home.jobs.queued[0].args
    assert isinstance(args, Send)
    assert isinstance(await outgoing.claim(home, args.message), outgoing.Message)  # and then the machine lost its power

    await run_job(home, attempt=2)

    assert sinks.asked == []
    (address,) = await addresses(home, mia)
    assert address.trouble is not None
    assert (address.trouble.code, await waiting(home)) == ("interrupted", [])


async def test_after_a_day_it_is_dropped_and_the_person_sees_why(home):
    mia = somebody(home)
    await enter(home, mia, "ntfy://127.0.0.1:1/away")
    await notifiers.deliver_by_apprise(home, mia, HELLO)
    with pytest.raises(errors.GiveUp):
        await run_job(home, attempt=15, last_attempt=True)
    (address,) = await addresses(home, mia)
    assert address.trouble is not None
    assert (address.trouble.code, await waiting(home)) == ("expired", [])
    assert 20 * 3600 < sum(tasks.PAUSES) < 28 * 3600


async def test_a_notification_handed_over_twice_is_on_its_way_once(home, sinks):
    mia = somebody(home)
    await enter(home, mia, f"ntfy://{sinks.host}/topic")
    known = HELLO.model_copy(update={"id": uuid4()})
    for _ in range(2):
        await notifiers.deliver_by_apprise(home, mia, known)
    assert (len(await waiting(home)), len(home.jobs.queued)) == (1, 1)
    for _ in range(2):
        await notifiers.deliver_by_apprise(home, mia, HELLO)  # digests have no id, and are two
    assert len(await waiting(home)) == 3


async def test_what_never_left_is_dropped_when_it_is_old(home):
    mia = somebody(home)
    await enter(home, mia, "ntfy://127.0.0.1:1/away")
    await notifiers.deliver_by_apprise(home, mia, HELLO)
    home.clock.advance(3600)
    assert (await delivery(home)).status == "degraded"
    await tasks.tidy(home, make_job(Empty()))
    assert await waiting(home) == ["waiting"]
    home.clock.advance(timedelta(days=2).total_seconds())
    await tasks.tidy(home, make_job(Empty()))
    assert await waiting(home) == []
    assert (await delivery(home)).status == "ok"


async def test_an_address_in_trouble_is_its_owners_matter_and_not_the_hubs_health(home):
    mia = somebody(home)
    await enter(home, mia, "ntfy://127.0.0.1:1/away")
    await notifiers.deliver_by_apprise(home, mia, HELLO)
    with pytest.raises(errors.RetryLater):
        await run_job(home)
    home.clock.advance(3600)
    found = await delivery(home)
    assert (found.status, found.data["in_trouble"], found.data["waiting"]) == ("ok", 1, 1)


async def test_who_has_set_up_nothing_is_not_reached(home, push):
    mia, tom = somebody(home), somebody(home, "tom")
    assert not await notifiers.has_address(home, mia)
    assert not await notifiers.has_device(home, mia)
    await enter(home, mia, "ntfy://127.0.0.1/topic")
    await subscribed(home, mia, push)
    assert await notifiers.has_address(home, mia)
    assert await notifiers.has_device(home, mia)
    assert not await notifiers.has_address(home, tom)
    without = make_person("mia", mia.role, person_id=mia.id)
    assert not await notifiers.has_address(home, without)
    assert not await notifiers.has_device(home, without)
    await notifiers.deliver_by_apprise(home, without, HELLO)
    await notifiers.deliver_by_push(home, without, HELLO)
    await notifiers.deliver_by_apprise(home, tom, HELLO)
    assert await waiting(home) == []


async def test_long_words_are_cut_and_links_within_the_hub_are_left_to_its_pages(home, sinks, push):
    mia = somebody(home)
    await enter(home, mia, f"json://{sinks.host}/hook/a")
    browser, _ = await subscribed(home, mia, push)
    long = Notification(kind="a.b", title="T" * 500, body="ü\x00" * 9000, href="/downloads/1")
    await notifiers.deliver_by_apprise(home, mia, long)
    await notifiers.deliver_by_push(home, mia, long)
    for index in range(2):
        await run_job(home, index)
    (arrived,) = sinks.arrived
    assert (len(arrived.title), len(arrived.body)) == (200, 1500)
    assert "downloads" not in arrived.body
    (told,) = browser.told
    assert (told["href"], len(told["title"]), told["body"][-1]) == ("/downloads/1", 200, "…")
    assert [device.trouble for device in await devices(home, mia)] == [None]
