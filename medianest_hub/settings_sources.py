"""Reads the configuration file and the environment into trees that remember where each value came from; types nothing."""

from __future__ import annotations

import functools
import json
import tomllib
import types
import typing
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medianest_hub.settings_hints import unknown_key_message

PREFIX = "MEDIANEST_"
DEFAULT_FILE = "medianest.toml"
#: Variables of ours that are not settings: how the supervisor, the test tools and the command line talk to a process.
RESERVED = frozenset(
    {
        "MEDIANEST_CONFIG",
        "MEDIANEST_LOADING_JOURNAL",
        "MEDIANEST_QUARANTINE",
        "MEDIANEST_SUPERVISED",
    }
)
RESERVED_PREFIX = "MEDIANEST_TEST_"
_SECRET_FILE_LIMIT = 1 << 20


class SettingsError(Exception):
    """The settings cannot be used; `problems` holds one line for each thing to put right."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(dict.fromkeys(problems))
        super().__init__("\n".join(self.problems))


class EnvText(str):
    """A raw value from the environment: text whatever its type, so lists and numbers in it are still to be read."""

    __slots__ = ()


@dataclass(slots=True)
class Layer:
    """One source of settings: a nested `tree`, the origin of each dotted key in it, and what was wrong while reading.

    `variables` names the variable that gave a key, in the layer of the environment.
    """

    tree: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    path: Path | None = None

    def origin_of(self, key: str) -> str | None:
        """Where `key`, or something inside it, was given in this layer."""
        if key in self.origins:
            return self.origins[key]
        return next((origin for known, origin in self.origins.items() if known.startswith(f"{key}.")), None)

    def unknown(self, key: str, known: Collection[str]) -> Iterator[str]:
        """A line for each value this layer gives under the unknown `key`."""
        for given, origin in self.origins.items():
            if given == key or given.startswith(f"{key}."):
                if given in self.variables:
                    suffix = "_FILE" if self.variables[given].endswith("_FILE") else ""
                    yield unknown_key_message(given, known, functools.partial(_variable, suffix=suffix))
                else:
                    yield f"{unknown_key_message(given, known)} ({origin})"


def _variable(key: str, suffix: str) -> str:
    """The variable that gives `key`; `suffix` is `_FILE` for one that names a file."""
    return PREFIX + key.replace(".", "__").upper() + suffix


def file_layer(config: Path | None, environ: Mapping[str, str]) -> Layer:
    """Read the TOML file; one that was asked for must be there, the default one need not."""
    layer = Layer()
    named = environ.get("MEDIANEST_CONFIG")
    path = config or (Path(named) if named else Path(DEFAULT_FILE))
    asked_by = "--config" if config else "MEDIANEST_CONFIG" if named else None
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        if asked_by:
            layer.problems.append(f"{path}: there is no such configuration file ({asked_by})")
        return layer
    except OSError as error:
        layer.problems.append(f"{path}: the configuration file cannot be read: {error.strerror}")
        return layer
    layer.path = path.absolute()
    try:
        layer.tree = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        layer.problems.append(f"{path}: not valid TOML: {error}")
        return layer
    layer.origins = dict.fromkeys(_dotted(layer.tree), f"file {path}")
    return layer


def _dotted(tree: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _dotted(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def environment_layer(environ: Mapping[str, str], known: Mapping[str, Any]) -> Layer:
    """Read `MEDIANEST_A__B` and `MEDIANEST_A__B_FILE`; an empty variable counts as not given.

    `known` maps each core key to its type, by which lists are read; values of plugins stay `EnvText`.
    """
    layer = Layer()
    given = {
        name: value
        for name, value in sorted(environ.items())
        if name.startswith(PREFIX) and value and name not in RESERVED and not name.startswith(RESERVED_PREFIX)
    }
    for name, value in given.items():
        key = name.removeprefix(PREFIX).lower().replace("__", ".")
        text, origin = value, f"env {name}"
        if name.endswith("_FILE") and key not in known:
            plain = name.removesuffix("_FILE")
            key, origin = key.removesuffix("_file"), f"secret file {value} ({name})"
            if plain in given:
                layer.problems.append(f"{plain} and {name} are both set; give only one")
                continue
            try:
                text = _secret_text(Path(value))
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or error
                layer.problems.append(f"{name}: {value} cannot be read: {reason}")
                continue
        layer.variables[key] = name
        _put(layer, key, text, origin, known)
    return layer


def _secret_text(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(_SECRET_FILE_LIMIT + 1)
    if len(content) > _SECRET_FILE_LIMIT:
        raise ValueError("it is larger than 1 MiB")
    try:
        return content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8 text") from None


def _put(layer: Layer, key: str, text: str, origin: str, known: Mapping[str, Any]) -> None:
    value: Any = EnvText(text)
    if key in known:
        try:
            value = decode_env_text(text, known[key])
        except ValueError as error:
            layer.problems.append(f"{key}: {error} ({origin})")
            return
    *parents, last = key.split(".")
    table = layer.tree
    for parent in parents:
        table = table.setdefault(parent, {})
        if not isinstance(table, dict):
            layer.problems.append(f"{key}: {parent} is given both as a value and as a table ({origin})")
            return
    table[last] = value
    layer.origins[key] = origin


def decode_env_text(text: str, annotation: Any) -> Any:
    """Turn text of the environment into what a model with `annotation` validates.

    For a list: JSON, or items parted by commas. For a table: JSON. Anything else stays text, which Pydantic reads.
    `ValueError` says what was expected.
    """
    wanted = _containers(annotation)
    opening = text.lstrip()[:1]
    if (opening == "[" and "list" in wanted) or (opening == "{" and "table" in wanted):
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"not valid JSON: {error}") from None
    if "list" in wanted:
        return [item.strip() for item in text.split(",") if item.strip()]
    return text


def _containers(annotation: Any) -> set[str]:
    """Which containers a type is or may be, looking through `Annotated`, `Optional` and unions."""
    origin = typing.get_origin(annotation) or annotation
    if origin is typing.Annotated:
        return _containers(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return set().union(*(_containers(part) for part in typing.get_args(annotation)))
    if isinstance(origin, type):
        if issubclass(origin, (list, tuple, set, frozenset)):
            return {"list"}
        if issubclass(origin, Mapping) or hasattr(origin, "model_fields"):
            return {"table"}
    return set()
