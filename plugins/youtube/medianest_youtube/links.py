"""Reads a link a person sends: is it one that may be followed, and which video is it; asks nobody."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import parse_qs, urlsplit

from medianest_hub.plugin_api import errors
from medianest_youtube.addresses import HostRules, normal_host
from medianest_youtube.failures import MEANINGS, Failure

_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{11}")
_YOUTUBE = HostRules.of(["youtube.com", "youtu.be", "youtube-nocookie.com"])


def _bad(code: str, message: str) -> errors.BadInput:
    return errors.BadInput(
        message, code=code, fields=[errors.FieldProblem(field="body.url", code=code, message=message)]
    )


def check_link(url: str, rules: HostRules) -> str:
    """The link, cleaned of blanks around it. Raises `BadInput` with what to do instead."""
    url = url.strip()
    if any(ord(sign) < 0x21 for sign in url):
        raise _bad("bad_url", "A link holds no blanks or line ends. Copy it once more.")
    try:
        split = urlsplit(url)
        host, port = normal_host(split.hostname or ""), split.port
    except ValueError:
        raise _bad("bad_url", "This is not the link of a web page. It begins with https://.") from None
    if split.scheme not in ("http", "https"):
        raise _bad("bad_url", "Only links that begin with https:// or http:// can be downloaded.")
    if split.username is not None or split.password is not None:
        raise _bad("bad_url", "A link with a name and password in it is not taken.")
    if not rules.allows_host(host) or not rules.allows_port(port or (443 if split.scheme == "https" else 80)):
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
    """What stands for the video until the site has been asked: YouTube's own id, else a checksum of the address."""
    split = urlsplit(url)
    if _YOUTUBE.allows_host(normal_host(split.hostname or "")):
        parts = [part for part in split.path.split("/") if part]
        found = parse_qs(split.query).get("v", [""])[0]
        if not found and parts and parts[0] in ("shorts", "embed", "live", "v"):
            found = parts[1] if len(parts) > 1 else ""
        elif not found and parts and normal_host(split.hostname or "") == "youtu.be":
            found = parts[0]
        if _VIDEO_ID.fullmatch(found):
            return f"youtube:{found}"
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
