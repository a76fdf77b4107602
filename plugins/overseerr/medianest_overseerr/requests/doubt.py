"""Says of a change that was sent and got no usable answer that it may have been made. Sends nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from medianest_hub.plugin_api.errors import UpstreamError, UpstreamTimeout


class Doubtful(UpstreamError):
    """It may have been done."""


class DoubtfulTimeout(Doubtful, UpstreamTimeout):
    """The same where no answer came in time."""


@contextmanager
def doubting(perhaps: str) -> Iterator[None]:
    """For `with`, around one change: adds `perhaps` (what may have been done, and what to do now) where that is so.

    Raises `Doubtful` then, and whatever else the client does where it was certainly not done.
    """
    try:
        yield
    except UpstreamError as error:
        if error.not_taken:
            raise
        kind = DoubtfulTimeout if isinstance(error, UpstreamTimeout) else Doubtful
        words = f"{error.message.rstrip('.')}, and {perhaps}"
        raise kind(words, service=error.service, field=error.field, retry_after=error.retry_after) from None
