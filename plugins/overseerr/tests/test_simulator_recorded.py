"""Every exchange recorded with real servers, asked again of the simulator: status, fields, numbers and words."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.simulators.overseerr.catalogue import film, series
from tests.simulators.overseerr.server import OVERSEERR, SEERR, OverseerrSimulator

RECORDED = Path(__file__).parents[4] / "shared" / "captures"
FOLDERS = {OVERSEERR: "overseerr", SEERR: "seerr"}
SIGNED_IN = range(11, 20)
"""Exchanges of which the cookie was sent along."""
PEOPLE = {"owner-token": (1001, "owner"), "alice-token": (1002, "alice"), "bob-token": (1003, "bob")}
WORDS = frozenset(
    {"message", "error", "path", "errorCode", "mediaType", "type", "displayName", "plexUsername", "username", "email", "avatar"}
    | {"title", "name", "status"}
)  # fmt: skip
"""Texts that are the service's own, or follow from what was sent."""
FREE = frozenset(
    {"budget", "revenue", "popularity", "voteAverage", "voteCount", "runtime", "genreIds", "genres", "networks", "id", "tvdbId"}
    | {"episodeCount", "episodeRunTime", "numberOfEpisodes"}
)  # fmt: skip
"""What a title has of its own, so that it need not be as recorded."""
TITLE_PATHS = ("/movie/", "/tv/", "/search", "/discover/")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000(Z|\+00:00)$")

pytestmark = pytest.mark.skipif(
    not (RECORDED / "overseerr").is_dir(), reason="the recordings of real services are not here"
)


def exchanges(version: str) -> list[tuple[str, dict[str, Any]]]:
    """Name and content, in the order they were made."""
    files = sorted((RECORDED / FOLDERS[version]).glob("[0-9]*.json"))
    return [(one.stem, json.loads(one.read_text())) for one in files]


@contextmanager
def as_recorded(version: str) -> Iterator[OverseerrSimulator]:
    """What the recordings were made of: nothing set up yet, three Plex accounts, and the titles there were."""
    simulator = OverseerrSimulator(version, empty=True)
    world = simulator.world
    world.initialized = False
    world.version = "develop-local"
    world.plex_accounts = {token: (id, name, f"{name}@example.test") for token, (id, name) in PEOPLE.items()}
    known = dict(exchanges(version))
    trending = known["64-discover-trending"]["body"]["results"]
    tvdb = {one["tmdbId"]: one["tvdbId"] for one in known["62-media"]["body"]["results"]}
    for at, one in enumerate(trending):
        id, popularity = one["id"], 99.5 - at / 100
        if one["mediaType"] == "movie":
            world.catalogue.add(film(id, one["title"], one["releaseDate"], trailer=False, popularity=popularity))
        else:
            about = {
                "trailer": False,
                "popularity": popularity,
                "episodes": (10,) * 5,
                "tvdb_id": tvdb.get(id),
                "has_aired": False,
            }
            world.catalogue.add(series(id, one["name"], one["firstAirDate"], **about))
    world.on_server = {("movie", 603): "9001"}
    with simulator.running():
        yield simulator


def ask(
    simulator: OverseerrSimulator, number: int, recorded: dict[str, Any], web: requests.Session
) -> requests.Response:
    """The recorded question, with our key, and the cookie where it was sent."""
    if number not in SIGNED_IN:
        web.cookies.clear()
    headers = {name: value.replace("<api key>", simulator.api_key) for name, value in recorded["headers"].items()}
    url = f"{simulator.url}/api/v1{recorded['path']}"
    return web.request(recorded["method"], url, headers=headers, json=recorded["json"], params=recorded["params"])


def told(value: Any, name: str = "", *, free: bool) -> Any:
    """What of an answer must be the same: all fields, numbers, and the words in `WORDS`."""
    if isinstance(value, dict):
        inner = free and name != "mediaInfo"
        return {key: told(one, key, free=inner) for key, one in value.items()}
    if isinstance(value, list):
        if free and name in FREE:
            return "a list"
        return [told(one, name, free=free) for one in value]
    if isinstance(value, str):
        return "a moment" if TIME.match(value) else value if name in WORDS else "text"
    return "a number" if free and name in FREE and not isinstance(value, bool) else value


@pytest.mark.parametrize("version", [OVERSEERR, SEERR])
def test_every_recorded_exchange_is_answered_alike(version):
    differ: list[str] = []
    with as_recorded(version) as simulator, requests.Session() as web:
        web.trust_env = False
        for name, recorded in exchanges(version):
            number = int(name[:2])
            if number == 77:
                simulator.world.on_server = {("movie", 27205): "9002"}
            answer = ask(simulator, number, recorded["request"], web)
            differ += [f"{name}: {one}" for one in _differences(recorded, answer)]
    assert differ == []


@pytest.mark.parametrize("version", [OVERSEERR, SEERR])
def test_csrf_protection_answers_as_recorded(version):
    """It was recorded of Overseerr; Seerr has the same switch."""
    head, _, body = (RECORDED / "overseerr" / "csrf-on-post-with-api-key.txt").read_text().partition("\n\n")
    with as_recorded(version) as simulator, requests.Session() as web:
        web.trust_env = False
        simulator.world.settings.csrf_protection = True
        answer = web.post(f"{simulator.url}/api/v1/request", headers={"X-Api-Key": simulator.api_key}, json={})
    assert f"HTTP/1.1 {answer.status_code} {answer.reason}" == head.splitlines()[0].strip()
    assert answer.json() == json.loads(body)
    assert answer.headers["Set-Cookie"].startswith("_csrf=")
    assert "set-cookie: _csrf=" in head


def _differences(recorded: dict[str, Any], answer: requests.Response) -> Iterator[str]:
    if answer.status_code != recorded["status"]:
        yield f"status {answer.status_code}, recorded {recorded['status']}: {answer.text[:200]}"
        return
    for header in ("X-Powered-By", "Content-Type"):
        if answer.headers.get(header) != recorded["headers"].get(header):
            yield f"{header} {answer.headers.get(header)}, recorded {recorded['headers'].get(header)}"
    if ("Set-Cookie" in answer.headers) != ("Set-Cookie" in recorded["headers"]):
        yield "one sets a cookie"
    if not recorded["body"]:
        if answer.text:
            yield f"a body where none was: {answer.text[:200]}"
        return
    free = recorded["request"]["path"].startswith(TITLE_PATHS)
    theirs, ours = told(recorded["body"], free=free), told(answer.json(), free=free)
    if theirs != ours:
        yield from _where(theirs, ours)


def _where(theirs: Any, ours: Any, path: str = "") -> Iterator[str]:
    """Where two told answers part."""
    if isinstance(theirs, dict) and isinstance(ours, dict) and theirs.keys() == ours.keys():
        pairs = [(f".{name}", theirs[name], ours[name]) for name in theirs]
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        pairs = [(f"[{at}]", one, other) for at, (one, other) in enumerate(zip(theirs, ours, strict=True))]
    else:
        yield f"{path}: recorded {_short(theirs)}, ours {_short(ours)}"
        return
    for at, one, other in pairs:
        if one != other:
            yield from _where(one, other, path + at)


def _short(value: Any) -> str:
    return str(sorted(value) if isinstance(value, dict) else value)[:400]
