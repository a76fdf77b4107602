"""The tables, in a Postgres schema of the plugin's own; `migrations/` brings them about."""

from __future__ import annotations

from piccolo.columns import UUID, BigInt, DoublePrecision, Integer, Text, Timestamptz
from piccolo.table import Table

SCHEMA = "plugin_youtube"


class MediaFileRow(Table, tablename="media_file", schema=SCHEMA):
    """One video in one form, fetched once however many people asked for it. Sizes in bytes, times in seconds.

    `media_key` names the video (the site and its id there, or a checksum of the address), `subtitles` the wished-for
    languages by comma, `attempt_token` the attempt that may write.
    """

    id = UUID(primary_key=True, default=None)
    instance = Text(default=None)
    media_key = Text(default=None)
    quality = Text(default=None)
    container = Text(default=None)
    subtitles = Text(default="")
    url = Text(default=None)
    state = Text(default=None)
    failure = Text(null=True, default=None)
    failure_detail = Text(null=True, default=None)
    title = Text(null=True, default=None)
    uploader = Text(null=True, default=None)
    duration = DoublePrecision(null=True, default=None)
    thumbnail = Text(null=True, default=None)
    height = Integer(null=True, default=None)
    size = BigInt(null=True, default=None)
    fraction = DoublePrecision(null=True, default=None)
    downloaded = BigInt(default=0)
    total = BigInt(null=True, default=None)
    speed = DoublePrecision(null=True, default=None)
    eta = DoublePrecision(null=True, default=None)
    attempt_token = UUID(null=True, default=None)
    job_id = UUID(null=True, default=None)
    created_at = Timestamptz(default=None)
    updated_at = Timestamptz(default=None)
    finished_at = Timestamptz(null=True, default=None)


class DownloadRow(Table, tablename="download", schema=SCHEMA):
    """One person's wish for a file; the file goes when the last wish for it does."""

    id = UUID(primary_key=True, default=None)
    person_id = UUID(default=None)
    file_id = UUID(default=None)
    url = Text(default=None)
    cancelled_at = Timestamptz(null=True, default=None)
    created_at = Timestamptz(default=None)


class FolderRow(Table, tablename="folder", schema=SCHEMA):
    """A download folder by its path, and the marker that lies in it: so a worker sees that its folder is another one."""

    path = Text(primary_key=True, default=None)
    marker = UUID(default=None)
    host = Text(default=None)
    created_at = Timestamptz(default=None)
