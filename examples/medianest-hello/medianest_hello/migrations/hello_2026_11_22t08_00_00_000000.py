"""The guest book and its pulse. Never edited once released: what changes later is a migration of its own.

Written in SQL, one statement each; `piccolo migrations new hello --auto` makes such a file out of `tables.py` as well.
"""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T08:00:00:000000"
STATEMENTS = (
    """
    CREATE TABLE plugin_hello.greeting (
        id bigserial PRIMARY KEY,
        author_id uuid NOT NULL,
        author_name varchar(100) NOT NULL,
        text varchar(200) NOT NULL,
        left_at timestamptz NOT NULL,
        answer text
    )
    """,
    "CREATE INDEX greeting_author_id ON plugin_hello.greeting (author_id)",
    "CREATE INDEX greeting_left_at ON plugin_hello.greeting (left_at)",
    """
    CREATE TABLE plugin_hello.pulse (
        name varchar(40) PRIMARY KEY,
        fence bigint NOT NULL,
        beats bigint NOT NULL,
        beat_at timestamptz NOT NULL
    )
    """,
)


class Raw(Table):
    """Stands for no table of its own: it carries SQL into the migration's transaction."""


async def forwards() -> MigrationManager:
    """Make both tables. The hub has made the schema, and gives the transaction all of this runs in."""
    manager = MigrationManager(migration_id=ID, app_name="hello", description="The guest book and its pulse")

    async def make() -> None:
        for statement in STATEMENTS:
            await Raw.raw(statement)

    manager.add_raw(make)
    return manager
