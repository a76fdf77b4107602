"""Indexes by which one thing on several servers is found again, and lists of a genre. Never edited once released."""

from __future__ import annotations

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-29T03:30:00:000000"
STATEMENTS = (
    # Plex gives one thing the same guid on every server; music has no other id that all of its taggers share.
    "CREATE INDEX item_guid ON plugin_plex.item (guid) WHERE guid <> ''",
    "CREATE INDEX item_musicbrainz ON plugin_plex.item (musicbrainz) WHERE musicbrainz IS NOT NULL",
    "CREATE INDEX item_genres ON plugin_plex.item USING gin (genres)",
    # What is called exactly so is found at once, however many begin like that; a hash, for a title may be of any length.
    "CREATE INDEX item_words_exact ON plugin_plex.item USING hash (words)",
    # Lists of collections and playlists go by this one.
    "CREATE INDEX grouping_title ON plugin_plex.grouping (instance, kind, sort_title, id)",
)


class Raw(Table):
    """Stands for no table of its own: it carries SQL into the migration's transaction."""


async def forwards() -> MigrationManager:
    """Make the indexes. The hub gives the transaction all of this runs in."""
    manager = MigrationManager(migration_id=ID, app_name="plex", description="Finding things again")

    async def make() -> None:
        for statement in STATEMENTS:
            await Raw.raw(statement)

    manager.add_raw(make)
    return manager
