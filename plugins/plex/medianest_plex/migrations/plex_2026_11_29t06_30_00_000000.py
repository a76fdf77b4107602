"""Whose Plex account it was that Plex spoke of, and since when its word is in doubt. Never edited once released."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-29T06:30:00:000000"
STATEMENTS = (
    """
    ALTER TABLE plugin_plex.seen_state
        ADD COLUMN subject text NOT NULL DEFAULT '',
        ADD COLUMN doubt_since timestamptz
    """,
)


class Raw(Table):
    """Stands for no table of its own: it carries SQL into the migration's transaction."""


async def forwards() -> MigrationManager:
    """Add them. The hub gives the transaction all of this runs in."""
    manager = MigrationManager(migration_id=ID, app_name="plex", description="Whose account Plex spoke of")

    async def make() -> None:
        for statement in STATEMENTS:
            await Raw.raw(statement)

    manager.add_raw(make)
    return manager
