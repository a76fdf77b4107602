"""Makes sure every process means the same download folder: a marker in it, whose id stands in Postgres."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
from pathlib import Path
from typing import Final
from uuid import UUID

from uuid_utils.compat import uuid7

from medianest_hub.plugin_api import Context
from medianest_youtube.failures import DownloadFailed, Failure
from medianest_youtube.settings import YouTubeSettings, download_dir

MARKER: Final = ".medianest-folder"


def _read_marker(folder: Path) -> str | None:
    """The marker's text, None where there is none. Raises `DownloadFailed` when the folder cannot be used."""
    try:
        (folder / ".work").mkdir(mode=0o750, parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise DownloadFailed(Failure.STORAGE, f"{folder} cannot be written to")
        with contextlib.suppress(FileNotFoundError):
            return (folder / MARKER).read_text(encoding="ascii").strip()
    except (OSError, UnicodeError) as error:
        raise DownloadFailed(Failure.STORAGE, f"{folder}: {error}") from error
    return None


def _write_marker(folder: Path, marker: UUID) -> None:
    side = folder / f"{MARKER}-{os.getpid()}"
    try:
        side.write_text(f"{marker}\n", encoding="ascii")
        side.replace(folder / MARKER)
    except OSError as error:
        raise DownloadFailed(Failure.STORAGE, f"{folder}: {error}") from error


async def ensure_folder(ctx: Context[YouTubeSettings]) -> Path:
    """The download folder, there, writable and the one all others use. Raises `DownloadFailed` (storage) with what is wrong.

    Whoever comes first marks it. A folder of that name without the mark is made anew only on the machine that marked
    it: there it was emptied; elsewhere it is another folder.
    """
    folder = download_dir(ctx)
    found = await asyncio.to_thread(_read_marker, folder)
    host = platform.node()
    row = await ctx.db.fetchrow(
        """INSERT INTO plugin_youtube.folder (path, marker, host, created_at) VALUES ($1, $2, $3, $4)
           ON CONFLICT (path) DO UPDATE SET path = excluded.path RETURNING marker, host""",
        *(str(folder), _uuid(found) or uuid7(), host, ctx.clock.now()),
    )
    if row is None:
        raise DownloadFailed(Failure.STORAGE, "the folder's mark is not in the database")
    if found == str(row["marker"]):
        return folder
    if found is None and row["host"] == host:
        await asyncio.to_thread(_write_marker, folder, row["marker"])
        return folder
    raise DownloadFailed(
        Failure.STORAGE,
        f"{folder} on {host} is not the folder {row['host']} uses: mount the same one on every machine. If it is the "
        f"right one and was emptied, write {row['marker']} into {folder / MARKER}",
    )


def _uuid(text: str | None) -> UUID | None:
    try:
        return None if text is None else UUID(text)
    except ValueError:
        return None
