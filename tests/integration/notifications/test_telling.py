"""Who is told what: by permission, by choice, once, in the transaction of the teller, in the reader's language."""

from __future__ import annotations

import asyncio
import contextlib
from uuid import uuid4

import pytest

from medianest_hub.plugin_api import Person, Role
from medianest_hub.plugin_api.errors import BadInput
from medianest_hub.plugin_host.services.images import PictureRef

from .conftest import House, Process, choose, eventually, grant, somebody


async def household(process: Process) -> dict[str, Person]:
    roles = {"root": Role.ADMIN, "ada": Role.MEMBER, "bob": Role.MEMBER, "guest": Role.GUEST}
    return {name: await somebody(process, name, role) for name, role in roles.items()}


async def listed(process: Process, people: dict[str, Person]) -> set[str]:
    """Whose lists hold anything."""
    known = {name: await process.people.get(person.id) for name, person in people.items()}
    return {name for name, person in known.items() if person and await process.titles(person)}


async def test_everybody_with_the_permission_is_told_however_they_came_by_it(here: Process) -> None:
    people = await household(here)
    await grant(here, people["guest"].id, "post.read", allowed=True)
    await grant(here, people["bob"].id, "post.read", allowed=False)
    gone = await somebody(here, "gone")
    await here.people.change(gone.id, status="disabled")
    await here.tell()
    assert await listed(here, people) == {"root", "ada", "guest"}
    assert await here.db.fetchval("SELECT count(*) FROM medianest.notifications") == 3


async def test_a_kind_for_admins_and_a_narrower_circle_reach_nobody_else(here: Process) -> None:
    people = await household(here)
    await here.tell("alarm", "1")
    await here.tell("arrived", "2", permission="more")
    assert await listed(here, people) == {"root"}
    await here.tell("arrived", "4", hidden_from=[person.id for name, person in people.items() if name != "bob"])
    assert await listed(here, people) == {"root", "bob"}
    seen = {name: len(await here.room.activity.page(one, "en")) for name, one in people.items()}
    assert seen == {"root": 2, "ada": 0, "bob": 1, "guest": 0}
    # The core's own permissions go by the role alone, whatever stands among the overrides.
    await grant(here, people["ada"].id, "hub.admin", allowed=True)
    await here.tell("alarm", "3")
    assert await listed(here, people) == {"root", "bob"}


async def test_one_person_is_told_alone_and_only_who_may_hear_it(here: Process) -> None:
    people = await household(here)
    await here.tell("asked", "1", person=people["ada"].id)
    await here.tell("asked", "1", person=people["guest"].id)
    await here.tell("asked", "1", person=uuid4())
    assert await listed(here, people) == {"ada"}


async def test_the_same_happening_is_told_once_also_by_two_processes_at_one_moment(house: House) -> None:
    here, there = await house.process(), await house.process()
    ada = await somebody(here)
    tellings = [process.tell("arrived", "same", person=who) for process in (here, there) * 5 for who in (None, ada.id)]
    await asyncio.gather(*tellings)
    assert await here.titles(ada) == ["Film arrived"] * 2
    await here.room.list.remove(ada.id, (await here.room.list.page(ada, "en"))[0].id)
    await here.tell("arrived", "same", person=ada.id)
    await here.tell("arrived", "same")
    assert len(await here.titles(ada)) == 1
    await here.tell("noisy", "same")
    await here.tell("arrived", "other")
    assert len(await here.titles(ada)) == 3


async def test_nobody_is_told_what_did_not_happen(here: Process) -> None:
    ada, heard = await somebody(here), here.listen()
    with contextlib.suppress(ZeroDivisionError):
        async with here.db.transaction() as tx:
            await here.tell("arrived", "1", tx=tx)
            raise ZeroDivisionError
    async with here.db.transaction() as tx:
        await here.tell("arrived", "2", title="Series", tx=tx)
        await here.work()
        assert await here.titles(ada) == []
    await here.work()
    await eventually(lambda: len(heard) == 1)
    assert await here.titles(ada) == ["Series arrived"]


async def test_what_a_plugin_gets_wrong_is_refused_and_writes_nothing(here: Process) -> None:
    await somebody(here)
    for options in ({"permission": "nobodys"}, {"image": "/elsewhere.png"}, {"href": "ftp://x"}):
        with pytest.raises(BadInput):
            await here.tell("arrived", "1", **options)
    assert await here.db.fetchval("SELECT count(*) FROM medianest.happenings") == 0


