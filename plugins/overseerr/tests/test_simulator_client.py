"""The simulator driven by a client nobody here wrote: PyPI's `python-overseerr`, which Home Assistant uses."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from python_overseerr import OverseerrClient
from python_overseerr.exceptions import OverseerrAuthenticationError, OverseerrConnectionError
from python_overseerr.models import (
    IssueFilterStatus,
    IssueStatus,
    IssueType,
    MediaStatus,
    MediaType,
    NotificationType,
    RequestFilterStatus,
    RequestSortStatus,
    RequestStatus,
)

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.simulators.overseerr.household import furnish
from tests.simulators.overseerr.server import OVERSEERR, SEERR, OverseerrSimulator

FILM, SERIES = 910002, 210004


@pytest.fixture(params=[OVERSEERR, SEERR])
def simulator(request: pytest.FixtureRequest) -> Iterator[OverseerrSimulator]:
    made = OverseerrSimulator(request.param)
    furnish(made)
    with made.running():
        yield made


@pytest.fixture
async def client(simulator: OverseerrSimulator) -> AsyncIterator[OverseerrClient]:
    async with made_for(simulator, simulator.api_key) as client:
        yield client


def made_for(simulator: OverseerrSimulator, key: str) -> OverseerrClient:
    where = urlsplit(simulator.url)
    return OverseerrClient(str(where.hostname), where.port or 0, key, ssl=False)


async def test_status_and_counts(simulator, client):
    assert (await client.get_status()).version == simulator.world.version
    counts, issues = await client.get_request_count(), await client.get_issue_count()

    assert (counts.total, counts.movie, counts.tv, counts.declined) == (10, 6, 4, 1)
    assert counts.pending == sum(one.status == 1 for one in simulator.world.requests.values())
    assert counts.available == (0 if simulator.world.seerr else 1)
    assert (issues.total, issues.video, issues.subtitles, issues.open, issues.closed) == (2, 1, 1, 1, 1)


async def test_a_wrong_key_is_told_as_such(simulator):
    async with made_for(simulator, "wrong") as client:
        with pytest.raises(OverseerrAuthenticationError):
            await client.get_request_count()


async def test_search_gives_films_series_and_people(client):
    found = await client.search("lantern")
    assert {one.media_type.value for one in found} == {"movie", "person"}
    assert [(one.id, one.title) for one in found if one.media_type == "movie"] == [(910002, "Nine Lanterns")]

    series = await client.search("saltmarsh")
    assert [(one.id, one.name, one.media_info.status) for one in series] == [
        (210008, "Saltmarsh", MediaStatus.PARTIALLY_AVAILABLE)
    ]


async def test_its_plus_for_a_space_is_refused_as_by_the_real_one(client):
    with pytest.raises(OverseerrConnectionError) as refused:
        await client.search("copper skies")
    assert "must be url encoded" in str(refused.value)


async def test_films_and_series_in_detail(client):
    film, series = await client.get_movie_details(910012), await client.get_tv_details(SERIES)

    assert (film.title, film.media_info.status) == ("Low Orbit", MediaStatus.PROCESSING)
    assert [one.requested_by.display_name for one in film.media_info.requests] == ["Ben"]
    assert (series.name, [one.season_number for one in series.seasons]) == ("Walnut & Sons", [0, 1, 2, 3, 4, 5])
    assert series.media_info.status is MediaStatus.AVAILABLE


async def test_requests_are_listed_by_filter_and_person(simulator, client):
    pending = await client.get_requests(status=RequestFilterStatus.PENDING, sort=RequestSortStatus.ADDED)
    assert {one.status for one in pending} == {RequestStatus.PENDING_APPROVAL}
    assert [one.id for one in pending] == sorted((one.id for one in pending), reverse=True) != []
    unavailable = await client.get_requests(status=RequestFilterStatus.UNAVAILABLE)
    assert {one.id for one in pending} < {one.id for one in unavailable}

    ben = simulator.world.find_user("Ben").id
    theirs = await client.get_requests(requested_by=ben, status=RequestFilterStatus.PROCESSING)
    assert {(one.requested_by.display_name, one.media.tmdb_id) for one in theirs} == {("Ben", 910007), ("Ben", 910012)}


async def test_a_request_is_made_and_one_too_many_is_not(simulator, client):
    made = await client.create_request(MediaType.MOVIE, FILM)
    assert (made.media.tmdb_id, made.status) == (FILM, RequestStatus.APPROVED)
    assert simulator.world.find_media("movie", FILM).status == MediaStatus.PROCESSING

    again = await client.create_request(MediaType.MOVIE, FILM)
    assert again.id == made.id + 1, "without is4k a second one passes"
    series = await client.create_request(MediaType.TV, 210011, "all")
    assert len(simulator.world.requests[series.id].seasons) == (6 if simulator.world.seerr else 7)


async def test_issues_are_opened_read_and_deleted(simulator, client):
    media = simulator.world.find_media("movie", 910003)
    made = await client.create_issue(IssueType.AUDIO, "No sound at all.", media.id)
    assert (made.issue_type, made.status, made.comments[0].message) == (
        IssueType.AUDIO,
        IssueStatus.OPEN,
        "No sound at all.",
    )

    read = await client.get_issue(made.id)
    assert (read.created_by.display_name, read.media.tmdb_id) == ("owner", 910003)
    assert made.id in {one.id for one in await _listed(simulator, client)}
    await client.delete_issue(made.id)
    assert made.id not in simulator.world.issues


async def _listed(simulator, client):
    if not simulator.world.seerr:
        return await client.get_issues(status=IssueFilterStatus.OPEN)
    with pytest.raises(Exception, match="user"):  # of Seerr, comments in a list are without their person
        await client.get_issues(status=IssueFilterStatus.OPEN)
    return simulator.world.issues.values()


async def test_the_webhook_is_set_read_and_tested(simulator, client):
    before = await client.get_webhook_notification_config()
    assert (before.enabled, "{{notification_type}}" in before.options.json_payload) == (False, True)

    types = NotificationType.REQUEST_APPROVED | NotificationType.REQUEST_AVAILABLE
    url, template = f"{simulator.url}/nowhere", '{"kind": "{{notification_type}}"}'
    await client.set_webhook_notification_config(enabled=True, types=types, webhook_url=url, json_payload=template)
    after = await client.get_webhook_notification_config()
    assert (after.enabled, after.types, after.options.webhook_url) == (True, types, url)
    assert after.options.json_payload == template

    assert await client.test_webhook_notification_config(url, template)
    await simulator.reached(lambda: simulator.world.webhook.sent)
    assert simulator.world.webhook.sent == [("TEST_NOTIFICATION", 200)]
    assert simulator.asked_of("rest")[-1].body == '{"kind": "TEST_NOTIFICATION"}'
