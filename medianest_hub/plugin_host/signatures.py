"""Reads the models of a handler from its annotations, once; calls nothing."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from medianest_hub.plugin_api.answers import FileAnswer, StreamAnswer
from medianest_hub.plugin_api.routes import Call, Empty
from medianest_hub.plugin_api.tasks import Job


class SignatureError(Exception):
    """The handler's annotations do not say what they must; the text says what to write."""


@dataclass(frozen=True, slots=True)
class RouteModels:
    """The models of one route handler; `answer` is a model, `FileAnswer`, `StreamAnswer` or None."""

    path: type[BaseModel]
    query: type[BaseModel]
    body: type[BaseModel]
    answer: Any


def route_models(handler: Callable[..., Any]) -> RouteModels:
    """Of `async def handler(ctx, call: Call[Path, Query, Body]) -> Answer`."""
    hints = _hints(handler)
    parameters = _parameters(handler, 2)
    models = _arguments(hints.get(parameters[1]), Call, handler)
    filled: list[type[BaseModel]] = [*models, Empty, Empty, Empty]
    path, query, body = filled[:3]
    if "return" not in hints:
        raise SignatureError(f"{handler.__qualname__} must be annotated with what it answers (`-> Model` or `-> None`)")
    answer = hints["return"]
    if answer is type(None):
        answer = None
    elif not (inspect.isclass(answer) and issubclass(answer, (BaseModel, FileAnswer, StreamAnswer))):
        raise SignatureError(
            f"{handler.__qualname__} must answer a Pydantic model, FileAnswer, StreamAnswer or None, not {answer!r}"
        )
    return RouteModels(path, query, body, answer)


def job_model(handler: Callable[..., Any]) -> type[BaseModel]:
    """Of `async def handler(ctx, job: Job[Args])`; `Empty` for a bare `Job`."""
    hints = _hints(handler)
    models = _arguments(hints.get(_parameters(handler, 2)[1]), Job, handler)
    return models[0] if models else Empty


def answer_model(handler: Callable[..., Any]) -> type[BaseModel]:
    """The model a widget's loader is annotated to return."""
    model = _hints(handler).get("return")
    if not (inspect.isclass(model) and issubclass(model, BaseModel)):
        raise SignatureError(f"{handler.__qualname__} must be annotated with the kind it returns, such as `-> Stat`")
    return model


def _hints(handler: Callable[..., Any]) -> dict[str, Any]:
    if not inspect.iscoroutinefunction(handler):
        raise SignatureError(f"{getattr(handler, '__qualname__', handler)!s} must be an `async def` function")
    try:
        return typing.get_type_hints(handler)
    except Exception as error:  # whatever evaluating a stranger's annotations may raise
        raise SignatureError(f"the annotations of {handler.__qualname__} cannot be read: {error}") from error


def _parameters(handler: Callable[..., Any], count: int) -> list[str]:
    names = list(inspect.signature(handler).parameters)
    if len(names) != count:
        raise SignatureError(f"{handler.__qualname__} must take exactly {count} parameters, it takes {len(names)}")
    return names


def _arguments(hint: Any, generic: type[Any], handler: Callable[..., Any]) -> tuple[type[BaseModel], ...]:
    if hint is generic:
        return ()
    if typing.get_origin(hint) is not generic:
        raise SignatureError(
            f"the second parameter of {handler.__qualname__} must be annotated `{generic.__name__}` or `{generic.__name__}[…]`"
        )
    models = typing.get_args(hint)
    for model in models:
        if not (inspect.isclass(model) and issubclass(model, BaseModel)):
            raise SignatureError(f"{model!r} in the annotations of {handler.__qualname__} is not a Pydantic model")
    return models
