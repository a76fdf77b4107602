"""One model of how requests and media stand, for both dialects: Overseerr's and Seerr's numbers become these words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final


class Dialect(StrEnum):
    """Which of the two services answers."""

    OVERSEERR = "overseerr"
    SEERR = "seerr"

    @property
    def label(self) -> str:
        """Its name for people."""
        return self.value.capitalize()


class RequestState(StrEnum):
    """How a request stands.

    `approved`: said yes to, and nothing is known yet of it being fetched; `processing`: it is being fetched. `available` is
    what Overseerr, `completed` what Seerr calls a request that was fulfilled. `deleted`: it was fulfilled, and went again.
    """

    PENDING = "pending"
    APPROVED = "approved"
    DECLINED = "declined"
    FAILED = "failed"
    PROCESSING = "processing"
    PARTLY_AVAILABLE = "partly_available"
    AVAILABLE = "available"
    COMPLETED = "completed"
    DELETED = "deleted"
    BLOCKLISTED = "blocklisted"

    @property
    def is_fulfilled(self) -> bool:
        """Whether all that was asked for is there."""
        return self in (RequestState.AVAILABLE, RequestState.COMPLETED)

    @property
    def is_open(self) -> bool:
        """Whether something is still to come of it."""
        return self in (
            RequestState.PENDING,
            RequestState.APPROVED,
            RequestState.PROCESSING,
            RequestState.PARTLY_AVAILABLE,
        )


class MediaState(StrEnum):
    """How a film or series stands in the library, whoever asked for it."""

    NONE = "none"
    PENDING = "pending"
    PROCESSING = "processing"
    PARTLY_AVAILABLE = "partly_available"
    AVAILABLE = "available"
    BLOCKLISTED = "blocklisted"
    DELETED = "deleted"


MEDIA: Final[Mapping[int, MediaState]] = {
    1: MediaState.NONE,
    2: MediaState.PENDING,
    3: MediaState.PROCESSING,
    4: MediaState.PARTLY_AVAILABLE,
    5: MediaState.AVAILABLE,
    6: MediaState.BLOCKLISTED,
    7: MediaState.DELETED,
}
"""Media status of the services; the last two are Seerr's alone."""

_PENDING, _APPROVED, _DECLINED, _FAILED, _COMPLETED = 1, 2, 3, 4, 5
_OF_MEDIA: Final = {
    MediaState.PROCESSING: RequestState.PROCESSING,
    MediaState.PARTLY_AVAILABLE: RequestState.PARTLY_AVAILABLE,
    MediaState.AVAILABLE: RequestState.AVAILABLE,
    MediaState.DELETED: RequestState.DELETED,
}


def media_state(status: int | None) -> MediaState:
    """The word for a media status; nothing known is `none`."""
    return MediaState.NONE if status is None else MEDIA[status]


def state_of(request: int, media: MediaState, seasons: Iterable[MediaState] | None = None) -> RequestState:
    """How a request stands, by its own status, its media's, and those of the seasons asked for where they are known."""
    if request == _DECLINED:
        return RequestState.DECLINED
    if request == _FAILED:
        return RequestState.FAILED
    if media is MediaState.BLOCKLISTED:
        return RequestState.BLOCKLISTED
    if request == _PENDING:
        return RequestState.PENDING
    if request == _COMPLETED:
        return RequestState.DELETED if media is MediaState.DELETED else RequestState.COMPLETED
    return _OF_MEDIA.get(_of_seasons(seasons) or media, RequestState.APPROVED)


def _of_seasons(seasons: Iterable[MediaState] | None) -> MediaState | None:
    """How the seasons stand together; None where nothing is known of them."""
    known = list(seasons or ())
    if not known:
        return None
    if all(one is MediaState.AVAILABLE for one in known):
        return MediaState.AVAILABLE
    if any(one in (MediaState.AVAILABLE, MediaState.PARTLY_AVAILABLE) for one in known):
        return MediaState.PARTLY_AVAILABLE
    return known[0] if len(set(known)) == 1 else MediaState.PROCESSING
