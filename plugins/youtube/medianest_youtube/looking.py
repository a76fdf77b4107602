"""Looks at a link without downloading: asked by the preview, a few at a time, remembered for some minutes."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Final

from medianest_hub.plugin_api import Context, errors
from medianest_youtube.failures import DownloadFailed
from medianest_youtube.links import as_problem, check_link
from medianest_youtube.models import FailureView, Preview, QualityView
from medianest_youtube.settings import YouTubeSettings, runner_of
from medianest_youtube.video import VideoInfo

LOOK_SECONDS: Final = 40.0
_AT_ONCE: Final = 2
_REMEMBERED_SECONDS: Final = 300.0
_TURN_SECONDS: Final = 15.0


def make_room(ctx: Context[YouTubeSettings]) -> None:
    """At start: how many may look at once in this process."""
    ctx.state["looking"] = asyncio.Semaphore(_AT_ONCE)


async def preview(ctx: Context[YouTubeSettings], url: str) -> Preview:
    """What is behind the link. Raises what `links.as_problem` makes of a failure, and `TooMany` when all are busy."""
    url = check_link(url, ctx.settings.rules)

    async def load() -> dict[str, object]:
        return (await _look(ctx, url)).model_dump(mode="json")

    key = f"preview:{ctx.generation}:{hashlib.sha256(url.encode()).hexdigest()}"
    return Preview.model_validate(await ctx.cache.remember(key, _REMEMBERED_SECONDS, load))


async def _look(ctx: Context[YouTubeSettings], url: str) -> Preview:
    turn = ctx.state.get("looking")
    if not isinstance(turn, asyncio.Semaphore):
        raise errors.Unavailable("The plugin is still starting.")
    try:
        async with asyncio.timeout(_TURN_SECONDS):
            await turn.acquire()
    except TimeoutError:
        raise errors.TooMany("Too many links are looked at just now. Try again shortly.", retry_after=10) from None
    try:
        info = await runner_of(ctx, info_seconds=LOOK_SECONDS).look(url)
    except DownloadFailed as error:
        ctx.log.info("a link was looked at in vain", failure=error.failure.value, detail=error.detail)
        raise as_problem(error.failure) from error
    finally:
        turn.release()
    return _shown(info, _refusal(ctx, info))


def _refusal(ctx: Context[YouTubeSettings], info: VideoInfo) -> FailureView | None:
    runner = runner_of(ctx)
    try:
        runner.limits.check(info, runner.workspace.free_bytes())
    except DownloadFailed as error:
        return FailureView(code=error.failure, message=error.words)
    return None


def _shown(info: VideoInfo, refused: FailureView | None) -> Preview:
    offers = [
        QualityView(quality=one.quality, height=one.height, estimated_size=one.estimated_size) for one in info.qualities
    ]
    return Preview(
        title=info.title,
        uploader=info.uploader,
        duration=info.duration,
        thumbnail=info.thumbnail,
        live=info.live,
        qualities=offers,
        estimated_size=info.size or next((one.estimated_size for one in offers), None),
        refused=refused,
    )
