"""The demo's place for videos, in the part of YouTube: a link sent to the hub is downloaded from this machine alone."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from medianest_hub.testing.hub import HubProcess
from tests.demo.service import Ask, NotHere
from tests.simulators.media.server import MediaServer


class DemoVideos:
    """A few seconds of test pictures, made by ffmpeg."""

    knobs = "videos"

    def __init__(self) -> None:
        self._server = MediaServer()

    def running(self) -> AbstractContextManager[object]:
        """Serve until the block ends."""
        return self._server.running()

    def settings(self) -> dict[str, Any]:
        """Only this machine, which no hub would be allowed otherwise."""
        return {"plugins": {"youtube": {"allowed_hosts": ["127.0.0.1"], "allow_private_addresses": True}}}

    def settle(self, hub: HubProcess, ask: Ask) -> None:
        """Nothing to do."""

    def words(self, control: str) -> Sequence[str]:
        """Links to send."""
        return [
            "Videos (in the part of YouTube) to send to POST /api/v1/youtube/downloads:",
            f"  {self._server.clip('slow:400000', 'demo')}",
            f"  {self._server.clip(path='media/dash/manifest.mpd')}",
        ]

    def look(self) -> str:
        """What was fetched of it."""
        return f"{len(self._server.requests)} requests came"

    def turn(self, what: str, how: str) -> str:
        """It has nothing to turn."""
        raise NotHere("videos are only watched")
