"""yt-dlp's own errors and sentences, as they come out of its library, each in its class."""

from __future__ import annotations

import errno
import io

import pytest
from yt_dlp.networking import Response
from yt_dlp.networking.exceptions import HTTPError, IncompleteRead, ProxyError, SSLError, TransportError
from yt_dlp.utils import (
    ContentTooShortError,
    DownloadError,
    ExtractorError,
    GeoRestrictedError,
    PostProcessingError,
    UnavailableVideoError,
    UnsupportedError,
    UserNotLive,
)

from medianest_youtube.failures import MEANINGS, Failure
from medianest_youtube.yt_dlp_process.classify import classify

SENTENCES = [
    ("Private video. Sign in if you've been granted access to this video", Failure.PRIVATE),
    ("Video unavailable. This video is private", Failure.PRIVATE),
    ("Sign in to confirm your age. This video may be inappropriate for some users.", Failure.AGE),
    ("Sign in to confirm you’re not a bot. Use --cookies-from-browser or --cookies", Failure.RATE_LIMITED),
    ("Video unavailable", Failure.UNAVAILABLE),
    ("This video has been removed by the uploader", Failure.UNAVAILABLE),
    ("This video is no longer available because the YouTube account has been terminated", Failure.UNAVAILABLE),
    ("The uploader has not made this video available in your country", Failure.GEO),
    ("Join this channel to get access to members-only content like this video", Failure.MEMBERS_ONLY),
    ("This live event will begin in 3 hours.", Failure.LIVE_STREAM),
    ("Premieres in 2 days", Failure.LIVE_STREAM),
    ("This video is DRM protected", Failure.DRM),
    ("Requested format is not available. Use --list-formats", Failure.NO_SUCH_FORMAT),
    ("Login required", Failure.NEEDS_SIGN_IN),
    ("This content isn't available, try again later.", Failure.RATE_LIMITED),
    ("something nobody has seen before", Failure.INTERNAL),
]


@pytest.mark.parametrize(("sentence", "failure"), SENTENCES)
def test_a_sites_own_words_have_their_class(sentence, failure):
    error = ExtractorError(sentence, expected=True)

    assert classify(error) is failure
    assert classify(DownloadError(str(error), (type(error), error, None))) is failure


def http_error(status: int) -> HTTPError:
    return HTTPError(Response(io.BytesIO(), "https://x.example/login", {}, status=status))


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (http_error(401), Failure.NEEDS_SIGN_IN),
        (http_error(403), Failure.REFUSED),
        (http_error(404), Failure.UNAVAILABLE),
        (http_error(410), Failure.UNAVAILABLE),
        (http_error(418), Failure.UNAVAILABLE),
        (http_error(429), Failure.RATE_LIMITED),
        (http_error(451), Failure.GEO),
        (http_error(503), Failure.UPSTREAM),
        (GeoRestrictedError("not here"), Failure.GEO),
        (UserNotLive(), Failure.LIVE_STREAM),
        (UnsupportedError("https://x.example"), Failure.UNSUPPORTED_URL),
        (ContentTooShortError(1, 2), Failure.NETWORK),
        (IncompleteRead(1, 2), Failure.NETWORK),
        (TransportError("Connection refused"), Failure.NETWORK),
        (TransportError("The read operation timed out"), Failure.TIMEOUT),
        (ProxyError("Tunnel connection failed"), Failure.NETWORK),
        (SSLError("bad certificate"), Failure.NETWORK),
        (UnavailableVideoError(OSError(errno.ENOSPC, "No space left on device")), Failure.NO_SPACE),
        (OSError(errno.EFBIG, "File too large"), Failure.TOO_LARGE),
        (OSError(errno.EROFS, "Read-only file system"), Failure.STORAGE),
        (PostProcessingError("Conversion failed!"), Failure.PROCESSING),
        (KeyError("a bug"), Failure.INTERNAL),
    ],
    ids=lambda value: str(value)[:40],
)
def test_errors_of_each_type_have_their_class(error, failure):
    assert classify(error) is failure


def test_a_failed_request_says_more_than_the_sentence_around_it():
    error = ExtractorError(
        "Unable to download webpage: HTTP Error 503: Service Unavailable", cause=http_error(503), expected=True
    )

    assert classify(error) is Failure.UPSTREAM


def test_every_class_has_words_for_people():
    assert set(MEANINGS) == set(Failure)
    assert all(meaning.words.endswith(".") for meaning in MEANINGS.values())
