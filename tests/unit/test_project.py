"""The shape of the project: requirement files, addresses and paths, sizes of files and functions, make targets, fragments."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ("bootstrap", "run", "dev")
CODE = ("medianest_hub", "plugins", "examples", "tests", "benchmarks", "scripts", "docs")

# Put together here so that this file does not itself hold what it forbids.
REGISTRY_HOST = re.compile(r"\b(?:" + "py" + r"pi\.(?:org|python)|" + "python" + "hosted|" + "npm" + r"js)\b")
MACHINE_PATH = re.compile(r"(?<![\w.$})/-])/(?:" + "ho" + "me|" + "ro" + "ot|" + "Us" + "ers|" + "wo" + r"rk)/\w")


def tracked() -> list[Path]:
    try:
        listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [path for name in listing.split("\0") if name and (path := ROOT / name).is_file()]


def python_files() -> list[Path]:
    return [
        path for folder in CODE for path in sorted((ROOT / folder).rglob("*.py")) if "__pycache__" not in path.parts
    ]


def requirement_lines(name: str) -> list[str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    joined = text.replace("\\\n", " ")
    return [line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imported(tree: ast.Module) -> set[str]:
    """The top names of all modules it imports, wherever it does."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def distributions() -> list[tuple[Path, Path]]:
    """Each `pyproject.toml` with its package's folder."""
    plugins = [(path.parent / "pyproject.toml", path) for path in ROOT.glob("plugins/*/medianest_*")]
    return [(ROOT / "pyproject.toml", ROOT / "medianest_hub"), *plugins]


def distribution_name(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement)[0].lower().replace("_", "-")


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_every_requirement_is_pinned_and_hashed(name: str) -> None:
    lines = requirement_lines(name)
    loose = [line[:60] for line in lines if not re.match(r"[a-z0-9._-]+(\[[a-z0-9,_-]+\])?==\S+ ", line, re.IGNORECASE)]
    unhashed = [line[:60] for line in lines if "--hash=sha256:" not in line]
    assert lines
    assert (loose, unhashed) == ([], [])


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_requirement_files_hold_no_address_and_no_option(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    assert "://" not in text
    assert [line for line in requirement_lines(name) if line.startswith("-")] == []


def test_what_runs_is_pinned_alike_for_running_and_for_testing() -> None:
    run, dev = ({line.split(" ")[0] for line in requirement_lines(name)} for name in ("run", "dev"))
    assert run - dev == set()


def test_declared_dependencies_are_in_the_requirement_files() -> None:
    run = {re.split(r"[=\[]", line)[0].lower() for line in requirement_lines("run")}
    for project, _ in distributions():
        table = tomllib.loads(project.read_text())["project"]
        names = {distribution_name(text) for text in table["dependencies"]}
        assert names - run - {"medianest-hub"} == set(), f"{project.name}: run `make requirements`"


def test_what_a_distribution_imports_it_declares() -> None:
    providers = importlib.metadata.packages_distributions()
    undeclared = set()
    for project, package in distributions():
        table = tomllib.loads(project.read_text())["project"]
        extras = [need for needs in table.get("optional-dependencies", {}).values() for need in needs]
        declared = {distribution_name(need) for need in [table["name"], *table["dependencies"], *extras]}
        for path in package.rglob("*.py"):
            for module in imported(ast.parse(path.read_text())) - set(sys.stdlib_module_names):
                named = {distribution_name(provider) for provider in providers.get(module, [module])}
                if not named & declared:
                    undeclared.add(f"{table['name']}: {module} ({path.relative_to(ROOT)})")
    assert sorted(undeclared) == []


def test_tracked_files_name_no_registry_and_no_path_of_one_machine() -> None:
    found = []
    for path in tracked():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if REGISTRY_HOST.search(line) or MACHINE_PATH.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert found == []


def test_no_file_is_longer_than_400_lines_and_no_function_than_50() -> None:
    long = []
    for path in python_files():
        if path.parent.name == "migrations":  # written by Piccolo
            continue
        text = path.read_text()
        name = path.relative_to(ROOT)
        if (lines := text.count("\n")) > 400:
            long.append(f"{name}: {lines} lines")
        for function in functions(ast.parse(text)):
            length = (function.end_lineno or function.lineno) - function.lineno + 1
            if length > 50:
                long.append(f"{name}:{function.lineno} {function.name}: {length} lines")
    assert long == []


def test_no_module_is_called_after_nothing_in_particular() -> None:
    nameless = {"utils.py", "helpers.py", "common.py", "util.py", "helper.py", "misc.py"}
    assert [str(path.relative_to(ROOT)) for path in python_files() if path.name in nameless] == []


def test_every_module_of_the_hub_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in python_files()
        if path.is_relative_to(ROOT / "medianest_hub") and path.read_text().strip()
        if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_plugins_are_kept_from_every_part_of_the_hub_but_the_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (contract,) = [contract for contract in contracts if contract["id"] == "plugins"]
    parts = {path.stem for path in (ROOT / "medianest_hub").iterdir() if path.suffix == ".py" or any(path.glob("*.py"))}
    assert set(contract["forbidden_modules"]) == {
        f"medianest_hub.{part}" for part in parts - {"__init__", "__main__", "plugin_api"}
    }
    plugins = {path.name for path in ROOT.glob("plugins/*/medianest_*")}
    assert set(contract["source_modules"]) == plugins


def test_make_alone_lists_every_target_with_words() -> None:
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert phony is not None
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    assert targets == set(phony[1].split())
    out = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    listed = dict(re.findall(r"^  make (\S+)\s+(\S.+)$", out, re.MULTILINE))
    assert set(listed) == targets


def test_changelog_fragments_are_of_known_kinds() -> None:
    kinds = {
        kind["directory"] for kind in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["towncrier"]["type"]
    }
    fragments = [path for path in (ROOT / "changelog.d").iterdir() if path.name not in ("README.md", ".gitignore")]
    odd = [
        path.name
        for path in fragments
        if not re.fullmatch(rf"(\d+|\+[a-z0-9-]+)\.({'|'.join(kinds)})(\.\d+)?\.md", path.name)
    ]
    assert odd == []
    assert [path.name for path in fragments if not path.read_text().strip()] == []
