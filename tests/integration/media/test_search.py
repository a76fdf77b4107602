"""The search over real Postgres and Valkey: side by side, each source within its time, once per scope over all replicas."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from medianest_hub.jobs.assembly import HubParts
from medianest_hub.media import MediaFound
from medianest_hub.media.sources import MOST_OF_ONE, MOST_UNDER_WAY
from medianest_hub.plugin_api import MediaHit, MediaRequest, Role, errors
from tests.integration.media.conftest import OpenParts, WritePuppet, film, person, same

PATIENT = {"MEDIANEST_MEDIA__BUDGET_MS": "30000"}
HASTY = {"MEDIANEST_MEDIA__BUDGET_MS": "150"}


def states(found: MediaFound) -> dict[str, str]:
    return {report.plugin: report.state.value for report in found.sources}


def titles(found: MediaFound) -> list[str]:
    return [item.title for item in found.items]


async def until(check: Any, within: float = 10.0) -> Any:
    async with asyncio.timeout(within):
        while not (found := await check()):
            await asyncio.sleep(0.02)
    return found


def hang(gate: asyncio.Event, answer: Any = ()) -> Any:
    async def wait(*_: Any) -> Any:
        await gate.wait()
        return list(answer)

    return wait


async def test_what_all_sources_know_is_one_answer_ranked_and_narrowed(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    library, wishes = write_puppet("library"), write_puppet("wishes")
    library.answers["search"] = [film(1, title="Alien", available=True, place="Attic"), film(2, title="Aliens")]
    wishes.answers["search"] = [
        film(3, title="Alien Nation", popularity=0.9, requestable=True),
        film(1, title="Alien", id="x", requests=[MediaRequest(state="available", mine=False)]),
        MediaHit(id="s", kind="show", title="Alien Worlds"),
    ]
    parts = await open_parts(**PATIENT)
    me = person()
    found = await parts.media.search(me, "  alien ")
    assert titles(found) == ["Alien", "Alien Nation", "Alien Worlds", "Aliens"]
    alien = found.items[0]
    assert (alien.id, alien.state.value, [place.name for place in alien.places]) == (
        "tmdb:1",
        "in_library",
        ["Attic"],
    )
    assert states(found) == {"library": "ok", "wishes": "ok"}
    assert [report.hits for report in found.sources] == [2, 3]
    assert (await parts.media.search(me, "alien", "show")).items[0].title == "Alien Worlds"
    few = await parts.media.search(me, "ALIEN", limit=1)
    assert (titles(few), few.total) == (["Alien"], 4)
    assert library.asked("search") == [("alien",)]


async def test_sources_are_asked_side_by_side(open_parts: OpenParts, write_puppet: WritePuppet) -> None:
    names = [f"source{number}" for number in range(6)]
    puppets = [write_puppet(name) for name in names]
    inside, all_inside = set[int](), asyncio.Event()

    def meet(number: int) -> Any:
        async def search(*_: object) -> list[MediaHit]:
            inside.add(number)
            if len(inside) == len(names):
                all_inside.set()
            await all_inside.wait()  # none ends before all have begun
            return [film(number + 1)]

        return search

    for number, puppet in enumerate(puppets):
        puppet.answers["search"] = meet(number)
    parts = await open_parts(**PATIENT)
    assert len((await parts.media.search(person(), "film")).items) == len(names)


async def test_a_source_that_hangs_is_named_and_not_waited_for_and_what_it_says_later_is_kept(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    quick, slow = write_puppet("quick"), write_puppet("slow", "deadline=0.2")
    gate = asyncio.Event()
    quick.answers["search"] = [film(1)]
    slow.answers["search"] = hang(gate, [film(2)])
    parts = await open_parts(**PATIENT)
    me = person()
    found = await parts.media.search(me, "film")
    assert (titles(found), states(found)) == (["Film 1"], {"quick": "ok", "slow": "slow"})
    (late,) = [report for report in found.sources if report.plugin == "slow"]
    assert (late.code, late.source, late.hits, late.age) == ("source_slow", "slow.main.films", 0, None)
    assert late.message == "Synthetic did not answer in time; what it knows is shown when you look again."
    gate.set()

    async def both() -> MediaFound | None:
        again = await parts.media.search(me, "film")
        return again if len(again.items) == 2 else None

    assert states(await until(both))["slow"] in ("ok", "cached")
    assert len(slow.asked("search")) == 1


async def test_the_whole_has_a_bound_whatever_a_source_wishes(open_parts: OpenParts, write_puppet: WritePuppet) -> None:
    slow = write_puppet("slow", "deadline=30")
    slow.answers["search"] = hang(asyncio.Event())
    parts = await open_parts(**HASTY)
    async with asyncio.timeout(15):
        assert states(await parts.media.search(person(), "film")) == {"slow": "slow"}


async def test_who_joins_a_search_that_hangs_waits_only_for_what_is_left_of_its_time(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    slow = write_puppet("slow", "deadline=0.3")
    slow.answers["search"] = hang(asyncio.Event())
    parts = await open_parts(**PATIENT)
    me = person()
    for _ in range(20):  # the first waits, none of the others does
        assert states(await parts.media.search(me, "film")) == {"slow": "slow"}
    assert len(slow.asked("search")) == 1


async def test_a_source_with_too_much_to_do_is_not_asked_more(open_parts: OpenParts, write_puppet: WritePuppet) -> None:
    slow = write_puppet("slow", "deadline=0.001")
    gate = asyncio.Event()
    slow.answers["search"] = hang(gate)
    parts = await open_parts(**PATIENT)
    me = person()
    await asyncio.gather(*(parts.media.search(me, f"film {number}") for number in range(2 * MOST_OF_ONE)))
    assert len(slow.asked("search")) <= MOST_OF_ONE
    (report,) = (await parts.media.search(me, "mine")).sources
    assert (report.state.value, report.code) == ("slow", "source_busy")
    (report,) = (await parts.media.search(person(), "of another")).sources
    assert (report.state.value, report.code) == ("slow", "source_slow")
    others = [person() for _ in range(MOST_UNDER_WAY // MOST_OF_ONE)]
    questions = [(one, f"film {number}") for one in others for number in range(MOST_OF_ONE)]
    await asyncio.gather(*(parts.media.search(one, text) for one, text in questions))
    me = person()
    (report,) = (await parts.media.search(me, "one more")).sources
    assert (report.state.value, report.code) == ("slow", "source_busy")
    gate.set()

    async def asked_again() -> bool:
        return states(await parts.media.search(me, "and another"))["slow"] in ("ok", "cached")

    slow.answers["search"] = []
    await until(asked_again)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (errors.UpstreamError("Overseerr answered 500.", service="overseerr"), "upstream_error"),
        (RuntimeError("postgresql://app:hunter2@/app is gone"), "source_failed"),
        (SystemExit(3), "source_failed"),
        (asyncio.CancelledError(), "source_failed"),
        (None, "source_failed"),
        ([{"id": "1"}], "source_failed"),
        ([MediaHit.model_construct(id="1", kind="opera", title="Aida")], "source_failed"),
    ],
    ids=["upstream", "bug", "exit", "cancelled", "none", "dicts", "unchecked"],
)
async def test_a_source_that_fails_or_answers_nonsense_harms_nobody(
    open_parts: OpenParts, write_puppet: WritePuppet, answer: Any, code: str
) -> None:
    good, bad = write_puppet("good"), write_puppet("bad")
    good.answers["search"] = [film(1)]
    bad.answers["search"] = answer
    parts = await open_parts(**PATIENT)
    found = await parts.media.search(person(), "film")
    assert titles(found) == ["Film 1"]
    (report,) = [report for report in found.sources if report.plugin == "bad"]
    assert (report.state.value, report.code) == ("failed", code)
    assert report.message.startswith("Synthetic: ")
    assert "hunter2" not in found.model_dump_json()


async def test_one_bad_hit_does_not_take_the_others_with_it_and_too_many_are_cut(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    puppet = write_puppet("library")
    puppet.answers["search"] = [None, *(film(number) for number in range(1, 500))]
    parts = await open_parts(**PATIENT)
    found = await parts.media.search(person(), "film", limit=100)
    assert (found.total, found.sources[0].state.value) == (99, "ok")


async def test_an_answer_is_kept_over_all_replicas_and_its_age_is_told(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    puppet = write_puppet("library")
    puppet.answers["search"] = [film(1)]
    one, two = await open_parts(**PATIENT), await open_parts(**PATIENT)
    me = person()
    await one.media.search(me, "Film")
    for parts in (one, two):
        found = await parts.media.search(me, "film")
        (report,) = found.sources
        assert (titles(found), report.state.value, report.code) == (["Film 1"], "cached", "")
        assert report.age is not None
        assert 0 <= report.age < 60
        assert report.message.startswith("This is what Synthetic said ")
    assert len(puppet.calls) == 1


async def test_many_who_search_at_once_are_one_question(open_parts: OpenParts, write_puppet: WritePuppet) -> None:
    puppet = write_puppet("library", "scope=EVERYONE")
    gate = asyncio.Event()
    puppet.answers["search"] = hang(gate, [film(1)])
    one, two = await open_parts(**PATIENT), await open_parts(**PATIENT)
    searches = [asyncio.create_task(parts.media.search(person(), "film")) for parts in (one, two) for _ in range(10)]
    await until(lambda: _truth(puppet.calls))
    gate.set()
    assert {len(found.items) for found in await asyncio.gather(*searches)} == {1}
    assert len(puppet.calls) == 1


async def _truth(what: object) -> bool:
    return bool(what)


@pytest.mark.parametrize(("scope", "asked"), [("PERSON", 3), ("ROLE", 2), ("EVERYONE", 1)])
async def test_an_answer_is_shared_as_far_as_the_source_allows(
    open_parts: OpenParts, write_puppet: WritePuppet, scope: str, asked: int
) -> None:
    puppet = write_puppet("library", f"scope={scope}")

    async def for_whom(viewer: Any, text: str) -> list[MediaHit]:
        return [film(1, title=f"{viewer.person.id if viewer.person else '-'} {viewer.role}")]

    puppet.answers["search"] = for_whom
    one, two = await open_parts(**PATIENT), await open_parts(**PATIENT)
    people = [person(), person(), person(Role.ADMIN)]
    for parts in (one, two):
        shown = [titles(await parts.media.search(who, "film"))[0] for who in people]
        assert shown == [
            f"{who.id if scope == 'PERSON' else '-'} {who.role if scope != 'EVERYONE' else None}" for who in people
        ]
    assert len(puppet.calls) == asked


async def test_nobody_is_shown_what_was_found_for_the_rights_they_had_before(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    puppet = write_puppet("library")
    puppet.answers["search"] = [film(1)]
    parts = await open_parts(**PATIENT)
    me = person(Role.MEMBER, "library.all")
    assert titles(await parts.media.search(me, "film")) == ["Film 1"]
    puppet.answers["search"] = []
    assert titles(await parts.media.search(same(me, "hub.account"), "film")) == []
    by_key = same(me, "library.all")  # an API key may not manage the account
    assert titles(await parts.media.search(by_key, "film")) == []


async def test_a_source_is_asked_only_for_those_with_its_permission(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    puppet = write_puppet("library", 'permission="hub.admin", scope=EVERYONE')
    puppet.answers["search"] = [film(1)]
    parts = await open_parts(**PATIENT)
    assert titles(await parts.media.search(person(Role.ADMIN, "hub.admin"), "film")) == ["Film 1"]
    found = await parts.media.search(person(), "film")
    assert (found.items, found.sources) == ([], [])
    assert len(puppet.calls) == 1


async def test_a_bumped_tag_makes_what_is_kept_out_of_date(open_parts: OpenParts, write_puppet: WritePuppet) -> None:
    puppet = write_puppet("wishes", 'tags=["requests"]')
    puppet.answers["search"] = [film(1, requestable=True)]
    one, two = await open_parts(**PATIENT), await open_parts(**PATIENT)
    me = person()
    assert (await one.media.search(me, "film")).items[0].state.value == "requestable"
    puppet.answers["search"] = [film(1, requests=[MediaRequest(state="pending", mine=True)])]
    with one.host.runtimes["wishes"].use() as ctx:
        await ctx.cache.bump("requests")
    for parts in (one, two):
        assert (await parts.media.search(me, "film")).items[0].state.value == "requested"
    assert len(puppet.calls) == 2


async def test_an_older_answer_stands_in_while_the_source_fails_and_says_so(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    puppet = write_puppet("library", "ttl=1.0")
    puppet.answers["search"] = [film(1)]
    parts = await open_parts(**PATIENT)
    me = person()
    await parts.media.search(me, "film")
    puppet.answers["search"] = errors.Unavailable("Plex is being restarted.")

    async def failed() -> MediaFound | None:
        found = await parts.media.search(me, "film")
        return found if found.sources[0].state.value == "failed" else None

    found = await until(failed)
    assert titles(found) in (["Film 1"], [])  # as slow as this machine may be, five seconds may be over
    report = found.sources[0]
    assert report.code == "unavailable"
    assert report.message.startswith("Synthetic: Plex is being restarted.")
    assert ("What is shown of it is from" in report.message) == bool(found.items) == (report.age is not None)


REFUSED = """
async def startup(ctx):
    raise errors.AuthFailed("the password hunter2 is wrong")

