"""The library: servers, sections, items, collections, playlists, and who has seen what. Never edited once released."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-29T02:00:00:000000"
STATEMENTS = (
    # Comes with PostgreSQL, and whoever owns the database may switch it on: searching bears typos by it.
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    """
    CREATE TABLE plugin_plex.server (
        instance text PRIMARY KEY,
        machine_identifier text NOT NULL DEFAULT '',
        name text NOT NULL DEFAULT '',
        version text NOT NULL DEFAULT '',
        connected boolean NOT NULL DEFAULT false,
        since timestamptz,
        heard_at timestamptz,
        trouble text NOT NULL DEFAULT '',
        run bigint NOT NULL DEFAULT 0,
        synced_at timestamptz
    )
    """,
    """
    CREATE TABLE plugin_plex.section (
        id uuid PRIMARY KEY,
        instance text NOT NULL,
        section_key integer NOT NULL,
        kind text NOT NULL,
        title text NOT NULL,
        position integer NOT NULL DEFAULT 0,
        locations text[] NOT NULL DEFAULT ARRAY[]::text[],
        run bigint NOT NULL DEFAULT 0,
        run_part text NOT NULL DEFAULT '',
        run_offset integer NOT NULL DEFAULT 0,
        run_started_at timestamptz,
        changed_until bigint NOT NULL DEFAULT 0,
        full_at timestamptz,
        synced_at timestamptz,
        UNIQUE (instance, section_key)
    )
    """,
    """
    CREATE TABLE plugin_plex.item (
        id uuid PRIMARY KEY,
        instance text NOT NULL,
        section_key integer NOT NULL,
        rating_key bigint NOT NULL,
        kind text NOT NULL,
        guid text NOT NULL DEFAULT '',
        parent_key bigint,
        grandparent_key bigint,
        number integer,
        parent_number integer,
        title text NOT NULL,
        sort_title text NOT NULL,
        original_title text NOT NULL DEFAULT '',
        parent_title text NOT NULL DEFAULT '',
        grandparent_title text NOT NULL DEFAULT '',
        year integer,
        summary text NOT NULL DEFAULT '',
        rating real,
        content_rating text NOT NULL DEFAULT '',
        studio text NOT NULL DEFAULT '',
        duration_ms bigint,
        genres text[] NOT NULL DEFAULT ARRAY[]::text[],
        resolution text NOT NULL DEFAULT '',
        tmdb text,
        tvdb text,
        imdb text,
        musicbrainz text,
        thumb text NOT NULL DEFAULT '',
        art text NOT NULL DEFAULT '',
        leaves integer,
        added_at timestamptz NOT NULL,
        changed_at timestamptz NOT NULL,
        words text NOT NULL,
        run bigint NOT NULL,
        UNIQUE (instance, rating_key)
    )
    """,
    # Lists of a section go by these, page after page; an item's children by its key.
    "CREATE INDEX item_added ON plugin_plex.item (instance, section_key, kind, added_at DESC, id DESC)",
    "CREATE INDEX item_title ON plugin_plex.item (instance, section_key, kind, sort_title, id)",
    "CREATE INDEX item_year ON plugin_plex.item (instance, section_key, kind, year DESC NULLS LAST, id DESC)",
    "CREATE INDEX item_rating ON plugin_plex.item (instance, section_key, kind, rating DESC NULLS LAST, id DESC)",
    "CREATE INDEX item_parent ON plugin_plex.item (instance, parent_key, number, id)",
    "CREATE INDEX item_recent ON plugin_plex.item (instance, added_at DESC, id DESC)",
    "CREATE INDEX item_words ON plugin_plex.item USING gin (words gin_trgm_ops)",
    "CREATE INDEX item_tmdb ON plugin_plex.item (tmdb) WHERE tmdb IS NOT NULL",
    "CREATE INDEX item_tvdb ON plugin_plex.item (tvdb) WHERE tvdb IS NOT NULL",
    "CREATE INDEX item_imdb ON plugin_plex.item (imdb) WHERE imdb IS NOT NULL",
    """
    CREATE TABLE plugin_plex.grouping (
        id uuid PRIMARY KEY,
        instance text NOT NULL,
        kind text NOT NULL,
        section_key integer,
        rating_key bigint NOT NULL,
        title text NOT NULL,
        sort_title text NOT NULL,
        summary text NOT NULL DEFAULT '',
        thumb text NOT NULL DEFAULT '',
        size integer NOT NULL DEFAULT 0,
        changed_at timestamptz NOT NULL,
        run bigint NOT NULL,
        UNIQUE (instance, rating_key)
    )
    """,
    """
    CREATE TABLE plugin_plex.grouped (
        instance text NOT NULL,
        grouping_key bigint NOT NULL,
        rating_key bigint NOT NULL,
        position integer NOT NULL,
        PRIMARY KEY (instance, grouping_key, rating_key),
        FOREIGN KEY (instance, grouping_key) REFERENCES plugin_plex.grouping (instance, rating_key) ON DELETE CASCADE
    )
    """,
    "CREATE INDEX grouped_item ON plugin_plex.grouped (instance, rating_key)",
    """
    CREATE TABLE plugin_plex.seen (
        instance text NOT NULL,
        person_id uuid NOT NULL,
        rating_key bigint NOT NULL,
        PRIMARY KEY (instance, person_id, rating_key)
    )
    """,
    """
    CREATE TABLE plugin_plex.seen_state (
        instance text NOT NULL,
        person_id uuid NOT NULL,
        sections integer[] NOT NULL,
        refreshed_at timestamptz NOT NULL,
        PRIMARY KEY (instance, person_id)
    )
    """,
    """
    CREATE TABLE plugin_plex.playing (
        id uuid PRIMARY KEY,
        instance text NOT NULL,
        session_key text NOT NULL,
        account_id bigint,
        account_name text NOT NULL DEFAULT '',
        player text NOT NULL DEFAULT '',
        product text NOT NULL DEFAULT '',
        address text NOT NULL DEFAULT '',
        is_local boolean,
        state text NOT NULL,
        rating_key bigint,
        kind text NOT NULL,
        title text NOT NULL,
        parent_title text NOT NULL DEFAULT '',
        grandparent_title text NOT NULL DEFAULT '',
        thumb text NOT NULL DEFAULT '',
        year integer,
        progress_ms bigint NOT NULL DEFAULT 0,
        duration_ms bigint,
        decision text NOT NULL DEFAULT '',
        resolution text NOT NULL DEFAULT '',
        bandwidth_kbps integer,
        started_at timestamptz NOT NULL,
        seen_at timestamptz NOT NULL,
        UNIQUE (instance, session_key)
    )
    """,
)


class Raw(Table):
    """Stands for no table of its own: it carries SQL into the migration's transaction."""


async def forwards() -> MigrationManager:
    """Make the tables. The hub gives the transaction all of this runs in."""
    manager = MigrationManager(migration_id=ID, app_name="plex", description="The library, and what is playing")

    async def make() -> None:
        for statement in STATEMENTS:
            await Raw.raw(statement)

    manager.add_raw(make)
    return manager
