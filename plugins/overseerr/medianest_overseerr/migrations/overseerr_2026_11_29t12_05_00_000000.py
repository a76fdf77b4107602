"""Who is deciding on a request. Never edited once released: what changes later is one of its own."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-29T12:05:00:000000"
STATEMENTS = ("ALTER TABLE plugin_overseerr.request ADD COLUMN deciding_until timestamptz",)


class Raw(Table):
    """Stands for no table of its own: it carries SQL into the migration's transaction."""


async def forwards() -> MigrationManager:
    """Add it. The hub gives the transaction all of this runs in."""
    manager = MigrationManager(migration_id=ID, app_name="overseerr", description="Who is deciding on a request")

    async def make() -> None:
        for statement in STATEMENTS:
            await Raw.raw(statement)

    manager.add_raw(make)
    return manager
