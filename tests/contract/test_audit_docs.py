"""The page about the audit log and the program say the same: each action has a row, and each row is an action."""

import json
import re
from pathlib import Path

from medianest_hub.audit import AuditEntry
from medianest_hub.audit.flood import MORE, PER_MINUTE
from medianest_hub.audit.writing import MOST_WAITING
from medianest_hub.settings import HubSettings
from medianest_hub.web.auditing import CLIENT_GONE, QUIET
from medianest_hub.web.mounting import audited, core_routes
from medianest_hub.web.rate_limits import Zones
from medianest_hub.web.routes import all_core_routes
from medianest_hub.web.sign_in_providers import provider_routes

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/operators/audit.md").read_text()


def actions_of_routes() -> set[str]:
    zones = Zones(HubSettings().limits)
    routers = [*all_core_routes(), provider_routes({"oidc": ("", "oidc")})]
    return {
        one.name for one in audited([one for core in routers for one in core_routes(core, zones)], []) if one.audited
    }


def actions_in_the_code() -> set[str]:
    """Those written by name: by commands and by the hub itself."""
    named = re.compile(r'\b(?:Entry|tell|by_operator)\(\s*"([a-z_-]+\.[a-z_]+)"')
    return {action for path in (ROOT / "medianest_hub").rglob("*.py") for action in named.findall(path.read_text())}


def test_every_action_has_a_row_and_every_row_is_an_action() -> None:
    rows = re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \|", PAGE, re.MULTILINE)
    assert rows == sorted(set(rows))
    by_other_means = {"plugins.enable", "plugins.disable"}  # chosen by a condition
    assert set(rows) == actions_of_routes() | actions_in_the_code() | by_other_means


def test_where_only_some_refusals_are_recorded_the_row_says_which() -> None:
    for name, quiet in QUIET.items():
        row = re.search(rf"^\| `{name}` \| (.*) \|$", PAGE, re.MULTILINE)
        assert (row is not None) == bool(quiet.but), name
        assert row is None or all(f"`{code}`" in row[1] for code in quiet.but)


def test_the_entry_shown_is_one() -> None:
    (shown,) = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert AuditEntry.model_validate_json(shown).model_dump(mode="json") == json.loads(shown)


def test_its_numbers_and_codes_are_the_real_ones() -> None:
    assert f"at most {PER_MINUTE} refusals" in PAGE
    assert f"at most {MOST_WAITING} in each process" in PAGE
    assert f"`audit.retention_days` ({HubSettings().audit.retention_days})" in PAGE
    assert {f"`{MORE}`", f"`{CLIENT_GONE}`"} <= set(re.findall(r"`\w+`", PAGE))
