"""The titles the simulator knows: how they are searched, paged, shown and pictured."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.simulators.overseerr.household import InLibrary, mirror
from tests.simulators.overseerr.server import OVERSEERR, SEERR, OverseerrSimulator

Get = Callable[[str], requests.Response]


@pytest.fixture(scope="module", params=[OVERSEERR, SEERR])
def simulator(request: pytest.FixtureRequest) -> Iterator[OverseerrSimulator]:
    with OverseerrSimulator(request.param).running() as made:
        yield made


@pytest.fixture(scope="module")
def get(simulator: OverseerrSimulator) -> Iterator[Get]:
    with requests.Session() as web:
        web.trust_env = False
        web.headers["X-Api-Key"] = simulator.api_key
        yield lambda path: web.get(f"{simulator.url}/api/v1{path}")


@pytest.mark.parametrize("raw", ["salt+cartographer", "grandmother's", "what!", "(x)", "a:b", "a/b", "salt,b"])
def test_what_is_not_encoded_is_refused(simulator, raw):
    url = f"{simulator.url}/api/v1/search?query={raw}"
    asked = requests.Request("GET", url, headers={"X-Api-Key": simulator.api_key}).prepare()
    asked.url = url
    with requests.Session() as web:
        assert web.send(asked).status_code == 400


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("grandmother%27s", 910004),
        ("emile%20tide", 910009),
        ("SALT", 910001),
        ("tmdb%3A910005", 910005),
        ("copper", 910003),
    ],
)
def test_accents_capitals_and_ids(get, text, first):
    assert get(f"/search?query={text}").json()["results"][0]["id"] == first


def test_people_and_collections_are_among_the_results(get):
    found = {
        one["mediaType"]: one for text in ("brass", "lantern") for one in get(f"/search?query={text}").json()["results"]
    }
    assert found.keys() == {"movie", "collection", "person"}
    assert (found["collection"]["title"], "mediaInfo" in found["collection"]) == ("Brass Moon Collection", False)
    assert "title" not in found["person"]


def test_pages(simulator, get):
    simulator.fill(movies=3000, shows=500)
    first = get("/search?query=amber").json()
    last = get(f"/search?query=amber&page={first['totalPages']}").json()
    assert first["totalResults"] > 40
    assert len(first["results"]) == 20
    assert 0 < len(last["results"]) <= 20
    seen = {(one["mediaType"], one["id"]) for page in (first, last) for one in page["results"]}
    assert len(seen) == 20 + len(last["results"])
    assert {kind for kind, _ in seen} == {"movie", "tv"}
    kind, id = next(iter(seen))
    assert get(f"/{kind}/{id}").json()["id"] == id


def test_titles_nobody_knows_are_500(get):
    for path in ("/movie/1", "/tv/1", "/tv/210004/season/99"):
        assert get(path).status_code == 500
    assert get("/movie/abc").status_code == 400


def test_pictures_are_real_and_another_for_each_title(simulator):
    found = {}
    for name in ("pm910001.jpg", "pm910002.jpg", "bm910001.jpg", "pt210001.png"):
        answer = requests.get(f"{simulator.picture_url}/w300_and_h450_face/{name}")
        assert answer.status_code == 200
        found[answer.content] = answer.headers["Content-Type"]
    assert sorted(found.values()) == ["image/jpeg"] * 3 + ["image/png"]
    assert requests.get(f"{simulator.picture_url}/w300/pm1.jpg").status_code == 404
    assert requests.get(f"{simulator.picture_url}/huge/pm910001.jpg").status_code == 404


def test_a_seerr_user_of_jellyfin_has_no_plex_id_and_a_relative_picture():
    simulator = OverseerrSimulator(SEERR)
    simulator.add_user("Jo", jellyfin_id="ab12")
    with simulator.running():
        answer = requests.get(f"{simulator.url}/api/v1/user/2", headers={"X-Api-Key": simulator.api_key})
    said = answer.json()
    assert (said["userType"], said["plexId"], said["jellyfinUserId"], said["displayName"]) == (3, None, "ab12", "Jo")
    assert said["avatar"].startswith("/avatarproxy/")


def test_a_library_of_elsewhere_can_be_mirrored(simulator, get):
    simulator.fill()
    mirror(simulator, [InLibrary("movie", 42, "Hidden Harbour", 1999, rating_key="17"),
                       InLibrary("tv", 43, "Harbour Nights", 2003, episodes=(6, 6))])  # fmt: skip
    (film,), series = get("/search?query=hidden%20harb").json()["results"], get("/tv/43").json()
    assert (film["id"], film["mediaInfo"]["status"], film["mediaInfo"]["ratingKey"]) == (42, 5, "17")
    assert [(one["seasonNumber"], one["status"]) for one in series["mediaInfo"]["seasons"]] == [(1, 5), (2, 5)]
