"""When all requests were looked at, and what is known of issues."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-29T11:00:00:000000"
STATEMENTS = (
    "ALTER TABLE plugin_overseerr.source ADD COLUMN whole_at timestamptz, ADD COLUMN issues_at timestamptz",
    """
    CREATE TABLE plugin_overseerr.issue (
        instance text NOT NULL,
        issue_id integer NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        is_open boolean NOT NULL,
        last_comment integer NOT NULL,
        asked_at timestamptz NOT NULL,
        PRIMARY KEY (instance, issue_id)
    )
    """,
)


class Raw(Table):
    """Stands for no table of its own: it carries SQL into the migration's transaction."""


async def forwards() -> MigrationManager:
    """Add them, in the transaction the hub gives."""
    manager = MigrationManager(migration_id=ID, app_name="overseerr", description="Looks, and issues")

    async def make() -> None:
        for statement in STATEMENTS:
            await Raw.raw(statement)

    manager.add_raw(make)
    return manager
