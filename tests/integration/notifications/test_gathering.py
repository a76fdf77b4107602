"""Quiet hours, digests and the limit of an hour, by a clock the test sets."""

from __future__ import annotations

from datetime import UTC, datetime

from medianest_hub.plugin_api import Person
from medianest_hub.plugin_api.errors import UpstreamError

from .conftest import House, Process, choose, somebody


async def set_hours(process: Process, person: Person, **hours: int | str) -> None:
    """Minutes after midnight, and perhaps a time zone and a language."""
    if (language := hours.pop("language", None)) is not None:
        await process.db.execute("UPDATE medianest.users SET language = $2 WHERE id = $1", person.id, language)
    await process.db.execute(
        "INSERT INTO medianest.notification_settings (person_id, time_zone, quiet_from, quiet_to, digest_at) "
        "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (person_id) DO NOTHING",
        *(person.id, hours.get("zone"), hours.get("quiet_from"), hours.get("quiet_to"), hours.get("digest_at")),
    )


async def test_messages_wait_for_the_end_of_quiet_hours_in_their_readers_zone(here: Process, house: House) -> None:
    ada, bob = await somebody(here), await somebody(here, "bob")
    await set_hours(here, ada, zone="Europe/Berlin", quiet_from=22 * 60, quiet_to=7 * 60)
    await set_hours(here, bob, zone="America/New_York", quiet_from=22 * 60, quiet_to=7 * 60)
    house.wall.set(datetime(2026, 11, 30, 22, 0, tzinfo=UTC))  # 23:00 in Berlin, 17:00 in New York
    heard = here.listen()
    await here.tell()
    await here.work()
    assert house.pigeon.titles == [("bob", "Film arrived")]
    house.wall.set(datetime(2026, 12, 1, 5, 59, tzinfo=UTC))
    await here.work()
    assert len(house.pigeon.titles) == 1
    house.wall.set(datetime(2026, 12, 1, 6, 0, tzinfo=UTC))
    await here.work()
    assert house.pigeon.titles == [("bob", "Film arrived"), ("ada", "Film arrived")]
    quiet = {message["person"]: message["data"]["quiet"] for message in heard}
    assert quiet == {str(ada.id): True, str(bob.id): False}


async def test_what_is_gathered_comes_as_one_message_at_its_time_in_words(here: Process, house: House) -> None:
    ada = await somebody(here)
    await set_hours(here, ada, zone="Europe/Berlin", digest_at=20 * 60, language="de")
    await choose(here, ada, "loft.pigeon", "digest")
    for number in range(8):
        await here.tell("noisy", str(number), title=f"Film {number}")
    await here.tell("arrived", "1", title="Serie")
    await here.work()
    house.wall.set(datetime(2026, 11, 30, 18, 59, tzinfo=UTC))
    await here.work()
    assert house.pigeon.calls == 0
    house.wall.set(datetime(2026, 11, 30, 19, 0, tzinfo=UTC))
    await here.work()
    ((_, digest),) = house.pigeon.carried
    assert (digest.kind, digest.title, digest.params) == ("hub.digest", "9 neue Mitteilungen", {"count": 9})
    assert digest.body.splitlines() == [
        "Neues (8): Film 7 ist da, Film 6 ist da, Film 5 ist da, Film 4 ist da, Film 3 ist da, und 3 weitere",
        "Neues (1): Serie ist da",
    ]
    house.wall.advance(days=1)
    await here.work()
    assert house.pigeon.calls == 1
    assert {state for state, _ in await here.states()} == {"sent"}


async def test_one_alone_in_a_digest_is_itself(here: Process, house: House) -> None:
    await somebody(here)
    await here.tell("noisy", "1", href="/post/1")
    house.wall.set(datetime(2026, 11, 30, 18, 0, tzinfo=UTC))
    await here.work()
    house.wall.set(datetime(2026, 12, 1, 18, 0, tzinfo=UTC))
    await here.work()
    assert [(one.kind, one.href) for _, one in house.pigeon.carried] == [("post.noisy", "/post/1")]


async def test_a_large_digest_is_not_waited_for(house: House) -> None:
    here = await house.process(digest_most=3)
    await somebody(here)
    for number in range(3):
        await here.tell("noisy", str(number))
    await here.work()
    assert house.pigeon.calls == 0
    await here.tell("noisy", "more")
    await here.work()
    assert [one.title for _, one in house.pigeon.carried] == ["4 new notifications"]


async def test_a_digest_that_fails_comes_later_whole_and_once(here: Process, house: House) -> None:
    await somebody(here)
    for number in range(3):
        await here.tell("noisy", str(number))
    await here.work()
    house.wall.set(datetime(2026, 11, 30, 18, 0, tzinfo=UTC))
    house.pigeon.fails = lambda: UpstreamError("Tired.", service="loft")
    await here.work()
    assert await here.states() == [("gathering", "Tired.")] * 3
    house.pigeon.fails = lambda: None
    house.wall.advance(minutes=1)
    await here.work()
    assert [one.title for _, one in house.pigeon.carried] == ["3 new notifications"]


async def test_a_digest_of_the_night_waits_for_the_morning(here: Process, house: House) -> None:
    ada = await somebody(here)
    await set_hours(here, ada, quiet_from=17 * 60, quiet_to=19 * 60)
    await here.tell("noisy", "1")
    await here.work()
    house.wall.set(datetime(2026, 11, 30, 18, 0, tzinfo=UTC))
    await here.work()
    assert house.pigeon.calls == 0
    house.wall.set(datetime(2026, 11, 30, 19, 0, tzinfo=UTC))
    await here.work()
    assert house.pigeon.calls == 1


async def test_more_than_so_many_in_an_hour_become_a_digest(house: House) -> None:
    here, there = await house.process(per_hour=3), await house.process(per_hour=3)
    await somebody(here)
    await somebody(here, "bob")
    for number in range(10):
        await here.tell("arrived", str(number), title=f"Film {number}")
    for process in (here, there) * 3:
        await process.work()
    assert sorted(name for name, _ in house.pigeon.titles) == ["ada"] * 3 + ["bob"] * 3
    house.wall.advance(minutes=61)
    await here.work()
    rest = [one for _, one in house.pigeon.carried[6:]]
    assert [one.title for one in rest] == ["7 new notifications"] * 2


async def test_the_limit_holds_for_digests_too(house: House) -> None:
    here = await house.process(per_hour=1, digest_most=2)
    await somebody(here)
    await here.tell("arrived", "1")
    await here.work()
    for number in range(5):
        await here.tell("noisy", str(number))
        await here.work()
    assert house.pigeon.calls == 1
    house.wall.advance(hours=1, minutes=1)
    await here.work()
    assert [one.title for _, one in house.pigeon.carried[1:]] == ["5 new notifications"]
