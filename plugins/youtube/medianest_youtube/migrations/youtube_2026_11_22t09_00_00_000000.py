"""Files, people's wishes for them, and folders. Never edited once released: what changes later is one of its own."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T09:00:00:000000"
STATEMENTS = (
    """
    CREATE TABLE plugin_youtube.media_file (
        id uuid PRIMARY KEY,
        instance text NOT NULL,
        media_key text NOT NULL,
        quality text NOT NULL,
        container text NOT NULL,
        subtitles text NOT NULL DEFAULT '',
        url text NOT NULL,
        state text NOT NULL,
        failure text,
        failure_detail text,
        title text,
        uploader text,
        duration double precision,
        thumbnail text,
        height integer,
        size bigint,
        fraction double precision,
        downloaded bigint NOT NULL DEFAULT 0,
        total bigint,
        speed double precision,
        eta double precision,
        attempt_token uuid,
        job_id uuid,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        finished_at timestamptz
    )
    """,
    # What makes two people share one download; a failed or cancelled file stands in nobody's way.
    """
    CREATE UNIQUE INDEX media_file_one ON plugin_youtube.media_file (instance, media_key, quality, container, subtitles)
        WHERE state IN ('queued', 'fetching_info', 'downloading', 'processing', 'done')
    """,
    """
    CREATE INDEX media_file_active ON plugin_youtube.media_file (state)
        WHERE state IN ('queued', 'fetching_info', 'downloading', 'processing')
    """,
    """
    CREATE TABLE plugin_youtube.download (
        id uuid PRIMARY KEY,
        person_id uuid NOT NULL,
        file_id uuid NOT NULL REFERENCES plugin_youtube.media_file (id) ON DELETE CASCADE,
        url text NOT NULL,
        cancelled_at timestamptz,
        created_at timestamptz NOT NULL,
        UNIQUE (person_id, file_id)
    )
    """,
    "CREATE INDEX download_page ON plugin_youtube.download (person_id, created_at DESC, id DESC)",
    "CREATE INDEX download_file ON plugin_youtube.download (file_id)",
    """
    CREATE TABLE plugin_youtube.folder (
        path text PRIMARY KEY,
        marker uuid NOT NULL,
        host text NOT NULL,
        created_at timestamptz NOT NULL
    )
    """,
)


class Raw(Table):
    """Stands for no table of its own: it carries SQL into the migration's transaction."""


async def forwards() -> MigrationManager:
    """Make the tables. The hub has made the schema, and gives the transaction all of this runs in."""
    manager = MigrationManager(migration_id=ID, app_name="youtube", description="Files, wishes and folders")

    async def make() -> None:
        for statement in STATEMENTS:
            await Raw.raw(statement)

    manager.add_raw(make)
    return manager
