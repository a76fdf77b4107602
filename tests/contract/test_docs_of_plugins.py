"""The page of each plugin of this repository and the plugin say the same: settings, permissions, events, routes, tiles, words."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic_core import PydanticUndefined

from medianest_uptime_kuma.models import IncidentClosed, IncidentOpened
from tests.contract.test_docs import DOCS, documented_settings, page, settings_leaves, shown

ROOT = DOCS.parent
PLUGINS = sorted(path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml"))


def hooks(name: str) -> ModuleType:
    return importlib.import_module(f"medianest_{name}.plugin")


def declared(name: str, hook: str) -> Any:
    """What the plugin's hook returns; nothing where it has none."""
    function = getattr(hooks(name), hook, None)
    return [] if function is None else function()


def leaves(name: str) -> Mapping[str, Any]:
    return dict(settings_leaves(hooks(name).hub_plugin().settings, f"plugins.{name}."))


@pytest.mark.parametrize("name", PLUGINS)
def test_every_setting_of_a_plugin_has_a_row_on_its_page_and_every_row_is_a_setting(name: str) -> None:
    assert set(documented_settings(f"plugins/{name}.md", f"plugins.{name}.")) == set(leaves(name))


@pytest.mark.parametrize("name", PLUGINS)
def test_the_defaults_on_the_page_of_a_plugin_are_the_real_ones(name: str) -> None:
    rows = documented_settings(f"plugins/{name}.md", f"plugins.{name}.")
    plain = {
        key: field.default
        for key, field in leaves(name).items()
        if isinstance(field.default, str | int) or field.default == []  # what else there is stands there in words
    }
    assert {key: rows[key] for key in plain} == {
        key: shown(value if value != "" else None) for key, value in plain.items()
    }
    needed = [key for key, field in leaves(name).items() if field.default is PydanticUndefined]
    assert [rows[key] for key in needed] == ["unset"] * len(needed)


@pytest.mark.parametrize("name", PLUGINS)
def test_permissions_events_and_webhooks_of_a_plugin_are_on_its_page(name: str) -> None:
    info = hooks(name).hub_plugin()
    wanted = [f"`{name}.{permission.name}`" for permission in info.permissions]
    wanted += [f"`{event.type}`" for event in info.events]
    wanted += [f"/api/v1/hooks/{name}/{webhook.name}" for webhook in declared(name, "hub_webhooks")]
    text = page(f"plugins/{name}.md")
    assert [one for one in wanted if one not in text] == []


@pytest.mark.parametrize("name", PLUGINS)
def test_every_route_of_a_plugin_has_a_row_on_its_page_and_every_row_is_a_route(name: str) -> None:
    router = declared(name, "hub_routes")
    real = {f"{route.method} {route.path}" for route in router.routes if not route.public} if router else set()
    rows = re.findall(r"^\| `((?:GET|POST|PUT|PATCH|DELETE) /[^`]*)` \|", page(f"plugins/{name}.md"), re.MULTILINE)
    assert set(rows) == real


@pytest.mark.parametrize("name", PLUGINS)
def test_every_tile_of_a_plugin_has_a_row_with_its_title(name: str) -> None:
    rows = re.findall(r"^\| `(\w+\.main\.\w+)` \| [^|]+ \| \*([^*]+)\*", page(f"plugins/{name}.md"), re.MULTILINE)
    assert dict(rows) == {f"{name}.main.{tile.name}": tile.title for tile in declared(name, "hub_widgets")}


def test_an_incident_that_closes_is_told_as_one_that_opens() -> None:
    # The API guide shows one example for both.
    assert IncidentClosed.model_fields.keys() == IncidentOpened.model_fields.keys()


def texts(folder: Path) -> str:
    """All text in the code, each piece apart; what is put in at run time is left out."""
    nodes = (node for path in sorted(folder.rglob("*.py")) for node in ast.walk(ast.parse(path.read_text())))
    return "\0".join(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


def test_uptime_kumas_troubles_are_quoted_in_the_words_people_see() -> None:
    table = page("plugins/uptime_kuma.md").partition("## When something is wrong")[2].partition("\n## ")[0]
    quoted = re.findall(r"^\| \*([^*]+)\* \|", table, re.MULTILINE)
    # What the hub says of any service that cannot be had, the plugin passes on.
    said = texts(ROOT / "plugins/uptime_kuma/medianest_uptime_kuma") + texts(
        ROOT / "medianest_hub/infrastructure/http_client"
    )
    parts = [part.strip() for words in quoted for part in words.split("…") if part.strip()]
    assert len(quoted) > 10
    assert [part for part in parts if part not in said] == []


def test_overseerrs_troubles_are_quoted_in_the_words_people_see() -> None:
    table = page("plugins/overseerr.md").partition("## When something is wrong")[2].partition("\n## ")[0]
    quoted = re.findall(r"^\| \*([^*]+)\* \|", table, re.MULTILINE)
    said = texts(ROOT / "plugins/overseerr/medianest_overseerr") + texts(
        ROOT / "medianest_hub/infrastructure/http_client"
    )
    # The service's name is put in at run time.
    parts = [part.strip() for words in quoted for part in re.split("Overseerr|…", words) if part.strip()]
    whole = re.sub(r"\bOverseerr\b", "\0", said)
    assert len(quoted) > 10
    assert [part for part in parts if part not in whole] == []