@hookimpl
def hub_lifecycle():
    return Lifecycle(startup=startup)
"""


async def test_a_plugin_that_does_not_run_is_named_and_one_that_is_switched_off_is_not(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    for name, body in (("good", ""), ("off", ""), ("sick", REFUSED)):
        write_puppet(name, body=body).answers["search"] = [film(1, place=name)]
    parts = await open_parts(**PATIENT, MEDIANEST_PLUGINS__OFF__ENABLED="false")
    found = await parts.media.search(person(), "film")
    assert states(found) == {"good": "ok", "sick": "failed"}
    assert [place.name for place in found.items[0].places] == ["good"]
    assert found.sources[1].message == "Synthetic is not running at the moment."


async def test_a_plugin_switched_off_while_it_is_asked_is_not_waited_for(
    open_parts: OpenParts, write_puppet: WritePuppet
) -> None:
    puppet = write_puppet("library", "deadline=30")
    puppet.answers["search"] = hang(asyncio.Event(), [film(1)])
    parts = await open_parts(**PATIENT)
    search = asyncio.create_task(parts.media.search(person(), "film"))
    await until(lambda: _truth(puppet.calls))
    await parts.host.wanted.set_enabled("library", enabled=False)
    async with asyncio.timeout(15):
        found = await search
    assert (found.items, states(found)) == ([], {"library": "failed"})
    assert (await parts.media.search(person(), "film")).sources == []


async def test_without_redis_everything_goes_on(
    open_parts: OpenParts, write_puppet: WritePuppet, tmp_path: Any
) -> None:
    puppet = write_puppet("library")
    puppet.answers["search"] = [film(1)]
    parts: HubParts = await open_parts(redis=f"unix://{tmp_path}/nothing.sock", **PATIENT)
    me = person()
    assert titles(await parts.media.search(me, "film")) == ["Film 1"]
    assert states(await parts.media.search(me, "film")) == {"library": "cached"}
    assert len(puppet.calls) == 1
