"""All tables of the first version, from the files in `ddl/`."""

from pathlib import Path

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from medianest_hub.infrastructure.migrations import run_sql

ID = "core_20261122T000000"
FILES = ("accounts", "plugins", "jobs", "realtime")


async def forwards() -> MigrationManager:
    """Create the tables."""
    manager = MigrationManager(migration_id=ID, app_name="medianest", description="the first tables")

    async def create() -> None:
        for name in FILES:
            await run_sql((Path(__file__).parent.parent / "ddl" / f"{name}.sql").read_text())

    manager.add_raw(create)
    return manager
