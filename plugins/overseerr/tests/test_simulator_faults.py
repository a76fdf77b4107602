"""Every fault of the simulator does what it says, on its route alone, and ends; the service can stop, return and change."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.simulators.overseerr import faults
from tests.simulators.overseerr.household import furnish
from tests.simulators.overseerr.server import OVERSEERR, SEERR, OverseerrSimulator

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def simulator() -> Iterator[OverseerrSimulator]:
    made = OverseerrSimulator(SEERR)
    furnish(made)
    made.faults.huge_bytes = 300_000
    with made.running():
        yield made


@pytest.fixture(autouse=True)
def well(simulator: OverseerrSimulator) -> Iterator[None]:
    yield
    simulator.faults.clear()


def get(simulator: OverseerrSimulator, path: str = "/request", timeout: float = 10.0) -> requests.Response:
    headers = {"X-Api-Key": simulator.api_key}
    with requests.Session() as web:
        web.trust_env = False
        return web.get(f"{simulator.url}/api/v1{path}", headers=headers, timeout=timeout, allow_redirects=False)


STATUSES = {
    "html": 200, "html_401": 401, "html_404": 404, "json_401": 401, "json_403": 403, "json_429": 429, "json_500": 500,
    "csrf": 403, "429": 429, "500": 500, "502": 502, "503": 503, "504": 504, "redirect": 302, "slow": 200, "huge": 200,
    "other_shape": 200, "nothing": 200, "not_json": 200, "half_json": 200, "half": 200, "giant": 200, "twice": 200,
    "empty_page": 200,
}  # fmt: skip


@pytest.mark.parametrize("fault", STATUSES)
def test_a_fault_spoils_its_route_alone(simulator, fault):
    right = get(simulator).json()
    simulator.faults.set("requests", fault)

    assert get(simulator, "/request/count").json()["total"] == 10
    answer = get(simulator)
    assert answer.status_code == STATUSES[fault]
    if fault == "slow":
        assert answer.json() == right
    elif fault in ("html", "nothing", "not_json", "half_json"):
        with pytest.raises(requests.JSONDecodeError):
            answer.json()
    elif fault == "huge":
        assert len(answer.content) > 300_000
    elif fault == "twice":
        assert len(answer.json()["results"]) == 2 * len(right["results"])
    elif fault == "giant":
        assert answer.json()["pageInfo"]["results"] == 10**30
        assert answer.json()["results"][0]["id"] == right["results"][0]["id"]
    elif fault in ("half", "other_shape", "empty_page"):
        assert answer.json() != right
    simulator.faults.clear()
    assert get(simulator).json() == right


def some_of(url: str, headers: dict[str, str]) -> None:
    """Reads an answer. Raises RequestException where it breaks off or has no end."""
    with requests.get(url, headers=headers, timeout=1, stream=True) as answer:
        for at, _ in enumerate(answer.iter_content(65536)):
            if at > 100:
                raise requests.Timeout("it never ends")


@pytest.mark.parametrize("fault", ["reset", "empty", "cut", "endless", "hang"])
def test_a_connection_dies_or_never_ends(simulator, fault):
    simulator.faults.set("requests", fault)
    with pytest.raises(requests.RequestException):
        some_of(f"{simulator.url}/api/v1/request", {"X-Api-Key": simulator.api_key})


def test_every_named_fault_is_tested():
    named = {one.value for one in faults.Fault} | faults.Faults.others
    assert named == STATUSES.keys() | {"reset", "empty", "cut", "endless", "hang"}


def test_every_named_route_exists_and_can_be_spoiled(simulator):
    told = (faults.Faults.__doc__ or "").partition("Routes are named")[2].partition("`every`")[0]
    named = set(told.replace("`", "").replace(".", "").replace(";", "").replace(",", " ").split())
    known = {route.kwargs["name"] for route in simulator.routes()}
    assert named - known == set()
    assert {"search", "ask", "decide", "quota", "picture"} <= named


def test_every_route_at_once_and_so_many_times(simulator):
    simulator.faults.set("every", "503", times=2)
    assert [get(simulator, path).status_code for path in ("/status", "/search?query=x", "/user")] == [503, 503, 200]


def test_stop_and_restart_on_the_same_port_keeps_what_it_knows(simulator):
    url = simulator.url
    simulator.stop()
    with pytest.raises(requests.ConnectionError):
        get(simulator)
    simulator.restart(OVERSEERR)
    assert (simulator.url, get(simulator, "/request/count").json()["total"]) == (url, 10)
    assert get(simulator, "/settings/public").json().get("mediaServerType") is None
    simulator.restart(SEERR)
    assert get(simulator, "/settings/public").json()["mediaServerType"] == 1


def test_what_was_asked_is_told(simulator):
    before = len(simulator.asked_of("search"))
    requests.get(f"{simulator.url}/api/v1/search?query=low%20orbit", headers={"X-Api-Key": "x", "X-Api-User": "2"})
    asked = simulator.asked_of("search")[before:]
    assert [(one.raw, one.user, one.query) for one in asked] == [
        ("/api/v1/search?query=low%20orbit", "2", {"query": "low orbit"})
    ]


def test_something_may_happen_right_after_an_answer(simulator):
    simulator.after("movie", lambda: simulator.add_film(77, "Just Announced"))
    assert get(simulator, "/movie/77").status_code == 500
    assert get(simulator, "/movie/77").json()["title"] == "Just Announced"


def test_a_mistake_of_the_simulator_is_no_fault_of_the_service():
    def search_brokenly() -> None:
        with OverseerrSimulator().running() as broken:
            broken.world.catalogue.search = None  # type: ignore[assignment,method-assign]
            get(broken, "/search?query=x")

    with pytest.raises(AssertionError):
        search_brokenly()


def test_it_runs_alone_and_says_how_to_reach_it():
    command = [sys.executable, "-m", "tests.simulators.overseerr", "--version", OVERSEERR, "--fill", "5"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        said = dict(process.stdout.readline().split(" = ") for _ in range(3))
        url, key = (said[name].strip().strip("'") for name in ("url", "api_key"))
        answer = requests.get(f"{url}/api/v1/request", headers={"X-Api-Key": key}, timeout=10)
        assert answer.json()["pageInfo"]["results"] == 10
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()
