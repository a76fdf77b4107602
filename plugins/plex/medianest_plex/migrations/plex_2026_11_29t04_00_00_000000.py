"""Who may write what is being played, and by what a playing is known again. Never edited once released."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-29T04:00:00:000000"
STATEMENTS = (
    """
    ALTER TABLE plugin_plex.playing
        ADD COLUMN player_id text NOT NULL DEFAULT '',
        ADD COLUMN section_key integer,
        ADD COLUMN number integer,
        ADD COLUMN parent_number integer,
        ADD COLUMN missing_since timestamptz
    """,
    """
    CREATE TABLE plugin_plex.listener (
        instance text PRIMARY KEY,
        fence bigint NOT NULL DEFAULT 0,
        look_began timestamptz,
        looked_at timestamptz
    )
    """,
    """
    CREATE TABLE plugin_plex.ended (
        instance text NOT NULL,
        session_key text NOT NULL,
        rating_key bigint,
        at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (instance, session_key)
    )
    """,
)


class Raw(Table):
    """Stands for no table of its own: it carries SQL into the migration's transaction."""


async def forwards() -> MigrationManager:
    """Make the tables. The hub gives the transaction all of this runs in."""
    manager = MigrationManager(migration_id=ID, app_name="plex", description="Who listens, and what ended just now")

    async def make() -> None:
        for statement in STATEMENTS:
            await Raw.raw(statement)

    manager.add_raw(make)
    return manager
