"""What a sync must not forget when it is killed: doubts, hints, and what is not told of yet. Never edited once released."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-29T03:00:00:000000"
STATEMENTS = (
    """
    ALTER TABLE plugin_plex.server
        ADD COLUMN hint_round bigint NOT NULL DEFAULT 0,
        ADD COLUMN announce_at timestamptz
    """,
    """
    ALTER TABLE plugin_plex.section
        ADD COLUMN run_until bigint NOT NULL DEFAULT 0,
        ADD COLUMN missing_since timestamptz,
        ADD COLUMN doubt_since timestamptz
    """,
    # A daily comparison touches every row and no index: with room on the page that costs no index entry either.
    "ALTER TABLE plugin_plex.item SET (fillfactor = 85)",
    "ALTER TABLE plugin_plex.item ADD COLUMN first_seen_at timestamptz NOT NULL DEFAULT now()",
    """
    CREATE TABLE plugin_plex.hint (
        instance text NOT NULL,
        rating_key bigint NOT NULL,
        at timestamptz NOT NULL,
        PRIMARY KEY (instance, rating_key)
    )
    """,
    """
    CREATE TABLE plugin_plex.arrival (
        instance text NOT NULL,
        rating_key bigint NOT NULL,
        at timestamptz NOT NULL,
        held boolean NOT NULL DEFAULT false,
        PRIMARY KEY (instance, rating_key)
    )
    """,
)


class Raw(Table):
    """Stands for no table of its own: it carries SQL into the migration's transaction."""


async def forwards() -> MigrationManager:
    """Make them. The hub gives the transaction all of this runs in."""
    manager = MigrationManager(migration_id=ID, app_name="plex", description="What a sync must not forget")

    async def make() -> None:
        for statement in STATEMENTS:
            await Raw.raw(statement)

    manager.add_raw(make)
    return manager
