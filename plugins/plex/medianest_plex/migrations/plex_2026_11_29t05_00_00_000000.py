"""What keeps a sync from its end, apart from what whoever listens has to say. Never edited once released."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-29T05:00:00:000000"
STATEMENTS = ("ALTER TABLE plugin_plex.server ADD COLUMN sync_trouble text NOT NULL DEFAULT ''",)


class Raw(Table):
    """Stands for no table of its own: it carries SQL into the migration's transaction."""


async def forwards() -> MigrationManager:
    """Add it. The hub gives the transaction all of this runs in."""
    manager = MigrationManager(migration_id=ID, app_name="plex", description="What keeps a sync from its end")

    async def make() -> None:
        for statement in STATEMENTS:
            await Raw.raw(statement)

    manager.add_raw(make)
    return manager
