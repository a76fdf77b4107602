"""Shows a picture by its id: from disk, else from its plugin, once for all who ask at the same time. Knows no HTTP.

While its service is away the last known picture is shown, as long as it is on disk. A plugin that is switched off has none.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import structlog

from medianest_hub.infrastructure.http_client.public import PublicFetcher
from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api.errors import HubError, NotFound, Unavailable, UpstreamError
from medianest_hub.plugin_api.images import ImageSource
from medianest_hub.plugin_host.runtime import PluginRuntime
from medianest_hub.plugin_host.services.images import AVATAR, PictureRef
from medianest_hub.web.calling import foreseen, within
from medianest_hub.web.pictures.avatars import AvatarSource
from medianest_hub.web.pictures.failing import Failing
from medianest_hub.web.pictures.kept import Kept, PictureStore
from medianest_hub.web.pictures.rendering import render

log = structlog.get_logger(__name__)

FETCH_SECONDS: Final = 15.0
FRESH_SECONDS: Final = 24 * 3600
"""For so long a picture on disk is not asked for again."""
RENDERED_AT_ONCE: Final = 2
FETCHED_AT_ONCE: Final = 6
"""Of one plugin: each is held in memory whole."""
MOST_WAITING: Final = 400
"""Pictures being made or waiting to be; more are told to come again."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture to show; `stale`: its service could not be asked whether it is still the one."""

    content: bytes
    etag: str
    stale: bool = False


class Gallery:
    """One per web process."""

    def __init__(self, parts: HubParts, fetcher: PublicFetcher | None = None) -> None:
        settings = parts.settings
        self._parts = parts
        self._fetcher = fetcher or PublicFetcher()
        self._avatars = AvatarSource(parts.db, self._fetcher)
        self._store = PictureStore(settings.data_dir / "cache" / "images", settings.images.cache_mb * 1024 * 1024)
        self._failing = Failing()
        self._flights: dict[str, asyncio.Task[Kept]] = {}
        self._rendering = asyncio.Semaphore(RENDERED_AT_ONCE)
        self._fetching: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(FETCHED_AT_ONCE))

    async def show(self, id: str, request_id: str) -> Shown:
        """The picture. Raises `NotFound`, `Gone`, `Unavailable`, or what its plugin raises."""
        picture = self._parts.images.open(id)
        runtime, source = self._source(picture)
        key = _key(picture, runtime.generation if runtime is not None else 0)
        kept = await asyncio.to_thread(self._store.read, key)
        if kept is not None and 0 <= time.time() - kept.fetched < FRESH_SECONDS:
            return Shown(kept.content, kept.etag)
        try:
            made = await self._made(key, picture, runtime, source, request_id)
        except NotFound:
            raise
        except HubError:
            if kept is None:
                raise
            return Shown(kept.content, kept.etag, stale=True)
        return Shown(made.content, made.etag)

    async def close(self) -> None:
        """Give up what is being fetched."""
        for flight in list(self._flights.values()):
            flight.cancel()
        await asyncio.gather(*self._flights.values(), return_exceptions=True)
        await self._fetcher.close()

    def _source(self, picture: PictureRef) -> tuple[PluginRuntime | None, ImageSource | None]:
        """The plugin and its source; nothing for the core's own. Raises `NotFound` where either is not there any more."""
        if not picture.plugin:
            if picture.source != AVATAR:
                raise _gone()
            return None, None
        runtime = self._parts.host.runtimes.get(picture.plugin)
        if runtime is None or runtime.instance != picture.instance:
            raise _gone()
        if runtime.state.is_hidden:
            raise runtime.refusal()
        source = runtime.plugin.image_source(picture.source) if runtime.plugin is not None else None
        if source is None:
            raise runtime.refusal() if runtime.plugin is None else _gone()
        return runtime, source

    async def _made(
        self,
        key: str,
        picture: PictureRef,
        runtime: PluginRuntime | None,
        source: ImageSource | None,
        request_id: str,
    ) -> Kept:
        if runtime is not None and not runtime.running:
            raise runtime.refusal()
        if (known := self._failing.known(key)) is not None:
            raise known
        flight = self._flights.get(key)
        if flight is None:
            if len(self._flights) >= MOST_WAITING:
                raise Unavailable("Too many pictures are being fetched; try again shortly.", retry_after=2)
            work = self._fly(key, picture, runtime, source, request_id)
            flight = self._flights[key] = asyncio.create_task(work, name="picture")
            flight.add_done_callback(lambda done: self._landed(key, done))
        # Shielded: whoever goes away must not take the picture from the others.
        return await asyncio.shield(flight)

    def _landed(self, key: str, flight: asyncio.Task[Kept]) -> None:
        self._flights.pop(key, None)
        if not flight.cancelled():
            flight.exception()  # taken, in case nobody waits any more

    async def _fly(
        self,
        key: str,
        picture: PictureRef,
        runtime: PluginRuntime | None,
        source: ImageSource | None,
        request_id: str,
    ) -> Kept:
        try:
            async with self._fetching[picture.plugin]:
                raw = await self._fetched(picture, runtime, source, request_id)
                async with self._rendering:
                    content = await asyncio.to_thread(render, raw, picture.width, picture.height)
        except Exception as error:
            known = foreseen(error)
            if known is None:
                log.exception("picture_source_failed", plugin=picture.plugin, source=picture.source)
                words = f"{picture.plugin or 'The hub'} could not fetch this picture."
                known = UpstreamError(words, service=picture.plugin or "hub")
            self._failing.note(key, known)
            raise known from None
        return await asyncio.to_thread(self._store.write, key, content)

    async def _fetched(
        self, picture: PictureRef, runtime: PluginRuntime | None, source: ImageSource | None, request_id: str
    ) -> bytes:
        if runtime is None or source is None:
            return await self._avatars.fetch(picture.ref)
        with ExitStack() as held:
            ctx = held.enter_context(runtime.use())
            arguments = (ctx, picture.ref, picture.width, picture.height)
            raw: object = await within(FETCH_SECONDS, source.fetch, arguments, request_id, held)
        if not isinstance(raw, bytes):
            raise TypeError(f"image source {source.name!r} answered {type(raw).__name__}, not bytes")
        if len(raw) > source.max_bytes:
            words = f"The picture is larger than {source.max_bytes} bytes."
            raise UpstreamError(words, service=picture.plugin)
        return raw


def _key(picture: PictureRef, generation: int) -> str:
    """The file it is kept in. With other settings a plugin may speak to another service, whose pictures are others."""
    names = (picture.plugin, picture.instance, str(generation), picture.source, picture.ref)
    sides = f"{picture.width}x{picture.height}"
    return blake2b("\0".join((*names, sides)).encode(), digest_size=20).hexdigest()


def _gone() -> NotFound:
    return NotFound("There is no such picture.", code="no_such_picture")
