"""What people and the worker do, in the words of the tests: asking, seeing, working."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from medianest_hub.plugin_api import Page
from medianest_hub.testing import MemoryContext, make_call, make_job, make_person
from medianest_youtube import routes, store, tasks
from medianest_youtube.models import Download, DownloadJob, DownloadPath, DownloadQuery, NewDownload
from medianest_youtube.settings import YouTubeSettings, workspace_of

Ctx = MemoryContext[YouTubeSettings]
ADA, ALAN = make_person("ada"), make_person("alan")


async def ask(ctx: Ctx, url: str, person=ADA, **fields: Any) -> Download:
    return await routes.request_download(ctx, make_call(body=NewDownload(url=url, **fields), person=person))


async def see(ctx: Ctx, download: Download) -> Download:
    return await routes.get_download(ctx, make_call(path=DownloadPath(id=download.id), person=ADA))


async def listed(ctx: Ctx, person=ADA, **query: Any) -> Page[Download]:
    return await routes.list_downloads(ctx, make_call(query=DownloadQuery(**query), person=person))


async def file_id_of(ctx: Ctx, download: Download) -> UUID:
    file = await store.file_of(ctx.db, download.id)
    assert file is not None
    return file.id


async def work(ctx: Ctx, download: Download, **job: Any) -> None:
    """What the worker does with the queued job."""
    await tasks.download(ctx, make_job(DownloadJob(file_id=await file_id_of(ctx, download)), **job))


async def until(ctx: Ctx, download: Download, wanted: Callable[[Download], bool]) -> None:
    async with asyncio.timeout(20):
        while not wanted(await see(ctx, download)):
            await asyncio.sleep(0.02)


def files(ctx: Ctx) -> list[str]:
    return sorted(file.name for file in workspace_of(ctx).root.glob("*-*.*"))


async def by_path(route: Callable[..., Awaitable[Any]], ctx: Ctx, download: Download, person=ADA) -> Any:
    return await route(ctx, make_call(path=DownloadPath(id=download.id), person=person))
