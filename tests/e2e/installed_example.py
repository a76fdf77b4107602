"""Installs the example plugin for one hub by its `PYTHONPATH`, so that what walks through a hub meets all a plugin may have."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "medianest-hello"


def python_path(folder: Path) -> str:
    """A `PYTHONPATH` with which the example is found as its wheel would be; writes its metadata into `folder`."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    name, version = project["name"], project["version"]
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(
        "\n".join(
            f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in points.items())
            for group, points in project["entry-points"].items()
        )
    )
    return os.pathsep.join((str(folder), str(EXAMPLE)))
