"""The simulator's answers hold to the service's own description of itself, as far as the service does."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests
import yaml

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.simulators.overseerr.household import furnish
from tests.simulators.overseerr.server import OVERSEERR, SEERR, OverseerrSimulator

RECORDED = Path(__file__).parents[4] / "shared" / "captures"
FOLDERS = {OVERSEERR: "overseerr", SEERR: "seerr"}
Flaw = tuple[str, str, str]
"""Where an answer is not as described: the field, the rule, and of which JSON type the value is."""

ASKED = (
    "/status", "/settings/public", "/settings/main", "/settings/about", "/settings/jobs", "/settings/notifications/webhook",
    "/auth/me", "/user", "/user?take=2&skip=1", "/user/2", "/user/5/quota", "/user/3/requests", "/search?query=copper%20sk",
    "/search?query=salt", "/search?query=lantern", "/discover/trending", "/discover/movies?genre=18", "/discover/tv?page=1",
    "/movie/910003", "/movie/910007", "/tv/210004", "/tv/210006", "/tv/210006/season/1", "/request?take=50",
    "/request?filter=processing", "/request?filter=available", "/request/1", "/request/7", "/request/count", "/media?take=50",
    "/media?filter=allavailable", "/issue?filter=all", "/issue/1", "/issue/count", "/issueComment/1",
)  # fmt: skip
OF_ISSUES: set[Flaw] = {("modifiedBy", "type", "null")}
"""Issues were not recorded here; clients of others know this of them."""

pytestmark = pytest.mark.skipif(
    not (RECORDED / "overseerr").is_dir(), reason="the recordings of real services are not here"
)


@cache
def document(version: str) -> dict[str, Any]:
    """The description, its `nullable` turned into what JSON Schema knows."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    read = yaml.load((RECORDED / FOLDERS[version] / "openapi.yml").read_text(), Loader=loader)
    return dict(_plain(read))


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    made = {name: _plain(one) for name, one in value.items() if name not in ("example", "nullable")}
    if value.get("nullable") is True and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
        if "enum" in made:
            made["enum"] = [*made["enum"], None]
    return made


def schema_of(version: str, method: str, path: str, status: int) -> dict[str, Any] | None:
    """What the description says of that answer; None when it says nothing."""
    bare = path.partition("?")[0]
    for described, methods in document(version)["paths"].items():
        pattern = re.sub(r"\{[^}]+\}", "[^/]+", described)
        if (
            re.fullmatch(pattern, bare)
            and method.lower() in methods
            and ("{" not in described or bare not in _literal(version))
        ):
            answer = methods[method.lower()]["responses"].get(str(status), {})
            found = answer.get("content", {}).get("application/json", {}).get("schema")
            return None if found is None else {**found, "components": document(version)["components"]}
    return None


@cache
def _literal(version: str) -> frozenset[str]:
    return frozenset(one for one in document(version)["paths"] if "{" not in one)


def flaws(schema: dict[str, Any], value: Any) -> set[Flaw]:
    """Where the value is not as described."""
    found = set()
    for error in _leaves(jsonschema.Draft7Validator(schema).iter_errors(value)):
        names = [str(one) for one in error.absolute_path if isinstance(one, str)]
        name = str(error.message) if error.validator == "required" else names[-1] if names else ""
        found.add((name, str(error.validator), _kind(error.instance)))
    return found


def _leaves(errors: Any) -> Iterator[jsonschema.ValidationError]:
    for one in errors:
        if one.context:
            yield from _leaves(one.context)
        else:
            yield one


def _kind(value: Any) -> str:
    names = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


@cache
def own_flaws(version: str) -> frozenset[Flaw]:
    """Where the real service does not hold to its description, by the recordings."""
    found: set[Flaw] = set()
    for file in sorted((RECORDED / FOLDERS[version]).glob("[0-9]*.json")):
        recorded = json.loads(file.read_text())
        asked = recorded["request"]
        schema = schema_of(version, asked["method"], asked["path"], recorded["status"])
        if schema is not None:
            found |= flaws(schema, recorded["body"])
    return frozenset(found)


