"""Every way a download can fail, as a class, with words for people and whether trying again makes sense."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Failure(StrEnum):
    """The class of a failure: stable, translatable, and what retrying is decided by."""

    UNAVAILABLE = "unavailable"
    PRIVATE = "private"
    GEO = "geo"
    AGE = "age"
    NEEDS_SIGN_IN = "needs_sign_in"
    MEMBERS_ONLY = "members_only"
    DRM = "drm"
    LIVE_STREAM = "live_stream"
    PLAYLIST = "playlist"
    UNSUPPORTED_URL = "unsupported_url"
    NOT_ALLOWED = "not_allowed"
    NO_SUCH_FORMAT = "no_such_format"
    TOO_LARGE = "too_large"
    TOO_LONG = "too_long"
    OUT_OF_MEMORY = "out_of_memory"
    NO_SPACE = "no_space"
    RATE_LIMITED = "rate_limited"
    REFUSED = "refused"
    UPSTREAM = "upstream"
    NETWORK = "network"
    TIMEOUT = "timeout"
    TOO_SLOW = "too_slow"
    BAD_MEDIA = "bad_media"
    PROCESSING = "processing"
    NO_FFMPEG = "no_ffmpeg"
    STORAGE = "storage"
    FILE_LOST = "file_lost"
    CANCELLED = "cancelled"
    KILLED = "killed"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a class of failure means: words, and how often (`tries`) another attempt is made after `wait` seconds."""

    words: str
    wait: float = 0.0
    tries: int = 0


MEANINGS: dict[Failure, Meaning] = {
    Failure.UNAVAILABLE: Meaning("The video does not exist, or its owner took it down."),
    Failure.PRIVATE: Meaning("The video is private. Ask its owner to share it."),
    Failure.GEO: Meaning("The video may not be watched in the country this hub is in."),
    Failure.AGE: Meaning("The video has an age limit, and the hub has no account to prove its age with."),
    Failure.NEEDS_SIGN_IN: Meaning("The site wants someone signed in to see this, and the hub has no account there."),
    Failure.MEMBERS_ONLY: Meaning("The video is for paying members of its channel."),
    Failure.DRM: Meaning("The video is copy-protected (DRM) and cannot be downloaded."),
    Failure.LIVE_STREAM: Meaning("This is a live stream or premiere. Try again when it is over."),
    Failure.PLAYLIST: Meaning("This is a list of several videos. Send the link of one of them."),
    Failure.UNSUPPORTED_URL: Meaning("No video was found at this address."),
    Failure.NOT_ALLOWED: Meaning(
        "The download led to a place this hub may not reach. An admin can allow more hosts in the plugin's settings."
    ),
    Failure.NO_SUCH_FORMAT: Meaning("The video is not offered in this form. Choose another quality or container."),
    Failure.TOO_LARGE: Meaning("The video is larger than this hub allows. Choose a lower quality."),
    Failure.TOO_LONG: Meaning("The video is longer than this hub allows."),
    Failure.OUT_OF_MEMORY: Meaning(
        "The video's page, or putting the video together, needs more memory than this hub gives to a download."
    ),
    Failure.NO_SPACE: Meaning("The disk is too full for this download.", wait=30, tries=1),
    Failure.RATE_LIMITED: Meaning(
        "The site says it gets too many requests from here. Try again in an hour or two.", wait=60, tries=1
    ),
    Failure.REFUSED: Meaning(
        "The site refused to hand out the video (403). An update of yt-dlp often helps.", wait=10, tries=2
    ),
    Failure.UPSTREAM: Meaning("The site answered with an error of its own.", wait=15, tries=3),
    Failure.NETWORK: Meaning("The connection to the site broke off.", wait=5, tries=4),
    Failure.TIMEOUT: Meaning("The site stopped answering.", wait=10, tries=2),
    Failure.TOO_SLOW: Meaning("The site sends so slowly that the download would not end.", wait=30, tries=1),
    Failure.BAD_MEDIA: Meaning("What the site sent is not a whole, playable video.", wait=10, tries=1),
    Failure.PROCESSING: Meaning("ffmpeg could not put the video into this container. Choose mkv."),
    Failure.NO_FFMPEG: Meaning("ffmpeg is missing on the worker. An admin has to install it."),
    Failure.STORAGE: Meaning(
        "The download folder cannot be used. An admin has to look at the plugin's health.", wait=10, tries=2
    ),
    Failure.FILE_LOST: Meaning("The finished file is no longer in the download folder. Retry to fetch it anew."),
    Failure.CANCELLED: Meaning("The download was cancelled."),
    Failure.KILLED: Meaning("The download's process was ended from outside.", wait=1, tries=5),
    Failure.INTERNAL: Meaning(
        "Something went wrong in the hub itself; an admin finds more in its log.", wait=5, tries=1
    ),
}


class DownloadFailed(Exception):
    """A download failed in a known way; `detail` is for the log and for admins, the words come from the class."""

    def __init__(self, failure: Failure, detail: str = "") -> None:
        super().__init__(f"{failure}: {detail}" if detail else str(failure))
        self.failure = failure
        self.detail = detail

    @property
    def words(self) -> str:
        """One sentence for the person who asked."""
        return MEANINGS[self.failure].words

    def wait_before(self, attempt: int) -> float | None:
        """Seconds to leave before the attempt after this one (counted from 1), or None: no other is made."""
        meaning = MEANINGS[self.failure]
        return meaning.wait if attempt <= meaning.tries else None
