"""Addresses, devices, the push key, and what is on its way. Never edited once released."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-29T11:00:00:000000"
_TARGET = """
        id uuid PRIMARY KEY,
        instance text NOT NULL,
        person_id uuid NOT NULL,
        service text NOT NULL,
        label text NOT NULL DEFAULT '',
        created_at timestamptz NOT NULL,
        delivered_at timestamptz,
        trouble text NOT NULL DEFAULT '',
        trouble_since timestamptz
"""
STATEMENTS = (
    f"CREATE TABLE plugin_notify.address ({_TARGET}, server text NOT NULL DEFAULT '')",
    "CREATE INDEX address_person ON plugin_notify.address (instance, person_id, created_at, id)",
    f"CREATE TABLE plugin_notify.device ({_TARGET}, endpoint_hash text NOT NULL, UNIQUE (instance, endpoint_hash))",
    "CREATE INDEX device_person ON plugin_notify.device (instance, person_id, created_at, id)",
    """
    CREATE TABLE plugin_notify.push_key (
        instance text PRIMARY KEY,
        sealed text NOT NULL,
        created_at timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE plugin_notify.outgoing (
        id uuid PRIMARY KEY,
        instance text NOT NULL,
        person_id uuid NOT NULL,
        way text NOT NULL,
        target_id uuid NOT NULL,
        kind text NOT NULL,
        title text NOT NULL,
        body text NOT NULL DEFAULT '',
        href text,
        state text NOT NULL DEFAULT 'waiting',
        created_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX outgoing_target ON plugin_notify.outgoing (target_id)",
    "CREATE INDEX outgoing_age ON plugin_notify.outgoing (instance, created_at)",
)


class Raw(Table):
    """Stands for no table of its own: it carries SQL into the migration's transaction."""


async def forwards() -> MigrationManager:
    """Make the tables. The hub has made the schema, and gives the transaction all of this runs in."""
    manager = MigrationManager(migration_id=ID, app_name="notify", description="Addresses, devices, key, outgoing")

    async def make() -> None:
        for statement in STATEMENTS:
            await Raw.raw(statement)

    manager.add_raw(make)
    return manager
