"""Settings of a second server: the form, "test connection" of both, and two entries that are one server."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import SecretStr, ValidationError

from medianest_hub.plugin_api import HealthStatus
from medianest_hub.plugin_api.errors import AuthFailed, ConfigInvalid, NotReady
from medianest_plex import health
from medianest_plex.connection import connection, some_connection
from medianest_plex.installation import learn_machine_identifier
from medianest_plex.lifecycle import check_settings, shutdown, startup
from medianest_plex.servers import everywhere, here, is_same_address, of_instance
from medianest_plex.settings import MOST_SERVERS, PlexSettings

from .pair import ATTIC, both


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr("medianest_hub.infrastructure.http_client.client._FIRST_PAUSE", 0.01)


def test_there_is_one_server_until_another_has_an_address():
    (only,) = PlexSettings(url="http://10.0.0.2:32400", second_name="attic").servers
    assert (only.instance, only.service, only.field("token")) == ("main", "Plex server", "token")
    both = PlexSettings(
        url="http://10.0.0.2:32400",
        token="first-token",
        sections=["Movies"],
        second_name=" Attic ",
        second_url="http://10.0.0.3:32400/web/index.html",
        second_token="second-token",
        second_machine_identifier="abcdef123456",
    ).servers
    assert [one.instance for one in both] == ["main", "attic"]
    assert len(both) == MOST_SERVERS
    assert (both[1].url, both[1].machine_identifier) == ("http://10.0.0.3:32400", "abcdef123456")
    assert (both[1].service, both[1].field("token")) == ('Plex server "attic"', "second_token")
    assert (both[0].shows("Music"), both[1].shows("Music")) == (False, True)
    assert "token" not in repr([one.token for one in both])


@pytest.mark.parametrize("name", ["main", "", "1st", "two words", "a" * 33, "é", "a-b", "a:b"])
def test_a_name_that_cannot_stand_in_addresses_or_is_the_others_is_refused(name):
    with pytest.raises(ValidationError, match="small letters"):
        PlexSettings(url="http://10.0.0.2", second_name=name, second_url="http://10.0.0.3")


@pytest.mark.parametrize("url", ["10.0.0.3:32400", "http://me:SECRET@10.0.0.3", "http://10.0.0.3?X-Plex-Token=SECRET"])
def test_an_address_that_is_none_is_refused_without_repeating_it(url):
    with pytest.raises(ValidationError) as refused:
        PlexSettings(url="http://10.0.0.2", second_url=url)
    assert "SECRET" not in str(refused.value.errors(include_input=False))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://plex.home:32400", "http://PLEX.home:32400", True),
        ("http://plex.home", "http://plex.home:80", True),
        ("https://plex.home", "https://plex.home:443", True),
        ("http://plex.home:32400", "http://plex.home:32401", False),
        ("http://proxy.home/one", "http://proxy.home/two", False),
    ],
)
def test_addresses_are_compared_however_they_are_spelt(one, other, same):
    assert is_same_address(one, other) is same


async def refused(ctx, of=ConfigInvalid):
    with pytest.raises(of) as caught:
        await check_settings(ctx)
    assert caught.value.message.endswith(".")
    return caught.value


async def test_both_are_tried_and_all_is_well(make, plex, attic):
    await check_settings(await make(**both(plex, attic)))
    assert [len(server.asked_of("identity")) for server in (plex, attic)] == [1, 1]


async def test_what_failed_is_named_with_the_field_it_is_about(make, plex, attic):
    ctx = await make(**both(plex, attic, second_token="no-such-token"))
    error = await refused(ctx, AuthFailed)
    assert error.message.startswith("attic: ")
    assert [one.field for one in error.fields] == ["second_token"]
    stranger = plex.world.token(plex.world.find("stranger"))
    error = await refused(await make(**both(plex, attic, token=stranger, second_machine_identifier="another-one")))
    assert ("main: " in error.message, "attic: " in error.message) == (True, True)
    assert {one.field for one in error.fields} == {"token", "second_machine_identifier"}


async def test_one_that_is_away_is_named(make, plex, attic):
    ctx = await make(**both(plex, attic))
    attic.stop()
    error = await refused(ctx, NotReady)
    assert error.message.startswith("attic: ")
    assert "main" not in error.message
    plex.stop()
    assert "main: " in (await refused(await make(**both(plex, attic)), NotReady)).message


async def test_a_token_without_an_address_is_asked_about(make, plex):
    ctx = await make(second_token="some-token")
    assert [one.field for one in (await refused(ctx)).fields] == ["second_url"]


async def test_one_server_twice_is_refused_in_words(make, plex, attic):
    twice = await make(**both(plex, attic, second_url=plex.server_url))
    for call in (check_settings, startup):
        with pytest.raises(ConfigInvalid, match="one and the same server") as caught:
            await call(twice)
        assert [(one.field, one.code) for one in caught.value.fields] == [("second_url", "same_server")]
    named = both(plex, attic, machine_identifier="abcdef123456", second_machine_identifier="abcdef123456")
    with pytest.raises(ConfigInvalid, match="one and the same server"):
        await startup(await make(**named))
    elsewhere = plex.server_url.replace("127.0.0.1", "localhost")  # the same one by another name
    ctx = await make(**both(plex, attic, second_url=elsewhere))
    with pytest.raises(ConfigInvalid, match="one and the same server"):
        await check_settings(ctx)
    await startup(replace(ctx, settings=(await make(**both(plex, attic))).settings))  # corrected, all is well


@pytest.mark.parametrize("known", ["", "main", "attic"])
async def test_one_that_is_the_other_by_another_name_is_its_own_trouble_and_stops_no_start(make, plex, attic, known):
    elsewhere = plex.server_url.replace("127.0.0.1", "localhost")
    ctx = await make(**both(plex, attic, second_url=elsewhere))
    if known:
        await connection(next(one for one in everywhere(ctx) if one.instance == known))
        await shutdown(ctx)
    await startup(ctx)
    left, wrong = everywhere(ctx) if known != "attic" else reversed(everywhere(ctx))
    assert (await connection(left)).machine_identifier == plex.world.home.machine_identifier
    with pytest.raises(ConfigInvalid, match="one and the same server"):
        await connection(wrong)
    said = await health.server(ctx)
    assert (said.status, "one and the same server" in said.detail) == (HealthStatus.DEGRADED, True)


async def test_of_two_that_are_known_to_be_one_server_the_first_stays(make, plex, attic):
    """As when the name of one of them came to lead to the other."""
    elsewhere = plex.server_url.replace("127.0.0.1", "localhost")
    ctx = await make(**both(plex, attic, second_url=elsewhere))
    for one in everywhere(ctx):
        await learn_machine_identifier(one, plex.world.home.machine_identifier)
    await startup(ctx)
    first, second = everywhere(ctx)
    assert (await connection(first)).machine_identifier == plex.world.home.machine_identifier
    with pytest.raises(ConfigInvalid, match="one and the same server"):
        await connection(second)


async def test_the_plugin_starts_while_one_of_them_is_away_and_learns_it_later(make, plex, attic):
    attic.stop()
    ctx = await make(**both(plex, attic))
    await startup(ctx)
    assert (await some_connection(ctx)).machine_identifier == plex.world.home.machine_identifier
    attic.restart()
    link = await connection(everywhere(ctx)[1])
    assert link.machine_identifier == attic.world.home.machine_identifier
    await shutdown(ctx)
    assert ctx.state == {}


async def test_the_plugin_starts_while_the_first_is_away_too_but_not_without_any(make, plex, attic):
    plex.stop()
    ctx = await make(**both(plex, attic))
    await startup(ctx)
    assert (await some_connection(ctx)).machine_identifier == attic.world.home.machine_identifier
    attic.stop()
    with pytest.raises(NotReady):
        await startup(await make(**both(plex, attic, second_name="other")))


async def test_one_that_turns_out_to_be_the_other_is_not_taken_for_another(make, plex, attic):
    """As when it was away at the start, and somebody entered the address of the first by another name."""
    elsewhere = plex.server_url.replace("127.0.0.1", "localhost")
    ctx = await make(**both(plex, attic, second_url=elsewhere))
    first, second = everywhere(ctx)
    await connection(first)
    for _ in range(2):
        with pytest.raises(ConfigInvalid, match="one and the same server"):
            await connection(second)
    said = await health.server(ctx)
    assert said.status is HealthStatus.DEGRADED
    assert "one and the same server" in said.detail


async def test_a_context_stands_for_one_server(make, plex, attic):
    ctx = await make(**both(plex, attic))
    second = of_instance(ctx, ATTIC)
    assert second is not None
    assert (here(ctx).url, here(second).url) == (plex.server_url, attic.server_url)
    assert of_instance(ctx, "nowhere") is None
    with pytest.raises(LookupError):
        here(replace(ctx, instance="nowhere"))


async def test_health_says_of_each_server_how_it_is(make, plex, attic):
    ctx = await make(**both(plex, attic))
    await startup(ctx)
    well = await health.server(ctx)
    assert (well.status, well.data["main.status"], well.data["attic.status"]) == (HealthStatus.OK, "ok", "ok")
    attic.stop()
    half = await health.server(ctx)
    assert (half.status, half.data["attic.status"]) == (HealthStatus.DEGRADED, "down")
    assert "attic: " in half.detail
    plex.stop()
    assert (await health.server(ctx)).status is HealthStatus.DOWN


async def test_one_that_hangs_is_down_and_the_other_is_not(make, plex, attic, monkeypatch):
    ctx = await make(**both(plex, attic))
    await startup(ctx)
    monkeypatch.setattr(health, "ANSWER_SECONDS", 0.5)
    attic.faults.set("identity", "hang")
    said = await health.server(ctx)
    assert (said.data["main.status"], said.data["attic.status"]) == ("ok", "down")
    assert "did not answer within" in said.detail


def test_tokens_of_both_are_secret():
    fields = PlexSettings.model_fields
    assert {name for name, field in fields.items() if "SecretStr" in str(field.annotation)} == {"token", "second_token"}
    assert isinstance(PlexSettings(url="http://x", second_token="abcd").second_token, SecretStr)
