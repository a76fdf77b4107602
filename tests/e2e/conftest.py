"""Supervisors to try things on: `serve(...)` starts one with its data in `data`; all are stopped at the end."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.supervisor_run import Serve


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def serve(data: Path) -> Iterator[Callable[..., Serve]]:
    running: list[Serve] = []

    def start(*args: str, at: Path = data, **options: object) -> Serve:
        running.append(Serve(at, *args, **options))  # type: ignore[arg-type]
        return running[-1]

    yield start
    for one in running:
        one.close()
