"""Asking again about somebody let in earlier: still good, token revoked, no longer a member, or nobody can say."""

from __future__ import annotations

import pytest

from medianest_hub.plugin_api import LinkedIdentity, Standing
from medianest_hub.plugin_api.errors import HubError
from medianest_plex.sign_in import recheck


@pytest.fixture
def ctx(settled, monkeypatch):
    monkeypatch.setattr("medianest_hub.infrastructure.http_client.client._FIRST_PAUSE", 0.01)
    return settled


@pytest.fixture
def friend(plex):
    return plex.world.find("friend")


@pytest.fixture
def identity(friend):
    return LinkedIdentity(provider="plex", subject=str(friend.id), username="friend", email=friend.email)


async def test_who_is_still_a_member_is_good(ctx, plex, friend, identity):
    assert await recheck(ctx, identity, plex.world.token(friend)) is Standing.GOOD


async def test_a_revoked_token_is_noticed(ctx, plex, friend, identity):
    token = plex.world.token(friend)
    plex.world.revoke(friend)
    assert await recheck(ctx, identity, token) is Standing.REVOKED


@pytest.mark.parametrize("with_token", [False, True])
async def test_a_share_taken_back_is_noticed(make, plex, friend, identity, with_token):
    ctx = await make(**({"token": plex.world.token(plex.world.owner)} if with_token else {}))
    token = plex.world.token(friend)
    plex.world.unshare(friend)
    assert await recheck(ctx, identity, token) is Standing.REMOVED


async def test_a_token_of_somebody_else_does_not_count(ctx, plex, identity):
    assert await recheck(ctx, identity, plex.world.token(plex.world.owner)) is Standing.REVOKED


async def test_without_a_token_nothing_speaks_for_the_person(ctx, identity):
    assert await recheck(ctx, identity, None) is Standing.REVOKED


@pytest.mark.parametrize("fault", ["html_401", "json_403", "invalid_token"])
async def test_every_way_plex_refuses_a_token_counts(ctx, plex, friend, identity, fault):
    plex.faults.set("user", fault)
    assert await recheck(ctx, identity, plex.world.token(friend)) is Standing.REVOKED


@pytest.mark.parametrize("fault", ["500", "503", "429", "html", "not_json", "other_shape", "reset", "cut"])
@pytest.mark.parametrize("route", ["user", "resources"])
async def test_while_plex_cannot_say_nobody_is_thrown_out(ctx, plex, friend, identity, route, fault):
    plex.faults.set(route, fault)
    with pytest.raises(HubError) as error:
        await recheck(ctx, identity, plex.world.token(friend))
    assert error.value.status in (502, 503, 504)


@pytest.mark.parametrize("fault", ["500", "html", "reset", "html_404"])
async def test_while_the_server_cannot_say_nobody_is_thrown_out(ctx, plex, friend, identity, fault):
    plex.faults.set("root", fault)
    with pytest.raises(HubError) as error:
        await recheck(ctx, identity, plex.world.token(friend))
    assert error.value.status in (502, 503, 504)
