"""Turns what came over the wire into a handler's `Call`: path, query and body, each as its model, every bad field named."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from medianest_hub.plugin_api.errors import BadInput, FieldProblem
from medianest_hub.plugin_api.routes import Empty
from medianest_hub.plugin_host.signatures import RouteModels
from medianest_hub.web.plain_text import is_unusable, unusable, unusable_in_json
from medianest_hub.web.problems import UnsupportedMedia

_MOST_PROBLEMS: Final = 50
_MOST_PARAMETERS: Final = 200


class Binder:
    """Validates for one route; made once, holds no request."""

    def __init__(self, models: RouteModels) -> None:
        self.models = models
        self.wants_body = models.body is not Empty
        self._needs_body = needs_body(models.body)
        self._lists = {name for name, info in _by_alias(models.query) if _takes_list(info.annotation)}
        self._no_query = models.query is Empty
        self._empty_path = models.path is Empty

    def path(self, segments: Mapping[str, str]) -> tuple[BaseModel | None, list[FieldProblem]]:
        """The path's model, or what is wrong with it."""
        if self._empty_path and not segments:
            return Empty(), []
        if bad := [unusable(f"path.{name}") for name, value in segments.items() if is_unusable(value)]:
            return None, bad
        return _validated("path", lambda: self.models.path.model_validate(dict(segments)))

    def query(self, text: str) -> tuple[BaseModel | None, list[FieldProblem]]:
        """The query's model, or what is wrong with it. A parameter given several times is a list."""
        if not text and self._no_query:
            return Empty(), []
        try:
            pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS)
        except UnicodeDecodeError:
            return None, [FieldProblem(field="query", code="not_utf8", message="The query is not UTF-8.")]
        except ValueError:
            return None, [FieldProblem(field="query", code="too_many", message="There are too many parameters.")]
        if bad := _unusable_in(pairs):
            return None, bad
        given: dict[str, Any] = {}
        for name, value in pairs:
            if name in self._lists:
                given.setdefault(name, []).append(value)
            elif name in given:
                before = given[name]
                given[name] = [*before, value] if isinstance(before, list) else [before, value]
            else:
                given[name] = value
        return _validated("query", lambda: self.models.query.model_validate(given))

    def body(
        self, content_type: str | None, encoding: str | None, content: bytes
    ) -> tuple[BaseModel | None, list[FieldProblem]]:
        """The body's model, or what is wrong with it.

        Raises `UnsupportedMedia` for anything but JSON, `BadInput` for broken JSON.
        """
        if not content and not self._needs_body:
            return self.models.body(), []
        if not content:
            return None, [FieldProblem(field="body", code="missing", message="Send a JSON object as the body.")]
        if encoding is not None and encoding.strip().lower() != "identity":
            raise UnsupportedMedia("Send the body as it is, not compressed.")
        _check_json(content_type)
        model, problems = _validated("body", lambda: self.models.body.model_validate_json(content))
        if problems and problems[0].code == "json_invalid":
            raise BadInput("The body is not JSON this server can read.", code="malformed_json", fields=problems)
        # Named beside what the model finds wrong: a sender hears of everything at once.
        problems += unusable_in_json(content)
        return (None if problems else model), problems


def needs_body(model: type[BaseModel]) -> bool:
    """Whether a body must be sent: where every field may be left out, so may the whole."""
    return any(info.is_required() for info in model.model_fields.values())


def refuse(problems: list[FieldProblem]) -> BadInput:
    """The refusal that names each bad field."""
    return BadInput("Some of what was sent cannot be used.", code="validation_failed", fields=problems[:_MOST_PROBLEMS])


def _unusable_in(pairs: list[tuple[str, str]]) -> list[FieldProblem]:
    fields = ("query" if is_unusable(name) else f"query.{name}" for name, value in pairs if is_unusable(name + value))
    return [unusable(field) for field in dict.fromkeys(fields)]


def _validated(where: str, validate: Any) -> tuple[BaseModel | None, list[FieldProblem]]:
    try:
        return validate(), []
    except ValidationError as error:
        return None, [
            FieldProblem(
                field=".".join([where, *(str(part) for part in detail["loc"])]),
                code=detail["type"],
                message=detail["msg"].removeprefix("Value error, "),
            )
            for detail in error.errors(include_url=False, include_context=False, include_input=False)[:_MOST_PROBLEMS]
        ]
    except RecursionError:  # a model of the plugin's own validators
        return None, [FieldProblem(field=where, code="json_invalid", message="It is nested too deeply.")]


def _check_json(content_type: str | None) -> None:
    kind, _, parameters = (content_type or "").partition(";")
    kind = kind.strip().lower()
    charset = next(
        (
            value.strip().strip('"').lower()
            for name, _, value in _parameters(parameters)
            if name.strip().lower() == "charset"
        ),
        "utf-8",
    )
    if not (kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))):
        raise UnsupportedMedia("Send the body as application/json.")
    if charset not in ("utf-8", "utf8", "us-ascii"):
        raise UnsupportedMedia("Send the JSON in UTF-8.")


def _parameters(text: str) -> list[tuple[str, str, str]]:
    return [part.partition("=") for part in text.split(";")]


def _by_alias(model: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    """Each field under every name it may be sent by."""
    named: list[tuple[str, FieldInfo]] = []
    for name, info in model.model_fields.items():
        names = {name, info.alias, info.validation_alias if isinstance(info.validation_alias, str) else None}
        named += [(known, info) for known in names if known is not None]
    return named


def _takes_list(annotation: Any) -> bool:
    origin = typing.get_origin(annotation)
    if origin in (list, set, frozenset, tuple):
        return True
    return any(_takes_list(part) for part in typing.get_args(annotation) if part is not Ellipsis) if origin else False
