"""The threat model names tests; each must be there, so that no defence is claimed that nothing shows."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "security.md"
NAMED = re.compile(r"`((?:tests|plugins)/[\w/]+\.py)(?:::(\w+))?`")
OWASP = [f"API{number} " for number in range(1, 11)]


def test_every_test_the_threat_model_names_is_there() -> None:
    named = NAMED.findall(PAGE.read_text())
    missing = [
        f"{path}::{test}"
        for path, test in named
        if not (ROOT / path).is_file() or (test and not re.search(rf"def {test}\(", (ROOT / path).read_text()))
    ]
    assert not missing
    assert len(named) > 50


def test_every_line_of_a_table_of_defences_names_a_test() -> None:
    page = PAGE.read_text().partition("## Who attacks")[2].partition("## What is not defended")[0]
    rows = [line for line in page.splitlines() if line.startswith("| ") and "shown by" not in line]
    assert len(rows) > 35
    assert [row for row in rows if not NAMED.search(row)] == []


def test_every_risk_of_owasps_list_has_a_row() -> None:
    assert [risk for risk in OWASP if f"| {risk}" not in PAGE.read_text()] == []
