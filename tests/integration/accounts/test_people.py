"""People in Postgres: names, passwords, roles, secrets, and what a process remembers of them."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from medianest_hub.accounts import Passwords, People
from medianest_hub.infrastructure.database import DatabaseAway
from medianest_hub.infrastructure.secrets import SecretBox
from medianest_hub.plugin_api import ACCOUNT, ADMIN, API_VERSION, SIGNED_IN, Permission, Person, PluginInfo, Role
from medianest_hub.plugin_api.errors import BadInput, Conflict, Forbidden, NotFound, Unauthorized
from medianest_hub.plugin_host.declarations import LoadedPlugin

from .conftest import PASSWORD, Replica

WEATHER = LoadedPlugin(
    "weather",
    "medianest-weather",
    "1.0",
    PluginInfo(
        title="Weather",
        api_version=API_VERSION,
        permissions=[
            Permission("look", default=Role.GUEST),
            Permission("set", default=Role.MEMBER),
            Permission("own"),
        ],
    ),
)


async def until(condition: Any, within: float = 3.0) -> None:
    async with asyncio.timeout(within):
        while not await condition():
            await asyncio.sleep(0.01)


async def test_somebody_made_is_found_by_id_and_by_name_however_written(here: Replica, ada: Person) -> None:
    assert await here.people.get(ada.id) == ada
    assert await here.people.by_username(" ＡDA ") == ada
    assert await here.people.by_username("nobody") is None
    assert await here.people.get(uuid4()) is None


async def test_two_cannot_have_one_name_even_at_the_same_moment(here: Replica) -> None:
    results = await asyncio.gather(
        *(here.people.create(name, PASSWORD, Role.MEMBER) for name in ("Grace", "GRACE", " grace", "ｇrace")),
        return_exceptions=True,
    )
    assert sum(isinstance(result, Person) for result in results) == 1
    assert all(isinstance(result, (Person, Conflict)) for result in results)


async def test_a_bad_name_or_password_makes_nobody(here: Replica) -> None:
    for name, password in (("", PASSWORD), ("Grace", "short"), ("Grace", "grace-grace")):
        with pytest.raises(BadInput):
            await here.people.create(name, password, Role.MEMBER)
    assert not await here.people.anyone()


async def test_the_password_is_kept_as_a_hash_only(here: Replica, ada: Person) -> None:
    row = await here.db.fetchval("SELECT users::text FROM medianest.users WHERE id = $1", ada.id)
    assert "$argon2id$" in row
    assert PASSWORD not in row


async def test_the_right_password_opens_and_all_else_is_refused_alike(here: Replica, ada: Person) -> None:
    assert (await here.people.check_password("ada", PASSWORD)).person == ada
    messages = set()
    await here.people.create("No Password", None, Role.MEMBER)
    for name, password in (("ada", "wrong"), ("nobody", PASSWORD), ("no password", ""), ("x" * 500, "x" * 5000)):
        with pytest.raises(Unauthorized) as refused:
            await here.people.check_password(name, password)
        messages.add((refused.value.message, refused.value.error_code))
    assert len(messages) == 1


async def test_somebody_disabled_may_nothing_and_is_told_so_only_with_the_right_password(
    here: Replica, ada: Person
) -> None:
    await here.people.change(ada.id, status="disabled")
    with pytest.raises(Forbidden):
        await here.people.check_password("ada", PASSWORD)
    with pytest.raises(Unauthorized):
        await here.people.check_password("ada", "wrong")
    known = await here.people.get(ada.id)
    assert known is not None
    assert known.permissions == frozenset()


async def test_a_hash_of_an_older_cost_is_made_anew_at_the_next_sign_in(here: Replica, ada: Person) -> None:
    dearer = People(here.db, here.redis, SecretBox(["k" * 40]), Passwords(memory_kib=128, time_cost=1))
    try:
        read = "SELECT password_hash FROM medianest.users WHERE id = $1"
        before = await here.db.fetchval(read, ada.id)
        await dearer.check_password("ada", PASSWORD)
        after = await here.db.fetchval(read, ada.id)
        assert "m=64" in before
        assert "m=128" in after
        await dearer.check_password("ada", PASSWORD)
        assert await here.db.fetchval(read, ada.id) == after
    finally:
        dearer.close()


async def test_a_new_password_takes_the_place_of_the_old(here: Replica, ada: Person) -> None:
    await here.people.set_password(ada.id, "another good one")
    await here.people.check_password("ada", "another good one")
    with pytest.raises(Unauthorized):
        await here.people.check_password("ada", PASSWORD)
    with pytest.raises(BadInput):
        await here.people.set_password(ada.id, "short")
    with pytest.raises(NotFound):
        await here.people.set_password(uuid4(), PASSWORD)


async def test_roles_have_what_core_and_plugins_declare(here: Replica, ada: Person) -> None:
    here.people.know_permissions([WEATHER])
    member = await here.people.get(ada.id)
    assert member is not None
    assert member.permissions == {SIGNED_IN, ACCOUNT, "weather.look", "weather.set"}
    admin = await here.people.create("root", PASSWORD, Role.ADMIN)
    assert admin.permissions == {SIGNED_IN, ACCOUNT, ADMIN, "hub.people", "weather.look", "weather.set", "weather.own"}
    guest = await here.people.create("visitor", None, Role.GUEST)
    assert guest.permissions == {SIGNED_IN, ACCOUNT, "weather.look"}


async def test_a_plugin_cannot_lower_what_the_core_guards(here: Replica, ada: Person) -> None:
    sly = replace(
        WEATHER,
        name="hub",
        info=PluginInfo(title="Sly", api_version=API_VERSION, permissions=[Permission("admin", default=Role.GUEST)]),
    )
    here.people.know_permissions([sly])
    person = await here.people.get(ada.id)
    assert person is not None
    assert ADMIN not in person.permissions


async def test_somebody_known_is_not_read_again(here: Replica, ada: Person) -> None:
    await here.people.get(ada.id)
    await here.db.execute("UPDATE medianest.users SET display_name = 'behind our back' WHERE id = $1", ada.id)
    assert await here.people.get(ada.id) == ada


async def test_many_who_ask_at_once_are_one_read(here: Replica, ada: Person) -> None:
    here.people.forget()
    found = await asyncio.gather(*(here.people.get(ada.id) for _ in range(50)))
    assert set(found) == {ada}
    calls = await here.db.fetchval("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
    assert calls <= 2


async def test_a_new_role_shows_in_other_processes_at_once(here: Replica, there: Replica, ada: Person) -> None:
    await there.people.get(ada.id)
    await here.people.set_role(ada.id, Role.ADMIN)

    async def is_admin() -> bool:
        person = await there.people.get(ada.id)
        return person is not None and person.is_admin

    await until(is_admin, within=1.0)


async def test_a_reading_under_way_does_not_outlive_a_change(here: Replica, ada: Person) -> None:
    here.people.forget()
    async with here.db.transaction() as tx:
        # Holds up the reading until the change has been told.
        await tx.execute("LOCK TABLE medianest.users IN ACCESS EXCLUSIVE MODE")
        reading = asyncio.create_task(here.people.get(ada.id))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await tx.execute("UPDATE medianest.users SET role = 'admin' WHERE id = $1", ada.id)
        here.people.forget(ada.id)
    await reading
    await here.db.execute("UPDATE medianest.users SET display_name = 'later' WHERE id = $1", ada.id)
    person = await here.people.get(ada.id)
    assert person is not None
    assert person.display_name == "later"  # the reading was not kept


async def test_the_last_admin_stays_one(here: Replica) -> None:
    first = await here.people.create("first", PASSWORD, Role.ADMIN)
    for change in (here.people.set_role(first.id, Role.MEMBER), here.people.change(first.id, status="disabled")):
        with pytest.raises(Conflict) as refused:
            await change
        assert refused.value.error_code == "last_admin"
    second = await here.people.create("second", PASSWORD, Role.ADMIN)
    results = await asyncio.gather(
        here.people.set_role(first.id, Role.MEMBER),
        here.people.set_role(second.id, Role.MEMBER),
        return_exceptions=True,
    )
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "NoneType"]
    with pytest.raises(NotFound):
        await here.people.set_role(uuid4(), Role.GUEST)


async def test_a_list_goes_by_name_page_by_page(here: Replica) -> None:
    for name in ("delta", "Bravo", "charlie", "Alpha"):
        await here.people.create(name, None, Role.MEMBER)
    first = await here.people.list(limit=3)
    rest = await here.people.list(after=first[-1].username, limit=3)
    assert [account.username for account in (*first, *rest)] == ["Alpha", "Bravo", "charlie", "delta"]


async def test_secrets_are_sealed_and_belong_to_one_plugin_and_one_person(here: Replica, ada: Person) -> None:
    other = await here.people.create("Grace", None, Role.MEMBER)
    await here.people.set_secret("plex", "main", ada.id, "token", "s3cret-token")
    assert await here.people.secret("plex", "main", ada.id, "token") == "s3cret-token"
    assert await here.people.secret("other", "main", ada.id, "token") is None
    assert await here.people.secret("plex", "second", ada.id, "token") is None
    assert await here.people.secret("plex", "main", other.id, "token") is None
    assert "s3cret" not in await here.db.fetchval("SELECT string_agg(s::text, '') FROM medianest.person_secrets s")
    await here.db.execute("UPDATE medianest.person_secrets SET person_id = $1", other.id)
    with pytest.raises(ValueError):
        await here.people.secret("plex", "main", other.id, "token")


async def test_a_secret_is_replaced_and_removed(here: Replica, ada: Person) -> None:
    await here.people.set_secret("plex", "main", ada.id, "token", "one")
    await here.people.set_secret("plex", "main", ada.id, "token", "two")
    assert await here.people.secret("plex", "main", ada.id, "token") == "two"
    await here.people.set_secret("plex", "main", ada.id, "token", None)
    assert await here.people.secret("plex", "main", ada.id, "token") is None
    with pytest.raises(NotFound):
        await here.people.set_secret("plex", "main", uuid4(), "token", "x")


async def test_people_are_known_while_redis_is_away(postgres_url: str, valkey_server: Any) -> None:
    replica = await Replica.open(postgres_url, valkey_server.url)
    try:
        ada = await replica.people.create("Ada", PASSWORD, Role.ADMIN)
        await replica.people.create("Grace", PASSWORD, Role.ADMIN)
        valkey_server.stop()
        assert await replica.people.get(ada.id) == ada
        await replica.people.set_role(ada.id, Role.MEMBER)
        person = await replica.people.get(ada.id)
        assert person is not None
        assert not person.is_admin
    finally:
        await replica.close()


async def test_without_a_database_nobody_is_made_up(here: Replica, ada: Person) -> None:
    here.people.forget()
    await here.db.close()
    with pytest.raises(DatabaseAway):
        await here.people.get(ada.id)


async def test_many_are_read_with_one_question_and_as_fresh_as_one(here: Replica, ada: Person) -> None:
    others = [await here.people.create(f"person{number}", None, Role.MEMBER) for number in range(20)]
    wanted = [ada.id, *(one.id for one in others), uuid4()]
    here.people.forget()
    asked = 0
    original = here.db.fetch

    async def counted(sql: str, *args: Any) -> Any:
        nonlocal asked
        asked += 1
        return await original(sql, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(here.db, "fetch", counted)
        first = await here.people.get_many(wanted)
        assert set(first.values()) == {ada, *others}
        assert await here.people.get_many(wanted) == first
        assert asked == 1
        await here.people.change(ada.id, status="disabled")
        assert not (await here.people.get_many(wanted))[ada.id].permissions
        assert asked == 2
    assert here.people.known(others[0].id) == others[0]


async def test_a_change_shows_elsewhere_within_a_second_though_redis_went_away(
    postgres_url: str, valkey_server: Any
) -> None:
    here, there = [await Replica.open(postgres_url, valkey_server.url) for _ in range(2)]
    try:
        ada = await here.people.create("Ada", PASSWORD, Role.ADMIN)
        await here.people.create("Grace", PASSWORD, Role.ADMIN)
        assert await there.people.get(ada.id) == ada  # kept, for as long as there are hints
        valkey_server.stop()
        async with asyncio.timeout(5):
            while there.redis.hears:
                await asyncio.sleep(0.01)
        await here.people.set_role(ada.id, Role.GUEST)

        async def is_guest() -> bool:
            person = await there.people.get(ada.id)
            return person is not None and person.role is Role.GUEST

        await until(is_guest, within=1.0)
    finally:
        await here.close()
        await there.close()
