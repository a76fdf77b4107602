"""What Plex can do wrong, at each step of signing in: what the person is told, and that nobody comes in by a fault."""

from __future__ import annotations

import pytest

from medianest_hub.plugin_api.errors import Forbidden, Gone, HubError
from medianest_plex.client import plex_tv, server
from medianest_plex.sign_in import begin, complete

from .conftest import RETURN_URL

FAULTS = {
    "hang": 504,
    "reset": 502,
    "empty": 502,
    "cut": 502,
    "endless": 502,
    "html": 502,
    "html_404": 502,
    "not_json": 502,
    "other_shape": 502,
    "nothing": 502,
    "redirect": 502,
    "429": 502,
    "500": 502,
    "502": 502,
    "503": 502,
    "504": 502,
}
"""What is wrong, and the status of the problem the person gets."""


@pytest.fixture(autouse=True)
def impatient(request, monkeypatch):
    """Pauses between attempts, and for those that hang deadlines, short enough to wait for."""
    monkeypatch.setattr("medianest_hub.infrastructure.http_client.client._FIRST_PAUSE", 0.01)
    if "hang" in request.node.name:
        for module, name in ((plex_tv, "_DEADLINE"), (plex_tv, "_POLL_DEADLINE"), (server, "_DEADLINE")):
            monkeypatch.setattr(module, name, 0.5)


@pytest.fixture
def ctx(settled):
    return settled


def said(error: HubError, status: int) -> None:
    """The problem has that status, names the service, and holds nothing secret."""
    assert error.status == status, error.message
    assert error.message.endswith(".")
    assert any(name in error.message for name in ("plex.tv", "Plex server")), error.message


async def nobody(ctx, state, status: int) -> None:
    with pytest.raises(HubError) as caught:
        assert await complete(ctx, state, {}) is None
    said(caught.value, status)


@pytest.mark.parametrize("fault", FAULTS)
async def test_beginning(ctx, plex, fault):
    plex.faults.set("pins.create", fault)
    with pytest.raises(HubError) as caught:
        await begin(ctx, RETURN_URL)
    said(caught.value, FAULTS[fault])


@pytest.mark.parametrize("fault", ["html_401", "json_403", "invalid_token"])
async def test_a_refusal_to_begin_is_plexs_fault_not_the_persons(ctx, plex, fault):
    plex.faults.set("pins.create", fault)
    with pytest.raises(HubError) as caught:
        await begin(ctx, RETURN_URL)
    said(caught.value, 502)


@pytest.mark.parametrize("fault", FAULTS)
async def test_beginning_before_it_is_known_which_server_is_ours(make, plex, fault):
    ctx = await make()
    plex.faults.set("identity", fault)
    with pytest.raises(HubError) as caught:
        await begin(ctx, RETURN_URL)
    said(caught.value, FAULTS[fault])
    plex.faults.clear()
    assert (await begin(ctx, RETURN_URL)).state


@pytest.mark.parametrize("fault", [*(one for one in FAULTS if one != "429"), "html_401", "json_403"])
async def test_polling(ctx, plex, fault):
    started = await begin(ctx, RETURN_URL)
    plex.approve(started.url, "friend")
    plex.faults.set("pins.read", fault)
    await nobody(ctx, started.state, FAULTS.get(fault, 502))

    plex.faults.clear()  # and once Plex is well again, it goes on where it was
    assert await complete(ctx, started.state, {}) is not None


async def test_asked_too_often_the_next_poll_comes_later(ctx, plex):
    started = await begin(ctx, RETURN_URL)
    plex.approve(started.url, "friend")
    plex.faults.set("pins.read", "429", times=1)
    assert await complete(ctx, started.state, {}) is None
    assert await complete(ctx, started.state, {}) is not None


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("route", ["user", "resources", "root"])
async def test_completing(ctx, plex, route, fault):
    started = await begin(ctx, RETURN_URL)
    plex.approve(started.url, "friend")
    plex.faults.set(route, fault)
    await nobody(ctx, started.state, FAULTS[fault])

    plex.faults.clear()
    assert await complete(ctx, started.state, {}) is not None


@pytest.mark.parametrize("fault", ["html_401", "json_403"])
async def test_a_server_that_refuses_the_token_plex_gave_for_it_lets_nobody_in(ctx, plex, fault):
    started = await begin(ctx, RETURN_URL)
    plex.approve(started.url, "friend")
    plex.faults.set("root", fault)
    with pytest.raises(Forbidden) as refused:
        await complete(ctx, started.state, {})
    assert refused.value.error_code == "not_a_member"


@pytest.mark.parametrize("route", ["pins.create", "user", "resources", "root"])
async def test_a_passing_fault_is_not_noticed(ctx, plex, route):
    plex.faults.set(route, "503", times=1)
    started = await begin(ctx, RETURN_URL)
    plex.approve(started.url, "friend")
    assert await complete(ctx, started.state, {}) is not None


async def test_slowness_within_the_deadline_is_borne(ctx, plex):
    started = await begin(ctx, RETURN_URL)
    plex.approve(started.url, "friend")
    plex.faults.set("pins.read", "slow")
    assert await complete(ctx, started.state, {}) is not None


async def test_an_expired_pin_is_told_apart_from_a_page_that_is_missing(ctx, plex):
    started = await begin(ctx, RETURN_URL)
    plex.faults.set("pins.read", "html_404")
    await nobody(ctx, started.state, 502)
    plex.faults.clear()
    plex.world.advance(901)
    with pytest.raises(Gone):
        await complete(ctx, started.state, {})
