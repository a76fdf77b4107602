"""The recordings of real Uptime Kumas, where they are, and how they are read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

RECORDED = Path(__file__).parents[4] / "shared" / "captures"
OLD, NEW = RECORDED / "kuma-1.23", RECORDED / "kuma-2.5"

recorded = pytest.mark.skipif(not NEW.is_dir(), reason="the recordings of real services are not here")


def body_of(file: Path) -> str:
    """What follows the head of a recorded answer."""
    return file.read_text().partition("\n\n")[2]


def status_of(file: Path) -> int:
    return int(file.read_text().splitlines()[0].split()[1])


def events(file: Path, direction: str) -> Iterator[tuple[str, list[Any]]]:
    for one in json.loads(file.read_text()):
        if one.get("dir") == direction:
            args = one["args"]
            yield one["event"], args if isinstance(args, list) else [args]


STREAMS = [OLD / "02-login-and-live.json", NEW / "02-login-burst-websocket.json", NEW / "03-live-stream-websocket.json"]
