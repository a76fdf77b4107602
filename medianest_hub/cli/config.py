"""`config show` and `config check`: the settings as they would be used, secrets masked; connects to nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel, SecretStr

from medianest_hub.cli.options import with_settings
from medianest_hub.settings import LoadedSettings, Rate

MASK = "********"
_SECRET_NAME = re.compile(r"token|key|pass(word|wd|phrase)|secret|cookie|credential", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(?P<before>[a-z][a-z0-9+.-]*://[^\s/?#@]*?:)[^\s/?#]*(?P<after>@)", re.IGNORECASE)


@click.group()
def config() -> None:
    """Show or check the settings."""


@config.command()
@with_settings
def show(loaded: LoadedSettings) -> None:
    """Print every setting with its value and where it came from; secrets are masked."""
    lines = [(f"{key} = {_written(value)}", loaded.origins.get(key, "")) for key, value in _leaves(loaded.settings)]
    width = max(len(text) for text, _ in lines if len(text) <= 60)
    for text, origin in lines:
        click.echo(f"{text:<{width}}  # {origin}" if origin else text)


@config.command()
@with_settings
def check(loaded: LoadedSettings) -> None:
    """Read the settings and say whether they can be used, without starting anything."""
    click.echo(f"The settings are sound ({loaded.config_file or 'no configuration file'}).")


def _leaves(node: BaseModel | Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    items = [*node, *(node.model_extra or {}).items()] if isinstance(node, BaseModel) else list(node.items())
    for name, value in dict(items).items():
        if isinstance(value, BaseModel) or (isinstance(value, dict) and value):
            yield from _leaves(value, f"{prefix}{name}.")
        elif not (value is None and prefix.startswith("plugins.")):
            # Which fields of a plugin are secret only its own model knows, and that is not loaded here.
            looks_secret = prefix.startswith("plugins.") and _SECRET_NAME.search(name) is not None
            yield f"{prefix}{name}", MASK if looks_secret and not isinstance(value, bool) else _masked(value)


def _masked(value: Any) -> Any:
    """Mask secrets, and passwords inside addresses."""
    if isinstance(value, SecretStr):
        text = value.get_secret_value()
        return _URL_PASSWORD.sub(rf"\g<before>{MASK}\g<after>", text) if "://" in text else MASK
    if isinstance(value, str):
        return _URL_PASSWORD.sub(rf"\g<before>{MASK}\g<after>", value)
    if isinstance(value, (list, tuple)):
        return [_masked(item) for item in value]
    if isinstance(value, dict):
        return {key: MASK if _SECRET_NAME.search(str(key)) else _masked(item) for key, item in value.items()}
    return value


def _written(value: Any) -> str:
    if value is None:
        return "(not set)"
    return json.dumps(str(value) if isinstance(value, (Path, Rate)) else value, ensure_ascii=False, default=str)
