"""What the supervisor says: plain lines on a terminal, JSON otherwise; never fails, wherever its output has gone."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from datetime import UTC, datetime
from typing import TextIO


class Announcer:
    """Notices in the form the logs have (`log.format`), without loading what the logs need."""

    def __init__(self, log_format: str) -> None:
        self._json = log_format == "json" or (log_format == "auto" and not _terminal())

    def line(self, text: str) -> None:
        """A plain line on stdout, for people and scripts to wait for."""
        _write(sys.stdout, text)

    def error(self, text: str) -> None:
        """The one clear line before giving up."""
        _write(sys.stderr, f"medianest: {text}")

    def notice(self, event: str, level: str = "info") -> None:
        """Something a reader of the logs wants to know."""
        if self._json:
            at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            _write(
                sys.stderr,
                json.dumps({"timestamp": at, "level": level, "logger": "medianest_hub.supervisor", "event": event}),
            )
        else:
            _write(sys.stderr, f"medianest: {event}")


def _terminal() -> bool:
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return sys.stderr.isatty()
    return False


def _write(stream: TextIO, text: str) -> None:
    # The reader of a pipe may be gone, or the disk of a log full: no reason to stop serving.
    try:
        print(text, file=stream, flush=True)
    except (OSError, ValueError):
        _forget(stream)


def _forget(stream: TextIO) -> None:
    """Let what could not be written go: Python would try again at its end, fail and exit with 120."""
    with contextlib.suppress(OSError, ValueError), open(os.devnull, "w") as nowhere:
        kept = os.dup(stream.fileno())
        try:
            os.dup2(nowhere.fileno(), stream.fileno())
            stream.flush()
        finally:
            os.dup2(kept, stream.fileno())
            os.close(kept)
