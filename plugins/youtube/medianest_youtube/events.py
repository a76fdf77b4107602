"""What other plugins may hear about downloads."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from medianest_hub.plugin_api import EventData


class DownloadFinished(EventData):
    """A person's download is there. `path` is on the workers' disk, `size` in bytes."""

    type: ClassVar[str] = "youtube:download.finished"

    download_id: UUID
    title: str
    path: str
    size: int


class DownloadFailedEvent(EventData):
    """A person's download failed for good; `code` is the class of the failure."""

    type: ClassVar[str] = "youtube:download.failed"

    download_id: UUID
    title: str
    code: str
    message: str
