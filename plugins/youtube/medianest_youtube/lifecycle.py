"""Testing settings, starting, stopping."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from medianest_hub.plugin_api import Context, Lifecycle, errors
from medianest_youtube import looking
from medianest_youtube.failures import DownloadFailed
from medianest_youtube.folder import ensure_folder
from medianest_youtube.settings import YouTubeSettings, download_dir


async def check_settings(ctx: Context[YouTubeSettings]) -> None:
    """ "Test connection": the download folder is there or can be made. Nothing is left behind, nobody is asked."""
    path = download_dir(ctx)
    message = await asyncio.to_thread(_cannot_use, path)
    if message is not None:
        field = errors.FieldProblem(field="download_dir", code="unusable", message=message)
        raise errors.ConfigInvalid(message, fields=[field])


def _cannot_use(path: Path) -> str | None:
    """Why files cannot be written into the folder, or None."""
    nearest = path
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.is_dir():
        return f"{nearest} is a file, not a folder: choose another one."
    if not os.access(nearest, os.W_OK | os.X_OK):
        return f"{nearest} cannot be written to by the hub: change its rights, or choose another folder."
    return None


async def startup(ctx: Context[YouTubeSettings]) -> None:
    """The folder is the one all others use, or this process waits until it is."""
    looking.make_room(ctx)
    try:
        found = await ensure_folder(ctx)
    except DownloadFailed as error:
        raise errors.NotReady(error.detail or error.words) from error
    ctx.log.info("downloads go to", folder=str(found))


async def shutdown(ctx: Context[YouTubeSettings]) -> None:
    """Nothing is held open between calls."""
    ctx.state.pop("looking", None)


LIFECYCLE = Lifecycle(check_settings=check_settings, startup=startup, shutdown=shutdown)
