"""What whoever tries the demo may do to its Overseerr by the control port."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from medianest_hub.testing import make_job
from medianest_overseerr import tasks
from medianest_overseerr.hearing.later import PollArgs
from medianest_overseerr.states import RequestState

from . import calling
from .conftest import manager

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.demo.control import answer
from tests.demo.overseerr import VERSIONS, DemoOverseerr


@pytest.fixture(params=VERSIONS)
def demo(request: pytest.FixtureRequest) -> DemoOverseerr:
    return DemoOverseerr(request.param, ("Fred", 4711, "fred@home.example"))


def _nobody(method: str, path: str, body: Any = None) -> Any:
    """Answers of a hub without people."""
    return {"authorization": "Bearer x", "items": []}


def turn(demo: DemoOverseerr, path: str) -> tuple[int, str]:
    return answer({demo.knobs: demo}, "POST", path)


def test_requests_are_listed_decided_and_arrive(demo):
    with demo.running():
        status, lines = answer({demo.knobs: demo}, "GET", "/requests")
        assert (status, len(lines.splitlines())) == (200, 15 if demo.simulator.world.seerr else 12)
        assert "6: Grandmother's Engine, for Dev: pending" in lines

        assert turn(demo, "/requests/6/approve") == (200, "6: Grandmother's Engine, for Dev: approved")
        arrived = turn(demo, "/requests/6/arrive")[1]
        done = "completed" if demo.simulator.world.seerr else "approved"
        assert arrived == f"6: Grandmother's Engine, for Dev: {done}, it is there"
        assert turn(demo, "/requests/9/decline")[1].endswith("declined")
        assert turn(demo, "/requests/7/fail")[1].endswith("failed")
        assert turn(demo, "/requests/9/remove") == (200, "9: removed")
        assert turn(demo, "/requests/9/approve")[0] == turn(demo, "/requests/8/explode")[0] == 404


async def test_its_requests_are_in_every_state_the_service_has(demo, make):
    with demo.running():
        ctx = await make(demo.simulator)
        found = await calling.everybodys(ctx, manager(ctx), limit=100)
        known = {one.id: str(one.state) for one in found.items}
        only_there = {"completed", "deleted", "blocklisted"} if demo.simulator.world.seerr else set()
        every = {str(state) for state in RequestState} - {"completed", "deleted", "blocklisted"} | only_there
        assert set(known.values()) == every
        assert known[6] == known[10] == "pending"

        await tasks.poll(ctx, make_job(PollArgs(now=True)))
        demo.settle(SimpleNamespace(url="http://127.0.0.1:9"), _nobody)
        await tasks.poll(ctx, make_job(PollArgs(now=True)))
    arrived = [one for one in ctx.notify.told if one.kind.endswith("request_available")]
    assert [one.params["request_id"] for one in arrived] == [2, 12]


def test_the_hub_is_told_all_it_needs_and_people_how_to_try_it(demo):
    with demo.running():
        settings = demo.settings()["plugins"]["overseerr"]
        assert settings["url"] == settings["posters_url"] == demo.simulator.url
        assert settings["api_key"] == demo.simulator.api_key
        words = "\n".join(demo.words("http://control"))
    assert "curl -X POST http://control/requests/6/approve" in words
    assert demo.simulator.api_key not in words
    assert demo.simulator.world.find_user("Fred").plex_id == 4711
