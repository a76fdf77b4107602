"""The ways an answer can go wrong, each a small change to a `Plan`; sends nothing itself.

Faults are named in the path and joined by `+`; an argument follows a colon, `@n` has it happen only to the n-th GET
of that path, from 0, and `~text` only to paths that end so: `reset@1+slow:20000+status:404~.vtt`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Plan:
    """How one request will be answered."""

    source: Path | None
    """The file to send; None sends `text`."""
    serial: int
    """Which request of this key and path it is, from 0."""
    text: bytes = b""
    status: int = 200
    content_type: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    validators: bool = True
    """Send ETag and Last-Modified."""
    tag: str = ""
    """Added to the ETag."""
    ranges: bool = True
    chunked: bool = False
    length_factor: float = 1.0
    """What Content-Length claims, as a factor of the truth."""
    rate: float | None = None
    """Bytes a second."""
    stop_at: float | None = None
    """The fraction of the body after which it ends in the way of `stop`."""
    stop: str = "close"
    """`close`, `reset` (RST) or `hang`."""
    hang: bool = False
    """Answer nothing at all."""
    endless: bool = False
    """Body of zeros without end."""


def _set(**changes: object) -> Callable[[Plan, str], None]:
    def change(plan: Plan, _: str) -> None:
        for name, value in changes.items():
            setattr(plan, name, value)

    return change


def _status(plan: Plan, argument: str) -> None:
    plan.source, plan.status, plan.text = None, int(argument), b"no\n"
    plan.content_type = "text/plain"
    if plan.status == 429:
        plan.headers["Retry-After"] = "30"


def _changed(plan: Plan, argument: str) -> None:
    """From the n-th request on it is another file with another ETag."""
    if plan.source is not None and plan.serial >= int(argument or 1):
        plan.source = plan.source.with_name("other.mp4")


def _etag(plan: Plan, _: str) -> None:
    plan.tag = f"-{plan.serial}"


def _html(plan: Plan, _: str) -> None:
    plan.source, plan.content_type = None, "text/html; charset=utf-8"
    plan.text = b"<!doctype html><title>Log in</title><p>Please log in to the wireless network.</p>" * 40


def _html_as_video(plan: Plan, argument: str) -> None:
    _html(plan, argument)
    plan.content_type = "video/mp4"


def _redirect(plan: Plan, argument: str) -> None:
    plan.source, plan.status, plan.text = None, 302, b""
    plan.headers["Location"] = f"http://{argument}/media/clip.mp4"


def _slow(plan: Plan, argument: str) -> None:
    plan.rate = float(argument)


FAULTS: dict[str, Callable[[Plan, str], None]] = {
    "hang": _set(hang=True),
    "stall": _set(stop_at=0.5, stop="hang"),
    "drip": _set(rate=1.0),
    "slow": _slow,
    "reset": _set(stop_at=0.5, stop="reset"),
    "short": _set(length_factor=1.25),
    "long": _set(length_factor=0.5),
    "etag": _etag,
    "changed": _changed,
    "no-range": _set(ranges=False),
    "no-validators": _set(validators=False),
    "chunked": _set(chunked=True, ranges=False),
    "huge": _set(length_factor=1e6, endless=True),
    "endless": _set(chunked=True, ranges=False, endless=True),
    "status": _status,
    "html": _html,
    "html-as-video": _html_as_video,
    "redirect": _redirect,
}


def apply(names: str, plan: Plan, path: str) -> None:
    """Change the plan as the path asks. Raises KeyError for an unknown fault."""
    for name in names.split("+"):
        words, _, ending = name.partition("~")
        words, _, only = words.partition("@")
        fault, _, argument = words.partition(":")
        if path.endswith(ending) and (not only or plan.serial == int(only)):
            FAULTS[fault](plan, argument)
