"""Users, who is who, requests and titles. Never edited once released: what changes later is one of its own."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-29T10:40:00:000000"
STATEMENTS = (
    """
    CREATE TABLE plugin_overseerr.source (
        instance text PRIMARY KEY,
        swept_at timestamptz,
        accounts_at timestamptz,
        trouble text NOT NULL DEFAULT '',
        since timestamptz
    )
    """,
    """
    CREATE TABLE plugin_overseerr.account (
        instance text NOT NULL,
        user_id integer NOT NULL,
        plex_id bigint,
        email text NOT NULL DEFAULT '',
        name text NOT NULL DEFAULT '',
        permissions bigint NOT NULL DEFAULT 0,
        seen_at timestamptz NOT NULL,
        PRIMARY KEY (instance, user_id)
    )
    """,
    "CREATE INDEX account_plex ON plugin_overseerr.account (instance, plex_id) WHERE plex_id IS NOT NULL",
    "CREATE INDEX account_email ON plugin_overseerr.account (instance, email) WHERE email <> ''",
    """
    CREATE TABLE plugin_overseerr.match (
        instance text NOT NULL,
        person_id uuid NOT NULL,
        user_id integer NOT NULL,
        how text NOT NULL CHECK (how IN ('plex', 'email', 'admin')),
        matched_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (instance, person_id),
        UNIQUE (instance, user_id)
    )
    """,
    """
    CREATE TABLE plugin_overseerr.unmatched (
        instance text NOT NULL,
        person_id uuid NOT NULL,
        reason text NOT NULL,
        user_id integer,
        at timestamptz NOT NULL,
        PRIMARY KEY (instance, person_id)
    )
    """,
    """
    CREATE TABLE plugin_overseerr.request (
        instance text NOT NULL,
        request_id integer NOT NULL,
        user_id integer,
        kind text NOT NULL CHECK (kind IN ('movie', 'tv')),
        tmdb_id integer NOT NULL,
        media_id integer NOT NULL,
        is4k boolean NOT NULL DEFAULT false,
        state text NOT NULL,
        seasons integer[] NOT NULL DEFAULT ARRAY[]::integer[],
        reason text NOT NULL DEFAULT '',
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        changed_at timestamptz NOT NULL,
        media_at timestamptz,
        asked_at timestamptz NOT NULL,
        PRIMARY KEY (instance, request_id)
    )
    """,
    # Lists go by the newest, one's own or everybody's; marks on titles by what was asked for.
    "CREATE INDEX request_mine ON plugin_overseerr.request (instance, user_id, created_at DESC, request_id DESC)",
    "CREATE INDEX request_new ON plugin_overseerr.request (instance, created_at DESC, request_id DESC)",
    "CREATE INDEX request_title ON plugin_overseerr.request (instance, kind, tmdb_id)",
    """
    CREATE TABLE plugin_overseerr.title (
        instance text NOT NULL,
        kind text NOT NULL CHECK (kind IN ('movie', 'tv')),
        tmdb_id integer NOT NULL,
        title text NOT NULL DEFAULT '',
        year integer,
        poster text NOT NULL DEFAULT '',
        backdrop text NOT NULL DEFAULT '',
        fetched_at timestamptz NOT NULL,
        PRIMARY KEY (instance, kind, tmdb_id)
    )
    """,
)


class Raw(Table):
    """Stands for no table of its own: it carries SQL into the migration's transaction."""


async def forwards() -> MigrationManager:
    """Make the tables. The hub has made the schema, and gives the transaction all of this runs in."""
    manager = MigrationManager(migration_id=ID, app_name="overseerr", description="Users, requests and titles")

    async def make() -> None:
        for statement in STATEMENTS:
            await Raw.raw(statement)

    manager.add_raw(make)
    return manager
