"""The tiles: a person's own downloads, live, and for admins how full the disk is."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from medianest_hub.plugin_api import (
    ADMIN,
    EVERYONE,
    PERSON,
    Context,
    ProgressItem,
    ProgressList,
    Stat,
    Tone,
    Viewer,
    errors,
    widget,
)
from medianest_youtube import store
from medianest_youtube.failures import DownloadFailed
from medianest_youtube.models import ACTIVE, Download, DownloadState
from medianest_youtube.settings import YouTubeSettings, workspace_of

_GB = 1 << 30
_TONES = {DownloadState.DONE: Tone.GOOD, DownloadState.FAILED: Tone.BAD}


@widget("downloads", title="Downloads", scope=PERSON, ttl=5, permission="download", size="large")
async def downloads(ctx: Context[YouTubeSettings], viewer: Viewer) -> ProgressList:
    """What is under way for this person, and what ended within a day."""
    if viewer.person is None:
        raise errors.Forbidden("These tiles belong to a person.")
    found = await store.lately(ctx.db, viewer.person.id, ctx.clock.now() - timedelta(days=1), 20)
    return ProgressList(items=[_item(one) for one in found], empty="Nothing is being downloaded.")


def _item(one: Download) -> ProgressItem:
    return ProgressItem(
        id=str(one.id),
        title=one.title or one.url,
        state=one.state.value,
        fraction=one.progress.fraction if one.state in ACTIVE or one.state is DownloadState.DONE else None,
        eta=one.progress.eta,
        speed=one.progress.speed,
        detail=one.failure.message if one.failure else "",
        tone=_TONES.get(one.state, Tone.WARN if one.failure else Tone.NEUTRAL),
    )


@widget("disk", title="Download disk", scope=EVERYONE, ttl=60, permission=ADMIN, size="small")
async def disk(ctx: Context[YouTubeSettings], viewer: Viewer) -> Stat:
    """What is free for downloads, and what they take."""
    files, size = await store.bytes_kept(ctx.db)
    try:
        free = await asyncio.to_thread(workspace_of(ctx).free_bytes)
    except DownloadFailed as error:
        raise errors.Unavailable(error.words) from error
    floor = ctx.settings.limits.min_free_bytes
    tone = Tone.BAD if free < floor else Tone.WARN if free < 2 * floor + 5 * _GB else Tone.GOOD
    noun = "video" if files == 1 else "videos"
    return Stat(
        value=round(free / _GB, 1), unit="GB", label=f"free; {files} {noun} take {size / _GB:.1f} GB", tone=tone
    )
