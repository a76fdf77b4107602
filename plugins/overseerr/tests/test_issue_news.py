"""What people are told of issues: whoever reported one hears what becomes of it, those who manage that there is one."""

from __future__ import annotations

import asyncio

import pytest

from tests.simulators.overseerr.notices import Kind
from tests.simulators.overseerr.server import Permission

from .conftest import FILM, linked
from .hearing import hear, poll, told

HERE = ("movie", FILM)


@pytest.fixture
async def ctx(make, sim):
    ctx = await make(sim)
    sim.change_user("mia", permissions=int(Permission.REQUEST | Permission.CREATE_ISSUES))
    sim.arrive(HERE)
    await poll(ctx)
    return ctx


@pytest.fixture(params=["webhook", "look"])
def see(request, ctx, sim):
    """How the hub comes to know of it."""

    async def by_webhook(kind, issue):
        await hear(ctx, sim, kind, issue=issue)

    async def by_look(kind, issue):
        await poll(ctx)

    return by_webhook if request.param == "webhook" else by_look


async def test_whoever_reported_it_hears_what_becomes_of_it(ctx, sim, see):
    mia = linked(ctx, "mia", 1002).id
    issue = sim.open_issue("mia", HERE, "It is too dark.")
    await see(Kind.ISSUE_CREATED, issue)
    sim.comment(issue, "mia", "From the middle on.")
    await see(Kind.ISSUE_COMMENT, issue)
    sim.comment(issue, 1, "I look for another copy.")
    await see(Kind.ISSUE_COMMENT, issue)
    sim.close_issue(issue)
    await see(Kind.ISSUE_RESOLVED, issue)
    sim.reopen_issue(issue)
    await see(Kind.ISSUE_REOPENED, issue)
    assert told(ctx) == [
        ("issue_reported", None),
        ("issue_commented", mia),
        ("issue_resolved", mia),
        ("issue_reopened", mia),
    ]
    reported, commented, *_ = ctx.notify.told
    assert (reported.body, commented.body) == ("It is too dark.", "I look for another copy.")
    assert "mia" not in repr([(one.params, one.title, one.body) for one in ctx.notify.told])
    assert sim.world.catalogue.get(*HERE).name in reported.title


async def test_many_at_once_tell_once(ctx, sim):
    linked(ctx, "mia", 1002)
    issue = sim.open_issue("mia", HERE, "It is too dark.")
    sim.close_issue(issue)
    await asyncio.gather(*(hear(ctx, sim, Kind.ISSUE_RESOLVED, issue=issue) for _ in range(4)), poll(ctx))
    await poll(ctx)
    assert [kind for kind, _ in told(ctx)] == ["issue_reported", "issue_resolved"]


async def test_however_many_changed_at_once_all_are_told(make, seerr):
    ctx = await make(seerr)
    linked(ctx, "mia", 1002)
    seerr.change_user("mia", permissions=int(Permission.REQUEST | Permission.CREATE_ISSUES))
    seerr.arrive(HERE)
    await poll(ctx)
    for number in range(50):
        seerr.open_issue("mia", HERE, f"Number {number}")
    for _ in range(3):
        await poll(ctx)
    assert len({one.params["issue_id"] for one in ctx.notify.told}) == 50
    asked = len(seerr.asked_of("issue"))
    await poll(ctx)
    assert len(seerr.asked_of("issue")) == asked


async def test_what_a_lying_body_claims_is_not_taken(ctx, sim):
    linked(ctx, "mia", 1002)
    issue = sim.open_issue("mia", HERE, "It is too dark.")
    for kind in (Kind.ISSUE_RESOLVED, Kind.ISSUE_REOPENED, Kind.ISSUE_COMMENT):
        await hear(ctx, sim, kind, issue=issue)
    assert told(ctx) == [("issue_reported", None)]


async def test_what_was_there_before_is_no_news(make, sim):
    ctx = await make(sim)
    linked(ctx, "mia", 1002)
    sim.change_user("mia", permissions=int(Permission.REQUEST | Permission.CREATE_ISSUES))
    sim.arrive(HERE)
    issue = sim.open_issue("mia", HERE, "It is too dark.")
    sim.comment(issue, 1, "I look for another copy.")
    await poll(ctx)
    await poll(ctx)
    assert told(ctx) == []
    sim.close_issue(issue)
    await poll(ctx)
    assert [kind for kind, _ in told(ctx)] == ["issue_resolved"]


async def test_of_whom_nobody_here_is_known_nobody_is_told(ctx, sim, see):
    linked(ctx, "mia", 1002)
    sim.change_user("tom", permissions=int(Permission.REQUEST | Permission.CREATE_ISSUES))
    issue = sim.open_issue("tom", HERE, "It is too loud.")
    await see(Kind.ISSUE_CREATED, issue)
    sim.close_issue(issue)
    await see(Kind.ISSUE_RESOLVED, issue)
    assert told(ctx) == [("issue_reported", None)]
