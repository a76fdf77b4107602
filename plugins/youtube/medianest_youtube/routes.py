"""The routes, at `/api/v1/youtube/…`. The hub checks permission, owner, limit and input before a handler is called."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from medianest_hub.plugin_api import Call, Context, Empty, FileAnswer, Page, Router, errors
from medianest_youtube import looking, store, wishes
from medianest_youtube.models import (
    Download,
    DownloadPath,
    DownloadQuery,
    FileLink,
    LinkIn,
    NewDownload,
    Preview,
    TokenPath,
)
from medianest_youtube.options import Container
from medianest_youtube.settings import YouTubeSettings

router = Router()


async def owner(ctx: Context[YouTubeSettings], call: Call[DownloadPath]) -> UUID | None:
    """Whose download the path speaks of; the hub answers 404 to anyone else before a handler runs."""
    return await store.person_of(ctx.db, call.path.id)


@router.post("/downloads", permission="download", limit="youtube", body_limit=8192, status=202)
async def request_download(ctx: Context[YouTubeSettings], call: Call[Empty, Empty, NewDownload]) -> Download:
    """Download a video.

    Somebody else's download of the same video in the same form is shared. Asking for one's own once more is no second
    download.
    """
    return await wishes.ask(ctx, call.caller.id, call.body)


@router.get("/downloads", permission="download")
async def list_downloads(ctx: Context[YouTubeSettings], call: Call[Empty, DownloadQuery]) -> Page[Download]:
    """One's own downloads, newest first."""
    query = call.query
    items, cursor = await store.page(ctx.db, call.caller.id, query.state, query.cursor, query.limit)
    return Page(items=items, next_cursor=cursor)


@router.get("/downloads/{id}", permission="download", owner=owner)
async def get_download(ctx: Context[YouTubeSettings], call: Call[DownloadPath]) -> Download:
    """One download."""
    return await wishes.see(ctx, call.path.id)


@router.delete("/downloads/{id}", permission="download", owner=owner, status=204)
async def delete_download(ctx: Context[YouTubeSettings], call: Call[DownloadPath]) -> None:
    """Cancel a download that is under way, remove one that has ended.

    Its file is deleted with the last person's wish for it.
    """
    await wishes.drop(ctx, call.path.id)


@router.post("/downloads/{id}/retry", permission="download", owner=owner, status=202)
async def retry_download(ctx: Context[YouTubeSettings], call: Call[DownloadPath]) -> Download:
    """Try a failed or cancelled download again; what is there of it is not fetched twice."""
    person = await store.person_of(ctx.db, call.path.id)
    return await wishes.ask_again(ctx, call.path.id, person or call.caller.id)


@router.get("/downloads/{id}/file", permission="download", owner=owner)
async def get_file(ctx: Context[YouTubeSettings], call: Call[DownloadPath]) -> FileAnswer:
    """The finished file, also in parts."""
    return _answer(*await wishes.finished_file(ctx, call.path.id), inline=False)


@router.post("/downloads/{id}/link", permission="download", owner=owner)
async def make_link(ctx: Context[YouTubeSettings], call: Call[DownloadPath]) -> FileLink:
    """An address for a player, which sends no token; whoever has it can fetch the file for a while.

    It lasts as long as the person it was made for may download, not as long as they are signed in.
    """
    await wishes.finished_file(ctx, call.path.id)
    seconds = ctx.settings.link_hours * 3600
    token = ctx.secrets.sign({"download": str(call.path.id), "person": str(call.caller.id)}, seconds)
    return FileLink(
        url=f"{call.request.public_url}/api/v1/{ctx.plugin}/files/{token}",
        expires_at=ctx.clock.now() + timedelta(seconds=seconds),
    )


@router.get("/files/{token}", public=True)
async def get_linked_file(ctx: Context[YouTubeSettings], call: Call[TokenPath]) -> FileAnswer:
    """The file a link was made for, also in parts."""
    claims = ctx.secrets.verify(call.path.token)
    try:
        download_id, maker = UUID(str(claims["download"])), UUID(str(claims["person"]))
    except (KeyError, ValueError):
        raise errors.Forbidden("This link is not for a file.") from None
    person = await ctx.people.get(maker)
    if person is None or not person.can(f"{ctx.plugin}.download"):
        raise errors.Forbidden("Whoever made this link may not download any more.")
    return _answer(*await wishes.finished_file(ctx, download_id), inline=True)


@router.post("/preview", permission="download", limit="previews", body_limit=4096, deadline=60)
async def preview_link(ctx: Context[YouTubeSettings], call: Call[Empty, Empty, LinkIn]) -> Preview:
    """What is behind a link: title, length, picture, qualities and sizes. Nothing is downloaded."""
    return await looking.preview(ctx, call.body.url)


def _answer(path: Path, container: Container, title: str, *, inline: bool) -> FileAnswer:
    name = re.sub(r'[\x00-\x1f\x7f/\\:*?"<>|]+', " ", title).strip(" .")[:120] or "video"
    return FileAnswer(path=path, content_type=container.content_type, filename=f"{name}.{container}", inline=inline)
