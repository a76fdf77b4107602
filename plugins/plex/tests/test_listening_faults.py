"""The stream against each fault of a server: it goes on, what is wrong is said in words, and it is well again afterwards."""

from __future__ import annotations

import pytest

from medianest_hub.plugin_api.errors import AuthFailed, Unavailable, UpstreamError
from medianest_plex.events import ServerDown, ServerUp
from medianest_plex.playing import listening

from .stage import Ctx, gone, heard, hurry, is_well, news, running, settled, told, trouble, until, watching


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    hurry(monkeypatch)


@pytest.fixture
def often(monkeypatch):
    """Looks often enough to notice by them alone."""
    monkeypatch.setattr(listening, "BUSY_SECONDS", 0.1)
    monkeypatch.setattr(listening, "IDLE_SECONDS", 0.1)


@pytest.fixture
async def ctx(make, plex) -> Ctx:
    return running(await make(token=plex.world.token(plex.world.owner)))


@pytest.fixture
def film(plex):
    return plex.add_movie("Metropolis", plex.add_section("Movies"), year=1927)


@pytest.fixture
def friend(plex):
    return plex.world.find("friend")


FAULTS = [
    *("hang", "reset", "empty", "cut", "html", "html_404", "json_403", "not_json", "half_json", "xml", "other_shape"),
    *("nothing", "redirect", "429", "500", "502", "503", "504", "html_401", "endless"),
]


@pytest.mark.parametrize("fault", FAULTS)
async def test_sessions_that_cannot_be_read_are_said_in_words_and_borne(ctx, plex, film, friend, fault, monkeypatch):
    if fault == "hang":
        monkeypatch.setattr("medianest_plex.client.sessions._DEADLINE", 0.4)
    if fault == "endless":
        monkeypatch.setattr("medianest_plex.client.sessions._CAP", 100_000)
    async with settled(ctx, plex) as task:
        one = plex.play(friend, film)
        await until(lambda: len(told(ctx)) == 1)
        plex.faults.set("sessions", fault)
        plex.play(friend, film, "Apple TV")
        await until(lambda: trouble(ctx))
        words = await trouble(ctx)
        assert "Plex" in words
        assert words.endswith(".")
        assert news(ctx, ServerDown) == []  # it answers, only not this
        plex.end(one)  # and what it says by itself is heard all the same
        await until(lambda: gone(ctx))
        assert not task.done()
        plex.faults.clear()
        await until(lambda: is_well(ctx), 20)
        await until(lambda: len(told(ctx)) == 3)
    assert [what for what, _ in told(ctx)] == ["started", "stopped", "started"]


@pytest.mark.parametrize(
    "fault", ["hang", "reset", "empty", "html", "html_401", "html_404", "json_403", "500", "redirect"]
)
async def test_notifications_that_cannot_be_had_are_said_in_words_and_tried_again(
    ctx, plex, film, friend, fault, monkeypatch, often
):
    if fault == "hang":
        monkeypatch.setattr("medianest_plex.client.sessions._DEADLINE", 0.4)
    plex.faults.set("notifications", fault)
    async with watching(ctx) as task:
        await until(lambda: trouble(ctx))
        assert (await trouble(ctx)).startswith("The Plex server's notifications cannot be had")
        assert await heard(ctx)
        plex.play(friend, film)
        await until(lambda: len(told(ctx)) == 1)
        assert not task.done()
        plex.faults.clear()
        await plex.reached(lambda: plex.listeners == 1, 20)
        await until(lambda: is_well(ctx))


@pytest.mark.parametrize(
    "said", ["", "{", '{"NotificationContainer": {"type": "playing"', "[1]", '{"other": 1}', "\x00"]
)
async def test_nonsense_among_the_notifications_does_no_harm(ctx, plex, film, friend, said):
    async with settled(ctx, plex):
        for _ in range(3):
            plex.say(said)
        plex.play(friend, film)
        await until(lambda: len(told(ctx)) == 1)
    unreadable = [line for line in ctx.log.lines if line.event == "plex_notification_unreadable"]
    assert len(unreadable) == 1


async def test_a_token_that_is_refused_everywhere_asks_the_admin(ctx, plex):
    async with settled(ctx, plex) as task:
        plex.world.revoke(plex.world.owner)
        plex.kick()
        await until(lambda: task.done())
    with pytest.raises(AuthFailed) as refused:
        task.result()
    assert [problem.field for problem in refused.value.fields] == ["token"]
    assert "does not honour the owner's token" in await trouble(ctx)
    assert news(ctx, ServerDown) == []


async def test_another_server_at_the_address_is_said_and_shown_no_token(ctx, plex, film, friend):
    async with settled(ctx, plex):
        plex.play(friend, film)
        await until(lambda: len(told(ctx)) == 1)
        ours = plex.world.home.machine_identifier
        plex.move_server(port=False, machine=True)
        plex.play(friend, plex.add_movie("Of another household"), "Apple TV")
        await until(lambda: news(ctx, ServerDown))
        (down,) = news(ctx, ServerDown)
        assert "Another Plex server answers" in down.reason
        assert plex.world.home.machine_identifier in down.reason
        asked = len(plex.asked_of("sessions")), len(plex.asked_of("notifications"))
        checks = len(plex.asked_of("identity"))
        await plex.reached(lambda: len(plex.asked_of("identity")) > checks + 2)
        assert (len(plex.asked_of("sessions")), len(plex.asked_of("notifications"))) == asked
        assert told(ctx) == [("started", "Metropolis")]
        plex.world.home.machine_identifier = ours  # and back it is ours again
        await until(lambda: news(ctx, ServerUp))


async def test_a_library_that_cannot_be_read_keeps_nobody_from_hearing_what_is_played(ctx, plex, film, friend):
    async with settled(ctx, plex):
        plex.faults.set("sections", "503")
        while True:  # until the hub asks no more
            try:
                await ctx.http.request("GET", f"{plex.server_url}/library/sections", service="Plex server", retries=0)
            except UpstreamError:
                continue
            except Unavailable:
                break
        plex.play(friend, film)
        await until(lambda: len(told(ctx)) == 1)
