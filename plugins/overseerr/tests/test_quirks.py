"""Each way in which the two services are not as one would think, and what is done about it; each of these has hurt somebody."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from medianest_hub.plugin_api.errors import HubError
from medianest_overseerr.client import answers
from medianest_overseerr.client.calling import address
from medianest_overseerr.client.refusals import ActingRefused
from medianest_overseerr.connection import dialect_of, service
from medianest_overseerr.people.acting import acting
from medianest_overseerr.people.matching import user_of
from medianest_overseerr.requests import looking
from medianest_overseerr.states import Dialect, MediaState, RequestState, state_of
from tests.simulators.overseerr.server import Permission, RequestStatus

from . import calling
from .conftest import FILM, OTHER_FILM, SERIES, linked, mailed, manager


@pytest.fixture
async def ctx(make, sim):
    return await make(sim)


async def code(call) -> str:
    with pytest.raises(HubError) as caught:
        await call
    return caught.value.error_code


async def test_the_key_alone_would_ask_as_the_owner_and_be_approved_at_once_so_nobody_asks_with_it_alone(ctx, sim):
    await calling.ask(ctx, linked(ctx, "mia", 1002))
    await calling.ask(ctx, mailed(ctx, "tom", "tom@home.example"), OTHER_FILM)
    assert [(one.requested_by.id, one.status) for one in sim.world.requests.values()] == [
        (2, RequestStatus.PENDING),
        (3, RequestStatus.PENDING),
    ]
    assert all(one.user for one in sim.asked_of("ask"))


async def test_an_unknown_user_gets_the_same_403_as_a_wrong_key_and_the_reason_is_found_out(ctx, sim):
    mia = linked(ctx, "mia", 1002)
    account = await user_of(ctx, mia)
    with pytest.raises(ActingRefused):
        await service(ctx).me(user=99)

    async def act():
        async with acting(ctx, account):
            await service(ctx).open_issue(account.user_id, 1, 1, "Dark.", 0, 0)

    assert await code(act()) == "overseerr_no_right"
    sim.remove_user("mia")
    assert await code(act()) == "overseerr_not_matched"
    sim.new_api_key()
    assert await code(act()) == "auth_failed"


async def test_without_is4k_a_duplicate_is_taken_so_it_is_always_sent(ctx, sim):
    mia, tom = linked(ctx, "mia", 1002), mailed(ctx, "tom", "tom@home.example")
    await calling.ask(ctx, mia)
    assert await code(calling.ask(ctx, tom)) == "overseerr_already_requested"
    assert await code(calling.ask(ctx, mia)) == "overseerr_already_requested"
    assert all(json.loads(one.body)["is4k"] is False for one in sim.asked_of("ask"))


async def test_202_is_no_success_but_no_seasons_left(ctx, sim):
    sim.arrive(("tv", SERIES))
    mia = linked(ctx, "mia", 1002)
    assert await code(calling.ask(ctx, mia, SERIES, "tv")) == "overseerr_no_seasons_left"
    assert await code(calling.ask(ctx, mia, SERIES, "tv", seasons=[2])) == "overseerr_no_seasons_left"
    assert sim.world.requests == {}


async def test_all_seasons_means_specials_too_in_one_of_them_so_seasons_are_named(ctx, sim):
    made = await calling.ask(ctx, linked(ctx, "mia", 1002), SERIES, "tv")
    assert made.seasons == [1, 2, 3, 4]


async def test_unknown_titles_are_a_500_that_means_404(ctx):
    mia = linked(ctx, "mia", 1002)
    for call in (calling.movie(ctx, mia, 999_999), calling.series(ctx, mia, 999_999), calling.ask(ctx, mia, 999_999)):
        assert await code(call) == "overseerr_no_such_title"


async def test_a_500_of_another_kind_stays_the_services_fault(ctx, sim):
    sim.faults.set("movie", "json_500")
    with pytest.raises(HubError) as caught:
        await calling.movie(ctx, linked(ctx, "mia", 1002))
    assert (caught.value.status, caught.value.error_code) == (502, "upstream_error")
    assert "database is locked" in caught.value.message


async def test_requests_have_no_titles_so_these_are_kept(ctx, sim):
    sim.request("mia", ("movie", FILM))
    sim.request("mia", ("tv", SERIES))
    mia = linked(ctx, "mia", 1002)
    assert [one.title for one in (await calling.mine(ctx, mia)).items] == ["Harbour Nine", "The Salt Cartographer"]
    sim.faults.set("movie", "503")
    sim.faults.set("tv", "503")
    assert [one.title for one in (await calling.mine(ctx, mia)).items] == ["Harbour Nine", "The Salt Cartographer"]


async def test_the_services_count_counts_everybodys_so_it_is_never_asked(ctx, sim):
    sim.request("tom", ("movie", FILM))
    assert (await calling.my_counts(ctx, linked(ctx, "mia", 1002))).total == 0
    assert sim.asked_of("request_count") == []


async def test_filters_and_parameters_that_only_one_of_them_knows_are_never_sent(ctx, sim):
    mia, ada = linked(ctx, "mia", 1002), manager(ctx)
    await calling.mine(ctx, mia, state=["completed", "deleted"])
    await calling.everybodys(ctx, ada)
    await calling.all_issues(ctx, ada)
    await calling.trending(ctx, mia)
    await looking.sweep(ctx)
    for one in sim.asked_of("requests"):
        assert set(one.query) <= {"take", "skip", "sort", "filter"}
        assert one.query["filter"] in ("all", "unavailable")
    for one in sim.asked_of("issues"):
        assert set(one.query) <= {"take", "skip", "sort", "filter", "requestedBy"}


def test_a_space_is_20_and_nothing_reserved_stays_as_it_is():
    assert address("/search", {"query": "breaking bad", "page": 1}) == "/search?query=breaking%20bad&page=1"
    assert address("/search", {"query": "a+b:c/d?e#f[g]@h!i$j&k'l(m)n*o,p;q=r"}) == (
        "/search?query=a%2Bb%3Ac%2Fd%3Fe%23f%5Bg%5D%40h%21i%24j%26k%27l%28m%29n%2Ao%2Cp%3Bq%3Dr"
    )


async def test_with_csrf_protection_on_nothing_can_be_changed_and_it_is_said_why(ctx, sim):
    sim.world.settings.csrf_protection = True
    assert await code(calling.ask(ctx, linked(ctx, "mia", 1002))) == "overseerr_csrf"


async def test_the_answer_to_a_decision_has_the_status_from_before_so_it_is_looked_at_again(ctx, sim):
    made = sim.request("mia", ("movie", FILM))
    assert (await calling.approve(ctx, manager(ctx), made.id)).state == "processing"


@pytest.mark.parametrize(
    ("version", "public", "dialect"),
    [
        ("1.34.0", {}, Dialect.OVERSEERR),
        ("develop-local", {}, Dialect.OVERSEERR),
        ("develop-local", {"mediaServerType": 1}, Dialect.SEERR),
        ("1.9.2", {"mediaServerType": 2}, Dialect.SEERR),
        ("3.1.0", {}, Dialect.SEERR),
        ("v2.5.0", {}, Dialect.SEERR),
    ],
)
def test_which_it_is_is_told_by_its_shape_then_by_its_version(version, public, dialect):
    assert dialect_of(version, answers.Public.model_validate({"initialized": True, **public})) is dialect


@pytest.mark.parametrize(
    ("request_status", "media", "seasons", "state"),
    [
        (1, 2, None, RequestState.PENDING),
        (1, 6, None, RequestState.BLOCKLISTED),
        (2, 1, None, RequestState.APPROVED),
        (2, 2, None, RequestState.APPROVED),
        (2, 3, None, RequestState.PROCESSING),
        (2, 4, None, RequestState.PARTLY_AVAILABLE),
        (2, 5, None, RequestState.AVAILABLE),
        (2, 7, None, RequestState.DELETED),
        (2, 4, [5, 5], RequestState.AVAILABLE),
        (2, 4, [5, 3], RequestState.PARTLY_AVAILABLE),
        (2, 4, [3, 3], RequestState.PROCESSING),
        (2, 4, [1], RequestState.APPROVED),
        (3, 5, None, RequestState.DECLINED),
        (4, 3, None, RequestState.FAILED),
        (5, 5, None, RequestState.COMPLETED),
        (5, 7, None, RequestState.DELETED),
    ],
)
def test_numbers_of_both_become_one_word(request_status, media, seasons, state):
    names = {
        1: "none",
        2: "pending",
        3: "processing",
        4: "partly_available",
        5: "available",
        6: "blocklisted",
        7: "deleted",
    }
    known = None if seasons is None else [MediaState(names[one]) for one in seasons]
    assert state_of(request_status, MediaState(names[media]), known) is state


async def test_a_quota_is_that_of_the_settings_where_the_user_has_none_of_their_own(ctx, sim):
    sim.world.settings.movie_quota_limit, sim.world.settings.movie_quota_days = 2, 30
    mia = linked(ctx, "mia", 1002)
    await calling.ask(ctx, mia)
    movie = (await calling.quota(ctx, mia)).movie
    assert (movie.limit, movie.days, movie.used, movie.remaining, movie.restricted) == (2, 30, 1, 1, False)
    await calling.ask(ctx, mia, OTHER_FILM)
    assert await code(calling.ask(ctx, mia, 910003)) == "overseerr_quota_used"


async def test_an_admins_own_requests_are_approved_at_once_and_still_their_own(ctx, sim):
    sim.change_user("mia", permissions=int(Permission.REQUEST | Permission.AUTO_APPROVE))
    made = await calling.ask(ctx, linked(ctx, "mia", 1002))
    assert made.state in ("approved", "processing")
    assert sim.world.requests[made.id].requested_by.id == 2


MOVIE = {"id": 1, "title": "A"}
SHOW = {"id": 1, "name": "A"}


@pytest.mark.parametrize(
    ("model", "given", "field", "expected"),
    [
        (answers.Movie, MOVIE | {"releaseDate": ["2024"]}, "year", None),
        (answers.Movie, MOVIE | {"releaseDate": 10**400}, "year", None),
        (answers.Movie, MOVIE | {"releaseDate": True}, "year", None),
        (answers.Movie, MOVIE | {"releaseDate": "2024-05-01"}, "year", 2024),
        (answers.Movie, MOVIE | {"externalIds": None}, "numbers", answers.Numbers()),
        (answers.Movie, MOVIE | {"externalIds": "tt1"}, "numbers", answers.Numbers()),
        (answers.Movie, MOVIE | {"externalIds": {"imdbId": "nm1", "tvdbId": 10**30}}, "numbers", answers.Numbers()),
        (answers.Movie, MOVIE | {"credits": None}, "credits", answers.Credits()),
        (answers.Movie, MOVIE | {"credits": []}, "credits", answers.Credits()),
        (answers.Movie, MOVIE | {"popularity": None}, "popularity", 0.0),
        (answers.Movie, MOVIE | {"popularity": 10**400}, "popularity", 0.0),
        (answers.Movie, MOVIE | {"voteAverage": "good"}, "rating", None),
        (answers.Movie, MOVIE | {"runtime": -1}, "runtime", None),
        (
            answers.Series,
            SHOW | {"seasons": [{"seasonNumber": 1, "episodeCount": None}]},
            "seasons",
            [answers.Season(number=1)],
        ),
        (answers.User, {"id": 1, "plexId": 10**19}, "plex_id", None),
        (answers.User, {"id": 1, "plexId": -1}, "plex_id", None),
        (answers.User, {"id": 1, "plexId": "x"}, "plex_id", None),
        (answers.User, {"id": 1, "plexId": "1002"}, "plex_id", 1002),
        (
            answers.Comment,
            {"id": 1, "createdAt": "2026-11-29T12:00:00"},
            "created_at",
            datetime(2026, 11, 29, 12, tzinfo=UTC),
        ),
        (
            answers.Comment,
            {"id": 1, "createdAt": "2026-11-29T12:00:00+02:00"},
            "created_at",
            datetime(2026, 11, 29, 10, tzinfo=UTC),
        ),
    ],
)
def test_trifles_that_are_odd_count_as_not_there(model, given, field, expected):
    found = model.model_validate_json(json.dumps(given))
    assert getattr(found, field) == expected
    assert model.model_validate(found.model_dump(mode="json")) == found  # as it comes out of what is remembered


@pytest.mark.parametrize(
    "time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "1969-12-31T00:00:00Z", "x"]
)
def test_a_time_no_calendar_reaches_is_refused(time):
    with pytest.raises(ValidationError):
        answers.Comment.model_validate({"id": 1, "createdAt": time})
