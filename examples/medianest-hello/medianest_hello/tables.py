"""The tables, in a Postgres schema of the plugin's own; `migrations/` brings them about."""

from __future__ import annotations

from piccolo.columns import UUID, BigInt, BigSerial, Text, Timestamptz, Varchar
from piccolo.table import Table

SCHEMA = "plugin_hello"


class GreetingRow(Table, tablename="greeting", schema=SCHEMA):
    """One entry of the guest book."""

    id = BigSerial(primary_key=True)
    author_id = UUID(default=None, index=True)
    author_name = Varchar(length=100, default=None)
    text = Varchar(length=200, default=None)
    left_at = Timestamptz(default=None, index=True)
    answer = Text(null=True, default=None)


class PulseRow(Table, tablename="pulse", schema=SCHEMA):
    """How often the stream has beaten, and the fence of the lease that wrote last."""

    name = Varchar(length=40, primary_key=True, default=None)
    fence = BigInt(default=None)
    beats = BigInt(default=None)
    beat_at = Timestamptz(default=None)
