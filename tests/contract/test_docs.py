"""The documentation and the program say the same, both ways: hooks, context, settings, commands, routes, kinds, examples."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import subprocess
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import pytest
from pydantic import BaseModel, SecretStr
from pydantic_core import PydanticUndefined

from medianest_hub import plugin_api, testing
from medianest_hub.cli import COMMANDS, main
from medianest_hub.dashboard import DashboardPage
from medianest_hub.media import MediaFound
from medianest_hub.notifications.views import ActivityEntry, NotificationView, Preferences
from medianest_hub.plugin_api import (
    ACCOUNT,
    ADMIN,
    SIGNED_IN,
    JobView,
    Route,
    TlsTrust,
    errors,
    hookspecs,
    kinds,
    services,
)
from medianest_hub.plugin_api.people import PEOPLE
from medianest_hub.settings import HubSettings, Rate
from medianest_hub.testing import pytest_plugin
from medianest_hub.web.problems import Problem
from medianest_hub.web.routes import all_core_routes
from medianest_hub.web.routes.auth import Credentials, Token
from medianest_hub.web.routes.people_views import PersonView
from medianest_uptime_kuma.models import IncidentOpened, MonitorAlerted, MonitorChanged
from medianest_youtube.failures import Failure

DOCS = Path(__file__).resolve().parents[2] / "docs"

HOOKS = {name: member for name, member in inspect.getmembers(hookspecs, inspect.isfunction) if name.startswith("hub_")}
UNSET = "unset"


def page(name: str) -> str:
    return (DOCS / name).read_text()


def headings(text: str, level: int) -> list[str]:
    """Headings of that level that are nothing but a name in backticks."""
    return re.findall(rf"^{'#' * level} `([^`]+)`$", text, re.MULTILINE)


def section(text: str, name: str) -> str:
    found = re.search(rf"^## `{re.escape(name)}`\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"no section about {name}"
    return found[1]


def examples(text: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def run_example(code: str, name: str) -> dict[str, Any]:
    """Run it as a module of its own, known to `sys.modules` meanwhile, as models look themselves up there."""
    module = types.ModuleType(name)
    sys.modules[name] = module
    try:
        exec(compile(code, f"<{name}>", "exec", dont_inherit=True), vars(module))
    finally:
        del sys.modules[name]
    return vars(module)


# Hooks and context


def test_every_hook_has_a_heading_and_every_heading_is_a_hook() -> None:
    assert headings(page("plugin-authors/hooks.md"), 2) == sorted(HOOKS, key=lambda name: _line(HOOKS[name]))


def _line(function: Any) -> int:
    return inspect.getsourcelines(function)[1]


@pytest.mark.parametrize("hook", sorted(HOOKS))
def test_the_example_of_each_hook_implements_it(hook: str) -> None:
    (code,) = examples(section(page("plugin-authors/hooks.md"), hook))
    function = run_example(code, f"example_{hook}")[hook]
    declared = function()
    wanted = typing.get_type_hints(HOOKS[hook], vars(hookspecs))["return"]
    assert getattr(function, f"{hookspecs.PROJECT}_impl") is not None
    if item := typing.get_args(wanted):
        assert declared
        assert all(isinstance(one, item[0]) for one in declared)
    else:
        assert isinstance(declared, wanted)


def test_every_option_of_a_declaration_is_explained_where_its_hook_is() -> None:
    text = page("plugin-authors/hooks.md")
    silent = []
    for hook, specification in HOOKS.items():
        wanted = typing.get_type_hints(specification, vars(hookspecs))["return"]
        declaration = (typing.get_args(wanted) or (wanted,))[0]
        if declaration is plugin_api.Router:
            declaration = plugin_api.Route
        words = section(text, hook)
        silent += [
            f"{hook}: {declaration.__name__}.{field.name}"
            for field in dataclasses.fields(declaration)
            if field.default is not dataclasses.MISSING  # those without are the handler and its name
            if not re.search(rf"\b{field.name}\b", words)
        ]
    assert silent == []


def test_every_field_of_the_context_has_a_heading_and_every_heading_is_a_field() -> None:
    fields = [field.name for field in dataclasses.fields(plugin_api.Context)]
    assert headings(page("plugin-authors/context.md"), 2) == fields


def test_every_method_of_the_services_is_mentioned() -> None:
    text = page("plugin-authors/context.md")
    silent = []
    for name in (
        "Clock",
        "Database",
        "Cache",
        "Http",
        "WebSocket",
        "Jobs",
        "Events",
        "Realtime",
        "Notify",
        "People",
        "Images",
        "Secrets",
        "Metrics",
    ):
        for method, _ in inspect.getmembers(getattr(services, name), inspect.isfunction):
            if not method.startswith("_") and not re.search(rf"\b{method}\b", text):
                silent.append(f"{name}.{method}")
    assert silent == []


def test_every_error_stands_in_the_table_with_its_status() -> None:
    table = dict(re.findall(r"^\| `(\w+)` \| (\d{3}) \|", page("plugin-authors/context.md"), re.MULTILINE))
    real = {
        name: str(member.status)
        for name, member in inspect.getmembers(errors, inspect.isclass)
        if issubclass(member, errors.HubError) and member is not errors.HubError
    }
    assert table == real


def test_core_names_are_all_told_to_authors() -> None:
    text = page("plugin-authors/README.md")
    assert {name for name in plugin_api.plugin.CORE_NAMES if f"`{name}`" not in text} == set()


@pytest.mark.parametrize("name", sorted(str(path.relative_to(DOCS)) for path in DOCS.glob("plugin-authors/*.md")))
def test_python_examples_for_authors_run(name: str) -> None:
    for number, code in enumerate(examples(page(name))):
        run_example(code, f"example_{number}")


def test_every_kind_of_widget_has_a_heading_and_every_field_a_mention() -> None:
    text = page("api/dashboard.md")
    union = typing.get_args(typing.get_args(kinds.WidgetData)[0])
    assert headings(text, 3) == [model.model_fields["kind"].default for model in union]
    silent = [
        f"{model.__name__}.{field}"
        for _, model in inspect.getmembers(kinds, inspect.isclass)
        if issubclass(model, BaseModel) and model is not BaseModel
        for field in model.model_fields
        if not re.search(rf"\b{field}\b", text)
    ]
    assert silent == []


# Testing


def test_everything_for_testing_is_explained() -> None:
    text = page("plugin-authors/testing.md")
    fixtures = {
        name for name, member in vars(pytest_plugin).items() if type(member).__name__ == "FixtureFunctionDefinition"
    }
    assert fixtures, "pytest names its fixtures otherwise now"
    assert set(re.findall(r"^\| `(\w+)` \| (?:a test|the run)", text, re.MULTILINE)) == fixtures
    assert {name for name in testing.__all__ if f"`{name}" not in text} == set()
    assert set(re.findall(r"^\| `([A-Z]+)` \|", text, re.MULTILINE)) == {
        *testing.Fault.__members__,
        *testing.SocketFault.__members__,
    }


def test_the_examples_of_testing_pass_as_tests(tmp_path: Path) -> None:
    alone = [code for code in examples(page("plugin-authors/testing.md")) if "(hub)" not in code]
    for number, code in enumerate(alone):
        (tmp_path / f"test_{number}.py").write_text(code)
    options = ("asyncio_mode=auto", "asyncio_default_fixture_loop_scope=function", "medianest_plugin=youtube")
    (tmp_path / "pytest.ini").write_text("\n".join(("[pytest]", "filterwarnings = error", *options)))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert len(alone) == 3
    assert done.returncode == 0, done.stdout + done.stderr


# Settings


def settings_leaves(model: type[BaseModel] = HubSettings, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Each dotted key with its field."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel) and not issubclass(kind, TlsTrust):
            yield from settings_leaves(kind, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field


def shown(value: object) -> str:
    match value:
        case None:
            return UNSET
        case bool():
            return f"`{str(value).lower()}`"
        case str() | int() | Rate():
            return f"`{value}`"
        case list():
            return f"`{json.dumps(value)}`"
        case SecretStr():
            raise AssertionError("a secret has no default")
    return str(value)


def documented_settings(name: str = "operators/settings.md", prefix: str = "") -> Mapping[str, str]:
    rows = re.findall(rf"^\| `({re.escape(prefix)}[^`]+)` \| ([^|]+) \|", page(name), re.MULTILINE)
    keys = [key for key, _ in rows]
    assert len(keys) == len(set(keys)), "a setting has two rows"
    return dict(rows)


def test_every_setting_has_a_row_and_every_row_is_a_setting() -> None:
    assert set(documented_settings()) == {key for key, _ in settings_leaves()}


def test_the_defaults_in_the_documentation_are_the_real_ones() -> None:
    rows = documented_settings()
    wrong = {
        key: (rows[key], shown(field.default))
        for key, field in settings_leaves()
        if field.default is not PydanticUndefined and rows[key] != shown(field.default)
    }
    assert wrong == {}


def test_every_way_a_download_can_fail_has_a_row() -> None:
    table = page("plugins/youtube.md").partition("## When a download fails")[2]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [failure.value for failure in Failure]


# Commands and routes


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """Each command that does something, by its words; those of plugins belong into the plugins' own documentation."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command, info_name=path)
    for name in COMMANDS if command is main else command.list_commands(context):
        member = command.get_command(context, name)
        if member is not None and not member.hidden:
            yield from commands(member, f"{path} {name}")


