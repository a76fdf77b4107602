"""What a route may answer besides a Pydantic model: a page of them, a file, a stream of bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel

ItemT = TypeVar("ItemT")


class Page(BaseModel, Generic[ItemT]):
    """One page of a list. `next_cursor` is opaque; None means there is no more."""

    items: list[ItemT]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """A file on disk, sent with Range, ETag and If-Range. The host opens it; a missing one answers 404.

    `filename` is the name offered for saving; `inline` shows instead of saves.
    """

    path: Path
    content_type: str = "application/octet-stream"
    filename: str | None = None
    inline: bool = False


@dataclass(frozen=True, slots=True)
class StreamAnswer:
    """Bytes made while they are sent. `body` is closed by the host also when the client goes away."""

    body: AsyncIterator[bytes]
    content_type: str = "application/octet-stream"
    headers: Mapping[str, str] = field(default_factory=dict)
