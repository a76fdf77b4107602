"""Settings: what may be entered, what testing the connection says of each way it fails, and that the key is never shown."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import ValidationError

from medianest_hub.plugin_api.errors import AuthFailed, ConfigInvalid, HubError, NotReady
from medianest_hub.testing import Authority
from medianest_overseerr import health
from medianest_overseerr.client import calling as client_calling
from medianest_overseerr.client import service
from medianest_overseerr.connection import about
from medianest_overseerr.lifecycle import check_settings, startup
from medianest_overseerr.requests import looking
from medianest_overseerr.settings import OverseerrSettings
from medianest_overseerr.states import Dialect

KEY = "MTc5NTMyODExNjgzMDI5MWNmOTc3LTE1MWEtNDViMi1hMTk1LTg3NjllOTgyMzcwNw=="


def settings(**fields: object) -> OverseerrSettings:
    return OverseerrSettings(**{"url": "http://o.test:5055", "api_key": KEY, **fields})


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr("medianest_hub.infrastructure.http_client.client._FIRST_PAUSE", 0.01)
    monkeypatch.setattr(client_calling, "_DEADLINE", 1.0)
    monkeypatch.setattr(service, "_QUICK", 1.0)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("http://o.test:5055/", "http://o.test:5055"),
        (" https://o.test/requests?".rstrip("?"), "https://o.test"),
        ("http://o.test/login", "http://o.test"),
        ("http://o.test/settings/main", "http://o.test"),
        ("http://o.test/movie/603", "http://o.test"),
        ("http://o.test/api/v1", "http://o.test"),
        ("http://home.test/overseerr", "http://home.test/overseerr"),
    ],
)
def test_addresses_are_taken_as_people_copy_them(given, kept):
    assert settings(url=given).url == kept


@pytest.mark.parametrize(
    "given", ["o.test", "ftp://o.test", "http://", "http://u:secret@o.test", "http://o.test/?k=secret"]
)
def test_addresses_that_are_none_or_hold_a_password_are_refused_without_repeating_them(given):
    with pytest.raises(ValidationError) as caught:
        settings(url=given)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("given", ["", "short", "with a space in the middle of it", "ü" * 30, "x" * 600])
def test_what_is_no_key_is_refused_without_repeating_it(given):
    with pytest.raises(ValidationError) as caught:
        settings(api_key=given)
    assert "copy it whole" in str(caught.value)
    assert not given or given not in str(caught.value)


def test_the_key_is_not_shown():
    assert KEY not in repr(settings())
    assert settings(api_key=f"  {KEY}\n").api_key.get_secret_value() == KEY


def test_where_posters_come_from_may_be_given_as_tmdb_writes_it():
    assert settings(posters_url="https://image.tmdb.org/t/p/").posters_url == "https://image.tmdb.org"


async def test_a_good_connection_is_good_in_both_dialects(make, sim):
    ctx = await make(sim)
    await check_settings(ctx)
    assert (await about(ctx)).dialect is (Dialect.SEERR if sim.world.seerr else Dialect.OVERSEERR)
    said = await health.service(ctx)
    assert said.status == "ok"
    assert said.detail.startswith("Seerr 3.1.0" if sim.world.seerr else "Overseerr 1.34.0")
    assert not any(one.method != "GET" for one in sim.asked)
    assert await ctx.db.fetchval("SELECT count(*) FROM plugin_overseerr.account") == 0  # leaves nothing behind


async def failing(ctx) -> HubError:
    with pytest.raises((NotReady, AuthFailed, ConfigInvalid)) as caught:
        await check_settings(ctx)
    assert caught.value.message.endswith(".")
    return caught.value


async def test_a_wrong_key_is_the_keys_fault(make, seerr):
    error = await failing(await make(seerr, api_key="k" * 40))
    assert (type(error), [one.field for one in error.fields]) == (AuthFailed, ["api_key"])
    assert "k" * 40 not in error.message


async def test_a_key_of_somebody_who_may_too_little_is_said_so(make, seerr):
    seerr.world.users[1].permissions = 32
    error = await failing(await make(seerr))
    assert (type(error), error.fields[0].code) == (ConfigInvalid, "weak")


async def test_one_that_is_not_set_up_yet_is_waited_for(make, sim):
    sim.world.initialized = False
    ctx = await make(sim)
    error = await failing(ctx)
    assert isinstance(error, NotReady)
    assert "not set up yet" in error.message
    assert (await health.service(ctx)).status == "degraded"


async def test_a_proxy_that_asks_for_a_password_is_the_addresses_fault(make, seerr):
    seerr.faults.set("every", "html_401")
    error = await failing(await make(seerr))
    assert (type(error), [one.field for one in error.fields]) == (ConfigInvalid, ["url"])


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("hang", "did not answer within"),
        ("reset", "closed the connection"),
        ("html", "a web page"),
        ("not_json", "where JSON was expected"),
        ("503", "503"),
        ("html_404", "nothing at that address"),
        ("redirect", "redirects to another address"),
        ("other_shape", "something unexpected in version"),
    ],
)
async def test_each_other_way_to_fail_has_its_words(make, seerr, fault, words):
    seerr.faults.set("every", fault)
    error = await failing(await make(seerr))
    assert isinstance(error, NotReady)
    assert words in error.message


async def test_nobody_there(make, seerr):
    ctx = await make(seerr, url="http://127.0.0.1:9")
    error = await failing(ctx)
    assert "cannot be reached" in error.message
    assert (await health.service(ctx)).status == "down"


async def test_a_page_of_something_else_that_answers_everything(make, seerr):
    error = await failing(await make(seerr, url=f"{seerr.url}/below"))
    assert "a web page" in error.message


async def test_a_certificate_of_ones_own_must_be_said_to_be_trusted(context, fake_upstream):
    authority = Authority()
    for path, said in (
        ("/api/v1/status", {"version": "3.1.0"}),
        ("/api/v1/settings/public", {"initialized": True}),
        ("/api/v1/auth/me", {"id": 1, "permissions": 2}),
        ("/api/v1/user", {"pageInfo": {"results": 1}, "results": []}),
    ):
        fake_upstream.answer("GET", path, json=said)
    await fake_upstream.restart(authority.certificate())
    error = await failing(await context(settings(url=fake_upstream.url)))
    assert "certificate that is not trusted" in error.message
    await check_settings(await context(settings(url=fake_upstream.url, tls={"ca": authority.pem})))


async def test_a_worker_asks_for_another_key_and_goes_on_without_overseerr(make, seerr):
    ctx = await make(seerr)
    worker = replace(ctx, process="worker")
    await startup(worker)
    seerr.faults.set("every", "503")
    await startup(worker)
    seerr.faults.clear()
    seerr.new_api_key()
    await startup(replace(ctx, process="web"))  # pages show what is kept
    with pytest.raises(AuthFailed) as caught:
        await startup(worker)
    assert [one.field for one in caught.value.fields] == ["api_key"]


async def test_health_of_requests_says_how_fresh_they_are(make, seerr):
    ctx = await make(seerr)
    assert (await health.requests(ctx)).detail == "Requests have not been read yet."
    await looking.sweep(ctx)
    assert (await health.requests(ctx)).detail == "Requests are kept up."
    ctx.clock.advance(1000)
    assert (await health.requests(ctx)).status == "degraded"
    seerr.faults.set("requests", "503")
    with pytest.raises(HubError):
        await looking.sweep(ctx)
    said = await health.requests(ctx)
    assert said.status == "down"
    assert "503" in said.detail
    assert said.data["requests"] == 0
