"""What people send and get: the models of the routes. No rules here but the shape of things."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from medianest_youtube.failures import Failure
from medianest_youtube.options import Choice, Container, Quality


class DownloadState(StrEnum):
    """Where a download is. `done`, `failed` and `cancelled` are final until somebody retries."""

    QUEUED = "queued"
    FETCHING_INFO = "fetching_info"
    DOWNLOADING = "downloading"
    PROCESSING = "processing"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ACTIVE = (
    DownloadState.QUEUED,
    DownloadState.FETCHING_INFO,
    DownloadState.DOWNLOADING,
    DownloadState.PROCESSING,
)
"""States in which something is still to be done."""


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class LinkIn(BaseModel):
    """A link to one video."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(min_length=1, max_length=2048, description="The address of the video's page, or of the video.")


class NewDownload(LinkIn):
    """What to download. Without a container it is mp4, or m4a for sound alone."""

    quality: Annotated[Quality, BeforeValidator(_as_text)] = Quality.BEST
    container: Container | None = None
    subtitles: list[str] = Field(default=[], max_length=10, description="Language tags, such as `en` or `pt-BR`.")

    @model_validator(mode="after")
    def _goes_together(self) -> NewDownload:
        _ = self.choice  # its ValueError says what does not
        return self

    @property
    def choice(self) -> Choice:
        """The choice, languages in one order so that equal ones are equal."""
        container = self.container or (Container.M4A if self.quality is Quality.AUDIO else Container.MP4)
        return Choice(self.quality, container, tuple(sorted(set(self.subtitles))))


class ProgressView(BaseModel):
    """How far it is. `fraction` 0 to 1, sizes in bytes, `speed` in bytes a second, `eta` in seconds; null is unknown."""

    fraction: float | None = None
    downloaded_bytes: int = 0
    total_bytes: int | None = None
    speed: float | None = None
    eta: float | None = None


class FailureView(BaseModel):
    """Why it failed, or why the last attempt did when another follows: a class, and words for people."""

    code: Failure
    message: str


class Download(BaseModel):
    """One person's download. `size` in bytes, `duration` in seconds, `shared`: others asked for the same video."""

    id: UUID
    url: str
    state: DownloadState
    title: str | None
    uploader: str | None
    duration: float | None
    thumbnail: str | None
    quality: Quality
    container: Container
    subtitles: list[str]
    height: int | None
    size: int | None
    progress: ProgressView
    failure: FailureView | None
    shared: bool
    job_id: UUID | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


class DownloadPath(BaseModel):
    """Which download."""

    id: UUID


class TokenPath(BaseModel):
    """The signed part of a link."""

    token: str = Field(max_length=4096)


class DownloadQuery(BaseModel):
    """A page of one's own downloads, newest first."""

    model_config = ConfigDict(extra="forbid")

    state: DownloadState | None = None
    cursor: str | None = Field(default=None, max_length=200)
    limit: int = Field(default=50, ge=1, le=200)


class FileLink(BaseModel):
    """An address that needs no sign-in, good until `expires_at`; relative to the hub's where no `public_url` is set."""

    url: str
    expires_at: datetime


class QualityView(BaseModel):
    """A quality that is to be had; `estimated_size` in bytes, null where the site does not say."""

    quality: str
    height: int | None
    estimated_size: int | None


class Preview(BaseModel):
    """What is behind a link. `refused` says why this hub would not download it, if so."""

    title: str
    uploader: str | None
    duration: float | None
    thumbnail: str | None
    live: bool
    qualities: list[QualityView]
    estimated_size: int | None
    refused: FailureView | None


class DownloadJob(BaseModel):
    """Arguments of the download task: which file to fetch."""

    file_id: UUID


class ProgressEvent(BaseModel):
    """Sent as `youtube:progress` while a download runs."""

    id: UUID
    state: DownloadState
    progress: ProgressView
