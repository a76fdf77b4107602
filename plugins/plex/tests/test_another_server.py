"""Another server answers at our server's address: it is shown nobody's token, not the owner's and not a person's."""

from __future__ import annotations

import secrets

import pytest

from medianest_hub.plugin_api import SIGN_IN_SECRET
from medianest_hub.plugin_api.errors import HubError, UpstreamError
from medianest_plex import images, scanning
from medianest_plex.connection import PROVEN_SECONDS, connection
from medianest_plex.membership import is_member
from medianest_plex.personal.asking import plex_of
from medianest_plex.scanning import ScanArgs

from .shelf import MIA, MOVIES, furnish

PICTURE = "/library/metadata/1/thumb/1700000000"


async def _picture(ctx, account):
    await images.ART_SOURCE(ctx, PICTURE, 320, 0)


async def _person(ctx, account):
    await (await plex_of(ctx, MIA.id, await ctx.people.identity(MIA.id))).sections()


async def _scan(ctx, account):
    await scanning.scan(ctx, ScanArgs(folder="/media/New"))


async def _member(ctx, account):
    await is_member(ctx, account, await ctx.people.secret(MIA.id, SIGN_IN_SECRET))


@pytest.fixture
async def household(make, plex):
    """Our server is known; then another one comes to answer at its address, while plex.tv lists ours as before."""

    async def household(*, with_token: bool):
        ctx = await make(**({"token": plex.world.token(plex.world.owner)} if with_token else {}))
        await connection(ctx)
        shelf = await furnish(ctx, plex.world.home.machine_identifier)
        world, friend = plex.world, plex.world.find("friend")
        shelf.link(MIA, str(friend.id))
        await shelf.section(MOVIES + 10, "movie", "More")
        await ctx.people.set_secret(MIA.id, SIGN_IN_SECRET, world.token(friend))
        ours = world.server("Ours", world.owner, world.home.machine_identifier)
        ours.shared_with.add(friend.id)
        world.home.machine_identifier = secrets.token_hex(20)
        return ctx, friend

    return household


@pytest.mark.parametrize(
    ("ask", "with_token"), [(_picture, True), (_person, True), (_scan, True), (_person, False), (_member, False)]
)
async def test_it_is_shown_no_token(household, plex, monkeypatch, ask, with_token):
    ctx, friend = await household(with_token=with_token)
    before = len(plex.asked)
    with pytest.raises(UpstreamError, match="Another Plex server answers at its address"):
        await ask(ctx, friend)
    routes = ("identity", "root", "sections", "transcode", "picture", "refresh")
    shown = [one for route in routes for one in plex.asked_of(route) if "X-Plex-Token" in one.headers]
    assert len(plex.asked) > before
    assert shown == []


async def test_who_answers_is_asked_once_a_minute(owned, plex):
    link = await connection(owned)
    asked = len(plex.asked_of("identity"))
    for _ in range(3):
        await link.prove(owned)
    assert len(plex.asked_of("identity")) == asked + 1
    owned.clock.advance(PROVEN_SECONDS)
    plex.world.home.machine_identifier = secrets.token_hex(20)
    for _ in range(2):
        with pytest.raises(HubError):
            await link.prove(owned)
    assert len(plex.asked_of("identity")) == asked + 3
