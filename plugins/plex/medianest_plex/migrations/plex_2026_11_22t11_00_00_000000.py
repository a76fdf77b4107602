"""The installation and the servers it knows. Never edited once released: what changes later is one of its own."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T11:00:00:000000"
STATEMENTS = (
    """
    CREATE TABLE plugin_plex.installation (
        instance text PRIMARY KEY,
        client_identifier uuid NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE plugin_plex.known_server (
        instance text NOT NULL,
        url text NOT NULL,
        machine_identifier text NOT NULL,
        learned_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (instance, url)
    )
    """,
)


class Raw(Table):
    """Stands for no table of its own: it carries SQL into the migration's transaction."""


async def forwards() -> MigrationManager:
    """Make the tables. The hub has made the schema, and gives the transaction all of this runs in."""
    manager = MigrationManager(migration_id=ID, app_name="plex", description="Installation and known servers")

    async def make() -> None:
        for statement in STATEMENTS:
            await Raw.raw(statement)

    manager.add_raw(make)
    return manager
