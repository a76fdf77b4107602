"""`medianest users` and `medianest secrets` as an operator types them, on databases of their own."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner, Result

from medianest_hub.accounts import People
from medianest_hub.accounts.people import secret_purpose
from medianest_hub.cli import main
from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.redis import RedisLink
from medianest_hub.infrastructure.secrets import SecretBox
from medianest_hub.jobs import resealing
from medianest_hub.jobs.resealing import Resealing
from medianest_hub.plugin_api import Role
from medianest_hub.plugin_host.wanted import WantedStore

PASSWORD = "tractor blue forty two"
OLD, NEW = "o" * 40, "n" * 40


def run(environment: Mapping[str, str], *words: str, stdin: bytes = b"") -> Result:
    kept = {name: None for name in os.environ if name.startswith("MEDIANEST_")}
    return CliRunner().invoke(main, words, input=stdin, env={**kept, **environment})


def good(environment: Mapping[str, str], *words: str, stdin: bytes = b"") -> Result:
    done = run(environment, *words, stdin=stdin)
    assert done.exit_code == 0, done.stderr
    return done


@pytest.fixture
def outside(postgres_url: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    """A hub's environment with a database and a Redis of the operator's."""
    return {
        "MEDIANEST_DATA_DIR": str(tmp_path),
        "MEDIANEST_DATABASE__URL": postgres_url,
        "MEDIANEST_REDIS__URL": redis_url,
        "MEDIANEST_SECRET_KEY": OLD,
    }


def on_database(outside: Mapping[str, str], work: Callable[[Database, RedisLink], Awaitable[Any]]) -> Any:
    async def within() -> Any:
        db = await Database.connect(outside["MEDIANEST_DATABASE__URL"], max_size=4)
        redis = RedisLink.open(outside["MEDIANEST_REDIS__URL"], worker=False)
        try:
            return await work(db, redis)
        finally:
            await redis.close()
            await db.close()

    return asyncio.run(within())


def make(environment: Mapping[str, str], name: str, role: str = "member") -> None:
    good(environment, "users", "create", name, "--role", role, "--password-stdin", stdin=PASSWORD.encode())


def statuses(environment: Mapping[str, str]) -> dict[str, str]:
    listed = json.loads(good(environment, "users", "list", "--json").stdout)
    return {one["username"]: one["status"] for one in listed}


def test_somebody_is_disabled_and_let_in_again(outside: dict[str, str]) -> None:
    make(outside, "ada", "admin")
    make(outside, "mia")
    good(outside, "users", "disable", "MIA")
    assert statuses(outside) == {"ada": "active", "mia": "disabled"}
    good(outside, "users", "enable", "mia")
    assert statuses(outside)["mia"] == "active"
    refused = run(outside, "users", "disable", "ada")
    assert refused.exit_code == 2
    assert "last admin" in refused.stderr


def test_a_password_link_is_printed_alone_and_works(outside: dict[str, str]) -> None:
    make(outside, "mia")
    done = good({**outside, "MEDIANEST_SERVER__PUBLIC_URL": "https://hub.example"}, "users", "password-link", "mia")
    path, _, token = done.stdout.strip().partition("#")
    assert path == "https://hub.example/reset-password"
    assert "24 hours" in done.stderr

    async def use(db: Database, redis: RedisLink) -> str:
        from medianest_hub.accounts.password_links import PasswordLinks

        people = People(db, redis, SecretBox([OLD]))
        try:
            return (await PasswordLinks(db, people).use(token, "quiet otters swim north")).username
        finally:
            people.close()

    assert on_database(outside, use) == "mia"


def test_somebodys_sessions_end_and_the_audit_log_knows_who_did_it(outside: dict[str, str]) -> None:
    make(outside, "mia")
    assert good(outside, "users", "sessions-end", "mia").stdout.startswith("0 session(s) of mia")

    async def entries(db: Database, redis: RedisLink) -> Any:
        return await db.fetch("SELECT action, actor_kind, target_name FROM medianest.audit ORDER BY id")

    told = [tuple(row) for row in on_database(outside, entries)]
    assert told == [
        ("users.make_person", "operator", "mia"),
        ("users.end_sessions_of_person", "operator", "mia"),
    ]


async def plant(db: Database, redis: RedisLink, key: str, people: int = 5) -> list[UUID]:
    box = SecretBox([key])
    await WantedStore(db, None, box).save_settings("plex", {"url": "x"}, {"token": "plex-setting", "other": "two"})
    everybody, made = People(db, redis, box), []
    try:
        for number in range(people):
            person = await everybody.create(f"{key[0]}{number}", None, Role.MEMBER)
            await everybody.set_secret("plex", "main", person.id, "token", f"token-{number}")
            made.append(person.id)
    finally:
        everybody.close()
    return made


async def all_open_with(db: Database, key: str) -> int:
    """How many sealed things there are; fails where the key alone does not open one."""
    box, count = SecretBox([key]), 0
    for row in await db.fetch("SELECT * FROM medianest.person_secrets"):
        box.open(secret_purpose(row["plugin"], row["instance"], row["person_id"]), row["sealed"])
        count += 1
    store = WantedStore(db, None, box)
    for name, wanted in (await store.all()).items():
        assert len(store.unseal(name, wanted)) == len(wanted.sealed)
        count += len(wanted.sealed)
    return count


def test_rotation_seals_everything_under_the_key_in_use(
    outside: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resealing, "BATCH", 2)
    on_database(outside, lambda db, redis: plant(db, redis, OLD))
    ring = {**outside, "MEDIANEST_SECRET_KEY": f"{NEW} {OLD}"}
    assert "2 setting(s) and 5 secret(s)" in good(ring, "secrets", "rotate").stdout
    assert "0 setting(s) and 0 secret(s)" in good(ring, "secrets", "rotate").stdout
    assert on_database(outside, lambda db, redis: all_open_with(db, NEW)) == 7


def test_a_rotation_that_dies_half_way_leaves_everything_readable_and_is_finished_later(
    outside: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resealing, "BATCH", 2)

    async def interrupted(db: Database, redis: RedisLink) -> None:
        await plant(db, redis, OLD)
        work = Resealing(db, SecretBox([NEW, OLD]))
        assert await work.stale() == 7
        original, calls = db.execute, 0

        async def dies(sql: str, *args: Any) -> str:
            nonlocal calls
            calls += 1
            if calls == 2:
                raise ConnectionError
            return await original(sql, *args)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(db, "execute", dies)
            with pytest.raises(ConnectionError):
                await work.run()
        assert await work.stale() == 3
        people = People(db, redis, SecretBox([NEW, OLD]))
        rows = await db.fetch("SELECT person_id FROM medianest.person_secrets")
        for row in rows:
            assert (await people.secret("plex", "main", row["person_id"], "token") or "").startswith("token-")
        people.close()
        assert (await work.run()).of_people == 3
        assert await all_open_with(db, NEW) == 7

    on_database(outside, interrupted)


def test_what_no_key_opens_is_counted_and_left_alone(outside: dict[str, str]) -> None:
    on_database(outside, lambda db, redis: plant(db, redis, "x" * 40, people=1))
    done = good({**outside, "MEDIANEST_SECRET_KEY": f"{NEW} {OLD}"}, "secrets", "rotate")
    assert "3 cannot be opened" in done.stdout
    assert on_database(outside, lambda db, redis: all_open_with(db, "x" * 40)) == 3


def test_a_key_of_the_operators_is_theirs_to_change(outside: dict[str, str]) -> None:
    refused = run(outside, "secrets", "rotate", "--forget-old")
    assert refused.exit_code == 2
    assert "yours to set" in refused.stderr
    without = {name: value for name, value in outside.items() if name != "MEDIANEST_SECRET_KEY"}
    assert "secret_key is not set" in run(without, "secrets", "rotate").stderr


def test_a_hub_with_a_key_of_its_own_gets_a_new_one_and_still_reads_everything(short_folder: Path) -> None:
    data = short_folder / "data"
    environment = {"MEDIANEST_DATA_DIR": str(data)}
    assert "no key in" in run(environment, "secrets", "rotate").stderr
    make(environment, "ada", "admin")
    before = (data / "secret.key").read_text().split()
    done = good(environment, "secrets", "rotate")
    ring = (data / "secret.key").read_text().split()
    assert len(ring) == 2
    assert ring[1:] == before
    assert ring[0] not in done.output
    assert (data / "secret.key").stat().st_mode & 0o777 == 0o600
    good(environment, "secrets", "rotate", "--forget-old")
    last = (data / "secret.key").read_text().split()
    assert len(last) == 1
    assert last[0] not in ring
    assert statuses(environment) == {"ada": "active"}


def test_a_running_hub_keeps_its_key(short_folder: Path) -> None:
    from medianest_hub.infrastructure.data_dir import DataDir

    data = DataDir(short_folder / "data")
    data.prepare()
    data.ensure_secret_key()
    key = data.secret_key.read_text()
    lock = data.lock()  # as a running hub holds it
    try:
        refused = run({"MEDIANEST_DATA_DIR": str(data.path)}, "secrets", "rotate")
    finally:
        lock.release()
    assert refused.exit_code == 2
    assert "stop the hub first" in refused.stderr
    assert data.secret_key.read_text() == key
