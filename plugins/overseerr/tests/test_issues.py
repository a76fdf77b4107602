"""Issues: reported, talked about and closed in the name of whoever does it; members see their own."""

from __future__ import annotations

import pytest

from medianest_hub.plugin_api.errors import HubError
from medianest_hub.testing import make_call
from medianest_overseerr import routes
from medianest_overseerr.requests.asking import NOBODY
from tests.simulators.overseerr.server import IssueType, Permission

from . import calling
from .conftest import FILM, OTHER_FILM, SERIES, linked, mailed, manager

REPORTS = int(Permission.REQUEST | Permission.CREATE_ISSUES)


@pytest.fixture
async def ctx(make, sim):
    sim.change_user("mia", permissions=REPORTS)
    sim.change_user("tom", permissions=REPORTS)
    sim.arrive(("movie", FILM))
    sim.arrive(("tv", SERIES))
    return await make(sim)


async def refusal(call) -> HubError:
    with pytest.raises(HubError) as caught:
        await call
    return caught.value


async def test_an_issue_is_the_persons_own(ctx, sim):
    mia = linked(ctx, "mia", 1002)
    made = await calling.report(
        ctx, mia, SERIES, kind="tv", about="subtitles", message="They are late.", season=2, episode=3
    )
    (kept,) = sim.world.issues.values()
    assert (kept.created_by.id, kept.type, kept.season, kept.episode) == (2, IssueType.SUBTITLES, 2, 3)
    assert (made.about, made.season, made.episode, made.open, made.mine, made.by) == (
        "subtitles",
        2,
        3,
        True,
        True,
        None,
    )
    assert (made.kind, made.tmdb_id, made.title) == ("tv", SERIES, "Harbour Nine")
    assert [(one.message, one.mine) for one in made.comments] == [("They are late.", True)]


async def test_what_is_not_there_cannot_be_wrong(ctx, sim):
    error = await refusal(calling.report(ctx, linked(ctx, "mia", 1002), OTHER_FILM))
    assert (error.error_code, error.status) == ("overseerr_not_in_library", 409)


async def test_own_list_and_everybodys(ctx, sim):
    mia, tom, ada = linked(ctx, "mia", 1002), mailed(ctx, "tom", "tom@home.example"), manager(ctx)
    first = await calling.report(ctx, mia)
    second = await calling.report(ctx, tom, message="Too quiet.", about="audio")
    assert [one.id for one in (await calling.my_issues(ctx, mia)).items] == [first.id]
    every = (await calling.all_issues(ctx, ada)).items
    assert [(one.id, one.by, one.mine) for one in every] == [(second.id, "tom", False), (first.id, "mia", False)]


async def test_who_may_see_all_there_still_lists_their_own_here(ctx, sim):
    sim.change_user("mia", permissions=int(Permission.REQUEST | Permission.MANAGE_ISSUES))
    mia = linked(ctx, "mia", 1002)
    mine = sim.open_issue("mia", ("movie", FILM), "Mine.")
    for _ in range(12):
        sim.open_issue("tom", ("movie", FILM), "Not mine.")
    page = await calling.my_issues(ctx, mia, limit=5)
    assert [one.id for one in page.items] == [mine.id]
    assert page.next_cursor is None


async def test_pages_of_issues_join(ctx, sim):
    for number in range(7):
        sim.open_issue("mia", ("movie", FILM), f"Number {number}.")
    ada, seen, cursor = manager(ctx), [], None
    for _ in range(4):
        page = await calling.all_issues(ctx, ada, limit=2, cursor=cursor)
        seen += [one.id for one in page.items]
        cursor = page.next_cursor
    assert seen == [7, 6, 5, 4, 3, 2, 1]
    assert cursor is None


async def test_an_issue_is_its_makers_and_those_who_manage_them(ctx, sim):
    mia, tom, ada = linked(ctx, "mia", 1002), mailed(ctx, "tom", "tom@home.example"), manager(ctx)
    made = await calling.report(ctx, mia)
    await calling.report(ctx, tom)

    async def owner(person, number):
        return await routes.owner_of_issue(ctx, make_call(person=person, path=routes.NumberPath(id=number)))

    assert await owner(tom, made.id) == mia.id
    assert await owner(ada, made.id) == ada.id
    assert await owner(tom, 99) is None
    of_owner = sim.open_issue(1, ("movie", FILM), "The owner's.")
    assert await owner(tom, of_owner.id) == NOBODY


