"""What may be written into the settings, and "test connection": what it says of each thing that can be wrong."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import urlsplit

import pyotp
import pytest
from pydantic import ValidationError

from medianest_hub.plugin_api.errors import AuthFailed, ConfigInvalid, HubError, NotReady
from medianest_hub.testing import Authority, ContextMaker, self_signed
from medianest_uptime_kuma.lifecycle import check_settings
from medianest_uptime_kuma.settings import UptimeKumaSettings, Way
from medianest_uptime_kuma.ways.live import open_socket

from .conftest import PASSWORD, USERNAME, Ctx, RunningClock

HOME = "http://192.168.1.10:3001"
WRONG_KEY = f"uk1_{'x' * 40}"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (HOME, HOME),
        (" https://kuma.home.example/ ", "https://kuma.home.example"),
        (f"{HOME}/dashboard", HOME),
        (f"{HOME}/dashboard/17/", HOME),
        (f"{HOME}/status/family", HOME),
        (f"{HOME}/settings/api-keys", HOME),
        ("http://proxy.example/kuma/", "http://proxy.example/kuma"),
        ("http://[fd00::2]:3001", "http://[fd00::2]:3001"),
    ],
)
def test_addresses_people_copy_are_understood(written, kept):
    assert UptimeKumaSettings(url=written).url == kept


@pytest.mark.parametrize(
    "written",
    [
        "",
        "192.168.1.10:3001",
        "ftp://192.168.1.10",
        "http://",
        "http://192.168.1.10:99999",
        "http://192.168.1.10:0",
        "http://192.168.1.10 /x",
        "http://me:SECRETpass@192.168.1.10",
        "http://192.168.1.10/?key=SECRET",
        "http://192.168.1.10/#SECRET",
        "http://[::1",
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(written):
    words = refused_words(url=written)
    assert "address" in words
    assert "SECRET" not in words


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"api_key": "SECRET-of-something-else"}, "no API key of Uptime Kuma"),
        ({"api_key": "uk_SECRETSECRET"}, "no API key of Uptime Kuma"),
        ({"api_key": "uk1_SECRET SECRET"}, "no API key of Uptime Kuma"),
        ({"totp_secret": "123456"}, "not the secret behind the QR code"),
        ({"totp_secret": "SECRET!SECRET!SECRET!"}, "not the secret behind the QR code"),
        ({"username": "x" * 256}, "255"),
        ({"status_pages": ["Family"]}, "small letters"),
        ({"status_pages": ["../../metrics/.."]}, "small letters"),
        ({"status_pages": [""]}, "small letters"),
        ({"status_pages": ["-a"]}, "small letters"),
        ({"status_pages": [f"page-{number}" for number in range(21)]}, "20"),
        ({"poll_seconds": 4}, "5"),
        ({"poll_seconds": 601}, "600"),
        ({"way": "push"}, "metrics"),
        ({"way": "metrics"}, "needs an API key"),
        ({"way": "metrics", "api_key": " "}, "needs an API key"),
        ({"way": "live", "username": "me"}, "needs a user and a password"),
        ({"way": "live", "password": "SECRET"}, "needs a user and a password"),
        ({"way": "status_page"}, "needs the name of a status page"),
        ({"members_see": "all"}, "everything"),
        ({"members_see_groups": ["x" * 201]}, "200"),
        ({"alerts": {"down_seconds": -1}}, "0"),
        ({"alerts": {"flap_changes": 1}}, "2"),
        ({"alerts": {"flap_minutes": 241}}, "240"),
        ({"history": {"beat_days": 1}}, "2"),
        ({"history": {"hour_days": 30}}, "31"),
        ({"history": {"day_days": 4000}}, "3650"),
        ({"tls": {"verify": False}}, "verify"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_what_cannot_work_is_refused_with_words_and_without_secrets(fields, expected):
    words = refused_words(**fields)
    assert expected in words
    assert "SECRET" not in words


def refused_words(**fields) -> str:
    with pytest.raises(ValidationError) as refused:
        UptimeKumaSettings(**{"url": HOME, **fields})
    assert "SECRET" not in repr(refused.value.errors(include_input=False, include_context=False))
    return str(refused.value.errors(include_input=False))


def test_what_people_paste_is_tidied():
    kept = UptimeKumaSettings(
        url=HOME,
        api_key=f" {WRONG_KEY}\n",
        totp_secret="jbsw y3dp-ehpk 3pxp",
        status_pages=["/status/family/", "http://kuma.home/status/work", "main"],
        members_see_groups=[" Media "],
    )
    assert kept.api_key.get_secret_value() == WRONG_KEY
    assert kept.totp_secret.get_secret_value() == "JBSWY3DPEHPK3PXP"
    assert kept.status_pages == ["family", "work", "main"]
    assert kept.members_see_groups == ["media"]
    assert UptimeKumaSettings(url=HOME, api_key="", totp_secret=" ").api_key is None
    assert WRONG_KEY not in repr(kept)


def test_without_an_address_the_settings_are_not_complete():
    with pytest.raises(ValidationError):
        UptimeKumaSettings()


@pytest.mark.parametrize(
    ("fields", "ways"),
    [
        ({}, (Way.STATUS_PAGE,)),
        ({"api_key": WRONG_KEY}, (Way.METRICS,)),
        ({"username": "me", "password": "word"}, (Way.LIVE,)),
        ({"username": "me"}, (Way.STATUS_PAGE,)),
        (
            {"api_key": WRONG_KEY, "username": "me", "password": "word", "status_pages": ["a"]},
            (Way.METRICS, Way.LIVE, Way.STATUS_PAGE),
        ),
        ({"way": "live", "api_key": WRONG_KEY, "username": "me", "password": "word"}, (Way.LIVE,)),
    ],
)
def test_the_ways_to_try_are_those_that_are_filled_in(fields, ways):
    assert UptimeKumaSettings(url=HOME, **fields).ways == ways


@pytest.fixture
def make(context: ContextMaker):
    """A context without a database: testing a connection keeps nothing, so it needs none."""

    async def make(url: str, **fields) -> Ctx:
        return replace(await context(UptimeKumaSettings(url=url, **fields)), clock=RunningClock())

    return make


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr("medianest_hub.infrastructure.http_client.client._FIRST_PAUSE", 0.01)
    monkeypatch.setattr("medianest_uptime_kuma.ways.live._CODE_SECONDS", 0.05)


async def nobody_is_left(kuma) -> None:
    await kuma.reached(lambda: kuma.connected == 0)


async def refused(kind: type[HubError], ctx: Ctx, field: str = "") -> HubError:
    with pytest.raises(kind) as caught:
        await check_settings(ctx)
    error = caught.value
    assert error.message.endswith("."), error.message
    said = f"{error.message} {error.fields} {ctx.log.lines}"
    for secret in (PASSWORD, WRONG_KEY, "wrong word"):
        assert secret not in said
    if field:
        assert error.fields[0].field == field
        assert error.fields[0].message
    return error


LIVE = {"username": USERNAME, "password": PASSWORD}


class TestConnection:
    async def test_good_settings_pass_and_leave_nothing_behind(self, make, kuma):
        key = kuma.world.api_key()
        kuma.world.entry_page = "statusPage-main"
        for fields in (
            {},
            {"api_key": key},
            LIVE,
            {"status_pages": ["main"]},
            {**LIVE, "api_key": key, "status_pages": ["main"]},
        ):
            await check_settings(await make(kuma.url, **fields))
        await nobody_is_left(kuma)
        assert kuma.logins == 2
        assert kuma.token_logins == 0

    async def test_without_log_ins_the_live_way_passes(self, make, kuma):
        kuma.world.auth_disabled = True
        await check_settings(await make(kuma.url, **LIVE))
        assert kuma.logins == 0

    async def test_two_factors_pass_with_their_secret(self, make, kuma):
        secret = kuma.world.second_factor()
        await check_settings(await make(kuma.url, **LIVE, totp_secret=secret))
        await nobody_is_left(kuma)

    @pytest.mark.parametrize(
        "fields", [{"api_key": WRONG_KEY}, LIVE, {"status_pages": ["main"]}], ids=["metrics", "live", "status_page"]
    )
    async def test_who_is_not_there_cannot_be_reached(self, make, kuma2, fields):
        await asyncio.to_thread(kuma2.stop)
        error = await refused(NotReady, await make(kuma2.url, **fields))
        assert error.message == "Uptime Kuma cannot be reached: connection refused."

    async def test_a_name_nobody_has_cannot_be_found(self, make):
        error = await refused(NotReady, await make("http://kuma.invalid:3001"))
        assert "does not resolve" in error.message

    async def test_a_page_of_something_else_is_not_uptime_kuma(self, make, kuma2):
        kuma2.faults.set("entry", "html")
        error = await refused(NotReady, await make(kuma2.url))
        assert "a web page" in error.message

    @pytest.mark.parametrize("fault", ["500", "reset", "other_shape", "not_json", "redirect"])
    async def test_what_is_wrong_with_an_answer_is_said(self, make, kuma2, fault):
        kuma2.faults.set("page", fault)
        error = await refused(NotReady, await make(kuma2.url, status_pages=["main"]))
        assert error.message.startswith("Uptime Kuma ")

    async def test_metrics_that_are_a_page_are_said(self, make, kuma2):
        kuma2.faults.set("metrics", "html")
        error = await refused(NotReady, await make(kuma2.url, api_key=kuma2.world.api_key()))
        assert "a page where its metrics should be" in error.message

    async def test_a_wrong_key_asks_for_another(self, make, kuma):
        kuma.world.api_key()
        await refused(AuthFailed, await make(kuma.url, api_key=WRONG_KEY), "api_key")

    async def test_a_key_that_is_switched_off_asks_for_another(self, make, kuma2):
        key = kuma2.world.api_key()
        kuma2.world.api_keys[1].active = False
        await refused(AuthFailed, await make(kuma2.url, api_key=key), "api_key")

    async def test_a_wrong_password_asks_for_another(self, make, kuma):
        await refused(AuthFailed, await make(kuma.url, username=USERNAME, password="wrong word"), "password")
        await nobody_is_left(kuma)

    async def test_a_missing_second_factor_is_asked_for(self, make, kuma):
        kuma.world.second_factor()
        error = await refused(AuthFailed, await make(kuma.url, **LIVE), "totp_secret")
        assert "signs in with two factors" in error.message
        await nobody_is_left(kuma)

    async def test_a_wrong_second_factor_is_said_after_a_second_try(self, make, kuma):
        kuma.world.second_factor()
        ctx = await make(kuma.url, **LIVE, totp_secret=pyotp.random_base32())
        error = await refused(AuthFailed, ctx, "totp_secret")
        assert "does not take the code" in error.message
        assert kuma.logins == 2
        await nobody_is_left(kuma)

    async def test_too_many_log_ins_say_to_come_again(self, make, kuma):
        kuma.world.may_try(20)
        error = await refused(NotReady, await make(kuma.url, **LIVE))
        assert "too many log-ins" in error.message
        assert error.retry_after == 60
        kuma.world.advance(61)
        await check_settings(await make(kuma.url, **LIVE))
        await nobody_is_left(kuma)

    @pytest.mark.parametrize("fault", ["no_ack", "other_shape", "nothing", "half", "500", "cut"])
    async def test_a_log_in_that_goes_wrong_is_no_refusal(self, make, kuma2, monkeypatch, fault):
        monkeypatch.setattr("medianest_uptime_kuma.client.live._DEADLINE", 0.5)
        kuma2.faults.set("login", fault)
        error = await refused(NotReady, await make(kuma2.url, **LIVE))
        assert error.message.startswith("Uptime Kuma ")
        await nobody_is_left(kuma2)

    async def test_an_unknown_page_is_named(self, make, kuma, monkeypatch):
        monkeypatch.setattr("medianest_uptime_kuma.client.web._DEADLINE", 1.0)
        ctx = await make(kuma.url, status_pages=["main", "nope"])
        if kuma.world.v2:
            error = await refused(ConfigInvalid, ctx, "status_pages")
        else:
            error = await refused(NotReady, ctx)
            assert "never answers for a page it does not have" in error.message
        assert "'nope'" in error.message

    async def test_pages_beside_another_way_are_tried_as_well(self, make, kuma2):
        ctx = await make(kuma2.url, api_key=kuma2.world.api_key(), status_pages=["nope"])
        await refused(ConfigInvalid, ctx, "status_pages")

    async def test_nothing_filled_in_and_nothing_shown_first_asks_for_a_way_in(self, make, kuma):
        error = await refused(ConfigInvalid, await make(kuma.url), "api_key")
        assert error.message.startswith("Fill in one way in")

    @pytest.mark.parametrize("fault", ["html_401", "json_403"])
    async def test_a_proxy_that_asks_for_a_password_is_told_apart(self, make, kuma2, fault):
        kuma2.faults.set("entry", fault)
        error = await refused(ConfigInvalid, await make(kuma2.url, api_key=WRONG_KEY), "url")
        assert "Something before Uptime Kuma" in error.message

    async def test_a_proxy_that_lets_no_websocket_pass_is_told_apart(self, make, kuma2):
        kuma2.faults.set("socket", "html_401")
        await refused(ConfigInvalid, await make(kuma2.url, **LIVE), "url")
        kuma2.faults.set("socket", "refuse")
        error = await refused(NotReady, await make(kuma2.url, **LIVE))
        assert "have what stands before it pass websockets on" in error.message
        kuma2.faults.set("socket", "redirect")
        error = await refused(NotReady, await make(kuma2.url, **LIVE))
        assert "redirected elsewhere" in error.message
        assert kuma2.logins == 0


@contextlib.asynccontextmanager
async def behind_tls(url: str, tls: ssl.SSLContext) -> AsyncIterator[str]:
    """A front that speaks TLS before a plain server, as a proxy at home does; the address of it."""
    port = urlsplit(url).port
    going: set[asyncio.Task[None]] = set()
    writers: list[asyncio.StreamWriter] = []

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        going.add(asyncio.current_task())
        there, here = await asyncio.open_connection("127.0.0.1", port)
        writers.extend((here, writer))
        await asyncio.gather(carry(reader, here), carry(there, writer))
        for one in (here, writer):
            with contextlib.suppress(OSError):
                await one.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in writers:  # of those the caller keeps for its next call
            writer.transport.abort()
        await asyncio.gather(*going)


class TestCertificates:
    async def test_one_of_the_households_own_is_taken_by_every_way_once_it_is_trusted(self, make, kuma2):
        home = Authority()
        certificate = home.certificate("127.0.0.1")
        every = {**LIVE, "api_key": kuma2.world.api_key(), "status_pages": ["main"]}
        async with behind_tls(kuma2.url, certificate.context()) as url:
            for tls in ({"ca": home.pem}, {"pinned": certificate.pem}):
                await check_settings(await make(url, **every, tls=tls))
            for tls in ({}, {"ca": Authority().pem}, {"pinned": home.pem}):
                error = await refused(NotReady, await make(url, **every, tls=tls))
                assert "Uptime Kuma has a certificate that is not trusted" in error.message
            await nobody_is_left(kuma2)

    async def test_a_self_signed_one_is_taken_once_it_is_pinned(self, make, kuma2):
        certificate = self_signed("kuma.home")
        async with behind_tls(kuma2.url, certificate.context()) as url:
            await check_settings(await make(url, **LIVE, tls={"pinned": certificate.pem}))
            error = await refused(NotReady, await make(url, **LIVE))
            assert "pin it" in error.message

    async def test_the_live_connection_by_itself_trusts_no_other(self, make, kuma2):
        async with behind_tls(kuma2.url, self_signed().context()) as url:
            with pytest.raises(HubError) as caught:
                async with open_socket(await make(url, **LIVE)):
                    pass
            assert "certificate that is not trusted" in caught.value.message
            await nobody_is_left(kuma2)

    async def test_https_where_uptime_kuma_speaks_http_is_said(self, make, kuma2):
        error = await refused(NotReady, await make(kuma2.url.replace("http:", "https:")))
        assert "does not speak TLS" in error.message
