"""Rules that only look at what a plugin declares: handlers that can be called alone, words wherever a person looks."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator
from email.message import Message
from typing import Any

from medianest_hub.plugin_api import CheckResult, Context, Event, Lease, Viewer
from medianest_hub.plugin_host.declarations import LoadedPlugin
from medianest_hub.plugin_host.discovery import Found


def handler_problems(plugin: LoadedPlugin) -> list[str]:
    """Handlers hidden in functions, or not annotated with what they get and give."""
    problems: list[str] = []
    for what, handler, second, answer in _handlers(plugin):
        place = f"{what}: {handler.__module__}.{handler.__qualname__}"
        if "<" in handler.__qualname__:
            problems.append(f"{place} must be a function at module level, so that it can be called alone")
            continue
        hints = typing.get_type_hints(handler)
        parameters = [hints.get(name) for name in list(handler.__code__.co_varnames)[: handler.__code__.co_argcount]]
        if not parameters or not _is(parameters[0], Context):
            problems.append(f"{place}: annotate its first parameter as Context[YourSettings]")
        elif (model := _settings_of(parameters[0])) not in (None, plugin.info.settings):
            problems.append(
                f"{place}: its context is of {model.__name__}, the plugin's settings are {plugin.info.settings.__name__}"
            )
        if second is not None and (len(parameters) < 2 or not _is(parameters[1], second)):
            problems.append(f"{place}: annotate its second parameter as {second.__name__}")
        if "return" not in hints or (answer is not None and not _is(hints["return"], answer)):
            problems.append(f"{place}: annotate what it returns" + (f" (`-> {answer.__name__}`)" if answer else ""))
    return problems


def missing_docs(plugin: LoadedPlugin, found: Found) -> list[str]:
    """Places without words where a person would look for them."""
    info = plugin.info
    metadata: Any = found.point.dist.metadata if found.point.dist else Message()
    problems = []
    if not info.summary:
        problems.append("PluginInfo.summary is empty")
    if not info.docs:
        problems.append("PluginInfo.docs names no address")
    if not f"{metadata.get_payload() or ''}{metadata.get('Description') or ''}".strip():
        problems.append("the distribution has no README (readme in pyproject.toml)")
    if not (metadata.get("License-Expression") or metadata.get("License")):
        problems.append("the distribution names no licence")
    problems += [
        f"route {route.method} {route.path}: give its handler a docstring"
        for route in plugin.routes
        if not route.summary
    ]
    problems += [f"permission {item.name}: give it a title" for item in info.permissions if not item.title]
    problems += [f"widget {item.name}: give it a title" for item in plugin.widgets if not item.title]
    problems += [
        f"setting {name}: give it a title and a description"
        for name, field in info.settings.model_fields.items()
        if not (field.title and field.description)
    ]
    return problems


def _handlers(plugin: LoadedPlugin) -> Iterator[tuple[str, Callable[..., Any], type[Any] | None, type[Any] | None]]:
    """What it is, the function, the type of its second parameter and of its answer where those are fixed."""
    for route in plugin.routes:
        yield f"route {route.method} {route.path}", route.handler, None, None
        if route.owner is not None:
            yield f"owner of {route.method} {route.path}", route.owner, None, None
    for task in plugin.tasks:
        yield f"task {task.name}", task.handler, None, None
    for stream in plugin.streams:
        yield f"stream {stream.name}", stream.run, Lease, None
    for check in plugin.health_checks:
        yield f"health check {check.name}", check.check, None, CheckResult
    for widget in plugin.widgets:
        yield f"widget {widget.name}", widget.load, Viewer, None
    for media in plugin.media_sources:
        for question, asked in (("search", media.search), ("details", media.details), ("find", media.find)):
            if asked is not None:
                yield f"{question} of media source {media.name}", asked, Viewer, None
    for listener in plugin.listeners:
        yield f"listener {listener.name}", listener.handler, Event, None
    for webhook in plugin.webhooks:
        yield f"webhook {webhook.name}", webhook.handler, webhook.model, None
    for source in plugin.images:
        yield f"image source {source.name}", source.fetch, str, bytes
    lifecycle = plugin.lifecycle
    for what, step in (
        ("check_settings", lifecycle.check_settings),
        ("startup", lifecycle.startup),
        ("shutdown", lifecycle.shutdown),
    ):
        if step is not None:
            yield what, step, None, None


def _is(hint: Any, kind: type[Any]) -> bool:
    """Whether the annotation is `kind`, `kind[…]` or a subclass of it (a parametrised Pydantic generic is one)."""
    origin = typing.get_origin(hint) or hint
    return isinstance(origin, type) and issubclass(origin, kind)


def _settings_of(hint: Any) -> Any:
    arguments = typing.get_args(hint)
    return arguments[0] if arguments and isinstance(arguments[0], type) else None
