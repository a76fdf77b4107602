"""The tables, in a Postgres schema of the plugin's own; `migrations/` brings them about."""

from __future__ import annotations

from piccolo.columns import UUID, Text, Timestamptz
from piccolo.table import Table

SCHEMA = "plugin_notify"


class AddressRow(Table, tablename="address", schema=SCHEMA):
    """An address somebody entered, without itself: that is a secret of the person's. `trouble` is a code of `outcomes`."""

    id = UUID(primary_key=True, default=None)
    instance = Text(default=None)
    person_id = UUID(default=None)
    service = Text(default=None)
    label = Text(default="")
    server = Text(default="")
    created_at = Timestamptz(default=None)
    delivered_at = Timestamptz(null=True, default=None)
    trouble = Text(default="")
    trouble_since = Timestamptz(null=True, default=None)


class DeviceRow(Table, tablename="device", schema=SCHEMA):
    """A browser that may be pushed to, known again by `endpoint_hash`; endpoint and keys are a secret of the person's."""

    id = UUID(primary_key=True, default=None)
    instance = Text(default=None)
    person_id = UUID(default=None)
    endpoint_hash = Text(default=None)
    service = Text(default=None)
    label = Text(default="")
    created_at = Timestamptz(default=None)
    delivered_at = Timestamptz(null=True, default=None)
    trouble = Text(default="")
    trouble_since = Timestamptz(null=True, default=None)


class KeyRow(Table, tablename="push_key", schema=SCHEMA):
    """The key push services know this hub by; `sealed` holds it."""

    instance = Text(primary_key=True, default=None)
    sealed = Text(default=None)
    created_at = Timestamptz(default=None)


class OutgoingRow(Table, tablename="outgoing", schema=SCHEMA):
    """One message to one address or device, until it is there. `state`: `waiting`, or `sending` while an attempt is under way."""

    id = UUID(primary_key=True, default=None)
    instance = Text(default=None)
    person_id = UUID(default=None)
    way = Text(default=None)
    target_id = UUID(default=None)
    kind = Text(default=None)
    title = Text(default=None)
    body = Text(default="")
    href = Text(null=True, default=None)
    state = Text(default="waiting")
    created_at = Timestamptz(default=None)