async def test_comments_are_in_ones_own_name_and_say_who_only_to_those_who_manage(ctx, sim):
    mia, ada = linked(ctx, "mia", 1002), manager(ctx)
    made = await calling.report(ctx, mia)
    sim.comment(next(iter(sim.world.issues.values())), "owner", "Looking.")
    after = await calling.comment(ctx, mia, made.id, "Thanks.")
    assert [(one.message, one.mine, one.by) for one in after.comments] == [
        ("It is too dark.", True, None), ("Looking.", False, None), ("Thanks.", True, None),
    ]  # fmt: skip
    assert [one.by for one in (await calling.issue(ctx, ada, made.id)).comments] == ["mia", "owner", "mia"]


async def test_a_list_does_not_tell_what_was_said_as_it_cannot_tell_by_whom(ctx, sim):
    mia, ada = linked(ctx, "mia", 1002), manager(ctx)
    made = await calling.report(ctx, mia)
    for items in ((await calling.my_issues(ctx, mia)).items, (await calling.all_issues(ctx, ada)).items):
        assert [(one.id, one.comments) for one in items] == [(made.id, None)]


async def test_an_episode_is_of_a_season(ctx, sim):
    error = await refusal(calling.report(ctx, linked(ctx, "mia", 1002), SERIES, kind="tv", episode=3))
    assert (error.status, [one.field for one in error.fields]) == (400, ["body.season"])
    assert sim.world.issues == {}


@pytest.mark.parametrize(("episode", "begins"), [(None, "(Specials) "), (3, "(Specials, episode 3) ")])
async def test_that_it_is_about_specials_is_said_in_words_for_there_is_no_number_for_it(ctx, sim, episode, begins):
    mia = linked(ctx, "mia", 1002)
    made = await calling.report(ctx, mia, SERIES, kind="tv", season=0, episode=episode)
    (kept,) = sim.world.issues.values()
    assert (kept.season, kept.episode) == (0, 0)
    assert [one.message for one in made.comments] == [f"{begins}It is too dark."]


async def test_closing_and_opening_again(ctx, sim):
    mia, ada = linked(ctx, "mia", 1002), manager(ctx)
    made = await calling.report(ctx, mia)
    error = await refusal(calling.close(ctx, mia, made.id))
    assert (error.error_code, error.status) == ("overseerr_no_right", 403)
    assert not (await calling.close(ctx, ada, made.id)).open
    (line,) = [one for one in ctx.log.lines if one.event == "overseerr_issue_set"]
    assert (line.fields["person"], line.fields["as_self"]) == (str(ada.id), False)
    assert (await calling.my_issues(ctx, mia)).items == []
    assert [one.id for one in (await calling.my_issues(ctx, mia, state="closed")).items] == [made.id]
    assert (await calling.reopen(ctx, ada, made.id)).open
    sim.change_user("mia", permissions=int(Permission.REQUEST | Permission.MANAGE_ISSUES))
    assert not (await calling.close(ctx, mia, made.id)).open
    assert sim.asked_of("decide_issue")[-1].user == "2"


@pytest.mark.parametrize("call", [calling.issue, calling.comment, calling.close])
async def test_an_issue_that_is_not_there_is_said_so_although_the_service_fails(ctx, call):
    person = linked(ctx, "mia", 1002) if call is calling.comment else manager(ctx)
    error = await refusal(call(ctx, person, 99))
    assert (error.error_code, error.status) == ("overseerr_issue_not_found", 404)


async def test_who_may_not_report_there_is_told_so(ctx, sim):
    sim.change_user("mia", permissions=int(Permission.REQUEST))
    error = await refusal(calling.report(ctx, linked(ctx, "mia", 1002)))
    assert error.error_code == "overseerr_no_right"
    assert "Whoever runs it can give you the right." in error.message
