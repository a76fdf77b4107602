"""Brings the schema of the core and of every plugin up to date, one transaction per app, under one lock; never goes back.

An app is a Piccolo app named by an entry point of the group `medianest_hub.tables`; a plugin's tables live in the schema
`plugin_<name>`. Migration modules are loaded by path under a name of their own, since Piccolo imports them by bare name.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.util
import io
import os
import sys
import types
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import structlog
from importlib_metadata import entry_points
from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.conf.apps import AppConfig
from piccolo.engine.finder import engine_finder

from medianest_hub import __version__
from medianest_hub.infrastructure.database import Database, DatabaseAway, DatabaseRefused
from medianest_hub.infrastructure.logs import configure_logs
from medianest_hub.infrastructure.quarantine import importing, quarantined
from medianest_hub.plugin_api.hookspecs import TABLES_GROUP
from medianest_hub.settings import LoadedSettings

log = structlog.get_logger(__name__)

CORE = "medianest"
CORE_MODULE = "medianest_hub.infrastructure.core_tables.piccolo_app"
EXIT_OPERATOR = 2
EXIT_BEHIND = 75
_LOCK = 0x6D6E_6D69_6772  # "mnmigr"; any constant of ours

_BOOK = """
CREATE SCHEMA IF NOT EXISTS medianest;
CREATE TABLE IF NOT EXISTS medianest.migrations (
    app text NOT NULL, name text NOT NULL, hub_version text NOT NULL, ran_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (app, name)
);
CREATE TABLE IF NOT EXISTS medianest.migration_failures (
    app text PRIMARY KEY, name text NOT NULL, message text NOT NULL, at timestamptz NOT NULL DEFAULT now()
);
"""


class SchemaNewer(Exception):
    """The database was migrated by a newer program than this one."""


class SchemaBehind(Exception):
    """The database lacks migrations this program needs; run `medianest migrate`."""


@dataclass(frozen=True, slots=True)
class TablesApp:
    """One app's migrations: its name (a plugin's, or `medianest`) and where its files lie. `problem` when it cannot load."""

    name: str
    folder: Path | None = None
    problem: str = ""
    tables: tuple[Any, ...] = ()

    @property
    def migrations(self) -> dict[str, Path]:
        """File stem to file, in the order they run."""
        if self.folder is None or not self.folder.is_dir():
            return {}
        files = sorted(path for path in self.folder.glob("*.py") if path.stem != "__init__")
        return {path.stem: path for path in files}


@dataclass(frozen=True, slots=True)
class SchemaState:
    """What the database lacks: `pending` by app, and `failures` (app to words) of apps whose last try went wrong."""

    pending: dict[str, list[str]] = field(default_factory=dict)
    newer: dict[str, list[str]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


def find_apps(blocked: Iterable[str] = ()) -> list[TablesApp]:
    """The core's app first, then every plugin's that is not blocked. A plugin's broken app is returned with its problem."""
    refused = set(blocked)
    shut = quarantined()
    apps = [_load_app(CORE, CORE_MODULE)]
    seen = {CORE}
    for point in sorted(entry_points(group=TABLES_GROUP), key=lambda point: point.name):
        if point.name not in refused and point.name not in seen:
            seen.add(point.name)
            if point.name in shut:
                apps.append(TablesApp(point.name, problem=f"quarantined: {shut[point.name]}"))
                continue
            with importing(point.name):
                apps.append(_load_app(point.name, point.value))
    return apps


def _load_app(name: str, module: str) -> TablesApp:
    try:
        config: AppConfig = importlib.import_module(module).APP_CONFIG
        folder = Path(config.resolved_migrations_folder_path)
        if name != CORE:
            _check_schema(name, config)
    except Exception as error:  # a stranger's module may raise anything
        return TablesApp(name, problem=f"its tables module {module} cannot be used: {type(error).__name__}: {error}")
    return TablesApp(name, folder, tables=tuple(config.table_classes))


def _check_schema(name: str, config: AppConfig) -> None:
    for table in config.table_classes:
        if table._meta.schema != f"plugin_{name}":
            raise ValueError(f'table {table.__name__} must be declared with schema="plugin_{name}"')


async def schema_state(db: Database, apps: Iterable[TablesApp]) -> SchemaState:
    """Compare what is there with what this program brings; reads only."""
    try:
        ran_rows = await db.fetch("SELECT app, name FROM medianest.migrations")
        failed_rows = await db.fetch("SELECT app, message FROM medianest.migration_failures")
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        ran_rows, failed_rows = [], []
    state = SchemaState(failures={row["app"]: row["message"] for row in failed_rows})
    ran: dict[str, set[str]] = {}
    for row in ran_rows:
        ran.setdefault(row["app"], set()).add(row["name"])
    for app in apps:
        if app.problem:
            state.failures[app.name] = app.problem
        have = set(app.migrations)
        if missing := sorted(have - ran.get(app.name, set())):
            state.pending[app.name] = missing
        if have and (extra := sorted(name for name in ran.get(app.name, set()) - have if name > max(have))):
            state.newer[app.name] = extra
    return state


async def check(db: Database, apps: Iterable[TablesApp]) -> SchemaState:
    """As `schema_state`; raises `SchemaNewer` or `SchemaBehind` where the core cannot run on this schema."""
    state = await schema_state(db, apps)
    if CORE in state.newer:
        raise SchemaNewer(
            f"The database was migrated by a newer MediaNest Hub (it knows {state.newer[CORE][-1]}). "
            "Install that version again, or restore a backup made before the upgrade."
        )
    if CORE in state.pending:
        raise SchemaBehind(f"The database lacks {len(state.pending[CORE])} migration(s). Run `medianest migrate`.")
    return state


