"""Puts a plugin's settings together: pinned by file and environment, then the database, then the model's defaults."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, Secret, SecretBytes, SecretStr, ValidationError

from medianest_hub.plugin_api.errors import FieldProblem
from medianest_hub.plugin_api.plugin import PluginSettings
from medianest_hub.settings import EnvText, PluginPins, decode_env_text, unknown_key_message


@dataclass(frozen=True, slots=True)
class Resolved:
    """The outcome: `settings` when complete and valid, otherwise `problems`, one per bad or missing field."""

    settings: PluginSettings | None
    problems: list[FieldProblem] = field(default_factory=list)
    pinned: frozenset[str] = frozenset()

    @property
    def reason(self) -> str:
        """The problems in one line."""
        return "; ".join(f"{problem.field}: {problem.message}" for problem in self.problems)


def secret_fields(model: type[PluginSettings]) -> frozenset[str]:
    """The fields of the model that hold secrets (`SecretStr`, also optional)."""
    return frozenset(name for name, info in model.model_fields.items() if _mentions_secret(info.annotation))


def _mentions_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(_mentions_secret(part) for part in typing.get_args(annotation))


def misplaced_secrets(model: type[BaseModel]) -> list[str]:
    """Fields whose secrets the hub could not seal: only `SecretStr` or `SecretStr | None` at the top level can be."""
    sealable = {
        name
        for name, info in model.model_fields.items()
        if info.annotation is SecretStr or info.annotation == SecretStr | None
    }
    return [path for path in _secret_paths(model, "", frozenset()) if path not in sealable]


def _secret_paths(model: type[BaseModel], path: str, within: frozenset[type[BaseModel]]) -> Iterator[str]:
    for name, info in model.model_fields.items():
        parts = list(_parts(info.annotation))
        if any(_is_secret_type(part) for part in parts):
            yield f"{path}{name}"
        for part in parts:
            if isinstance(part, type) and issubclass(part, BaseModel) and part not in within:
                yield from _secret_paths(part, f"{path}{name}.", within | {model, part})


def _parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    if (origin := typing.get_origin(annotation)) is not None:
        yield origin
    for part in typing.get_args(annotation):
        yield from _parts(part)


def _is_secret_type(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, (SecretStr, SecretBytes, Secret))


def resolve(
    model: type[PluginSettings], pins: PluginPins, stored: Mapping[str, Any], secrets: Mapping[str, str]
) -> Resolved:
    """Build the plugin's settings. A stored field the model no longer knows is dropped; a pinned one is a problem."""
    known = set(model.model_fields)
    values: dict[str, Any] = {name: value for name, value in {**stored, **secrets}.items() if name in known}
    problems: list[FieldProblem] = []
    for name, value in pins.fields.items():
        if name not in known:
            problems.append(FieldProblem(field=name, code="unknown_setting", message=unknown_key_message(name, known)))
            continue
        try:
            values[name] = (
                decode_env_text(value, model.model_fields[name].annotation) if isinstance(value, EnvText) else value
            )
        except ValueError as error:
            problems.append(FieldProblem(field=name, code="unreadable", message=str(error)))
    pinned = frozenset(name for name in pins.fields if name in known)
    settings: PluginSettings | None = None
    try:
        settings = model.model_validate(values)
    except ValidationError as error:
        # One that could not be read is not missing too.
        unread = {problem.field for problem in problems}
        problems += [problem for problem in field_problems(error) if problem.field not in unread]
    return Resolved(None if problems else settings, problems, pinned)


def field_problems(error: ValidationError) -> list[FieldProblem]:
    """Pydantic's errors as problems; the values themselves are never repeated."""
    return [
        FieldProblem(field=".".join(str(part) for part in item["loc"]), code=item["type"], message=item["msg"])
        for item in error.errors(include_url=False, include_input=False, include_context=False)
    ]
