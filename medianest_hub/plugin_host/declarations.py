"""What a plugin declared, collected and checked: each hook called guarded and alone, each declaration verified."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pluggy
from pydantic import BaseModel

from medianest_hub.plugin_api import hookspecs
from medianest_hub.plugin_api.events import Listener
from medianest_hub.plugin_api.health import HealthCheck
from medianest_hub.plugin_api.images import ImageSource
from medianest_hub.plugin_api.lifecycle import Lifecycle
from medianest_hub.plugin_api.media import MediaSource
from medianest_hub.plugin_api.notifications import LANGUAGES
from medianest_hub.plugin_api.notifiers import Notifier
from medianest_hub.plugin_api.plugin import API_VERSION, PluginInfo, PluginSettings
from medianest_hub.plugin_api.routes import Route, Router
from medianest_hub.plugin_api.sign_in import SignInProvider
from medianest_hub.plugin_api.streams import Stream
from medianest_hub.plugin_api.tasks import Task
from medianest_hub.plugin_api.webhooks import Webhook
from medianest_hub.plugin_api.widgets import Scope, Widget
from medianest_hub.plugin_host.notification_kinds import KindError, check_kinds
from medianest_hub.plugin_host.settings import misplaced_secrets
from medianest_hub.plugin_host.signatures import SignatureError, answer_model, job_model, route_models
from medianest_hub.settings import Rate

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,59}")
_PATH = re.compile(r"(/|(/(\{[a-z_]+\}|[A-Za-z0-9_][A-Za-z0-9_.~-]*))+)")
_CORE_LIMITS = frozenset({"api", "auth", "youtube", "static", "images", "webhooks"})
_MOST_BYTES = 32 * 1024 * 1024
"""No picture and no webhook's body may be declared larger: each is held in memory."""

_LONGEST_SEARCH = 30.0
_LONGEST_KEPT = 86_400.0
"""Seconds a media source's answer may take, and may be kept."""

_LONGEST_DELIVERY = 120.0
_MOST_RETRIES = 20
"""What a notifier may declare."""

_LISTS: dict[str, type[Any]] = {
    "hub_tasks": Task,
    "hub_streams": Stream,
    "hub_health_checks": HealthCheck,
    "hub_widgets": Widget,
    "hub_webhooks": Webhook,
    "hub_listeners": Listener,
    "hub_media_sources": MediaSource,
    "hub_sign_in": SignInProvider,
    "hub_images": ImageSource,
    "hub_notifiers": Notifier,
}


class DeclarationError(Exception):
    """The plugin declares something the host cannot accept; the text tells its author what."""


@dataclass(frozen=True, slots=True)
class LoadedPlugin:
    """A plugin that was imported and found sound; everything it declared."""

    name: str
    distribution: str
    version: str
    info: PluginInfo
    routes: tuple[Route, ...] = ()
    tasks: tuple[Task, ...] = ()
    streams: tuple[Stream, ...] = ()
    health_checks: tuple[HealthCheck, ...] = ()
    widgets: tuple[Widget, ...] = ()
    webhooks: tuple[Webhook, ...] = ()
    listeners: tuple[Listener, ...] = ()
    media_sources: tuple[MediaSource, ...] = ()
    sign_in: tuple[SignInProvider, ...] = ()
    images: tuple[ImageSource, ...] = ()
    notifiers: tuple[Notifier, ...] = ()
    lifecycle: Lifecycle = Lifecycle()  # noqa: RUF009 - frozen, no state

    def full_permission(self, permission: str) -> str:
        """A local name made full; a full one (with a dot) as it is."""
        return permission if "." in permission else f"{self.name}.{permission}"

    def image_source(self, name: str) -> ImageSource | None:
        """The source of pictures of that name."""
        return next((source for source in self.images if source.name == name), None)

    def webhook(self, name: str) -> Webhook | None:
        """The webhook of that name."""
        return next((webhook for webhook in self.webhooks if webhook.name == name), None)

    def task(self, name: str) -> Task | None:
        """The task of that name."""
        return next((task for task in self.tasks if task.name == name), None)


