"""Jobs over HTTP: one's own, for admins everybody's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from medianest_hub.infrastructure.ids import new_id
from medianest_hub.plugin_api import JobState, Person, Role
from medianest_hub.plugin_api.errors import Conflict, NotFound
from medianest_hub.plugin_host.signatures import route_models
from medianest_hub.testing.makers import make_call, make_person
from medianest_hub.web.routes import jobs as routes

from .conftest import Process


class People:
    """Ada runs the hub, Bob and Cat are members; each has jobs."""

    def __init__(self, hub: Process) -> None:
        declared = {"t": SimpleNamespace(cancellable=True), "shared": SimpleNamespace(cancellable=False)}
        plugin = SimpleNamespace(task=declared.get)
        self.parts: Any = SimpleNamespace(jobs=hub.jobs, host=SimpleNamespace(plugins={"p": plugin}))
        self.hub = hub
        self.ada = make_person("ada", Role.ADMIN)
        self.bob, self.cat = make_person("bob"), make_person("cat")

    async def queue(self, person: Person | None, plugin: str = "p", task: str = "t") -> UUID:
        return await self.hub.jobs.enqueue(plugin, "main", task, {}, person=person.id if person else None)

    async def page(self, person: Person, **wanted: Any) -> tuple[list[UUID], str | None]:
        page = await routes.list_jobs(self.parts, make_call(query=routes.JobsWanted(**wanted), person=person))
        return [job.id for job in page.items], page.next_cursor

    async def one(self, person: Person, job_id: UUID) -> Any:
        return await routes.one_job(self.parts, make_call(path=routes.JobPath(id=job_id), person=person))

    async def cancel(self, person: Person, job_id: UUID) -> None:
        await routes.cancel_job(self.parts, make_call(path=routes.JobPath(id=job_id), person=person))


@pytest.fixture
def people(hub: Process) -> People:
    return People(hub)


async def test_a_member_sees_their_own_jobs_and_an_admin_everybodys(people: People) -> None:
    of_bob, of_cat, of_nobody = (
        await people.queue(people.bob),
        await people.queue(people.cat),
        await people.queue(None, "q"),
    )
    assert await people.page(people.bob) == ([of_bob], None)
    assert await people.page(people.ada) == ([of_nobody, of_cat, of_bob], None)
    assert await people.page(people.ada, plugin="q", state="queued") == ([of_nobody], None)
    assert (await people.one(people.bob, of_bob)).state is JobState.QUEUED
    assert (await people.one(people.ada, of_nobody)).person_id is None


async def test_the_list_goes_on_page_by_page(people: People) -> None:
    ids = [await people.queue(people.bob) for _ in range(5)]
    first, cursor = await people.page(people.bob, limit=2)
    second, cursor_2 = await people.page(people.bob, limit=2, cursor=cursor)
    last, end = await people.page(people.bob, limit=2, cursor=cursor_2)
    assert [*first, *second, *last] == ids[::-1]
    assert end is None
    assert await people.page(people.cat, cursor=cursor) == ([], None)


async def test_somebody_elses_job_is_not_found_and_not_cancelled(people: People) -> None:
    of_bob, of_nobody = await people.queue(people.bob), await people.queue(None)
    for job_id in (of_bob, of_nobody, new_id()):
        with pytest.raises(NotFound):
            await people.one(people.cat, job_id)
        with pytest.raises(NotFound):
            await people.cancel(people.cat, job_id)
    assert (await people.one(people.bob, of_bob)).state is JobState.QUEUED


async def test_cancelling_twice_is_fine_and_cancelling_what_ended_is_a_conflict(people: People) -> None:
    cancelled, done = await people.queue(people.bob), await people.queue(people.bob)
    await people.cancel(people.bob, cancelled)
    await people.cancel(people.bob, cancelled)
    assert (await people.one(people.bob, cancelled)).state is JobState.CANCELLED
    await people.hub.db.execute("UPDATE medianest.jobs SET state = 'done', finished_at = now() WHERE id = $1", done)
    with pytest.raises(Conflict) as refused:
        await people.cancel(people.ada, done)
    assert refused.value.error_code == "job_ended"


async def test_a_job_that_may_work_for_others_is_cancelled_where_it_was_asked_for(people: People) -> None:
    shared = await people.queue(people.bob, task="shared")
    for person in (people.bob, people.ada):
        with pytest.raises(Conflict, match="/api/v1/p") as refused:
            await people.cancel(person, shared)
        assert refused.value.error_code == "job_not_cancellable"
    with pytest.raises(NotFound):
        await people.cancel(people.cat, shared)
    assert (await people.one(people.bob, shared)).state is JobState.QUEUED


def test_bad_questions_are_refused_and_every_route_is_sound() -> None:
    for bad in ({"cursor": "yesterday"}, {"limit": 0}, {"limit": 1000}, {"state": "lost"}, {"page": 2}):
        with pytest.raises(ValidationError):
            routes.JobsWanted(**bad)
    assert [(route.method, route.path, route.public) for route in routes.router.routes] == [
        ("GET", "/api/v1/jobs", False),
        ("GET", "/api/v1/jobs/{id}", False),
        ("DELETE", "/api/v1/jobs/{id}", False),
    ]
    for route in routes.router.routes:
        route_models(route.handler)
