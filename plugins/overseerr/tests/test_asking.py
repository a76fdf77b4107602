"""Asking for something: in whose name it arrives there, what is told to whoever may not, and that nobody asks as the owner."""

from __future__ import annotations

import pytest

from medianest_hub.plugin_api.errors import Conflict, Forbidden, HubError
from medianest_hub.testing import make_call
from medianest_overseerr import routes
from medianest_overseerr.models import RequestView, Wish
from medianest_overseerr.requests.lists import RequestsQuery

from .conftest import FILM, SERIES, linked, mailed


async def ask(ctx, person, tmdb_id=FILM, kind="movie", **fields) -> RequestView:
    return await routes.ask(ctx, make_call(person=person, body=Wish(kind=kind, tmdb_id=tmdb_id, **fields)))


async def refused(ctx, person, *args, **fields) -> HubError:
    with pytest.raises(HubError) as caught:
        await ask(ctx, person, *args, **fields)
    return caught.value


async def test_a_request_is_the_persons_own_there(make, sim):
    ctx = await make(sim)
    mia = linked(ctx, "mia", 1002)
    made = await ask(ctx, mia)
    (kept,) = sim.world.requests.values()
    assert (kept.requested_by.id, kept.media.tmdb_id) == (2, FILM)
    assert (made.state, made.mine, made.cancellable, made.by) == ("pending", True, True, None)
    assert made.title
    assert made.poster
    assert sim.asked_of("ask")[0].user == "2"


async def test_whether_it_is_to_be_4k_is_always_said(make, sim):
    ctx = await make(sim)
    await ask(ctx, linked(ctx, "mia", 1002))
    assert '"is4k":false' in sim.asked_of("ask")[0].body.replace(" ", "")


async def test_a_second_request_for_the_same_film_is_refused_in_words(make, sim):
    ctx = await make(sim)
    await ask(ctx, linked(ctx, "mia", 1002))
    error = await refused(ctx, mailed(ctx, "tom", "tom@home.example"))
    assert isinstance(error, Conflict)
    assert (error.error_code, error.status) == ("overseerr_already_requested", 409)
    assert len(sim.world.requests) == 1


async def test_seasons_that_were_asked_for_before_are_no_request_but_words(make, sim):
    ctx = await make(sim)
    await ask(ctx, linked(ctx, "mia", 1002), SERIES, "tv", seasons=[1])
    error = await refused(ctx, mailed(ctx, "tom", "tom@home.example"), SERIES, "tv", seasons=[1])
    assert error.error_code == "overseerr_no_seasons_left"


async def test_who_is_nobody_there_asks_for_nothing(make, sim):
    ctx = await make(sim)
    error = await refused(ctx, mailed(ctx, "eve", "eve@else.example"))
    assert isinstance(error, Forbidden)
    assert error.error_code == "overseerr_not_matched"
    assert sim.asked_of("ask") == []
    assert sim.world.requests == {}


async def test_over_quota_is_said_so(make, sim):
    ctx = await make(sim)
    sim.change_user("mia", movie_quota_limit=1, movie_quota_days=7)
    mia = linked(ctx, "mia", 1002)
    await ask(ctx, mia)
    error = await refused(ctx, mia, 910002)
    assert (error.error_code, error.status) == ("overseerr_quota_used", 403)
    quota = await routes.quota(ctx, make_call(person=mia))
    assert (quota.movie.limit, quota.movie.used, quota.movie.remaining, quota.movie.restricted) == (1, 1, 0, True)
    assert quota.tv.limit is None


async def test_own_list_has_titles_and_nobody_elses_requests(make, sim):
    ctx = await make(sim)
    mia, tom = linked(ctx, "mia", 1002), mailed(ctx, "tom", "tom@home.example")
    await ask(ctx, mia)
    await ask(ctx, tom, SERIES, "tv")
    page = await routes.my_requests(ctx, make_call(person=mia, query=RequestsQuery()))
    assert [(one.tmdb_id, one.mine) for one in page.items] == [(FILM, True)]
    counts = await routes.my_counts(ctx, make_call(person=tom))
    assert (counts.total, counts.states) == (1, {"pending": 1})
