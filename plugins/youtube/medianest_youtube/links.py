"""Reads a link a person sends: is it one that may be followed, and which video is it; asks nobody."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import urlsplit

from medianest_hub.plugin_api import errors
from medianest_youtube.addresses import HostRules, normal_host
from medianest_youtube.failures import MEANINGS, Failure

_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{11}")
# As long as an id, and none: a list, and whatever a channel sends just now.
_NO_IDS = ("videoseries", "live_stream")
_WATCH_HOSTS = frozenset(
    {"youtube.com", "www.youtube.com", "m.youtube.com", "music.youtube.com", "www.youtube-nocookie.com"}
)
_WATCH = re.compile(r"/watch")
_IN_PATH = re.compile(r"/(?:shorts|embed|live|v)/([^/]+)")
_PATHS = {"youtu.be": re.compile(r"/([^/]+)")}
_YOUTUBE = HostRules.of(["youtube.com", "youtu.be", "youtube-nocookie.com"])


def _bad(code: str, message: str) -> errors.BadInput:
    return errors.BadInput(
        message, code=code, fields=[errors.FieldProblem(field="body.url", code=code, message=message)]
    )


def check_link(url: str, rules: HostRules) -> str:
    """The link, without blanks around it and without its fragment. Raises `BadInput` with what to do instead."""
    url = url.strip()
    if any(ord(sign) < 0x21 for sign in url):
        raise _bad("bad_url", "A link holds no blanks or line ends. Copy it once more.")
    # No server sees a fragment, but yt-dlp reads options of its own from one.
    url = url.partition("#")[0]
    try:
        split = urlsplit(url)
        host, port = normal_host(split.hostname or ""), split.port
    except ValueError:
        raise _bad("bad_url", "This is not the link of a web page. It begins with https://.") from None
    if split.scheme not in ("http", "https"):
        raise _bad("bad_url", "Only links that begin with https:// or http:// can be downloaded.")
    if split.username is not None or split.password is not None:
        raise _bad("bad_url", "A link with a name and password in it is not taken.")
    if port is None:
        port = 443 if split.scheme == "https" else 80
    if not rules.allows_host(host) or not rules.allows_port(port):
        raise _bad(
            Failure.NOT_ALLOWED,
            f"Downloads from {host} are not allowed on this hub. {_named(rules)}",
        )
    return url


def _named(rules: HostRules) -> str:
    if any(_YOUTUBE.allows_host(rule) for rule in rules.allowed):
        return "Links to YouTube are; an admin can allow more hosts."
    return "An admin can allow more hosts."


def media_key(url: str) -> str:
    """What stands for the video until the site has been asked: YouTube's own id, else a checksum of the address.

    Whoever shares a key gets the same file, so an id is taken only from an address that yt-dlp can read in no other way.
    """
    return claimed_key(url) or address_key(url)


def claimed_key(url: str) -> str | None:
    """YouTube's id where the address alone says it beyond doubt, else None."""
    split = urlsplit(url)
    values = [part.removeprefix("v=") for part in re.split("[&;]", split.query) if part.startswith("v=")]
    way = _WATCH if values else _PATHS.get(split.netloc, _IN_PATH if split.netloc in _WATCH_HOSTS else None)
    if split.scheme not in ("http", "https") or split.fragment or len(values) > 1 or way is None:
        return None
    if values and split.netloc not in _WATCH_HOSTS:
        return None
    match = way.fullmatch(split.path)
    found = "" if match is None else (values[0] if values else match[1])
    return f"youtube:{found}" if _VIDEO_ID.fullmatch(found) and found not in _NO_IDS else None


def address_key(url: str) -> str:
    """A checksum of the address."""
    return f"url:{hashlib.sha256(url.encode()).hexdigest()}"


def as_problem(failure: Failure, detail: str = "") -> errors.HubError:
    """The error a person gets when looking at a link fails; an outage is not their mistake."""
    words = MEANINGS[failure].words
    if failure is Failure.TIMEOUT:
        return errors.UpstreamTimeout(words, service="youtube")
    if failure in (Failure.NETWORK, Failure.UPSTREAM, Failure.REFUSED):
        return errors.UpstreamError(words, service="youtube")
    if failure is Failure.RATE_LIMITED:
        return errors.Unavailable(words, code=failure.value, retry_after=600)
    if failure in (Failure.KILLED, Failure.INTERNAL, Failure.STORAGE, Failure.NO_FFMPEG, Failure.NO_SPACE):
        return errors.Unavailable(words, code=failure.value)
    return _bad(failure.value, words)