@pytest.fixture(scope="module", params=[OVERSEERR, SEERR])
def simulator(request: pytest.FixtureRequest) -> Iterator[OverseerrSimulator]:
    made = OverseerrSimulator(request.param)
    furnish(made)
    made.download(made.world.requests[2])
    with made.running():
        yield made


@pytest.fixture(scope="module")
def web(simulator: OverseerrSimulator) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.headers["X-Api-Key"] = simulator.api_key
        yield session


@pytest.mark.parametrize("path", ASKED)
def test_what_is_read_is_as_described(simulator, web, path):
    answer = web.get(f"{simulator.url}/api/v1{path}")
    assert answer.status_code == 200, answer.text
    schema = schema_of(simulator.world.version, "GET", path, 200)
    assert schema is not None or path in ("/issue/count",), path
    if schema is not None:
        assert flaws(schema, answer.json()) - own_flaws(simulator.world.version) - OF_ISSUES == set()


def test_what_is_changed_is_answered_as_described(simulator, web):
    version, url = simulator.world.version, f"{simulator.url}/api/v1"
    wanted = [
        ("POST", "/request", {"mediaType": "movie", "mediaId": 910008, "is4k": False}, 201),
        ("POST", "/request", {"mediaType": "tv", "mediaId": 210011, "seasons": [1, 2], "is4k": False}, 201),
        ("POST", "/request/6/decline", None, 200),
        ("POST", "/request/6/approve", None, 200),
        ("POST", "/request/5/retry", None, 200),
        ("PUT", "/request/7", {"mediaType": "tv", "seasons": [1]}, 200),
        ("POST", "/issue", {"issueType": 2, "message": "It hums.", "mediaId": 1}, 200),
        ("POST", "/issue/3/comment", {"message": "Still."}, 200),
        ("POST", "/issue/3/resolved", None, 200),
        ("POST", "/media/2/available", {"is4k": False}, 200),
    ]
    found: dict[str, set[Flaw]] = {}
    for method, path, body, status in wanted:
        answer = web.request(method, url + path, json=body)
        assert answer.status_code == status, (path, answer.text)
        schema = schema_of(version, method, path, 201 if path == "/issue" else status)
        assert schema is not None, path
        found[path] = flaws(schema, answer.json()) - own_flaws(version)
    assert {path: some for path, some in found.items() if some} == {}


def test_every_described_path_that_is_played_takes_the_described_parameters(simulator, web):
    """A parameter the description knows never is unknown here, and one it does not know always is."""
    version = simulator.world.version
    for path in (
        "/user",
        "/search",
        "/discover/movies",
        "/discover/tv",
        "/discover/trending",
        "/request",
        "/media",
        "/issue",
    ):
        described = document(version)["paths"][path]["get"]["parameters"]
        for one in described:
            if one["in"] != "query":
                continue
            kind = one["schema"]
            value = "1" if kind["type"] != "string" and "number" in kind["type"] else (kind.get("enum") or ["salt"])[0]
            query = {"query": "salt", one["name"]: value} if path == "/search" else {one["name"]: value}
            assert web.get(f"{simulator.url}/api/v1{path}", params=query).status_code == 200, (path, one["name"])
            wrong = {**query, one["name"]: "nonsense"}
            is_free = kind["type"] == "string" and "enum" not in kind
            expected = 200 if is_free else 400
            assert web.get(f"{simulator.url}/api/v1{path}", params=wrong).status_code == expected, (path, wrong)
        answer = web.get(f"{simulator.url}/api/v1{path}", params={"nobody": "1", "query": "salt"})
        assert (answer.status_code, "Unknown query parameter" in answer.text) == (400, True), path


def test_answers_that_differ_would_be_found():
    """The comparison itself can fail."""
    schema = schema_of(SEERR, "GET", "/request/1", 200)
    assert schema is not None
    assert flaws(schema, {"id": "one", "media": {"tmdbId": "x"}}) - own_flaws(SEERR) == {
        ("id", "type", "string"), ("'status' is a required property", "required", "object"), ("tmdbId", "type", "string"),
    }  # fmt: skip
