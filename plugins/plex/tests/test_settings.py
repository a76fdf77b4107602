"""What may be written into the settings, and "test connection": what it says of each thing that can be wrong."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from medianest_hub.plugin_api import HealthStatus
from medianest_hub.plugin_api.errors import AuthFailed, ConfigInvalid, HubError, NotReady
from medianest_hub.testing import Authority
from medianest_plex import health
from medianest_plex.lifecycle import check_settings, shutdown, startup
from medianest_plex.settings import PlexSettings

OK, DEGRADED, DOWN = HealthStatus.OK, HealthStatus.DEGRADED, HealthStatus.DOWN


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("http://10.0.0.2:32400", "http://10.0.0.2:32400"),
        (" https://plex.home.example/ ", "https://plex.home.example"),
        ("http://10.0.0.2:32400/web/index.html", "http://10.0.0.2:32400"),
        ("http://proxy.example/plex/", "http://proxy.example/plex"),
        ("http://[fd00::2]:32400", "http://[fd00::2]:32400"),
    ],
)
def test_addresses_people_copy_are_understood(written, kept):
    assert PlexSettings(url=written).url == kept


@pytest.mark.parametrize(
    "written",
    [
        "",
        "10.0.0.2:32400",
        "ftp://10.0.0.2",
        "http://",
        "http://10.0.0.2:99999",
        "http://10.0.0.2:0",
        "http://10.0.0.2 /x",
        "http://me:SECRETpass@10.0.0.2",
        "http://10.0.0.2/?X-Plex-Token=SECRET",
        "http://10.0.0.2/#SECRET",
        "http://[::1",
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(written):
    with pytest.raises(ValidationError) as refused:
        PlexSettings(url=written)
    words = str(refused.value.errors(include_input=False))
    assert "address" in words
    assert "SECRET" not in words


@pytest.mark.parametrize(
    "fields",
    [
        {"token": "with space in it"},
        {"token": "ab"},
        {"token": "accentué-token"},
        {"token": "line\nbreak-in-it"},
        {"machine_identifier": "../../etc"},
        {"product": ""},
        {"product": "x" * 65},
        {"product": "a\nb"},
        {"product": "Médiathèque"},
        {"plex_tv_url": "plex.tv"},
        {"unknown": 1},
    ],
)
def test_what_cannot_go_into_a_header_is_refused(fields):
    with pytest.raises(ValidationError):
        PlexSettings(url="http://10.0.0.2:32400", **fields)


def test_an_emptied_token_is_none():
    assert PlexSettings(url="http://10.0.0.2:32400", token="  ").token is None


def test_without_an_address_the_settings_are_not_complete():
    with pytest.raises(ValidationError):
        PlexSettings()


class TestConnection:
    async def test_good_settings_pass_and_leave_nothing_behind(self, make, plex):
        ctx = await make(
            token=plex.world.token(plex.world.owner), machine_identifier=plex.world.home.machine_identifier
        )
        await check_settings(ctx)
        await check_settings(await make())

        assert await ctx.db.fetchval("SELECT count(*) FROM plugin_plex.installation") == 0
        assert await ctx.db.fetchval("SELECT count(*) FROM plugin_plex.known_server") == 0
        assert plex.asked_of("pins.create") == []

    async def test_another_server_than_asked_for_is_named(self, make, plex):
        error = await self.refused(ConfigInvalid, await make(machine_identifier="0" * 40))
        assert error.fields[0].field == "machine_identifier"
        assert plex.world.home.machine_identifier in error.message

    async def test_a_server_nobody_owns_can_let_nobody_in(self, make, plex):
        plex.world.home.owner = None
        assert (await self.refused(ConfigInvalid, await make())).fields[0].field == "url"

    async def test_a_token_that_does_not_hold_asks_for_a_new_one(self, make):
        error = await self.refused(AuthFailed, await make(token="abcdefghijklmnopqrst"))
        assert error.fields[0].field == "token"

    async def test_a_friends_token_is_not_the_owners(self, make, plex):
        error = await self.refused(ConfigInvalid, await make(token=plex.world.token(plex.world.find("friend"))))
        assert error.fields[0].code == "not_owner"

    async def test_a_server_that_asks_nobody_needs_the_owners_token(self, make, plex):
        plex.world.home.lets_everybody_in = True
        error = await self.refused(ConfigInvalid, await make())
        assert error.fields[0].field == "token"
        await check_settings(await make(token=plex.world.token(plex.world.owner)))

    @pytest.mark.parametrize("fault", ["500", "html", "reset", "other_shape", "redirect"])
    @pytest.mark.parametrize(
        ("route", "name"), [("identity", "Plex server"), ("user", "plex.tv"), ("root", "Plex server")]
    )
    async def test_what_does_not_answer_is_named(self, make, plex, route, name, fault):
        plex.faults.set(route, fault)
        error = await self.refused(NotReady, await make())
        assert name in error.message

    async def test_a_door_before_the_server_is_told_apart_from_the_server(self, make, plex):
        plex.faults.set("identity", "html_401")
        assert (await self.refused(ConfigInvalid, await make())).fields[0].field == "url"

    async def test_a_certificate_that_is_none_is_said(self, make, plex):
        error = await self.refused(NotReady, await make(url=plex.server_url.replace("http:", "https:")))
        assert "TLS" in error.message

    async def test_a_server_with_a_private_certificate_is_reached_once_its_settings_trust_it(
        self, make, plex, fake_upstream
    ):
        home = Authority()
        certificate = home.certificate("127.0.0.1")
        identity = {"machineIdentifier": plex.world.home.machine_identifier, "version": "1.43", "claimed": True}
        await fake_upstream.restart(certificate)
        fake_upstream.answer("GET", "/identity", json={"MediaContainer": identity})
        fake_upstream.answer("GET", "/", status=401)
        for tls in ({"ca": home.pem}, {"pinned": certificate.pem}):
            await check_settings(await make(url=fake_upstream.url, tls=tls))
        assert {seen.path for seen in fake_upstream.requests} == {"/identity", "/"}

        for tls in ({}, {"ca": Authority().pem}, {"pinned": home.pem}):
            error = await self.refused(NotReady, await make(url=fake_upstream.url, tls=tls))
            assert "Plex server has a certificate that is not trusted" in error.message
            assert "plugin's settings" in error.message

    async def test_what_the_server_is_trusted_by_is_no_trust_in_plex_tv(self, make, plex, fake_upstream):
        home = Authority()
        await fake_upstream.restart(home.certificate("127.0.0.1"))
        error = await self.refused(NotReady, await make(plex_tv_url=fake_upstream.url, tls={"ca": home.pem}))
        assert "plex.tv has a certificate that is not trusted" in error.message
        assert fake_upstream.requests == []

    async def refused(self, kind: type[HubError], ctx) -> HubError:
        with pytest.raises(kind) as refused:
            await check_settings(ctx)
        assert refused.value.message.endswith(".")
        return refused.value


async def test_starting_waits_until_the_server_was_reached_once_and_never_again(make, plex):
    ctx = await make()
    plex.faults.set("identity", "503")
    with pytest.raises(NotReady):
        await startup(ctx)
    plex.faults.clear()
    await startup(ctx)
    await shutdown(ctx)
    assert ctx.state == {}

    plex.faults.set("identity", "503")
    await startup(ctx)


async def test_with_a_machine_identifier_the_server_need_not_be_there_at_all(make, plex):
    ctx = await make(machine_identifier=plex.world.home.machine_identifier, url="http://127.0.0.1:9")
    await startup(ctx)


async def test_two_at_once_agree_on_who_we_are_and_which_server_is_ours(make, plex):
    import asyncio
    import dataclasses

    ctx = await make()
    several = [dataclasses.replace(ctx, state={}) for _ in range(4)]
    await asyncio.gather(*(startup(one) for one in several))

    made = [one.state["connection:main"] for one in several]
    assert len({one.client_identifier for one in made}) == 1
    assert {one.machine_identifier for one in made} == {plex.world.home.machine_identifier}


class TestHealth:
    async def test_all_is_well(self, owned, ctx, plex):
        assert [(await check(one)).status for check in (health.server, health.plex_tv) for one in (owned, ctx)] == [
            OK
        ] * 4
        assert (await health.server(ctx)).data == {"version": plex.world.home.version}

    @pytest.mark.parametrize("fault", ["500", "html", "reset", "html_401"])
    async def test_what_is_down_is_said_never_raised(self, settled, plex, fault):
        plex.faults.set("identity", fault)
        assert (await health.server(settled)).status is DOWN
        assert (await health.plex_tv(settled)).status is OK
        plex.faults.clear()
        plex.faults.set("user", "500" if fault == "html_401" else fault)
        found = await health.plex_tv(settled)
        assert (found.status, "plex.tv" in found.detail) == (DOWN, True)

    async def test_a_plex_tv_that_hangs_is_said_before_the_check_is_cut_short(self, settled, plex, monkeypatch):
        monkeypatch.setattr(health, "PLEX_TV_SECONDS", 0.3)
        plex.faults.set("user", "hang")
        found = await health.plex_tv(settled)
        assert (found.status, "plex.tv did not answer within" in found.detail) == (DOWN, True)

    async def test_another_server_at_the_address_is_noticed(self, settled, plex):
        plex.world.home.machine_identifier = "f" * 40
        found = await health.server(settled)
        assert (found.status, "f" * 40 in found.detail) == (DEGRADED, True)

    async def test_a_server_that_asks_nobody_is_noticed_where_its_word_is_needed(self, settled, owned, plex):
        plex.world.home.lets_everybody_in = True
        assert (await health.server(owned)).status is OK
        found = await health.server(settled)
        assert (found.status, "owner's token" in found.detail) == (DEGRADED, True)

    async def test_an_owners_token_that_no_longer_holds_is_noticed(self, owned, plex):
        plex.world.revoke(plex.world.owner)
        found = await health.plex_tv(owned)
        assert (found.status, "new one" in found.detail) == (DEGRADED, True)
