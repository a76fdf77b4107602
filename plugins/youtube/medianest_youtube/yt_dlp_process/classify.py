"""From what yt-dlp raised to a class of failure; the only place that reads its English sentences."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator

from yt_dlp.networking.exceptions import (
    CertificateVerifyError,
    HTTPError,
    IncompleteRead,
    ProxyError,
    RequestError,
    SSLError,
    TransportError,
)
from yt_dlp.utils import (
    ContentTooShortError,
    ExtractorError,
    GeoRestrictedError,
    PostProcessingError,
    UnsupportedError,
    UserNotLive,
)

from medianest_youtube.failures import Failure

_HTTP = {
    401: Failure.NEEDS_SIGN_IN,
    403: Failure.REFUSED,
    404: Failure.UNAVAILABLE,
    410: Failure.UNAVAILABLE,
    416: Failure.BAD_MEDIA,
    429: Failure.RATE_LIMITED,
    451: Failure.GEO,
}
_OS = {
    errno.ENOSPC: Failure.NO_SPACE,
    errno.EDQUOT: Failure.NO_SPACE,
    errno.EFBIG: Failure.TOO_LARGE,
    errno.ENOMEM: Failure.OUT_OF_MEMORY,
    errno.EROFS: Failure.STORAGE,
    errno.EACCES: Failure.STORAGE,
    errno.EPERM: Failure.STORAGE,
    errno.EIO: Failure.STORAGE,
    errno.ESTALE: Failure.STORAGE,
}
# What ffmpeg and ffprobe end with when an input is none of the formats they may read.
_NO_MEDIA = re.compile(r"invalid data found|unable to obtain file audio codec|: invalid argument$", re.IGNORECASE)
# In the order they must be tried: "sign in to confirm your age" is about age, not about signing in.
_SENTENCES = tuple(
    (re.compile(pattern, re.IGNORECASE), failure)
    for pattern, failure in (
        # A redirect to file:, ftp: and the like.
        (r"no connection adapters were found|unsupported url scheme", Failure.NOT_ALLOWED),
        (r"confirm you.?re not a bot|too many requests|rate.?limit|try again later", Failure.RATE_LIMITED),
        (r"confirm your age|age.?restricted|inappropriate for some users", Failure.AGE),
        (r"private video|video is private", Failure.PRIVATE),
        (r"members.only|join this channel|channel's members|requires payment|purchase|premium", Failure.MEMBERS_ONLY),
        (r"\bdrm\b", Failure.DRM),
        (r"live event will begin|premieres in|is not currently live|livestream|live stream|is upcoming|offline",
         Failure.LIVE_STREAM),
        (r"in your country|geo.?restrict|your (region|location)", Failure.GEO),
        (r"has been (terminated|removed|deleted)|no longer available", Failure.UNAVAILABLE),
        (r"sign in|log ?in|login|cookies|account|password", Failure.NEEDS_SIGN_IN),
        (r"requested format is not available|no video formats", Failure.NO_SUCH_FORMAT),
        (r"unsupported url|no suitable extractor|is not a valid url", Failure.UNSUPPORTED_URL),
        (r"no space left|disk quota", Failure.NO_SPACE),
        (r"file too large", Failure.TOO_LARGE),
        (r"ffmpeg.*(not found|not installed)|ffprobe and ffmpeg not found", Failure.NO_FFMPEG),
        (r"cannot allocate memory", Failure.OUT_OF_MEMORY),
        (r"unavailable|not available|removed|terminated|does not exist|no longer|not found", Failure.UNAVAILABLE),
        (r"timed? ?out", Failure.TIMEOUT),
        (r"content too short|did not get any data|incomplete|giving up after|fragment \d+ not found",
         Failure.NETWORK),
    )
)  # fmt: skip


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and all it came from: yt-dlp keeps causes in attributes of its own as well."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        packed = getattr(one, "exc_info", None)
        waiting += [packed[1] if isinstance(packed, tuple) else None]
        for name in ("cause", "reason", "__cause__", "__context__"):
            inner = getattr(one, name, None)
            waiting.append(inner if isinstance(inner, BaseException) else None)


def _by_type(error: BaseException) -> Failure | None:
    if isinstance(error, HTTPError):
        status = int(error.status)
        return _HTTP.get(status) or (Failure.UPSTREAM if status >= 500 else Failure.UNAVAILABLE)
    if isinstance(error, GeoRestrictedError):
        return Failure.GEO
    if isinstance(error, UserNotLive):
        return Failure.LIVE_STREAM
    if isinstance(error, UnsupportedError):
        return Failure.UNSUPPORTED_URL
    if isinstance(error, ContentTooShortError | IncompleteRead):
        return Failure.NETWORK
    if isinstance(error, OSError) and error.errno in _OS:
        return _OS[error.errno]
    if isinstance(error, MemoryError):
        return Failure.OUT_OF_MEMORY
    if isinstance(error, TimeoutError):
        return Failure.TIMEOUT
    return None


def _by_sentence(errors: list[BaseException]) -> Failure | None:
    text = " ".join(map(str, errors))
    return next((failure for pattern, failure in _SENTENCES if pattern.search(text)), None)


def _by_family(error: BaseException) -> Failure | None:
    """What is left to say when neither a type nor a sentence told more."""
    if isinstance(error, CertificateVerifyError | SSLError | ProxyError | TransportError | ConnectionError):
        return Failure.NETWORK
    if isinstance(error, PostProcessingError):
        return Failure.BAD_MEDIA if _NO_MEDIA.search(str(error)) else Failure.PROCESSING
    if isinstance(error, RequestError):
        return Failure.NETWORK
    return None


def classify(error: BaseException) -> Failure:
    """The class of an error raised out of yt-dlp; `internal` if it tells nothing."""
    chain = list(_chain(error))
    told: list[BaseException] = [one for one in chain if isinstance(one, ExtractorError) and one.expected]
    # The site's own words for why not; without a failed request behind them they say more than any type.
    in_words = not any(isinstance(one, RequestError) for one in chain)
    return (
        (_by_sentence(told) if in_words else None)
        or next(filter(None, map(_by_type, chain)), None)
        or _by_sentence(chain)
        or next(filter(None, map(_by_family, chain)), None)
        or Failure.INTERNAL
    )
