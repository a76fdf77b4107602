"""The source, its monitors, their beats and what those add up to, and incidents. Never edited once released."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-29T01:00:00:000000"
_SUMS = """
        number integer NOT NULL REFERENCES plugin_uptime_kuma.monitor (number) ON DELETE CASCADE,
        starts_at timestamptz NOT NULL,
        up double precision NOT NULL,
        down double precision NOT NULL,
        pending double precision NOT NULL,
        maintenance double precision NOT NULL,
        paused double precision NOT NULL,
        beats integer NOT NULL,
        pings integer NOT NULL,
        ping_sum double precision NOT NULL,
        ping_min real,
        ping_max real,
        PRIMARY KEY (number, starts_at)
"""
STATEMENTS = (
    """
    CREATE TABLE plugin_uptime_kuma.source (
        instance text PRIMARY KEY,
        fence bigint NOT NULL DEFAULT 0,
        way text NOT NULL DEFAULT '',
        version text NOT NULL DEFAULT '',
        connected boolean NOT NULL DEFAULT false,
        since timestamptz,
        heard_at timestamptz,
        patience double precision NOT NULL DEFAULT 90,
        trouble text NOT NULL DEFAULT '',
        token text,
        token_of text,
        rolled_until timestamptz
    )
    """,
    """
    CREATE TABLE plugin_uptime_kuma.monitor (
        id uuid PRIMARY KEY,
        number integer NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE,
        instance text NOT NULL,
        kuma_id integer,
        name text NOT NULL,
        kind text NOT NULL DEFAULT '',
        group_name text NOT NULL DEFAULT '',
        groups text[] NOT NULL DEFAULT ARRAY[]::text[],
        tags text[] NOT NULL DEFAULT ARRAY[]::text[],
        address text NOT NULL DEFAULT '',
        position integer NOT NULL DEFAULT 0,
        status smallint NOT NULL DEFAULT 5,
        since timestamptz NOT NULL,
        seen_at timestamptz NOT NULL,
        ping real,
        message text NOT NULL DEFAULT '',
        certificate_days integer,
        certificate_valid boolean,
        given_day double precision,
        given_month double precision,
        own_day double precision,
        own_week double precision,
        own_month double precision,
        alert jsonb NOT NULL DEFAULT jsonb_build_object(),
        notified_at timestamptz,
        missing_since timestamptz,
        gone_at timestamptz,
        created_at timestamptz NOT NULL
    )
    """,
    """
    CREATE UNIQUE INDEX monitor_kuma_id ON plugin_uptime_kuma.monitor (instance, kuma_id)
        WHERE gone_at IS NULL AND kuma_id IS NOT NULL
    """,
    # Lists go by these, page after page.
    "CREATE UNIQUE INDEX monitor_page ON plugin_uptime_kuma.monitor (instance, position, name, id) WHERE gone_at IS NULL",
    """
    CREATE TABLE plugin_uptime_kuma.beat (
        number integer NOT NULL REFERENCES plugin_uptime_kuma.monitor (number) ON DELETE CASCADE,
        at timestamptz NOT NULL,
        status smallint NOT NULL,
        ping real,
        hold real NOT NULL,
        PRIMARY KEY (number, at)
    )
    """,
    f"CREATE TABLE plugin_uptime_kuma.hourly ({_SUMS})",
    "CREATE INDEX hourly_starts_at ON plugin_uptime_kuma.hourly (starts_at)",
    f"CREATE TABLE plugin_uptime_kuma.daily ({_SUMS})",
    "CREATE INDEX daily_starts_at ON plugin_uptime_kuma.daily (starts_at)",
    # Hours that were added up before some of their beats were known.
    "CREATE TABLE plugin_uptime_kuma.touched (starts_at timestamptz PRIMARY KEY)",
    """
    CREATE TABLE plugin_uptime_kuma.incident (
        id uuid PRIMARY KEY,
        instance text NOT NULL,
        page text NOT NULL,
        kuma_id integer NOT NULL,
        title text NOT NULL,
        content text NOT NULL,
        style text NOT NULL,
        opened_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        closed_at timestamptz
    )
    """,
    """
    CREATE UNIQUE INDEX incident_open ON plugin_uptime_kuma.incident (instance, page, kuma_id)
        WHERE closed_at IS NULL
    """,
    "CREATE INDEX incident_list ON plugin_uptime_kuma.incident (instance, opened_at DESC, id DESC)",
    """
    CREATE TABLE plugin_uptime_kuma.maintenance (
        instance text NOT NULL,
        kuma_id integer NOT NULL,
        title text NOT NULL,
        description text NOT NULL,
        state text NOT NULL,
        starts_at timestamptz,
        ends_at timestamptz,
        PRIMARY KEY (instance, kuma_id)
    )
    """,
)


class Raw(Table):
    """Stands for no table of its own: it carries SQL into the migration's transaction."""


async def forwards() -> MigrationManager:
    """Make the tables. The hub has made the schema, and gives the transaction all of this runs in."""
    manager = MigrationManager(migration_id=ID, app_name="uptime_kuma", description="Monitors, beats, sums, incidents")

    async def make() -> None:
        for statement in STATEMENTS:
            await Raw.raw(statement)

    manager.add_raw(make)
    return manager
