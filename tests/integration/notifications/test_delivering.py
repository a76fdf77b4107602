"""Messages by the ways people chose: once, again after a failure, never twice, by two workers, given up with words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from medianest_hub.plugin_api.errors import BadInput, UpstreamError, UpstreamTimeout
from medianest_hub.plugin_host.states import PluginState

from .conftest import House, Process, choose, eventually, grant, somebody


def failing(*errors: Exception | None) -> Callable[[], Exception | None]:
    """One after the other, then nothing."""
    left: Iterator[Exception | None] = iter(errors)
    return lambda: next(left, None)


DOWN = UpstreamError("The pigeon is tired.", service="loft")


async def test_a_message_has_the_words_and_addresses_its_reader_can_use(house: House) -> None:
    here = await house.process(public_url="https://media.example.org/hub", language="de")
    ada = await somebody(here)
    await here.tell("arrived", "1", href="/post/1")
    await here.tell("arrived", "2", href="https://post.example/2", title="{title}")
    await here.work()
    messages = sorted((one for _, one in house.pigeon.carried), key=lambda one: one.title)
    assert [one.title for one in messages] == ["Film ist da", "{title} ist da"]
    assert [one.href for one in messages] == ["https://media.example.org/hub/post/1", "https://post.example/2"]
    assert messages[0].body == "Sieh es dir an."
    assert (messages[0].kind, messages[0].params) == ("post.arrived", {"title": "Film"})
    assert {one.id for one in messages} == {one.id for one in await here.room.list.page(ada, "de")}
    assert await here.states() == [("sent", "")] * 2


async def test_two_workers_deliver_and_announce_each_message_once(house: House) -> None:
    here, there = await house.process(), await house.process()
    people = [await somebody(here, f"p{number}") for number in range(4)]
    heard = here.listen()
    async with here.working(), there.working():
        for number in range(5):
            await (here if number % 2 else there).tell("arrived", str(number), title=f"Film {number}")
        await eventually(lambda: len(house.pigeon.carried) >= 20 and len(heard) >= 20)
        await eventually(lambda: _ended(here, 20))
    assert sorted(house.pigeon.titles) == sorted(
        (person.username, f"Film {number} arrived") for person in people for number in range(5)
    )
    told = [(message["person"], message["data"]["id"]) for message in heard if message["event"] == "notification:new"]
    assert len(told) == len(set(told)) == 20


async def _ended(process: Process, count: int) -> bool:
    ended = "SELECT count(*) FROM medianest.deliveries WHERE state = 'sent'"
    return bool(await process.db.fetchval(ended) == count)


async def test_a_notifier_that_is_down_for_a_minute_delivers_later_and_once(here: Process, house: House) -> None:
    await somebody(here)
    house.pigeon.fails = lambda: DOWN
    await here.tell()
    for _ in range(6):  # a minute
        await here.work()
        house.wall.advance(seconds=10)
    assert house.pigeon.carried == []
    assert await here.states() == [("waiting", "The pigeon is tired.")]
    house.pigeon.fails = lambda: None
    for _ in range(40):
        await here.work()
        house.wall.advance(seconds=10)
    assert house.pigeon.titles == [("ada", "Film arrived")]
    assert house.pigeon.calls <= 4
    assert await here.states() == [("sent", "")]


async def test_what_fails_for_good_is_given_up_with_the_words_of_the_notifier(here: Process, house: House) -> None:
    await somebody(here)
    house.pigeon.fails = lambda: BadInput("No such address.")
    await here.tell("arrived", "1")
    await here.work()
    assert await here.states() == [("failed", "No such address.")]
    house.pigeon.fails = lambda: DOWN
    await here.tell("arrived", "2")
    for _ in range(60):
        await here.work()
        house.wall.advance(hours=1)
    assert house.pigeon.calls == 1 + 6
    assert [state for state, _ in await here.states()] == ["failed", "failed"]


async def test_secrets_and_tracebacks_of_a_notifier_stay_out_of_its_words(here: Process, house: House) -> None:
    await somebody(here)
    house.pigeon.fails = lambda: RuntimeError("token=abc")
    await here.tell()
    await here.work()
    ((state, words),) = await here.states()
    assert state == "waiting"
    assert "abc" not in words
    assert words


async def test_what_took_too_long_may_have_got_through_and_is_not_sent_again(house: House) -> None:
    here = await house.process(timeout=0.05)
    await somebody(here)
    house.pigeon.hold = asyncio.Event()
    await here.tell()
    await here.work()
    house.pigeon.hold = None
    for _ in range(5):
        house.wall.advance(hours=2)
        await here.work()
    assert house.pigeon.calls == 1
    ((state, words),) = await here.states()
    assert state == "uncertain"
    assert "may have got through" in words


async def test_an_answer_that_never_came_is_for_the_notifier_to_judge(here: Process, house: House) -> None:
    await somebody(here)
    house.pigeon.fails = failing(UpstreamTimeout("No answer.", service="loft"))
    await here.tell()
    await here.work()
    house.wall.advance(minutes=1)
    await here.work()
    assert house.pigeon.titles == [("ada", "Film arrived")]


async def test_a_worker_that_died_while_sending_is_not_repeated(house: House) -> None:
    here, there = await house.process(), await house.process()
    await somebody(here)
    await here.tell()
    await here.notifying.announce()
    ways = [(way, 4) for way in here.room.ways.running().values()]
    (claimed,) = await here.room.deliveries.claim(here.db, ways, house.wall.now())
    assert claimed.attempt == 1
    await there.work()
    house.wall.advance(seconds=59)
    await there.work()
    assert await here.states() == [("sending", "")]
    house.wall.advance(minutes=5)
    await there.work()
    ((state, words),) = await here.states()
    assert (state, house.pigeon.calls) == ("uncertain", 0)
    assert "not sent again" in words
    # Whoever was taken for dead cannot change it any more.
    await here.room.deliveries.settle(here.db, claimed.token, "sent", house.wall.now())
    assert [state for state, _ in await here.states()] == ["uncertain"]


async def test_a_worker_that_stops_lets_messages_get_through_or_gives_them_up(house: House) -> None:
    here, there = await house.process(), await house.process()
    await somebody(here)
    house.pigeon.hold = asyncio.Event()
    async with here.working():
        await here.tell()
        await eventually(lambda: house.pigeon.calls == 1)
    assert [state for state, _ in await here.states()] == ["uncertain"]
    house.pigeon.hold = None
    await here.tell("arrived", "2")
    await there.work()
    assert house.pigeon.titles == [("ada", "Film arrived")]
    assert house.pigeon.calls == 2


async def test_a_plugin_that_does_not_run_is_waited_for_a_day(here: Process, house: House) -> None:
    await somebody(here)
    runtime = here.plugins.runtimes["loft"]
    await runtime.stop(PluginState.RETRYING, "no loft")
    await here.tell("arrived", "1")
    await here.work()
    house.wall.advance(hours=20)
    await here.work()
    assert [state for state, _ in await here.states()] == ["waiting"]
    house.wall.advance(hours=5)
    await here.work()
    ((state, words),) = await here.states()
    assert (state, house.pigeon.calls) == ("dropped", 0)
    assert "within a day" in words


async def test_a_plugin_that_is_switched_off_gets_no_messages(here: Process, house: House) -> None:
    await somebody(here)
    await here.plugins.runtimes["loft"].stop(PluginState.DISABLED)
    await here.tell("arrived", "1")
    await here.work()
    assert await here.states() == []


async def test_only_those_who_want_it_and_have_set_it_up_get_messages(here: Process, house: House) -> None:
    ada, bob = await somebody(here), await somebody(here, "bob")
    await somebody(here, "eve")
    await choose(here, ada, "loft.pigeon", "off")
    house.pigeon.reached = lambda person: person.username != "bob"
    await here.tell()
    await here.work()
    assert house.pigeon.titles == [("eve", "Film arrived")]
    states = "SELECT state FROM medianest.deliveries WHERE person_id = $1"
    assert await here.db.fetchval(states, ada.id) is None
    assert await here.db.fetchval(states, bob.id) == "skipped"


async def test_a_notifier_that_cannot_say_whom_it_reaches_is_asked_again(here: Process, house: House) -> None:
    await somebody(here)

    def broken(_person: object) -> bool:
        raise RuntimeError

    house.pigeon.reached = broken
    await here.tell()
    await here.work()
    assert [state for state, _ in await here.states()] == ["waiting"]
    house.pigeon.reached = lambda _person: True
    house.wall.advance(minutes=1)
    await here.work()
    assert house.pigeon.titles == [("ada", "Film arrived")]


async def test_who_may_not_hear_it_any_more_is_not_sent_it(here: Process, house: House) -> None:
    ada, bob = await somebody(here), await somebody(here, "bob")
    await here.tell()
    await here.notifying.announce()
    await grant(here, ada.id, "post.read", allowed=False)
    await here.people.change(bob.id, status="disabled")
    await here.work()
    assert house.pigeon.calls == 0
    assert await here.states() == [("skipped", "")] * 2


@pytest.mark.parametrize("name", ["silent", "nothing"])
async def test_a_kind_that_tells_nobody_only_happened(here: Process, name: str) -> None:
    ada = await somebody(here)
    await here.tell("silent" if name == "silent" else "private", "1")
    await here.work()
    entries = await here.room.activity.page(ada, "en")
    assert len(entries) == (1 if name == "silent" else 0)
    assert len(await here.titles(ada)) == (0 if name == "silent" else 1)


async def test_what_happened_while_no_worker_ran_is_sent_unless_it_is_old(here: Process, house: House) -> None:
    await somebody(here)
    await here.tell("arrived", "1", title="Old")
    house.wall.advance(hours=2)
    await here.tell("arrived", "2", title="New")
    house.wall.advance(hours=23)
    await here.work()
    assert house.pigeon.titles == [("ada", "New arrived")]
    assert sorted(state for state, _ in await here.states()) == ["dropped", "sent"]
