"""Notifications: what happened, whom it was told to, by which ways, and what people chose."""

from pathlib import Path

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from medianest_hub.infrastructure.migrations import run_sql

ID = "core_20261129T110000"
FILES = ("notifications",)


async def forwards() -> MigrationManager:
    """Create the tables."""
    manager = MigrationManager(migration_id=ID, app_name="medianest", description="notifications")

    async def create() -> None:
        for name in FILES:
            await run_sql((Path(__file__).parent.parent / "ddl" / f"{name}.sql").read_text())

    manager.add_raw(create)
    return manager
