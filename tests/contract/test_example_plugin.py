"""The example is what it says: complete, and written with nothing a stranger does not have."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from medianest_hub.plugin_api import hookspecs

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "medianest-hello"
PACKAGE = EXAMPLE / "medianest_hello"
LATER = {"hub_media_sources", "hub_sign_in", "hub_notifiers"}


def imports(path: Path) -> set[str]:
    """Every module a file imports."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_it_imports_of_the_hub_only_the_contract(path: Path) -> None:
    of_the_hub = {module for module in imports(path) if module.split(".")[0] == "medianest_hub"}
    assert of_the_hub <= {"medianest_hub.plugin_api"}


def test_its_tests_import_of_the_hub_only_contract_and_testing() -> None:
    found = set().union(*(imports(path) for path in (EXAMPLE / "tests").glob("*.py")))
    of_the_hub = {module for module in found if module.split(".")[0] == "medianest_hub"}
    assert of_the_hub == {"medianest_hub.plugin_api", "medianest_hub.testing"}


def test_it_implements_every_hook_there_is_use_for() -> None:
    tree = ast.parse((PACKAGE / "plugin.py").read_text())
    implemented = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    specified = {name for name in vars(hookspecs) if name.startswith("hub_")}
    assert implemented == specified - LATER


def test_it_is_found_by_all_three_entry_point_groups() -> None:
    points = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]["entry-points"]
    assert set(points) == {hookspecs.PLUGINS_GROUP, hookspecs.TABLES_GROUP, hookspecs.COMMANDS_GROUP}


def test_its_readme_lists_the_settings_with_their_defaults() -> None:
    source = (PACKAGE / "settings.py").read_text()
    fields = re.findall(r"^    (\w+): Annotated", source, re.MULTILINE)
    listed = re.findall(r"^\| `(\w+)` \|", (EXAMPLE / "README.md").read_text(), re.MULTILINE)
    assert fields == listed
