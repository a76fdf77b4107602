"""What `make check` makes of a list of requirements and their known holes."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "audit_requirements.py"


@pytest.fixture
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit_requirements", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def found(name: str, *holes: str) -> dict[str, Any]:
    return {
        "name": name,
        "version": "1.0",
        "vulns": [{"id": one, "fix_versions": ["1.1"], "aliases": []} for one in holes],
    }


UNKNOWN = {"name": "other", "skip_reason": "nobody knows it"}


def test_a_known_hole_is_an_error_that_names_it(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert script.judge([found("safe"), found("holed", "CVE-1")]) == 1
    assert "holed 1.0: CVE-1, fixed in 1.1" in capsys.readouterr().err


def test_a_hole_that_was_judged_is_none(script: ModuleType) -> None:
    script.ACCEPTED["CVE-1"] = "only on Windows"
    assert script.judge([found("holed", "CVE-1")]) == 0
    assert script.judge([found("holed", "CVE-1", "CVE-2")]) == 1


def test_nobody_to_ask_is_said_and_is_no_error(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert script.judge([UNKNOWN, UNKNOWN]) == 0
    assert "SKIPPED" in capsys.readouterr().err


def test_what_is_not_known_of_some_is_said(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert script.judge([found("safe"), UNKNOWN]) == 0
    assert capsys.readouterr().err == "audit: 1 requirements without a known hole; nothing is known of 1\n"
