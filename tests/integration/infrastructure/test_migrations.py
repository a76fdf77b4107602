"""Migrating: once, alone, all or nothing per app, never backwards."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from medianest_hub.infrastructure import migrations
from medianest_hub.infrastructure.database import Database
from medianest_hub.infrastructure.migrations import CORE, SchemaBehind, SchemaNewer, TablesApp

MIGRATION = """
from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from medianest_hub.infrastructure.migrations import run_sql

async def forwards():
    manager = MigrationManager(migration_id={name!r}, app_name="x", description="")

    async def go():
        await run_sql({sql!r})

    manager.add_raw(go)
    return manager
"""


def app(folder: Path, name: str, **files: str) -> TablesApp:
    home = folder / name
    home.mkdir(exist_ok=True)
    for stem, sql in files.items():
        (home / f"{stem}.py").write_text(MIGRATION.format(name=stem, sql=sql))
    return TablesApp(name, home)


@pytest.fixture
async def db(empty_postgres_url: str) -> AsyncIterator[Database]:
    db = await Database.connect(empty_postgres_url)
    yield db
    await db.close()


@pytest.fixture
def apps(monkeypatch: pytest.MonkeyPatch) -> list[TablesApp]:
    """The core and what a test adds, in place of what happens to be installed."""
    found = [app for app in migrations.find_apps() if app.name == CORE]
    monkeypatch.setattr(migrations, "find_apps", lambda blocked=(): list(found))
    return found


async def test_migrating_twice_runs_each_migration_once(
    empty_postgres_url: str, db: Database, apps: list[TablesApp]
) -> None:
    assert await migrations.migrate(empty_postgres_url) == {}
    first = await db.fetch("SELECT * FROM medianest.migrations")
    assert await migrations.migrate(empty_postgres_url) == {}
    assert await db.fetch("SELECT * FROM medianest.migrations") == first
    assert (await migrations.check(db, apps)).pending == {}


async def test_three_at_once_wait_for_each_other(empty_postgres_url: str, db: Database, apps: list[TablesApp]) -> None:
    assert await asyncio.gather(*(migrations.migrate(empty_postgres_url) for _ in range(3))) == [{}, {}, {}]


async def test_a_plugin_that_fails_half_way_keeps_nothing_and_harms_nobody(
    empty_postgres_url: str, db: Database, apps: list[TablesApp], tmp_path: Path
) -> None:
    apps.append(
        app(
            tmp_path, "bad", bad_1="CREATE TABLE plugin_bad.a (id int)", bad_2="CREATE TABLE plugin_bad.b (id nonsense)"
        )
    )
    apps.append(app(tmp_path, "good", good_1="CREATE TABLE plugin_good.a (id int)"))
    failures = await migrations.migrate(empty_postgres_url)
    assert set(failures) == {"bad"}
    assert "bad_2" in failures["bad"]
    assert await db.fetchval("SELECT to_regclass('plugin_bad.a')") is None
    assert await db.fetchval("SELECT to_regclass('plugin_good.a')") is not None
    state = await migrations.check(db, apps)
    assert state.pending == {"bad": ["bad_1", "bad_2"]}
    assert "nonsense" in state.failures["bad"]

    (tmp_path / "bad" / "bad_2.py").write_text(MIGRATION.format(name="bad_2", sql="CREATE TABLE plugin_bad.b (id int)"))
    assert await migrations.migrate(empty_postgres_url) == {}
    assert (await migrations.check(db, apps)).failures == {}


async def test_two_plugins_may_call_their_files_alike(
    empty_postgres_url: str, db: Database, apps: list[TablesApp], tmp_path: Path
) -> None:
    apps.append(app(tmp_path, "one", m0001="CREATE TABLE plugin_one.a (id int)"))
    apps.append(app(tmp_path, "two", m0001="CREATE TABLE plugin_two.a (id int)"))
    assert await migrations.migrate(empty_postgres_url) == {}
    assert await db.fetchval("SELECT to_regclass('plugin_two.a')") is not None


async def test_a_schema_newer_than_the_program_is_refused(
    empty_postgres_url: str, db: Database, apps: list[TablesApp]
) -> None:
    await migrations.migrate(empty_postgres_url)
    await db.execute(
        "INSERT INTO medianest.migrations (app, name, hub_version) VALUES ('medianest', 'core_29990101T000000', '9')"
    )
    with pytest.raises(SchemaNewer, match="core_29990101T000000"):
        await migrations.check(db, apps)
    with pytest.raises(SchemaNewer):
        await migrations.migrate(empty_postgres_url)


async def test_an_empty_database_is_behind(db: Database, apps: list[TablesApp]) -> None:
    with pytest.raises(SchemaBehind, match="medianest migrate"):
        await migrations.check(db, apps)