async def test_choices_decide_whether_it_is_listed_counted_and_announced(here: Process) -> None:
    people, heard = await household(here), here.listen()
    ada, bob, root = people["ada"], people["bob"], people["root"]
    await choose(here, ada, "hub", "digest")
    await choose(here, bob, "hub", "off")
    await here.tell()
    await here.work()
    await eventually(lambda: len(heard) == 1)
    assert [message["person"] for message in heard] == [str(root.id)]
    page = await here.room.list.page(ada, "en")
    assert [(one.title, one.quiet) for one in page] == [("Film arrived", True)]
    assert await here.titles(bob) == []
    assert [await here.room.list.unread(person) for person in (ada, bob, root)] == [0, 0, 1]


async def test_the_event_of_a_page_has_the_words_of_its_reader_and_what_is_unread(house: House) -> None:
    here = await house.process(language="de")
    ada, bob = await somebody(here), await somebody(here, "bob")
    await here.db.execute("UPDATE medianest.users SET language = 'en' WHERE id = $1", bob.id)
    heard = here.listen()
    await here.tell("arrived", "1", href="/post/1")
    await here.tell("arrived", "2")
    await here.work()
    await eventually(lambda: len(heard) == 4)
    by_person = {person.id: [m["data"] for m in heard if m["person"] == str(person.id)] for person in (ada, bob)}
    assert {one["title"] for one in by_person[ada.id]} == {"Film ist da"}
    assert {one["title"] for one in by_person[bob.id]} == {"Film arrived"}
    first = by_person[bob.id][0]
    assert (first["kind"], first["href"], first["params"], first["unread"]) == (
        *("post.arrived", "/post/1", {"title": "Film"}),
        2,
    )
    kept = await here.realtime.since_for(0, ada.id, [])
    assert [event.data["title"] for event in kept] == ["Film ist da"] * 2


async def test_pictures_are_linked_to_anew(here: Process) -> None:
    ada = await somebody(here)
    picture = PictureRef("post", "main", "stamp", "ref/1", 320, 480)
    await here.tell("arrived", "1", image=here.images.link(picture))
    (one,) = await here.room.list.page(ada, "en")
    assert one.image is not None
    assert here.images.open(one.image.rpartition("/")[2]) == picture


async def test_words_are_those_of_today_and_of_nobody_when_the_plugin_is_gone(here: Process) -> None:
    ada = await somebody(here)
    await here.tell("asked", "1", person=ada.id)
    await here.tell("arrived", "1")
    assert await here.titles(ada, "de") == ["Film ist da", "Film ist da"]
    here.plugins.runtimes.pop("post")
    assert await here.titles(ada, "de") == ["Neues von post"]
    assert await here.titles(ada, "en") == ["News from post"]
    assert await here.room.list.unread(ada) == 1


async def test_who_may_no_longer_see_it_sees_it_no_longer(here: Process) -> None:
    ada = await somebody(here)
    await here.tell("arrived", "1")
    await here.tell("asked", "2", person=ada.id)
    await grant(here, ada.id, "post.read", allowed=False)
    now = await here.people.get(ada.id)
    assert now is not None
    assert len(await here.titles(now)) == 1
    assert await here.room.list.unread(now) == 1


async def test_a_person_who_leaves_leaves_nothing(here: Process) -> None:
    people = await household(here)
    ada = people["ada"]
    await choose(here, ada, "loft.pigeon", "on")
    await here.tell("asked", "1", person=ada.id)
    await here.tell("arrived", "1")
    await here.work()
    await here.db.execute("DELETE FROM medianest.users WHERE id = $1", ada.id)
    for table in ("notifications", "deliveries", "notification_choices", "happenings"):
        query = f"SELECT count(*) FROM medianest.{table} WHERE person_id = $1"
        assert await here.db.fetchval(query, ada.id) == 0
    assert await here.db.fetchval("SELECT count(*) FROM medianest.happenings") == 1


async def test_telling_somebody_who_is_being_removed_waits_and_tells_nobody(here: Process) -> None:
    ada, bob = await somebody(here), await somebody(here, "bob")
    async with here.db.transaction() as tx:
        await tx.execute("DELETE FROM medianest.users WHERE id = $1", ada.id)
        telling = asyncio.gather(here.tell("asked", "1", person=ada.id), here.tell("arrived", "1"))
        done, _ = await asyncio.wait({telling}, timeout=0.2)
        assert not done
    await telling
    assert await here.titles(bob) == ["Film arrived"]
    assert await here.db.fetchval("SELECT count(*) FROM medianest.happenings") == 1


async def test_a_thousand_people_are_told_in_one_statement_and_announced_in_few(here: Process) -> None:
    await here.db.execute(
        "INSERT INTO medianest.users (id, username, username_key, role) "
        "SELECT gen_random_uuid(), 'p' || n, 'p' || n, 'member' FROM generate_series(1, 1000) AS n"
    )
    heard = here.listen()
    await here.tell()
    await here.work()
    await eventually(lambda: len(heard) == 1000)
    assert len({message["person"] for message in heard}) == 1000
    assert await here.db.fetchval("SELECT count(*) FROM medianest.deliveries") == 1000
