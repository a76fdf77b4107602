"""Writes plugin distributions from source text into a folder, as pip would have installed them; imports none of them.

With the folder on `sys.path` (or `PYTHONPATH`) the hub discovers them. For tests of hosts and checks, and for benchmarks.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from medianest_hub.plugin_api.hookspecs import PLUGINS_GROUP, TABLES_GROUP

PREAMBLE = """\
from medianest_hub.plugin_api import *
from medianest_hub.plugin_api import errors, hookimpl
"""

CARD = """\
@hookimpl
def hub_plugin():
    return PluginInfo(title={title!r}, api_version=1)
"""


def write_distribution(
    folder: Path,
    name: str,
    source: str,
    *,
    version: str = "1.0",
    requires: Sequence[str] = (),
    entry_points: Mapping[str, Mapping[str, str]] | None = None,
    files: Mapping[str, str] | None = None,
    readme: str = "A synthetic plugin.",
) -> Path:
    """Write the distribution `synthetic-<name>` with the package `synthetic_<name>`; returns the package's folder.

    `source` becomes its `plugin.py`. By default the entry point `<name>` names it, and `piccolo_app.py` when `files`
    (path inside the package to text) has one; `entry_points` (group → name → value) replaces that.
    """
    package = folder / f"synthetic_{name}"
    texts = {"__init__.py": "", "plugin.py": source, **(files or {})}
    for path, text in texts.items():
        target = package / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text))
    if entry_points is None:
        entry_points = {PLUGINS_GROUP: {name: f"synthetic_{name}.plugin"}}
        if "piccolo_app.py" in texts:
            entry_points[TABLES_GROUP] = {name: f"synthetic_{name}.piccolo_app"}
    info = folder / f"synthetic_{name}-{version}.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    project = f"synthetic-{name}".replace("_", "-")
    needs = "".join(f"Requires-Dist: {need}\n" for need in requires)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.4\nName: {project}\nVersion: {version}\nLicense-Expression: Apache-2.0\n{needs}\n{readme}\n"
    )
    sections = (
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in points.items())
        for group, points in entry_points.items()
    )
    (info / "entry_points.txt").write_text("\n".join(sections))
    return package


def plugin_source(body: str = "", title: str = "Synthetic") -> str:
    """A plugin module: the contract imported, a card unless `body` brings its own `hub_plugin`, then `body`."""
    body = textwrap.dedent(body)
    card = "" if "def hub_plugin" in body else CARD.format(title=title)
    return f"{PREAMBLE}\n{card}\n{body}"


def sql_migrations(name: str, *scripts: str) -> dict[str, str]:
    """The `files` of a plugin whose migrations run these SQL scripts, one migration each."""
    files = {
        "tables.py": "",
        "migrations/__init__.py": "",
        "piccolo_app.py": f"""\
            from pathlib import Path

            from piccolo.conf.apps import AppConfig

            APP_CONFIG = AppConfig(app_name={name!r}, migrations_folder_path=str(Path(__file__).parent / "migrations"))
            """,
    }
    for number, script in enumerate(scripts, 1):
        stamp = f"2026_01_{number:02d}t00_00_00_000000"
        files[f"migrations/{name}_{stamp}.py"] = f"""\
            from piccolo.apps.migrations.auto.migration_manager import MigrationManager
            from piccolo.table import Table

            ID = "{stamp}"


            class Raw(Table):
                pass


            async def forwards():
                manager = MigrationManager(migration_id=ID, app_name={name!r}, description="")

                async def run():
                    await Raw.raw({script!r})

                manager.add_raw(run)
                return manager
            """
    return files
