"""`config show` and `config check`: the settings as they would be used, secrets masked; connects to nothing.

Both import the plugins that have settings in file or environment, and no others: only they know what their fields mean.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel, SecretStr

from medianest_hub.cli.options import fail, with_settings
from medianest_hub.infrastructure.masking import MASK, mask_text, mask_value
from medianest_hub.settings import LoadedSettings, Rate

_ASCII_MASK = "********"
"""Standard output may not know the sign that logs use."""


@click.group()
def config() -> None:
    """Show or check the settings."""


@config.command()
@with_settings
def show(loaded: LoadedSettings) -> None:
    """Print every setting with its value and where it came from; secrets are masked."""
    lines = [(f"{key} = {_written(value)}", loaded.origins.get(key, "")) for key, value in _masked_leaves(loaded)]
    width = max(len(text) for text, _ in lines if len(text) <= 60)
    for text, origin in lines:
        click.echo(f"{text:<{width}}  # {origin}" if origin else text)


@config.command()
@with_settings
def check(loaded: LoadedSettings) -> None:
    """Read the settings, also those for plugins, and say whether they can be used, without starting anything."""
    problems: list[str] = []
    if loaded.pins:
        from medianest_hub.cli.plugin_tables import plugin_tables, wrong_fields

        for table in plugin_tables(loaded):
            problems += wrong_fields(table, loaded)
            if table.reason:
                click.echo(f"medianest: warning: plugins.{table.name}: {table.reason}", err=True)
    if problems:
        fail(*problems)
    click.echo(f"The settings are sound ({loaded.config_file or 'no configuration file'}).")


def _masked_leaves(loaded: LoadedSettings) -> Iterator[tuple[str, Any]]:
    plain: dict[str, Collection[str]] = {}
    if loaded.pins:
        from medianest_hub.cli.plugin_tables import plugin_tables

        plain = {table.name: table.plain_fields for table in plugin_tables(loaded)}
    for path, value in _leaves(loaded.settings):
        if path[0] != "plugins" or len(path) < 3:
            yield ".".join(path), _masked("", value)
        elif value is not None:
            known = path[2] in plain.get(path[1], ()) or isinstance(value, bool)
            yield ".".join(path), _masked(path[-1], value) if known else MASK


def _leaves(node: BaseModel | Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    items = [*node, *(node.model_extra or {}).items()] if isinstance(node, BaseModel) else list(node.items())
    for name, value in dict(items).items():
        if isinstance(value, BaseModel) or (isinstance(value, dict) and value):
            yield from _leaves(value, (*path, name))
        else:
            yield (*path, name), value


def _masked(name: str, value: Any) -> Any:
    """Mask a secret, or what is secret inside an address."""
    if isinstance(value, SecretStr):
        text = value.get_secret_value()
        return mask_text(text) if "://" in text else MASK
    return mask_value(name, str(value) if isinstance(value, (Path, Rate)) else value)


def _written(value: Any) -> str:
    if value is None:
        return "(not set)"
    return json.dumps(value, ensure_ascii=False, default=str).replace(MASK, _ASCII_MASK)
