"""Settings: precedence, origins, secret files, pins, and errors that say what to put right."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from medianest_hub.settings import (
    EnvText,
    HubSettings,
    LoadedSettings,
    OidcSettings,
    Rate,
    SettingsError,
    decode_env_text,
    load_settings,
    unknown_key_message,
)


@pytest.fixture(autouse=True)
def _working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(text: str = "", /, **environ: str) -> LoadedSettings:
    path = Path("medianest.toml")
    path.write_text(text)
    return load_settings(path, environ)


def problems(text: str = "", /, **environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(text, **environ)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def test_without_file_and_environment_every_value_is_a_default() -> None:
    loaded = load_settings(None, {})
    assert loaded.settings.server.host == "127.0.0.1"
    assert loaded.settings.server.port == 4000
    assert loaded.settings.worker.port == 4001
    assert loaded.settings.limits.youtube == Rate(5, 3600)
    assert loaded.settings.data_dir.is_absolute()
    assert set(loaded.origins.values()) == {"default"}
    assert loaded.config_file is None
    assert loaded.pins == {}


def test_environment_wins_over_file_and_file_over_default() -> None:
    loaded = load('[server]\nport = 5000\nhost = "127.0.0.2"', MEDIANEST_SERVER__PORT="6000")
    assert (loaded.settings.server.port, loaded.settings.server.host) == (6000, "127.0.0.2")
    assert loaded.origins["server.port"] == "env MEDIANEST_SERVER__PORT"
    assert loaded.origins["server.host"] == "file medianest.toml"
    assert loaded.origins["server.public_url"] == "default"


def test_real_process_environment_is_not_read_behind_the_callers_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER", '{"port": 1}')
    monkeypatch.setenv("MEDIANEST_SERVER__PORT", "1")
    assert load_settings(None, {}).settings.server.port == 4000
    assert HubSettings().server.port == 4000


def test_secret_file_gives_its_text_without_the_trailing_newline(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("k" * 40 + "\n")
    loaded = load(MEDIANEST_SECRET_KEY_FILE=str(secret))
    assert loaded.settings.secret_key is not None
    assert loaded.settings.secret_key.get_secret_value() == "k" * 40
    assert loaded.origins["secret_key"] == f"secret file {secret} (MEDIANEST_SECRET_KEY_FILE)"


def test_variable_and_its_file_together_are_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("x")
    found = problems(MEDIANEST_REDIS__URL="redis://h", MEDIANEST_REDIS__URL_FILE=str(tmp_path / "key"))
    assert found == ["MEDIANEST_REDIS__URL and MEDIANEST_REDIS__URL_FILE are both set; give only one"]


@pytest.mark.parametrize(("path", "reason"), [("nowhere", "No such file"), (".", "Is a directory"), ("bin", "UTF-8")])
def test_unreadable_secret_file_is_named_with_its_reason(path: str, reason: str) -> None:
    Path("bin").write_bytes(b"\xff\xfe")
    (line,) = problems(MEDIANEST_METRICS__TOKEN_FILE=path)
    assert line.startswith(f"MEDIANEST_METRICS__TOKEN_FILE: {path} cannot be read: ")
    assert reason in line


def test_empty_variable_counts_as_not_given() -> None:
    assert load(MEDIANEST_DATABASE__URL="").settings.database.url is None


@pytest.mark.parametrize(
    "text", ["https://a.example, https://b.example/", '["https://a.example", "https://b.example"]']
)
def test_list_in_a_variable_is_json_or_parted_by_commas(text: str) -> None:
    assert load(MEDIANEST_SERVER__CORS_ORIGINS=text).settings.server.cors_origins == [
        "https://a.example",
        "https://b.example",
    ]


def test_broken_json_list_is_an_error_with_its_origin() -> None:
    (line,) = problems(MEDIANEST_PLUGINS__BLOCKED="[1,")
    assert line.startswith("plugins.blocked: not valid JSON: ")
    assert line.endswith("(env MEDIANEST_PLUGINS__BLOCKED)")


def test_unknown_key_in_the_file_names_the_nearest_known_one_and_the_file() -> None:
    assert problems("[server]\nprot = 1\n[databse]\nurl = 'x'") == [
        'unknown setting "server.prot"; the nearest known one is "server.port" (file medianest.toml)',
        'unknown setting "databse.url"; the nearest known one is "database.url" (file medianest.toml)',
    ]


def test_unknown_variable_names_the_nearest_known_one() -> None:
    assert problems(MEDIANEST_SERVER_PORT="1") == [
        'unknown setting "MEDIANEST_SERVER_PORT"; the nearest known one is "MEDIANEST_SERVER__PORT"'
    ]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("plugin.youtube.x = 1", 'the nearest known one is "plugins.youtube.x"'),
        ("plugin.youtube.enabld = true", 'the nearest known one is "plugins.youtube.enabled"'),
        ("plugins.blockd = ['x']", 'the nearest known one is "plugins.blocked"'),
        ("server_port = 1", 'the nearest known one is "server.port"'),
        (
            "frobnicate.x = 1",
            "known here: audit.…, auth.…, dashboard.…, data_dir, database.…, images.…, limits.…, log.…",
        ),
        ("limits.plex = '1/day'", "known here: limits.api, limits.auth, limits.images, limits.notify, limits.sign_in"),
        ("redis.adress = 'x'", "known here: redis.url"),
        ("port = 1", "known here: audit.…, auth.…, dashboard.…, data_dir"),
    ],
)
def test_hint_for_an_unknown_key_is_near_or_lists_what_there_is(text: str, hint: str) -> None:
    (line,) = problems(text)
    assert hint in line
    assert line.endswith("(file medianest.toml)")


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        ("MEDIANEST_SECRT_KEY_FILE", 'the nearest known one is "MEDIANEST_SECRET_KEY_FILE"'),
        ("MEDIANEST_PLUGIN__YOUTUBE__X", 'the nearest known one is "MEDIANEST_PLUGINS__YOUTUBE__X"'),
        ("MEDIANEST_REDIS__ADRESS", "known here: MEDIANEST_REDIS__URL"),
        (
            "MEDIANEST_PORT",
            "known here: MEDIANEST_AUDIT__…, MEDIANEST_AUTH__…, MEDIANEST_DASHBOARD__…, MEDIANEST_DATA_DIR",
        ),
    ],
)
def test_hint_for_an_unknown_variable_is_written_as_a_variable(variable: str, hint: str, tmp_path: Path) -> None:
    (tmp_path / "value").write_text("x")
    (line,) = problems(**{variable: str(tmp_path / "value")})
    assert line.startswith(f'unknown setting "{variable}"; ')
    assert hint in line


def test_reserved_variables_and_those_of_others_are_let_pass() -> None:
    load(MEDIANEST_SUPERVISED="1", MEDIANEST_QUARANTINE="/q", MEDIANEST_TEST_SLOW="1", MEDIANESTX="1", PATH="/bin")


def test_every_problem_is_reported_at_once_without_repeating_a_secret() -> None:
    found = problems(
        "[limits]\napi = 'often'\n[database]\nurl = 'mysql://me:hunter2@db/x'\n[plugins]\nyoutube = 3",
        MEDIANEST_SECRET_KEY="short-hunter2",
        MEDIANEST_SERVER__PORT="http",
        MEDIANEST_LOG__LEVEL="loud",
    )
    text = "\n".join(found)
    assert len(found) == 6
    assert "hunter2" not in text
    assert "limits.api: 'often' is not a rate" in text
    assert "database.url: must begin with postgresql:// or postgres:// (file medianest.toml)" in text
    assert "secret_key: must be at least 32 characters" in text
    assert "(env MEDIANEST_SERVER__PORT)" in text
    assert "log.level: Input should be 'debug', 'info', 'warning' or 'error' (env MEDIANEST_LOG__LEVEL)" in text
    assert 'unknown setting "plugins.youtube"; known here: plugins.youtube.<setting>, plugins.youtube.enabled' in text


def test_value_where_a_table_belongs_is_named() -> None:
    assert problems(MEDIANEST_SERVER="x") == ["server: must be a table (env MEDIANEST_SERVER)"]
    (line,) = problems(MEDIANEST_SERVER="x", MEDIANEST_SERVER__PORT="5")[:1]
    assert "server is given both as a value and as a table" in line


def test_one_port_cannot_serve_web_and_worker() -> None:
    assert problems("[server]\nport = 4001") == ["worker.port: must differ from server.port (4001)"]


def test_missing_file_that_was_asked_for_is_an_error_but_the_default_one_is_optional() -> None:
    with pytest.raises(SettingsError, match=r"other.toml: there is no such configuration file \(--config\)"):
        load_settings(Path("other.toml"), {})
    with pytest.raises(SettingsError, match=r"\(MEDIANEST_CONFIG\)"):
        load_settings(None, {"MEDIANEST_CONFIG": "other.toml"})
    load_settings(None, {})


def test_config_argument_wins_over_the_variable_and_both_over_the_default_file() -> None:
    for name, port in (("medianest.toml", 1001), ("variable.toml", 1002), ("argument.toml", 1003)):
        Path(name).write_text(f"[server]\nport = {port}")
    assert load_settings(None, {}).settings.server.port == 1001
    by_variable = {"MEDIANEST_CONFIG": "variable.toml"}
    assert load_settings(None, by_variable).settings.server.port == 1002
    loaded = load_settings(Path("argument.toml"), by_variable)
    assert loaded.settings.server.port == 1003
    assert loaded.config_file == Path("argument.toml").absolute()


def test_broken_toml_is_one_line_with_the_place() -> None:
    (line,) = problems("[server\nport = 1")
    assert line.startswith("medianest.toml: not valid TOML: ")
    assert "line 1" in line


def test_plugin_tables_stay_raw_and_become_pins() -> None:
    loaded = load(
        "[plugins]\nblocked = ['plex']\n[plugins.youtube]\nenabled = false\nmax_height = 1080",
        MEDIANEST_PLUGINS__YOUTUBE__ALLOWED_HOSTS="a.example,b.example",
        MEDIANEST_PLUGINS__YOUTUBE__PROXY__PORT="9",
        MEDIANEST_PLUGINS__MY_KUMA__ENABLED="true",
    )
    assert loaded.settings.plugins.blocked == ["plex"]
    youtube = loaded.pins_for("youtube")
    assert youtube.enabled is False
    assert youtube.fields == {"max_height": 1080, "allowed_hosts": "a.example,b.example", "proxy": {"port": "9"}}
    assert isinstance(youtube.fields["allowed_hosts"], EnvText)
    assert loaded.pins_for("my-kuma").enabled is True
    assert loaded.pins_for("unheard_of").fields == {}
    assert loaded.origins["plugins.youtube.max_height"] == "file medianest.toml"
    assert loaded.origins["plugins.youtube.allowed_hosts"] == "env MEDIANEST_PLUGINS__YOUTUBE__ALLOWED_HOSTS"


def test_plugin_secrets_do_not_show_when_settings_are_printed() -> None:
    loaded = load("[plugins.plex]\ntoken = 'hunter2'", MEDIANEST_SECRET_KEY="hunter2" * 8)
    assert "hunter2" not in repr(loaded)
    assert "hunter2" not in str(loaded.settings)


def test_impossible_plugin_name_is_refused() -> None:
    (line,) = problems('[plugins."Plex Server"]\nenabled = true')
    assert line.startswith("plugins.Plex Server: not a plugin name")


@pytest.mark.parametrize(
    ("text", "count", "seconds", "shown"),
    [
        ("100/minute", 100, 60, "100/minute"),
        (" 5 / 10 Minutes ", 5, 600, "5/10 minutes"),
        ("2/hours", 2, 3600, "2/hour"),
        ("1/90 seconds", 1, 90, "1/90 seconds"),
        ("7/day", 7, 86400, "7/day"),
    ],
)
def test_rate_is_read_and_written_as_text(text: str, count: int, seconds: int, shown: str) -> None:
    rate = Rate.parse(text)
    assert (rate.count, rate.seconds, str(rate)) == (count, seconds, shown)
    assert Rate.parse(str(rate)) == rate


@pytest.mark.parametrize("text", ["", "100", "0/minute", "5/0 minutes", "-1/hour", "5/fortnight", "1.5/minute"])
def test_senseless_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a rate"):
        Rate.parse(text)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("MEDIANEST_SERVER__PUBLIC_URL", "media.example.org", "write a web address"),
        ("MEDIANEST_SERVER__PUBLIC_URL", "ftp://media.example.org", "write a web address"),
        ("MEDIANEST_SERVER__PUBLIC_URL", "https://media.example.org/a;b", "its path may hold"),
        ("MEDIANEST_SERVER__CORS_ORIGINS", "https://a.example/path", "write an origin without a path"),
        ("MEDIANEST_SERVER__TRUSTED_PROXIES", "10.0.0.0/99", "10.0.0.0/99"),
        ("MEDIANEST_SERVER__PORT", "0", "greater than or equal to 1"),
        ("MEDIANEST_REDIS__URL", "http://r", "must begin with redis:// or rediss:// or unix://"),
        ("MEDIANEST_DATABASE__POOL_MIN", "9", "pool_min must not be greater than pool_max"),
    ],
)
def test_value_out_of_bounds_is_refused_with_words(key: str, value: str, reason: str) -> None:
    (line,) = problems(**{key: value})
    assert reason in line


def test_data_directory_is_made_absolute(tmp_path: Path) -> None:
    assert load(MEDIANEST_DATA_DIR="here").settings.data_dir == tmp_path / "here"
    assert load("data_dir = '~/hub'").settings.data_dir == Path("~/hub").expanduser()


def test_text_of_a_variable_is_decoded_by_the_type_it_is_for() -> None:
    assert decode_env_text("a, b,", list[str]) == ["a", "b"]
    assert decode_env_text("[1]", tuple[int, ...] | None) == [1]
    assert decode_env_text('{"a": 1}', dict[str, int]) == {"a": 1}
    assert decode_env_text("[x", str) == "[x"
    assert decode_env_text("5", int | None) == "5"


def test_unknown_key_message_serves_plugins_too() -> None:
    assert unknown_key_message("allowed_host", ["allowed_hosts", "download_dir"]) == (
        'unknown setting "allowed_host"; the nearest known one is "allowed_hosts"'
    )
    assert unknown_key_message("speed", ["allowed_hosts", "download_dir"]) == (
        'unknown setting "speed"; known here: allowed_hosts, download_dir'
    )
    assert unknown_key_message("x", []) == 'unknown setting "x"'


@pytest.mark.parametrize(
    ("issuer", "fits"),
    [
        ("https://id.example.org/realms/home/", True),
        ("http://127.0.0.1:9000", True),
        ("http://[::1]:9000", True),
        ("http://192.168.1.4", True),
        ("http://authelia:9091", True),
        ("http://id.lan", True),
        ("http://id.example.org", False),
        ("http://8.8.8.8", False),
        ("http://lan", True),
        ("http://evil-lan.example", False),
        ("ftp://id.example.org", False),
        ("https://id.example.org/?a=b", False),
    ],
)
def test_an_issuer_is_https_except_at_home(issuer: str, fits: bool) -> None:
    if fits:
        assert OidcSettings(issuer=issuer, client_id="hub").issuer == issuer
    else:
        with pytest.raises(ValidationError):
            OidcSettings(issuer=issuer, client_id="hub")
