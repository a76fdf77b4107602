"""The tables, in a Postgres schema of the plugin's own; `migrations/` brings them about."""

from __future__ import annotations

from piccolo.columns import UUID, Text, Timestamptz
from piccolo.table import Table

SCHEMA = "plugin_plex"


class InstallationRow(Table, tablename="installation", schema=SCHEMA):
    """What Plex knows this hub by: one for all replicas, for as long as the database lives."""

    instance = Text(primary_key=True, default=None)
    client_identifier = UUID(default=None)
    created_at = Timestamptz(default=None)


class KnownServerRow(Table, tablename="known_server", schema=SCHEMA):
    """Which server first answered at an address; another one there is not believed."""

    instance = Text(default=None)
    url = Text(default=None)
    machine_identifier = Text(default=None)
    learned_at = Timestamptz(default=None)