async def migrate(url: str, blocked: Iterable[str] = ()) -> dict[str, str]:
    """Run all that is pending; returns the failures of plugins (name to words). A failure of the core raises."""
    db = await Database.connect(url, min_size=1, max_size=2)
    try:
        async with contextlib.AsyncExitStack() as stack:
            lock = await stack.enter_async_context(db.connection())
            await lock.execute("SELECT pg_advisory_lock($1)", _LOCK)
            stack.push_async_callback(lock.execute, "SELECT pg_advisory_unlock($1)", _LOCK)
            await db.execute(_BOOK)
            apps = find_apps(blocked)
            state = await check_not_newer(db, apps)
            failures: dict[str, str] = {}
            for app in apps:
                if problem := await _migrate_app(db, app, state.pending.get(app.name, [])):
                    failures[app.name] = problem
            return failures
    finally:
        await db.close()


async def check_not_newer(db: Database, apps: Iterable[TablesApp]) -> SchemaState:
    """The state, or `SchemaNewer`; being behind is what `migrate` is for."""
    try:
        return await check(db, apps)
    except SchemaBehind:
        return await schema_state(db, apps)


async def _migrate_app(db: Database, app: TablesApp, pending: list[str]) -> str:
    if not pending:
        return app.problem
    running = pending[0]
    try:
        with _as_piccolo_engine(db), contextlib.redirect_stdout(io.StringIO()):
            async with db.engine.transaction() as transaction:
                connection = transaction.connection
                if app.name != CORE:
                    await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "plugin_{app.name}"')
                for running in pending:
                    await _run_file(app, running)
                    await connection.execute(
                        "INSERT INTO medianest.migrations (app, name, hub_version) VALUES ($1, $2, $3)",
                        app.name,
                        running,
                        __version__,
                    )
    except Exception as error:
        if app.name == CORE:
            raise
        message = f"migration {running} failed, none of its changes were kept: {type(error).__name__}: {error}"
        log.exception("plugin_migration_failed", plugin=app.name, migration=running)
        await db.execute(
            "INSERT INTO medianest.migration_failures (app, name, message) VALUES ($1, $2, $3) "
            "ON CONFLICT (app) DO UPDATE SET name = $2, message = $3, at = now()",
            app.name,
            running,
            message,
        )
        return message
    await db.execute("DELETE FROM medianest.migration_failures WHERE app = $1", app.name)
    log.info("migrated", app=app.name, migrations=len(pending))
    return ""


async def _run_file(app: TablesApp, stem: str) -> None:
    path = app.migrations[stem]
    spec = importlib.util.spec_from_file_location(f"_medianest_migrations.{app.name}.{stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {path.name}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    manager = await module.forwards()
    if isinstance(manager, MigrationManager):
        await manager.run()


async def run_sql(sql: str) -> None:
    """Run a script of several statements inside the migration under way; for migrations written in SQL."""
    engine: Any = engine_finder()
    await engine.current_transaction.get().connection.execute(sql)


@contextlib.contextmanager
def _as_piccolo_engine(db: Database) -> Any:
    """Piccolo's migration manager looks its engine up in a module `piccolo_conf`; give it ours for the while."""
    module = types.ModuleType("piccolo_conf")
    module.DB = db.engine  # type: ignore[attr-defined]
    before = sys.modules.get("piccolo_conf")
    before_name = os.environ.get("PICCOLO_CONF")
    sys.modules["piccolo_conf"] = module
    os.environ["PICCOLO_CONF"] = "piccolo_conf"
    try:
        yield
    finally:
        sys.modules.pop("piccolo_conf")
        if before is not None:
            sys.modules["piccolo_conf"] = before
        os.environ.pop("PICCOLO_CONF")
        if before_name is not None:
            os.environ["PICCOLO_CONF"] = before_name


def run(loaded: LoadedSettings, *, check_only: bool = False) -> int:
    """`medianest migrate [--check]`. 0 done · 2 the operator must act · with `check_only` 75 when something is pending."""
    configure_logs(loaded.settings.log.level, loaded.settings.log.format, process="migrate")
    secret = loaded.settings.database.url
    if secret is None:
        _say("medianest: database.url is not set; `medianest serve` migrates its own embedded database.")
        return EXIT_OPERATOR
    url = secret.get_secret_value()
    blocked = loaded.settings.plugins.blocked
    try:
        return asyncio.run(_check_only(url, blocked) if check_only else _migrate_all(url, blocked))
    except (SchemaNewer, DatabaseAway, DatabaseRefused) as error:
        _say(f"medianest: {error}")
    except asyncpg.PostgresError as error:
        _say(f"medianest: migrating failed, nothing was changed: {error}")
    return EXIT_OPERATOR


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


async def _migrate_all(url: str, blocked: Iterable[str]) -> int:
    for name, problem in (await migrate(url, blocked)).items():
        _say(f"medianest: plugin {name}: {problem}")
    return 0


async def _check_only(url: str, blocked: Iterable[str]) -> int:
    db = await Database.connect(url, max_size=1)
    try:
        state = await check_not_newer(db, find_apps(blocked))
    finally:
        await db.close()
    for app, names in state.pending.items():
        sys.stdout.write(f"{app}: pending {', '.join(names)}\n")
    return EXIT_BEHIND if state.pending else 0
