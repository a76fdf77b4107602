"""`medianest plugins` and `medianest migrate` as an operator types them, beside a running hub and on a database of one's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from medianest_hub.infrastructure.data_dir import DataDir
from medianest_hub.testing import Hub
from medianest_hub.testing.distributions import plugin_source, sql_migrations, write_distribution

from .conftest import Household

SECRET = "s3cret-from-stdin"


async def test_settings_are_shown_and_changed_without_a_secret_on_the_command_line(hub: Hub) -> None:
    command = ("plugins", "settings", "vault_typed")
    first = await hub.command(*command, "--secret-stdin", "token", "--set", "address=http://vault", stdin=f"{SECRET}\n")
    assert "token = (set)" in first.stdout
    changed = await hub.command(*command, "--set", "retries=7")
    assert 'address = "http://vault"' in changed.stdout
    assert "retries = 7" in changed.stdout
    assert "second = (not set)" in changed.stdout
    shown = json.loads((await hub.command(*command, "--json")).stdout)
    assert shown["values"]["token"] == {"set": True}
    await hub.admin.until("/api/v1/vault_typed/seen", lambda reply: reply.status == 200)
    seen = (await hub.admin.get("/api/v1/vault_typed/seen")).json()
    assert seen["token_length"] == len(SECRET)
    back = await hub.command(*command, "--unset", "retries")
    assert "retries = 3" in back.stdout
    assert SECRET not in first.stdout + changed.stdout + back.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--set", "adress=x"), "adress"),
        (("--set", "address"), "write FIELD=VALUE"),
        (("--set", "address=http://auth", "--secret-stdin", "token"), "did not pass their test"),
        (("--secret-stdin", "address"), "is no secret"),
    ],
)
async def test_settings_that_cannot_be_are_refused_in_words(hub: Hub, words: tuple[str, ...], says: str) -> None:
    done = await hub.command("plugins", "settings", "vault_typed", *words, stdin="x", check=False)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


async def test_a_pinned_field_is_marked_and_stays(hub: Hub) -> None:
    shown = await hub.command("plugins", "settings", "vault_pinned")
    assert "# env MEDIANEST_PLUGINS__VAULT_PINNED__ADDRESS" in shown.stdout
    refused = await hub.command("plugins", "settings", "vault_pinned", "--set", "address=http://x", check=False)
    assert (refused.returncode, "VAULT_PINNED__ADDRESS" in refused.stderr) == (2, True)


async def test_a_plugin_that_is_not_there_or_not_loaded_is_named(hub: Hub) -> None:
    nobody = await hub.command("plugins", "disable", "nobody", check=False)
    assert "no plugin called nobody is installed" in nobody.stderr
    broken = await hub.command("plugins", "settings", "raises_at_import", check=False)
    assert "no luck at import" in broken.stderr


async def test_the_list_is_the_same_for_programs(hub: Hub) -> None:
    listed = {item["name"]: item for item in json.loads((await hub.command("plugins", "list", "--json")).stdout)}
    assert listed["healthy"]["state"] == "running"
    assert {one["role"] for one in listed["healthy"]["processes"]} == {"web", "worker"}
    assert listed["youtube"]["state"] == "blocked"


def medianest(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MEDIANEST_")}
    return subprocess.run(
        [sys.executable, "-P", "-m", "medianest_hub", *words],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


async def test_migrate_says_what_is_pending_runs_it_and_leaves_out_what_fails(
    empty_postgres_url: str, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    write_distribution(
        site, "typed", plugin_source(), files=sql_migrations("typed", "CREATE TABLE plugin_typed.t (id int)")
    )
    write_distribution(site, "torn", plugin_source(), files=sql_migrations("torn", "CREATE TABLE nowhere.t (id int)"))
    generated = sql_migrations("generated", "")
    (name,) = (path for path in generated if path.startswith("migrations/generated_"))
    write_distribution(site, "generated", plugin_source(), files={**generated, name: _GENERATED})
    where = {
        "MEDIANEST_DATABASE__URL": empty_postgres_url,
        "MEDIANEST_DATA_DIR": str(tmp_path / "data"),
        "PYTHONPATH": str(site),
    }

    before = medianest("migrate", "--check", **where)
    assert before.returncode == 75
    assert "medianest: pending" in before.stdout
    assert "typed: pending typed_2026_01_01t00_00_00_000000" in before.stdout
    done = medianest("migrate", **where)
    assert done.returncode == 0
    assert "plugin torn: migration torn_2026_01_01t00_00_00_000000 failed" in done.stderr
    after = medianest("migrate", "--check", **where)
    assert (after.returncode, after.stdout) == (75, "torn: pending torn_2026_01_01t00_00_00_000000\n")

    connection = await asyncpg.connect(empty_postgres_url)
    try:
        assert await connection.fetchval("SELECT count(*) FROM plugin_typed.t") == 0
        await connection.execute("INSERT INTO plugin_generated.thing (name) VALUES ('x')")
        assert await connection.fetchval("SELECT to_regnamespace('plugin_torn')") is None
    finally:
        await connection.close()


async def test_migrate_joins_the_running_hubs_own_database(hub: Hub, household: Household) -> None:
    assert DataDir(household.process.folder / "data").addresses()
    done = await hub.command("migrate", "--check", check=False)
    assert "half_migrated: pending" in done.stdout
    assert "medianest: pending" not in done.stdout


# As `piccolo migrations new --auto` writes them.
_GENERATED = """
from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.columns.column_types import Serial, Varchar
from piccolo.columns.indexes import IndexMethod

ID = "2026-01-01T00:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = ""


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="generated", description=DESCRIPTION)
    manager.add_table(class_name="Thing", tablename="thing", schema="plugin_generated", columns=None)
    manager.add_column(
        table_class_name="Thing", tablename="thing", column_name="id", db_column_name="id",
        column_class_name="Serial", column_class=Serial,
        params={"null": False, "primary_key": True, "unique": False, "index": False,
                "index_method": IndexMethod.btree, "choices": None, "db_column_name": "id", "secret": False},
        schema="plugin_generated",
    )
    manager.add_column(
        table_class_name="Thing", tablename="thing", column_name="name", db_column_name="name",
        column_class_name="Varchar", column_class=Varchar,
        params={"length": 100, "default": "", "null": False, "primary_key": False, "unique": False, "index": True,
                "index_method": IndexMethod.btree, "choices": None, "db_column_name": None, "secret": False},
        schema="plugin_generated",
    )
    return manager
"""
