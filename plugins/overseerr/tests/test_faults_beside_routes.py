"""The fault table of what is no route: each fault at tiles, the search's source and the webhook. Words, or what is kept."""

from __future__ import annotations

import asyncio

import pytest

from medianest_hub.infrastructure.http_client.breaker import Breaker
from medianest_hub.plugin_api import Viewer
from medianest_hub.plugin_api.errors import HubError
from medianest_overseerr import media_sources, webhooks, widgets
from tests.simulators.overseerr.notices import Kind

from .conftest import OTHER_FILM, SERIES
from .hearing import changes, hear, poll, told
from .test_faults import FAULTS, ODD, check, impatient, stage

__all__ = ["impatient", "stage"]

ASKING = {
    "search": lambda ctx, viewer: media_sources.search(ctx, viewer, "something new"),
    "details": lambda ctx, viewer: media_sources.details(ctx, viewer, f"movie:{OTHER_FILM}"),
    "find": lambda ctx, viewer: media_sources.find(ctx, viewer, "show", {"tmdb": str(SERIES)}),
}


@pytest.fixture(autouse=True)
def forgiving(monkeypatch):
    """A breaker that is open no longer than it takes to see that it was."""
    monkeypatch.setitem(Breaker.__init__.__kwdefaults__, "cool_down", 0.3)
    monkeypatch.setitem(Breaker.__init__.__kwdefaults__, "longest", 0.5)


@pytest.mark.parametrize("fault", [*FAULTS, *ODD])
async def test_tiles_search_and_webhook_bear_it(stage, seerr, fault, monkeypatch):
    monkeypatch.setattr(webhooks, "_LOOK_SECONDS", 3.0)
    ctx, mia, ada = stage
    viewer, manager = Viewer(person=mia, role=mia.role), Viewer(person=ada, role=ada.role)
    await poll(ctx)
    seerr.faults.set("every", fault)
    ctx.clock.advance(3600)

    assert [one.id for one in (await widgets.my_requests(ctx, viewer)).items] == ["3", "2", "1"]
    assert [one.title for one in (await widgets.counts(ctx, viewer)).items] == ["Waiting for approval", "Failed"]
    assert [one.id for one in (await widgets.waiting(ctx, manager)).items] == ["2", "1"]
    for name, ask in ASKING.items():
        try:
            await ask(ctx, viewer)
        except HubError as error:
            check(name, error, seerr.api_key)
        else:
            assert fault in ODD, name
    assert changes(ctx) == []

    request = seerr.approve(1)
    await hear(ctx, seerr, Kind.MEDIA_APPROVED, request=request)
    await hear(ctx, seerr, Kind.ISSUE_RESOLVED, issue=seerr.world.issues[1])
    seerr.faults.clear()
    ctx.clock.advance(3600)
    async with asyncio.timeout(60):
        while (await poll(ctx)).trouble:  # its breaker may be open for a while
            await asyncio.sleep(0.2)
    assert [state for _, state, _ in changes(ctx)] == ["processing"]
    assert told(ctx) == [("request_approved", mia.id)]
