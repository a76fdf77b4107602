"""What whoever tries the demo may do to its Overseerr by the control port."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.demo.control import answer
from tests.demo.overseerr import VERSIONS, DemoOverseerr


@pytest.fixture(params=VERSIONS)
def demo(request: pytest.FixtureRequest) -> DemoOverseerr:
    return DemoOverseerr(request.param, ("Fred", 4711, "fred@home.example"))


def turn(demo: DemoOverseerr, path: str) -> tuple[int, str]:
    return answer({demo.knobs: demo}, "POST", path)


def test_requests_are_listed_decided_and_arrive(demo):
    with demo.running():
        status, lines = answer({demo.knobs: demo}, "GET", "/requests")
        assert (status, len(lines.splitlines())) == (200, 10)
        assert "6: Grandmother's Engine, for Dev: pending" in lines

        assert turn(demo, "/requests/6/approve") == (200, "6: Grandmother's Engine, for Dev: approved")
        arrived = turn(demo, "/requests/6/arrive")[1]
        done = "completed" if demo.simulator.world.seerr else "approved"
        assert arrived == f"6: Grandmother's Engine, for Dev: {done}, it is there"
        assert turn(demo, "/requests/9/decline")[1].endswith("declined")
        assert turn(demo, "/requests/7/fail")[1].endswith("failed")
        assert turn(demo, "/requests/9/remove") == (200, "9: removed")
        assert turn(demo, "/requests/9/approve")[0] == turn(demo, "/requests/8/explode")[0] == 404


def test_the_hub_is_told_all_it_needs_and_people_how_to_try_it(demo):
    with demo.running():
        settings = demo.settings()["plugins"]["overseerr"]
        assert settings["url"] == settings["posters_url"] == demo.simulator.url
        assert settings["api_key"] == demo.simulator.api_key
        words = "\n".join(demo.words("http://control"))
    assert "curl -X POST http://control/requests/6/approve" in words
    assert demo.simulator.api_key not in words
    assert demo.simulator.world.find_user("Fred").plex_id == 4711
