"""What health says of the library: whether the server is heard, and what is wrong with it."""

from __future__ import annotations

from datetime import timedelta

from medianest_hub.plugin_api import HealthStatus
from medianest_plex import health
from medianest_plex.library.state import heard, lost
from medianest_plex.playing.reading import STALE_AFTER


async def test_without_a_token_there_is_no_library_and_nothing_is_wrong(ctx):
    found = await health.library(ctx)
    assert (found.status, "people can sign in" in found.detail) == (HealthStatus.OK, True)


async def test_before_anybody_listened_it_says_what_to_look_for(owned):
    found = await health.library(owned)
    assert found.status is HealthStatus.DOWN
    assert found.detail == "Nothing was heard of the Plex server yet. No worker listens to it: is one running?"


async def test_heard_it_is_well_and_says_that_it_is_being_read(owned):
    await heard(owned)
    found = await health.library(owned)
    assert (found.status, "for the first time" in found.detail) == (HealthStatus.OK, True)
    await owned.db.execute("UPDATE plugin_plex.server SET synced_at = $1", owned.clock.now())
    found = await health.library(owned)
    assert (found.status, found.detail) == (HealthStatus.OK, "The Plex server is heard.")
    assert found.data == {"heard_at": "2026-01-01T12:00:00+00:00", "synced_at": "2026-01-01T12:00:00+00:00"}


async def test_what_an_admin_should_look_at_degrades_it(owned):
    await heard(owned, remark="Its sessions cannot be read.")
    found = await health.library(owned)
    assert (found.status, found.detail) == (HealthStatus.DEGRADED, "Its sessions cannot be read.")


async def test_lost_it_is_down_since_when_and_why(owned):
    await heard(owned)
    owned.clock.advance(10)
    await lost(owned, "Plex server cannot be reached: connection refused.")
    found = await health.library(owned)
    assert found.status is HealthStatus.DOWN
    assert found.detail == (
        "Nothing was heard of the Plex server since 2026-01-01 12:00 UTC. "
        "Plex server cannot be reached: connection refused."
    )


async def test_not_heard_for_long_it_is_down_though_nobody_says_why(owned):
    await heard(owned)
    owned.clock.advance((STALE_AFTER + timedelta(seconds=1)).total_seconds())
    assert (await health.library(owned)).status is HealthStatus.DOWN
