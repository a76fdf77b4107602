"""The plugin's settings and what follows from them; the hub makes a form of the model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from medianest_hub.plugin_api import Context, PluginSettings
from medianest_youtube.addresses import HostRules, normal_rule
from medianest_youtube.limits import Limits
from medianest_youtube.runner import Runner
from medianest_youtube.workspace import Workspace

YOUTUBE_HOSTS = (
    "youtube.com",
    "youtu.be",
    "youtube-nocookie.com",
    "googlevideo.com",
    "ytimg.com",
    "ggpht.com",
    "youtubei.googleapis.com",
)
"""Where YouTube's pages, pictures and videos come from."""

_GB = 1 << 30


def _absolute(path: Path) -> Path:
    path = path.expanduser()
    if not path.is_absolute():
        raise ValueError("write the whole path, beginning with /")
    return path


class YouTubeSettings(PluginSettings):
    """What may be downloaded from where, and how much of it."""

    allowed_hosts: list[Annotated[str, AfterValidator(normal_rule)]] = Field(
        default=list(YOUTUBE_HOSTS),
        min_length=1,
        title="Allowed hosts",
        description="Downloads reach these hosts and all below them, and nothing else. `*` allows every public host.",
    )
    allow_private_addresses: bool = Field(
        default=False,
        title="Allow private addresses",
        description="Also reach addresses of the home network and any port, at the allowed hosts. Off, a link can "
        "never lead to a device at home.",
    )
    download_dir: Annotated[Path, AfterValidator(_absolute)] | None = Field(
        default=None,
        title="Download folder",
        description="Where finished files lie, the same folder on every worker and web server. Empty: the hub's own "
        "data folder.",
    )
    max_size_gb: float = Field(default=20.0, gt=0, le=100_000, title="Greatest size (GB)", description="Of one file.")
    max_memory_gb: float = Field(
        default=1.0,
        ge=1,
        le=64,
        title="Greatest memory (GB)",
        description="Of yt-dlp and of Deno, which does not start with less than 1; ffmpeg may have twice as much.",
    )
    max_duration_hours: float = Field(
        default=12.0, gt=0, le=1000, title="Greatest length (hours)", description="Of one video."
    )
    min_free_gb: float = Field(
        default=1.0, ge=0, le=100_000, title="Free space to keep (GB)", description="No download goes below it."
    )
    automatic_subtitles: bool = Field(
        default=True, title="Machine-made subtitles", description="Take them where the video has no others."
    )
    stall_seconds: float = Field(
        default=60.0,
        ge=5,
        le=3600,
        title="Patience (seconds)",
        description="A download nothing comes for is tried anew.",
    )
    link_hours: float = Field(
        default=6.0,
        gt=0,
        le=168,
        title="Life of links (hours)",
        description="For so long a link to a file can be used.",
    )

    @property
    def rules(self) -> HostRules:
        """The hosts and addresses downloads may reach."""
        return HostRules.of(self.allowed_hosts, allow_private=self.allow_private_addresses)

    @property
    def limits(self) -> Limits:
        """The limits on one download."""
        return Limits(
            max_bytes=int(self.max_size_gb * _GB),
            max_memory=int(self.max_memory_gb * _GB),
            max_duration=self.max_duration_hours * 3600,
            min_free_bytes=int(self.min_free_gb * _GB),
            stall_seconds=self.stall_seconds,
            socket_seconds=min(20.0, self.stall_seconds / 2),
        )


def download_dir(ctx: Context[YouTubeSettings]) -> Path:
    """The folder finished files lie in, there or not."""
    return ctx.settings.download_dir or ctx.data_dir / "downloads"


def workspace_of(ctx: Context[YouTubeSettings]) -> Workspace:
    """The download folder as the downloader uses it."""
    return Workspace(download_dir(ctx))


def runner_of(ctx: Context[YouTubeSettings], **changes: Any) -> Runner:
    """The downloader for these settings; `changes` replace fields of `Limits`."""
    limits = ctx.settings.limits
    if changes:
        limits = Limits(**{name: changes.get(name, getattr(limits, name)) for name in Limits.__slots__})
    return Runner(workspace_of(ctx), ctx.settings.rules, limits, ctx.settings.automatic_subtitles)
