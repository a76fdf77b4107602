"""`medianest plugins check`: each rule breaks for a plugin that breaks it, in words; a clean plugin keeps all."""

from __future__ import annotations

from pathlib import Path

import pytest

from medianest_hub.testing.conformance import Report, check_plugin
from medianest_hub.testing.distributions import plugin_source, sql_migrations, write_distribution


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose distributions the checking processes see, too."""
    monkeypatch.setenv("PYTHONPATH", str(site))
    return site


def broken(report: Report) -> dict[str, str]:
    return {finding.rule: finding.words for finding in report.findings if finding.outcome == "broken"}


_CARD = """
from pydantic import Field, SecretStr


class Settings(PluginSettings):
    token: SecretStr = Field(default=SecretStr(""), title="Token", description="What the service gave you.")


@hookimpl
def hub_plugin():
    return PluginInfo(title="x", api_version=1, summary="Does a thing.", docs="https://x.example", settings=Settings)
"""

_SIDE_EFFECTS = """
import asyncio, socket, subprocess, sys, threading, time
from pathlib import Path

Path("written-at-import").write_text("x")
subprocess.run([sys.executable, "-c", ""])
threading.Thread(target=time.sleep, args=(30,), name="left-behind", daemon=True).start()
print("hello from the import")


@hookimpl
def hub_tasks():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
    return []
"""

_LOOSE = """
class Settings(PluginSettings):
    address: str = ""


class OtherSettings(PluginSettings):
    pass


router = Router()


@router.get("/silent", permission="read")
async def silent(ctx: Context[Settings], call: Call) -> Stat:
    return Stat(value=1)


def make():
    @health_check("hidden")
    async def hidden(ctx: Context[Settings]) -> CheckResult:
        return CheckResult()

    return hidden


@health_check("bare")
async def bare(ctx):
    return CheckResult()


@stream("foreign")
async def foreign(ctx: Context[OtherSettings], lease: Lease) -> None:
    return None


async def search(ctx: Context[Settings], viewer, text: str) -> list[MediaHit]:
    return []


async def details(ctx: Context[Settings], viewer: Viewer, id: str):
    return None


async def find(ctx, viewer: Viewer, kind: str, external_ids: dict[str, str]) -> MediaHit | None:
    return None


@hookimpl
def hub_media_sources():
    return [MediaSource("films", search, details, find)]

@hookimpl
def hub_plugin():
    return PluginInfo(title="x", api_version=1, settings=Settings, permissions=[Permission("read")])

@hookimpl
def hub_routes():
    return router

@hookimpl
def hub_health_checks():
    return [make(), bare]

@hookimpl
def hub_streams():
    return [foreign]
"""

_LEAKY = """
import asyncio, socket, threading, time

kept = []


async def forever():
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass


async def startup(ctx: Context[Settings]) -> None:
    kept.append(asyncio.create_task(asyncio.sleep(3600), name="left-task"))
    left, right = socket.socketpair()
    kept.extend((left, right, open("/dev/zero")))


@health_check("raises")
async def raises(ctx: Context[Settings]) -> CheckResult:
    raise RuntimeError("not well")


@stream("unending")
async def unending(ctx: Context[Settings], lease: Lease) -> None:
    await forever()


@hookimpl
def hub_lifecycle():
    return Lifecycle(startup=startup)

@hookimpl
def hub_health_checks():
    return [raises]

@hookimpl
def hub_streams():
    return [unending]
"""


def test_side_effects_of_import_and_hooks_are_found(installed: Path) -> None:
    write_distribution(installed, "busy", plugin_source(_CARD + _SIDE_EFFECTS))
    found = broken(check_plugin("busy", start=False))
    assert set(found) == {"declares only"}
    for words in ("writes to written-at-import", "starts a process", "opens a port", "left-behind", "standard output"):
        assert words in found["declares only"]
    assert "plugin.py:" in found["declares only"]


def test_hidden_bare_and_undocumented_handlers_are_found(installed: Path) -> None:
    write_distribution(installed, "loose", plugin_source(_LOOSE), readme="")
    found = broken(check_plugin("loose", start=False))
    for words in (
        "at module level",
        "annotate its first parameter",
        "its context is of OtherSettings",
        "-> CheckResult",
        "search of media source films: synthetic_loose.plugin.search: annotate its second parameter as Viewer",
        "details of media source films: synthetic_loose.plugin.details: annotate what it returns",
        "find of media source films: synthetic_loose.plugin.find: annotate its first parameter",
    ):
        assert words in found["handlers"]
    for words in (
        "summary is empty",
        "names no address",
        "no README",
        "GET /silent: give its handler a docstring",
        "permission read: give it a title",
        "setting address",
    ):
        assert words in found["docs"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        pytest.param("import os\nos._exit(0)", "the process ended with code 0", id="exits"),
        pytest.param("raise RuntimeError('no luck')", "RuntimeError: no luck", id="raises"),
        pytest.param("import nothing_like_that", "ModuleNotFoundError", id="lacks-a-module"),
    ],
)
def test_a_plugin_that_cannot_be_imported_breaks_the_first_rule(installed: Path, source: str, words: str) -> None:
    write_distribution(installed, "dead", source)
    report = check_plugin("dead")
    assert words in " ".join(broken(report).values())
    assert not report.passed


def test_tables_that_need_the_plugin_itself_are_found(installed: Path) -> None:
    files = sql_migrations("tangled", "SELECT 1")
    files["piccolo_app.py"] = "from synthetic_tangled import plugin\n" + _dedented(files["piccolo_app.py"])
    files["migrations/m0001.py"] = ""
    write_distribution(installed, "tangled", plugin_source(_CARD), files=files)
    found = broken(check_plugin("tangled", start=False))["tables"]
    assert "imports synthetic_tangled.plugin" in found
    assert "m0001.py must be called tangled_<timestamp>.py" in found


def test_what_is_left_open_after_stopping_is_found(installed: Path) -> None:
    write_distribution(installed, "leaky", plugin_source(_CARD + _LEAKY))
    found = broken(check_plugin("leaky"))
    assert set(found) == {"health checks answer", "streams end", "leaves nothing open"}
    assert "unending did not end" in found["streams end"]
    for words in ("left-task", "socket:", "/dev/zero"):
        assert words in found["leaves nothing open"]


def test_a_plugin_that_needs_settings_is_started_with_those_of_a_file(installed: Path, tmp_path: Path) -> None:
    card = _CARD.replace('default=SecretStr(""), ', "")
    write_distribution(installed, "demanding", plugin_source(card))
    without = check_plugin("demanding")
    assert without.passed
    assert "token: Field required" in next(
        item.words for item in without.findings if item.outcome == "skipped" and item.rule == "starts"
    )
    file = tmp_path / "settings.toml"
    file.write_text('token = "t"\n')
    assert "starts" in {
        finding.rule for finding in check_plugin("demanding", file).findings if finding.outcome == "kept"
    }


def test_the_plugin_of_this_repository_keeps_every_rule() -> None:
    report = check_plugin("youtube")
    assert [finding for finding in report.findings if finding.outcome != "kept"] == []


def _dedented(text: str) -> str:
    return "\n".join(line.removeprefix(" " * 12) for line in text.splitlines())