def test_every_command_has_a_heading_and_every_heading_is_a_command() -> None:
    real = dict(commands(main, "medianest"))
    text = page("operators/commands.md")
    assert sorted(headings(text, 2)) == sorted(real)
    assert "`--config FILE`" in text.partition("\n## ")[0], "what all commands share stands above them"
    silent = []
    for path, command in real.items():
        words = section(text, path) + "--config"
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden and not parameter.is_eager:
                silent += [
                    f"{path} {option}" for option in parameter.opts if option.startswith("--") and option not in words
                ]
    assert silent == []


def who_may(route: Route) -> str:
    known = {SIGNED_IN: "signed in", ACCOUNT: "in person", ADMIN: "admin", PEOPLE: "admin in person"}
    return "anyone" if route.public else known.get(route.permission or "", "?")


def test_every_core_route_has_a_row_and_every_row_is_a_core_route() -> None:
    rows = re.findall(r"^\| `([A-Z]+ /[^`]*)` \| ([^|]+) \|", page("api/routes.md"), re.MULTILINE)
    real = {
        f"{route.method} {route.path}": who_may(route) for core in all_core_routes() for route in core.router.routes
    }
    assert dict(rows) == real


SHOWN = (
    ("api/signing-in.md", 0, Credentials),
    ("api/signing-in.md", 1, Token),
    ("api/problems.md", 0, Problem),
    ("api/dashboard.md", 0, DashboardPage),
    ("api/media.md", 0, MediaFound),
    ("api/jobs.md", 0, JobView),
    ("api/people.md", 0, PersonView),
    ("api/notifications.md", 0, NotificationView),
    ("api/notifications.md", 1, Preferences),
    ("api/notifications.md", 2, ActivityEntry),
    ("api/live-events.md", 0, MonitorChanged),
    ("api/live-events.md", 1, MonitorAlerted),
    ("api/live-events.md", 2, IncidentOpened),
)


@pytest.mark.parametrize(("name", "number", "model"), SHOWN)
def test_json_shown_to_front_ends_is_what_the_hub_answers(name: str, number: int, model: type[BaseModel]) -> None:
    blocks = re.findall(r"^```json\n(.*?)^```$", page(name), re.MULTILINE | re.DOTALL)
    shown = json.loads(blocks[number])
    again = model.model_validate(shown).model_dump(mode="json")
    assert set(shown) <= set(again), "it shows a field the model does not have"
    answered = {field for field in again if model is not Credentials and field not in ("type", "params")}
    assert answered <= set(shown), "it leaves out a field"


def test_every_event_the_hub_sends_is_listed() -> None:
    listed = {
        event
        for cell in re.findall(r"^\| (`[a-z]+:.*?) \|", page("api/live-events.md"), re.MULTILINE)
        for event in re.findall(r"`([a-z]+:[a-z]+)`", cell)
    }
    sent: set[str] = set()
    for path in (Path(__file__).resolve().parents[2] / "medianest_hub").rglob("*.py"):
        sent |= set(
            re.findall(r'"((?:job|widget|notification|service|plugin|realtime|auth):[a-z]+)"', path.read_text())
        )
    assert listed == sent