def collect(name: str, distribution: str, version: str, module: ModuleType) -> LoadedPlugin:
    """Call the module's hooks and check what they return. Raises `DeclarationError`."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(module, name=name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise DeclarationError(f"its hooks do not fit the contract: {error}") from error
    info = _call(manager, "hub_plugin")
    if not isinstance(info, PluginInfo):
        raise DeclarationError(
            "hub_plugin must return a PluginInfo" if info is not None else "it does not implement hub_plugin"
        )
    _check_info(info)
    lists = {hook: _list(manager, hook, kind) for hook, kind in _LISTS.items()}
    router = _call(manager, "hub_routes")
    if router is not None and not isinstance(router, Router):
        raise DeclarationError(f"hub_routes must return a Router, not {type(router).__name__}")
    lifecycle = _call(manager, "hub_lifecycle")
    if lifecycle is not None and not isinstance(lifecycle, Lifecycle):
        raise DeclarationError(f"hub_lifecycle must return a Lifecycle, not {type(lifecycle).__name__}")
    plugin = LoadedPlugin(
        name,
        distribution,
        version,
        info,
        routes=router.routes if router else (),
        lifecycle=lifecycle or Lifecycle(),
        **{hook.removeprefix("hub_"): items for hook, items in lists.items()},
    )
    _check(plugin)
    return plugin


def _call(manager: pluggy.PluginManager, hook: str) -> Any:
    try:
        answers = getattr(manager.hook, hook)()
    except Exception as error:
        raise DeclarationError(f"{hook} raised {type(error).__name__}: {error}") from error
    answer = answers[0] if answers else None
    if inspect.isawaitable(answer):
        if inspect.iscoroutine(answer):
            answer.close()
        raise DeclarationError(f"{hook} must be a plain function that declares; it returned an awaitable")
    return answer


def _list(manager: pluggy.PluginManager, hook: str, kind: type[Any]) -> tuple[Any, ...]:
    answer = _call(manager, hook)
    if answer is None:
        return ()
    if not isinstance(answer, Sequence) or isinstance(answer, str):
        raise DeclarationError(f"{hook} must return a list of {kind.__name__}, not {type(answer).__name__}")
    for item in answer:
        if not isinstance(item, kind):
            raise DeclarationError(f"{hook} must return {kind.__name__} objects; one is {type(item).__name__}")
    return tuple(answer)


def _check_info(info: PluginInfo) -> None:
    if info.api_version != API_VERSION:
        raise DeclarationError(
            f"it was written for version {info.api_version} of the plugin contract, this hub offers {API_VERSION}"
        )
    if not (inspect.isclass(info.settings) and issubclass(info.settings, PluginSettings)):
        raise DeclarationError("PluginInfo.settings must be a subclass of PluginSettings")
    if misplaced := misplaced_secrets(info.settings):
        raise DeclarationError(
            f"the secret settings {', '.join(misplaced)} cannot be sealed: make each a field of the settings model itself, "
            "of type `SecretStr` or `SecretStr | None`"
        )
    if not info.title:
        raise DeclarationError("PluginInfo.title is empty")
    for limit in info.limits:
        try:
            Rate.parse(limit.default)
        except ValueError as error:
            raise DeclarationError(f"limit {limit.name!r}: {error}") from error


def _check(plugin: LoadedPlugin) -> None:
    try:
        for items in (
            plugin.tasks,
            plugin.streams,
            plugin.health_checks,
            plugin.widgets,
            plugin.webhooks,
            plugin.listeners,
            plugin.media_sources,
            plugin.notifiers,
            plugin.images,
            plugin.sign_in,
        ):
            _unique(plugin.name, items)
        _unique(plugin.name, plugin.info.permissions)
        _check_notifications(plugin)
        _check_routes(plugin)
        for task in plugin.tasks:
            job_model(task.handler)
            if task.every is not None and task.every.total_seconds() < 1:
                raise DeclarationError(f"task {task.name!r}: `every` must be at least one second")
        for widget in plugin.widgets:
            answer_model(widget.load)
            _check_permission(plugin, widget.permission, f"widget {widget.name!r}")
        for source in plugin.media_sources:
            _check_media_source(plugin, source)
        _check_bounds(plugin)
        _check_coroutines(plugin)
    except SignatureError as error:
        raise DeclarationError(str(error)) from error


def _unique(plugin: str, items: Iterable[Any]) -> None:
    seen: set[str] = set()
    for item in items:
        kind = type(item).__name__.lower()
        if not _NAME.fullmatch(item.name):
            raise DeclarationError(f"{kind} {item.name!r} is badly named: use lower-case letters, digits, _ and -")
        if item.name in seen:
            raise DeclarationError(f"two {kind}s are called {item.name!r}")
        seen.add(item.name)


def _check_routes(plugin: LoadedPlugin) -> None:
    seen: set[tuple[str, str]] = set()
    zones = {limit.name for limit in plugin.info.limits} | _CORE_LIMITS
    for route in plugin.routes:
        what = f"route {route.method} {route.path}"
        if not _PATH.fullmatch(route.path):
            raise DeclarationError(f"{what}: a path is `/` or like `/items/{{id}}`")
        shape = (route.method, re.sub(r"\{[a-z_]+\}", "{}", route.path))
        if shape in seen:
            raise DeclarationError(f"{what} is declared twice")
        seen.add(shape)
        if route.public == (route.permission is not None):
            raise DeclarationError(f"{what} must declare either a permission or public=True")
        if route.permission is not None:
            _check_permission(plugin, route.permission, what)
        if route.limit is not None and route.limit not in zones:
            raise DeclarationError(f"{what}: limit {route.limit!r} is not declared in PluginInfo.limits")
        if route.cache is not None and route.method != "GET":
            raise DeclarationError(f"{what}: only GET answers can be cached")
        models = route_models(route.handler)
        placeholders = set(re.findall(r"\{([a-z_]+)\}", route.path))
        if placeholders != set(models.path.model_fields):
            raise DeclarationError(f"{what}: its path model must have exactly the fields {sorted(placeholders)}")


def _check_permission(plugin: LoadedPlugin, permission: str, what: str) -> None:
    declared = {f"{plugin.name}.{known.name}" for known in plugin.info.permissions} | {"hub.signed_in", "hub.admin"}
    if plugin.full_permission(permission) not in declared:
        raise DeclarationError(f"{what}: permission {permission!r} is not declared in PluginInfo.permissions")


def _check_media_source(plugin: LoadedPlugin, source: MediaSource) -> None:
    what = f"media source {source.name!r}"
    _check_permission(plugin, source.permission, what)
    if not 0 < source.deadline <= _LONGEST_SEARCH:
        raise DeclarationError(f"{what}: deadline must be more than 0 and at most {_LONGEST_SEARCH:g} seconds")
    if not 0 <= source.ttl <= _LONGEST_KEPT:
        raise DeclarationError(f"{what}: ttl must be between 0 and {_LONGEST_KEPT:g} seconds")
    if not isinstance(source.scope, Scope):
        raise DeclarationError(f"{what}: scope must be PERSON, ROLE or EVERYONE, not {source.scope!r}")
    if isinstance(source.tags, str) or not all(_NAME.fullmatch(tag) for tag in source.tags):
        raise DeclarationError(f"{what}: tags must be a list of names of lower-case letters, digits, _ and -")
    for question, handler, count in (
        ("search", source.search, 3),
        ("details", source.details, 3),
        ("find", source.find, 4),
    ):
        if handler is None and question == "find":
            continue
        if not inspect.iscoroutinefunction(handler) or len(inspect.signature(handler).parameters) != count:
            raise DeclarationError(f"{what}: {question} must be an `async def` function of {count} parameters")


def _check_title(title: object, what: str) -> None:
    by_language = title if isinstance(title, Mapping) else {"en": title}
    if unknown := sorted({str(language) for language in by_language} - set(LANGUAGES)):
        raise DeclarationError(f"{what}: people read no {unknown[0]!r} here, but {', '.join(LANGUAGES)}")
    texts = [by_language.get("en"), *by_language.values()]
    if not all(isinstance(text, str) and text.strip() for text in texts):
        raise DeclarationError(f"{what}: its title is empty; people choose it by that")


def _check_notifications(plugin: LoadedPlugin) -> None:
    try:
        check_kinds(plugin.info.notifications)
    except KindError as error:
        raise DeclarationError(str(error)) from error
    for kind in plugin.info.notifications:
        for permission in (kind.permission, *([kind.oversight] if kind.oversight is not None else ())):
            _check_permission(plugin, permission, f"notification kind {kind.name!r}")
    for notifier in plugin.notifiers:
        what = f"notifier {notifier.name!r}"
        _check_title(notifier.title, what)
        if not 0 < notifier.timeout <= _LONGEST_DELIVERY or not 0 <= notifier.retries <= _MOST_RETRIES:
            raise DeclarationError(
                f"{what}: timeout must be at most {_LONGEST_DELIVERY:g} seconds, retries 0 to {_MOST_RETRIES}"
            )


def _check_bounds(plugin: LoadedPlugin) -> None:
    for webhook in plugin.webhooks:
        what = f"webhook {webhook.name!r}"
        if not (inspect.isclass(webhook.model) and issubclass(webhook.model, BaseModel)):
            raise DeclarationError(f"{what}: its model must be a Pydantic model, not {webhook.model!r}")
        if not 0 < webhook.body_limit <= _MOST_BYTES:
            raise DeclarationError(f"{what}: body_limit must be between 1 and {_MOST_BYTES} bytes")
        if webhook.multipart_field == "":
            raise DeclarationError(f"{what}: multipart_field is empty; leave it out where the service sends JSON")
    for provider in plugin.sign_in:
        if not provider.title:
            raise DeclarationError(
                f"sign-in provider {provider.name!r}: its title is empty; it is what the button says"
            )
    for source in plugin.images:
        if not 0 < source.max_bytes <= _MOST_BYTES:
            raise DeclarationError(f"image source {source.name!r}: max_bytes must be between 1 and {_MOST_BYTES}")


def _check_coroutines(plugin: LoadedPlugin) -> None:
    handlers: list[tuple[str, Callable[..., Any] | None]] = [
        *((f"stream {item.name}", item.run) for item in plugin.streams),
        *((f"health check {item.name}", item.check) for item in plugin.health_checks),
        *((f"listener {item.name}", item.handler) for item in plugin.listeners),
        *((f"webhook {item.name}", item.handler) for item in plugin.webhooks),
        *((f"notifier {item.name}", item.deliver) for item in plugin.notifiers),
        *((f"notifier {item.name}", item.reaches) for item in plugin.notifiers),
        *((f"image source {item.name}", item.fetch) for item in plugin.images),
        *((f"sign-in provider {item.name}", item.begin) for item in plugin.sign_in),
        *((f"sign-in provider {item.name}", item.complete) for item in plugin.sign_in),
        *((f"sign-in provider {item.name}", item.recheck) for item in plugin.sign_in),
        ("check_settings", plugin.lifecycle.check_settings),
        ("startup", plugin.lifecycle.startup),
        ("shutdown", plugin.lifecycle.shutdown),
    ]
    for what, handler in handlers:
        if handler is not None and not inspect.iscoroutinefunction(handler):
            raise DeclarationError(f"the handler of {what} must be an `async def` function")
