"""From the printed link to signed out, and the `users` command with and without a running hub."""

import asyncio
import json
import os
import re
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import aiohttp
import pytest
from click.testing import CliRunner, Result

from medianest_hub.cli import main
from medianest_hub.plugin_api import Role
from medianest_hub.testing.hub import Hub, HubClient, HubProcess, run_hub

PASSWORD = "tractor blue forty two"


@pytest.fixture(scope="module")
def shared() -> Iterator[HubProcess]:
    """One hub for the tests that can share it."""
    with tempfile.TemporaryDirectory(prefix="mn-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711 if os.geteuid() == 0 else 0o700)
        with run_hub(Path(folder), {}) as hub:
            yield hub


@pytest.fixture
async def hub(shared: HubProcess) -> AsyncIterator[Hub]:
    async with Hub(shared) as hub:
        yield hub


async def test_from_the_printed_link_to_signed_out(shared: HubProcess) -> None:
    process = shared  # the first test of this module: nobody exists yet
    (link,) = set(re.findall(r"http://\S+/setup#token=[\w-]+", process.log))
    async with aiohttp.ClientSession() as session:
        stranger = HubClient(session, process.url)
        assert (await stranger.get("/api/v1/setup")).json() == {"needed": True}
        page = await stranger.get("/setup")
        assert page.headers["Content-Type"].startswith("text/html")
        assert "unsafe" not in page.headers["Content-Security-Policy"]
        for source in re.findall(r'(?:src|href)="([^"]+)"', page.body.decode()):
            assert (await stranger.get(source)).status == 200

        good = {"token": link.partition("token=")[2], "username": "First", "password": PASSWORD}
        refused = await stranger.post("/api/v1/setup", json={**good, "token": "guess"})
        assert (refused.status, refused.json()["code"]) == (403, "setup_token_invalid")
        weak = await stranger.post("/api/v1/setup", json={**good, "password": "password123"})
        assert (weak.status, weak.json()["errors"][0]["field"]) == (400, "body.password")
        bad = (await stranger.post("/api/v1/setup", json={"username": "a\x00b", "password": "x"})).json()
        assert {problem["field"] for problem in bad["errors"]} == {"body.token", "body.username", "body.password"}
        answers = await asyncio.gather(*(stranger.post("/api/v1/setup", json=good) for _ in range(20)))
        assert sorted(answer.status for answer in answers) == [201] + [409] * 19
        assert (await stranger.get("/api/v1/setup")).json() == {"needed": False}

        reply = await stranger.post("/api/v1/auth/login", json={"username": "FIRST", "password": PASSWORD})
        token = reply.json()
        assert reply.status == 200
        assert (token["token_type"], token["expires_in"]) == ("Bearer", 24 * 3600)  # as the kit has it
        assert token["user"]["username"] == "First"
        first = HubClient(session, process.url, token["access_token"])
        me = (await first.get("/api/v1/auth/session")).json()
        assert me["user"]["role"] == "admin"
        assert {"hub.signed_in", "hub.admin"} <= set(me["permissions"])

        assert (await first.post("/api/v1/auth/logout")).status == 204
        after = await first.get("/api/v1/auth/session")
        assert (after.status, after.json()["code"]) == (401, "session_ended")
    assert PASSWORD not in process.log
    assert token["access_token"] not in process.log


async def test_wrong_credentials_are_answered_alike_and_strangers_learn_nothing(hub: Hub) -> None:
    await hub.person("grace")
    tries = [
        {"username": "grace", "password": "wrong"},
        {"username": "nobody", "password": "wrong"},
        {"username": "x" * 256, "password": "y" * 1024},
    ]
    bodies = []
    for one in tries:
        reply = await hub.stranger.post("/api/v1/auth/login", json=one)
        assert reply.status == 401
        bodies.append({name: value for name, value in reply.json().items() if name != "request_id"})
    assert bodies[0] == bodies[1] == bodies[2]
    for bad in ({}, {"username": "grace"}, {"username": 1, "password": []}, {"username": "", "password": ""}, [], None):
        assert (await hub.stranger.post("/api/v1/auth/login", json=bad)).status == 400
    assert (await hub.stranger.get("/api/v1/auth/session")).status == 401
    assert (await hub.stranger.post("/api/v1/auth/logout")).status == 204  # says nothing of who is there
    assert (await hub.stranger.post("/api/v1/auth/refresh")).status == 401


async def test_health_says_as_much_as_the_caller_may_know(hub: Hub) -> None:
    member = await hub.person("grace")
    anonymous = (await hub.stranger.get("/api/health")).json()
    assert anonymous["status"] in ("ok", "degraded")
    assert anonymous["checks"] is None
    seen = {check["name"]: check for check in (await member.get("/api/health")).json()["checks"]}
    assert {"postgres", "redis", "disk", "worker"} <= set(seen)
    assert all(check["detail"] is None and check["data"] is None for check in seen.values())
    full = {check["name"]: check for check in (await hub.admin.get("/api/health")).json()["checks"]}
    assert full["disk"]["data"]["free_bytes"] > 0
    assert full["postgres"]["age_seconds"] >= 0
    assert (await hub.stranger.get("/api/health/live")).json() == {"status": "ok"}
    ready = await hub.stranger.get("/api/health/ready")
    assert (ready.status, ready.json()["status"]) == (200, "ready")


async def test_the_users_command_reaches_a_running_hub_at_once(hub: Hub) -> None:
    grace = await hub.person("grace", Role.MEMBER)
    await hub.command("users", "set-role", "GRACE", "admin")
    await grace.until("/api/v1/auth/session", lambda reply: reply.json()["user"]["role"] == "admin", within=1.5)
    listed = json.loads((await hub.command("users", "list", "--json")).stdout)
    assert {"ada", "grace"} <= {account["username"] for account in listed}
    done = await hub.command("users", "set-password", "grace", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert "1 session(s) ended" in done.stdout
    await grace.until("/api/v1/auth/session", lambda reply: reply.status == 401, within=1.5)
    again = {"username": "grace", "password": PASSWORD}
    assert (await hub.stranger.post("/api/v1/auth/login", json=again)).status == 200


def run(environment: Mapping[str, str], *words: str, stdin: bytes = b"") -> Result:
    kept = {name: None for name in os.environ if name.startswith("MEDIANEST_")}
    return CliRunner().invoke(main, ["users", *words], input=stdin, env={**kept, **environment})


def test_people_can_be_made_before_the_hub_ever_ran(short_folder: Path) -> None:
    environment = {"MEDIANEST_DATA_DIR": str(short_folder / "data")}
    made = run(environment, "create", "Ada", "--role", "admin", "--password-stdin", stdin=f"{PASSWORD}\r\n".encode())
    assert made.exit_code == 0, made.stderr
    listed = run(environment, "list")
    assert listed.stdout.split()[:3] == ["Ada", "admin", "active"]
    with run_hub(short_folder, {}) as hub:
        assert "setup#token" not in hub.log


@pytest.fixture
def outside(postgres_url: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    """A hub's environment with a database and a Redis of the operator's."""
    return {
        "MEDIANEST_DATA_DIR": str(tmp_path),
        "MEDIANEST_DATABASE__URL": postgres_url,
        "MEDIANEST_REDIS__URL": redis_url,
    }


def test_the_users_command_works_on_an_outside_database(outside: dict[str, str]) -> None:
    assert run(outside, "create", "ada", "--role", "admin", "--password-stdin", stdin=PASSWORD.encode()).exit_code == 0
    # Without Redis all the same: a hub finds out a little later.
    alone = {**outside, "MEDIANEST_REDIS__URL": "redis://127.0.0.1:1/0"}
    assert run(alone, "create", "grace", "--password-stdin", stdin=PASSWORD.encode()).exit_code == 0
    assert run(outside, "set-role", "grace", "guest").exit_code == 0
    names = [account["username"] for account in json.loads(run(outside, "list", "--json").stdout)]
    assert names == ["ada", "grace"]


@pytest.mark.parametrize(
    ("words", "stdin", "line"),
    [
        (["create", "ada", "--password-stdin"], b"short", "at least 10 characters"),
        (["create", "ada", "--password-stdin"], b"", "at least 10 characters"),
        (["create", "ada", "--password-stdin"], b"\xff\xfe" * 10, "not UTF-8"),
        (["create", "ada", "--password-stdin"], b"x1y2" * 1000, "at most 1024 bytes"),
        (["create", "a\nb", "--password-stdin"], PASSWORD.encode(), "printable"),
        (["create", "ada"], PASSWORD.encode(), "--password-stdin"),
        (["set-role", "nobody", "guest"], b"", "nobody is named"),
        (["set-password", "nobody", "--password-stdin"], PASSWORD.encode(), "nobody is named"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(
    outside: dict[str, str], words: list[str], stdin: bytes, line: str
) -> None:
    done = run(outside, *words, stdin=stdin)
    assert done.exit_code == 2
    assert line in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert PASSWORD not in done.stderr


def test_a_database_without_tables_is_said_to_be_so(outside: dict[str, str], empty_postgres_url: str) -> None:
    done = run({**outside, "MEDIANEST_DATABASE__URL": empty_postgres_url}, "list")
    assert done.exit_code == 2
    assert "medianest migrate" in done.stderr
