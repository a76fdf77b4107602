"""The tables, in a Postgres schema of the plugin's own; `migrations/` brings them about."""

from __future__ import annotations

from piccolo.columns import (
    JSONB,
    UUID,
    Array,
    BigInt,
    Boolean,
    DoublePrecision,
    Integer,
    Real,
    SmallInt,
    Text,
    Timestamptz,
)
from piccolo.table import Table

SCHEMA = "plugin_uptime_kuma"


class SourceRow(Table, tablename="source", schema=SCHEMA):
    """How it stands with Uptime Kuma itself. `fence` is the highest holder's, who alone may write.

    Statuses are believed for `patience` seconds after `heard_at`. `token` is sealed; `token_of` says whose it is.
    """

    instance = Text(primary_key=True, default=None)
    fence = BigInt(default=0)
    way = Text(default="")
    version = Text(default="")
    connected = Boolean(default=False)
    since = Timestamptz(null=True, default=None)
    heard_at = Timestamptz(null=True, default=None)
    patience = DoublePrecision(default=90)
    trouble = Text(default="")
    token = Text(null=True, default=None)
    token_of = Text(null=True, default=None)
    rolled_until = Timestamptz(null=True, default=None)


class MonitorRow(Table, tablename="monitor", schema=SCHEMA):
    """One monitor, whatever way it was seen. `number` is what beats name it by, `kuma_id` what Uptime Kuma does, if known.

    Statuses are those of `models.Status.number`, `ping` in milliseconds, uptimes 0-1: `given` by Uptime Kuma, `own` from
    our history. `notified_at`: of which moment the last notification told. `missing_since`: not among those Uptime Kuma
    names any more; `gone_at`: removed there.
    """

    id = UUID(primary_key=True, default=None)
    number = Integer(default=None)
    instance = Text(default=None)
    kuma_id = Integer(null=True, default=None)
    name = Text(default=None)
    kind = Text(default="")
    group_name = Text(default="")
    groups = Array(base_column=Text(), default=list)
    tags = Array(base_column=Text(), default=list)
    address = Text(default="")
    position = Integer(default=0)
    status = SmallInt(default=5)
    since = Timestamptz(default=None)
    seen_at = Timestamptz(default=None)
    ping = Real(null=True, default=None)
    message = Text(default="")
    certificate_days = Integer(null=True, default=None)
    certificate_valid = Boolean(null=True, default=None)
    given_day = DoublePrecision(null=True, default=None)
    given_month = DoublePrecision(null=True, default=None)
    own_day = DoublePrecision(null=True, default=None)
    own_week = DoublePrecision(null=True, default=None)
    own_month = DoublePrecision(null=True, default=None)
    alert = JSONB(default="{}")
    notified_at = Timestamptz(null=True, default=None)
    missing_since = Timestamptz(null=True, default=None)
    gone_at = Timestamptz(null=True, default=None)
    created_at = Timestamptz(default=None)


class BeatRow(Table, tablename="beat", schema=SCHEMA):
    """What a monitor was found to be at `at`. It holds until the next one, for `hold` seconds at most; then nobody knows."""

    number = Integer(default=None)
    at = Timestamptz(default=None)
    status = SmallInt(default=None)
    ping = Real(null=True, default=None)
    hold = Real(default=None)


class HourlyRow(Table, tablename="hourly", schema=SCHEMA):
    """One hour of one monitor: seconds in each status (what lacks to 3600 is unknown), and its response times in ms."""

    number = Integer(default=None)
    starts_at = Timestamptz(default=None)
    up = DoublePrecision(default=0)
    down = DoublePrecision(default=0)
    pending = DoublePrecision(default=0)
    maintenance = DoublePrecision(default=0)
    paused = DoublePrecision(default=0)
    beats = Integer(default=0)
    pings = Integer(default=0)
    ping_sum = DoublePrecision(default=0)
    ping_min = Real(null=True, default=None)
    ping_max = Real(null=True, default=None)


class DailyRow(HourlyRow, tablename="daily", schema=SCHEMA):
    """The same for one day of UTC."""


class TouchedRow(Table, tablename="touched", schema=SCHEMA):
    """An hour that has to be added up again."""

    starts_at = Timestamptz(primary_key=True, default=None)


class IncidentRow(Table, tablename="incident", schema=SCHEMA):
    """Something announced on a status page; `kuma_id` is its number there."""

    id = UUID(primary_key=True, default=None)
    instance = Text(default=None)
    page = Text(default=None)
    kuma_id = Integer(default=None)
    title = Text(default=None)
    content = Text(default=None)
    style = Text(default=None)
    opened_at = Timestamptz(default=None)
    updated_at = Timestamptz(default=None)
    closed_at = Timestamptz(null=True, default=None)


class MaintenanceRow(Table, tablename="maintenance", schema=SCHEMA):
    """Work that Uptime Kuma knows of; `state` in its own words (`scheduled`, `under-maintenance`, …)."""

    instance = Text(default=None)
    kuma_id = Integer(default=None)
    title = Text(default=None)
    description = Text(default=None)
    state = Text(default=None)
    starts_at = Timestamptz(null=True, default=None)
    ends_at = Timestamptz(null=True, default=None)
