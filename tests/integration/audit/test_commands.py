"""What an operator does with commands is in the log too, and the log can be read with one."""

import csv
import io
import json
import os
import pwd
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from medianest_hub.audit import AuditEntry
from medianest_hub.cli import main
from tests.conftest import SECRET_KEY

PASSWORD = "tractor blue forty two"


class Shell:
    def __init__(self, environment: dict[str, str]) -> None:
        self._environment: dict[str, str | None] = {
            **{name: None for name in os.environ if name.startswith("MEDIANEST_")},
            **environment,
        }

    def run(self, *words: str, stdin: str = "") -> Result:
        done = CliRunner().invoke(main, list(words), input=stdin, env=self._environment)
        assert done.exit_code == 0, done.output
        return done

    def log(self, *options: str) -> list[AuditEntry]:
        """Oldest first, without what reading it left."""
        exported = self.run("audit", "export", *options).stdout.splitlines()
        entries = [AuditEntry.model_validate_json(line) for line in reversed(exported)]
        return [entry for entry in entries if not entry.action.startswith("audit.")]


@pytest.fixture
def shell(postgres_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    return Shell(
        {
            "MEDIANEST_DATABASE__URL": postgres_url,
            "MEDIANEST_REDIS__URL": redis_url,
            "MEDIANEST_SECRET_KEY": SECRET_KEY,
            "MEDIANEST_DATA_DIR": str(tmp_path / "data"),
        }
    )


def test_what_commands_change_is_recorded_as_the_operators_doing(shell: Shell) -> None:
    shell.run("users", "create", "ada", "--role", "member", "--password-stdin", stdin=PASSWORD)
    shell.run("users", "set-role", "ada", "admin")
    shell.run("users", "set-password", "ada", "--password-stdin", stdin=f"{PASSWORD} and more")
    shell.run("plugins", "disable", "youtube")
    shell.run("plugins", "enable", "youtube")
    shell.run("users", "list")
    log = shell.log()
    assert [(entry.action, entry.target_kind, entry.target_name or entry.target_id) for entry in log] == [
        ("users.make_person", "user", "ada"),
        ("users.change_person", "user", "ada"),
        ("users.set_password", "user", "ada"),
        ("plugins.disable", "plugin", "youtube"),
        ("plugins.enable", "plugin", "youtube"),
    ]
    me = pwd.getpwuid(os.getuid()).pw_name
    assert {(entry.actor_kind, entry.actor_id, entry.actor_name) for entry in log} == {("operator", None, me)}
    assert log[1].details == {"before": "member", "role": "admin"}
    assert PASSWORD not in json.dumps([entry.model_dump(mode="json") for entry in log])


def test_changed_settings_are_recorded_by_name(shell: Shell) -> None:
    shell.run("plugins", "settings", "youtube", "--set", "link_hours=3", "--force")
    shell.run("plugins", "settings", "youtube")
    (entry,) = shell.log("--action", "plugins.change_settings")
    assert entry.details == {"fields": ["link_hours"], "forced": True}


def test_the_log_is_shown_and_taken_away_by_filter(shell: Shell) -> None:
    shell.run("users", "create", "ada", "--password-stdin", stdin=PASSWORD)
    shell.run("users", "create", "tom", "--password-stdin", stdin=PASSWORD)
    shown = shell.run("audit", "tail", "-n", "1").stdout
    assert "users.make_person" in shown
    assert "user tom" in shown
    assert "ada" not in shown
    assert shell.run("audit", "tail", "--since", "2999-01-01").stdout == ""
    rows = list(csv.DictReader(io.StringIO(shell.run("audit", "export", "--format", "csv", "--result", "ok").stdout)))
    assert [row["action"] for row in rows] == ["audit.export_entries", "users.make_person", "users.make_person"]
    wrong = CliRunner().invoke(main, ["audit", "tail", "--since", "yesterday"], env=shell._environment)
    assert wrong.exit_code == 2
    assert "is no time" in wrong.output
