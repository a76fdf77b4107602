"""Admins who are thrown out at the very moment they act: what they do then comes to nothing, whichever was first to ask."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from medianest_hub.accounts.invites import Invites
from medianest_hub.accounts.leaving import Leaving
from medianest_hub.accounts.overrides import Overrides
from medianest_hub.accounts.password_links import PasswordLinks
from medianest_hub.plugin_api import Person, Role
from medianest_hub.plugin_api.errors import Conflict, Forbidden

from .conftest import PASSWORD, Replica

Act = Callable[["House"], Awaitable[Any]]


@dataclass
class House:
    """`root` throws `bob` out, who is an admin, too; `mia` is neither."""

    hub: Replica
    root: Person
    bob: Person
    mia: Person

    def __post_init__(self) -> None:
        db, people = self.hub.db, self.hub.people
        self.invites, self.links, self.overrides = Invites(db, people), PasswordLinks(db, people), Overrides(db, people)
        self.leaving = Leaving(db, people, self.hub.sessions, _emit)

    @asynccontextmanager
    async def being_thrown_out(self, change: str) -> AsyncIterator[None]:
        """`bob` is being thrown out by a statement that ran; at the end it counts."""
        async with self.hub.db.transaction() as tx:
            await tx.execute(f"UPDATE medianest.users SET {change} WHERE id = $1", self.bob.id)
            yield

    async def waits_for_a_row(self) -> None:
        """Until somebody waits for the row that is being changed."""
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        async with asyncio.timeout(5):
            while not await self.hub.db.fetchval(waiting):
                await asyncio.sleep(0.005)

    async def rows(self) -> list[Any]:
        """All that must stay as it is."""
        tables = ("users", "invites", "password_links", "permission_overrides")
        return [await self.hub.db.fetch(f"SELECT * FROM medianest.{table} ORDER BY 1") for table in tables]


async def _emit(*_: Any, **__: Any) -> None:
    return None


@pytest.fixture
async def house(here: Replica) -> House:
    root, bob = [await here.people.create(name, PASSWORD, Role.ADMIN) for name in ("root", "bob")]
    return House(here, root, bob, await here.people.create("mia", PASSWORD, Role.MEMBER))


ACTS: dict[str, Act] = {
    "make himself an admin again": lambda h: h.leaving.change(h.bob.id, role=Role.ADMIN, by=h.bob.id),
    "make himself active again": lambda h: h.leaving.change(h.bob.id, status="active", by=h.bob.id),
    "make somebody an admin": lambda h: h.leaving.change(h.mia.id, role=Role.ADMIN, by=h.bob.id),
    "take an admin's role": lambda h: h.leaving.change(h.root.id, role=Role.GUEST, by=h.bob.id),
    "disable somebody": lambda h: h.leaving.change(h.mia.id, status="disabled", by=h.bob.id),
    "write an address": lambda h: h.leaving.change(h.root.id, email="bob@example.org", by=h.bob.id),
    "make somebody": lambda h: h.hub.people.create("bob-2", PASSWORD, Role.ADMIN, by=h.bob.id),
    "keep a link for an admin's account": lambda h: h.links.make(h.root.id, h.bob.id),
    "keep an invitation": lambda h: h.invites.make(Role.ADMIN, h.bob.id),
    "grant something": lambda h: h.overrides.replace(h.mia.id, {}, h.bob.id),
    "delete somebody": lambda h: h.leaving.remove(h.mia.id, by=h.bob.id),
}


DEMOTED, DISABLED = "role = 'guest'", "status = 'disabled'"


@pytest.mark.parametrize(
    ("what", "change"), [*((what, DEMOTED) for what in ACTS), ("make himself active again", DISABLED)]
)
async def test_whoever_is_being_thrown_out_changes_nothing(house: House, what: str, change: str) -> None:
    async with house.being_thrown_out(change):
        act = asyncio.ensure_future(ACTS[what](house))
        await house.waits_for_a_row()
    before = await house.rows()
    with pytest.raises(Forbidden) as error:
        await act
    assert error.value.error_code == "forbidden"
    assert await house.rows() == before


async def test_somebody_disabled_does_not_change_their_own_name_at_that_moment(house: House) -> None:
    async with house.being_thrown_out("status = 'disabled'"):
        act = asyncio.ensure_future(house.hub.people.change(house.bob.id, display_name="here", by=house.bob.id))
        await house.waits_for_a_row()
    with pytest.raises(Forbidden):
        await act


async def test_an_admin_may_do_all_that_and_delete_themselves(house: House) -> None:
    for act in ACTS.values():
        await act(house)
    await house.leaving.change(house.root.id, role=Role.ADMIN, by=house.bob.id)
    await house.leaving.remove(house.bob.id, by=house.bob.id)
    assert await house.hub.people.account(house.bob.id) is None


async def test_admins_who_act_on_each_other_at_once_take_turns(house: House) -> None:
    async def act(number: int) -> None:
        one, other = (house.root, house.bob) if number % 2 else (house.bob, house.root)
        await asyncio.gather(
            house.leaving.change(other.id, display_name=f"{number}", by=one.id),
            house.leaving.change(other.id, role=Role.ADMIN, by=one.id),
            house.links.make(other.id, one.id),
            house.overrides.replace(other.id, {}, one.id),
            house.invites.make(Role.GUEST, one.id),
            *(house.hub.people.change(one.id, display_name=name, by=one.id) for name in "ab"),
        )

    await asyncio.gather(*(act(number) for number in range(12)))  # a deadlock would be an error

    async def throw_out(one: Person, other: Person) -> None:
        await house.leaving.change(other.id, role=Role.GUEST, by=one.id)

    done = await asyncio.gather(
        throw_out(house.root, house.bob), throw_out(house.bob, house.root), return_exceptions=True
    )
    assert [type(one) for one in done if one is not None] in ([Forbidden], [Conflict])


async def test_a_link_ends_with_the_power_of_whoever_made_it(house: House) -> None:
    link = await house.links.make(house.root.id, house.bob.id)
    # Past everything that removes links, as by a statement on the database.
    await house.hub.db.execute("UPDATE medianest.users SET role = 'guest' WHERE id = $1", house.bob.id)
    with pytest.raises(Forbidden) as error:
        await house.links.use(link.token, "quiet otters swim north")
    assert error.value.error_code == "link_invalid"


async def test_disabling_somebody_voids_the_link_by_which_they_set_a_password(house: House) -> None:
    link = await house.links.make(house.mia.id, house.root.id)
    for status in ("disabled", "active"):
        await house.leaving.change(house.mia.id, status=status, by=house.root.id)
    with pytest.raises(Forbidden) as error:
        await house.links.use(link.token, "quiet otters swim north")
    assert error.value.error_code == "link_invalid"


async def test_a_link_used_and_its_person_disabled_at_once_get_in_each_others_way_no_longer(house: House) -> None:
    async def use(token: str) -> None:
        await house.links.use(token, "quiet otters swim north")

    async def change(person_id: UUID) -> None:
        await house.leaving.change(person_id, status="disabled", by=house.root.id)

    for _ in range(8):
        await house.leaving.change(house.mia.id, status="active", by=house.root.id)
        link = await house.links.make(house.mia.id, house.root.id)
        done = await asyncio.gather(use(link.token), change(house.mia.id), return_exceptions=True)
        assert all(one is None or isinstance(one, Forbidden) for one in done), done
