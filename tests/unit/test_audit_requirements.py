"""What `make check` makes of a list of requirements and their known holes."""

import importlib.util
import sys
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


def saying(out: str = "", err: str = "", status: int = 0) -> list[str]:
    """A program that says this and ends so."""
    return [sys.executable, "-c", f"import sys; print({out!r}); print({err!r}, file=sys.stderr); sys.exit({status})"]


@pytest.mark.parametrize(
    "complaint",
    [
        "Traceback (most recent call last):\nrequests.exceptions.ProxyError: HTTPSConnectionPool: Max retries exceeded",
        "requests.exceptions.ConnectionError: [Errno -2] Name or service not known",
        "pip_audit._service.interface.ConnectionError: Could not connect to the vulnerability feed",
        "requests.exceptions.HTTPError: 503 Server Error: Service Unavailable\n\npip_audit._service.interface.ServiceError",
    ],
)
def test_a_service_out_of_reach_is_said_and_is_no_error(
    script: ModuleType, capsys: pytest.CaptureFixture[str], complaint: str
) -> None:
    assert script.look_up(saying(err=complaint, status=1), 20) == 0
    assert "SKIPPED" in capsys.readouterr().err


def test_no_answer_in_time_is_said_and_is_no_error(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert script.look_up([sys.executable, "-c", "import threading; threading.Event().wait()"], 0.3) == 0
    assert "SKIPPED" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        saying(err="pip-audit: error: unrecognized arguments: --nonsense", status=2),
        saying(err="No module named pip_audit", status=1),
        saying(err="requests.exceptions.HTTPError: 401 Client Error: Unauthorized", status=1),
        saying(err="KeyError: 'vulnerabilities'", status=1),
        saying(out="<html>", status=0),
        saying(out="[]"),
        saying(out='{"dependencies": []}'),
        saying(),
    ],
)
def test_a_broken_check_is_an_error(script: ModuleType, capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    assert script.look_up(command, 20) == 1
    assert "FAILED" in capsys.readouterr().err


def test_what_was_found_is_judged_whatever_the_program_ends_with(script: ModuleType) -> None:
    holed = '{"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": [], "aliases": []}]}]}'
    assert script.look_up(saying(out=holed, status=1), 20) == 1
