"""The media simulator, a runner on a folder of the test's own, and the hub with this plugin alone."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from medianest_hub.testing import ContextMaker, MemoryContext
from medianest_youtube.addresses import HostRules
from medianest_youtube.limits import Limits
from medianest_youtube.options import Choice, Container, Quality
from medianest_youtube.runner import Finished, Runner
from medianest_youtube.settings import YouTubeSettings
from medianest_youtube.video import Progress, VideoInfo
from medianest_youtube.workspace import Workspace

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.simulators.media.server import MediaServer

MP4 = Choice(Quality.BEST, Container.MP4)
#: Impatient enough for tests, patient enough for a busy machine.
LIMITS = Limits(
    max_bytes=64 << 20, min_free_bytes=1 << 20, info_seconds=30, stall_seconds=4, slow_seconds=3, socket_seconds=2
)


@pytest.fixture(scope="session")
def medianest_plugin() -> str:
    return "youtube"


@pytest.fixture
async def ctx(context: ContextMaker) -> MemoryContext[YouTubeSettings]:
    settings = YouTubeSettings(
        allowed_hosts=["127.0.0.1"], allow_private_addresses=True, min_free_gb=0, stall_seconds=5
    )
    return await context(settings, database=True)


@pytest.fixture(scope="session")
def media() -> Iterator[MediaServer]:
    with MediaServer().running() as server:
        yield server


@dataclass
class Download:
    """One download as a test drives it: what it was told, and how often."""

    runner: Runner
    file_id: UUID = field(default_factory=uuid4)
    infos: list[VideoInfo] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)
    on_progress: Callable[[Progress], Awaitable[None]] | None = None

    async def __call__(self, url: str, choice: Choice = MP4) -> Finished:
        async def on_info(info: VideoInfo) -> None:
            self.infos.append(info)

        async def on_progress(progress: Progress) -> None:
            self.progress.append(progress)
            if self.on_progress is not None:
                await self.on_progress(progress)

        _, finished = await self.runner.download(self.file_id, url, choice, on_info=on_info, on_progress=on_progress)
        return finished

    @property
    def folder(self) -> Path:
        return self.runner.workspace.folder(self.file_id)


@pytest.fixture
def make_runner(tmp_path: Path) -> Callable[..., Runner]:
    """A runner; keyword arguments are fields of `Limits`, `hosts`, `private` or `resolve`."""

    def make(
        *, hosts: tuple[str, ...] = ("127.0.0.1",), private: bool = True, resolve: Any = None, **limits: Any
    ) -> Runner:
        root = tmp_path / "downloads"
        root.mkdir(exist_ok=True)
        values = {name: getattr(LIMITS, name) for name in Limits.__slots__} | limits
        extra = {} if resolve is None else {"resolve": resolve}
        return Runner(Workspace(root), HostRules.of(hosts, allow_private=private), Limits(**values), **extra)

    return make


@pytest.fixture
def download(make_runner: Callable[..., Runner]) -> Download:
    return Download(make_runner())
