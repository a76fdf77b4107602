"""Mounts core and plugin routes alike: resolves what a declaration leaves out and registers it with Sanic. Calls no handler."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import structlog
from sanic import Sanic

from medianest_hub.accounts.permissions import CORE
from medianest_hub.plugin_api.people import Role
from medianest_hub.plugin_api.routes import Route, Router
from medianest_hub.plugin_host.declarations import LoadedPlugin
from medianest_hub.web.audited_endpoint import AuditedEndpoint
from medianest_hub.web.auditing import is_audited
from medianest_hub.web.endpoint import Endpoint
from medianest_hub.web.hub import WebHub
from medianest_hub.web.mounted import Mounted
from medianest_hub.web.rate_limits import Zones
from medianest_hub.web.webhooks.endpoint import WebhookEndpoint
from medianest_hub.web.webhooks.mounted import MountedWebhook, webhook_routes

log = structlog.get_logger(__name__)

API: Final = "/api/v1"
_PLACEHOLDER: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class CoreRoutes:
    """A router of the core. Its paths lie below `prefix`; `zone` is counted for all of them, None for none.

    `always` names the paths that answer also while the hub is starting; `follows` gives, by path, the plugin without
    which a route is not there.
    """

    name: str
    router: Router
    prefix: str = ""
    zone: str | None = "api"
    always: frozenset[str] = frozenset()
    follows: Mapping[str, str] = field(default_factory=dict)


def core_routes(routes: CoreRoutes, zones: Zones) -> Iterator[Mounted]:
    """A core router's routes, resolved."""
    for route in routes.router.routes:
        names = dict.fromkeys(name for name in (routes.zone, route.limit) if name is not None)
        yield Mounted(
            route=route,
            source=routes.name,
            template=_join(routes.prefix, route.path),
            permission=_permission(routes.name, route),
            zones=tuple(zones.core(name) for name in names),
            always=route.path in routes.always,
            follows=routes.follows.get(route.path),
        )


def plugin_routes(plugin: LoadedPlugin, zones: Zones) -> list[Mounted]:
    """A plugin's routes, resolved. Raises whatever is wrong with them."""
    limits = {limit.name: limit for limit in plugin.info.limits}
    resolved: list[Mounted] = []
    for route in plugin.routes:
        own = [zones.of_plugin(plugin.name, limits, route.limit)] if route.limit is not None else []
        mounted = Mounted(
            route=route,
            source=plugin.name,
            template=_join(f"{API}/{plugin.name}", route.path),
            permission=_permission(plugin.name, route),
            zones=(zones.core("api"), *own),
            plugin=plugin.name,
        )
        _ = mounted.models  # wrong annotations show now, not at the first request
        resolved.append(mounted)
    return resolved


def mount_all(app: Sanic[Any, Any], hub: WebHub, core: Iterable[CoreRoutes]) -> tuple[Mounted, ...]:
    """Mount every route there is; a plugin whose routes cannot be mounted is left out, the rest goes on."""
    mounted: list[Mounted] = [one for routes in core for one in core_routes(routes, hub.zones)]
    for name, plugin in hub.host.plugins.items():
        try:
            mounted += [*plugin_routes(plugin, hub.zones), *webhook_routes(plugin, hub.zones)]
        except Exception:
            log.exception("plugin_routes_not_mounted", plugin=name)
    mounted = audited(mounted, hub.host.plugins.values())
    for number, one in enumerate(mounted):
        _register(app, hub, one, number)
    return tuple(mounted)


def audited(mounted: Iterable[Mounted], plugins: Iterable[LoadedPlugin]) -> list[Mounted]:
    """The same, each knowing whether its calls are written to the audit log."""
    least = {f"{plugin.name}.{one.name}": one.default for plugin in plugins for one in plugin.info.permissions} | dict(
        CORE
    )
    return [
        replace(
            one,
            audited=is_audited(
                one.name,
                one.route.method,
                one.permission,
                core=one.plugin is None,
                admins_only=least.get(one.permission or "") is Role.ADMIN,
            ),
        )
        for one in mounted
    ]


def _register(app: Sanic[Any, Any], hub: WebHub, mounted: Mounted, number: int) -> None:
    names = tuple(_PLACEHOLDER.findall(mounted.template))
    # Numbered placeholders: routes of one path may call them differently, which Sanic's router would not have.
    numbers = iter(range(len(names)))
    uri = _PLACEHOLDER.sub(lambda _: f"<p{next(numbers)}:str>", mounted.template)
    methods = ["GET", "HEAD"] if mounted.route.method == "GET" else [mounted.route.method]
    app.add_route(
        _endpoint(hub, mounted, names),  # type: ignore[arg-type]
        uri,
        methods=methods,
        name=f"route{number}",
        unquote=bool(names),
        error_format="json",
    )


def _endpoint(hub: WebHub, mounted: Mounted, names: tuple[str, ...]) -> Endpoint:
    if isinstance(mounted, MountedWebhook):
        return WebhookEndpoint(hub, mounted, names)
    return (AuditedEndpoint if mounted.audited else Endpoint)(hub, mounted, names)


def _join(prefix: str, path: str) -> str:
    return prefix + ("" if path in ("", "/") and prefix else path)


def _permission(source: str, route: Route) -> str | None:
    if route.public == (route.permission is not None):
        raise ValueError(f"{source}: {route.method} {route.path} must declare either a permission or public=True")
    if route.permission is None or "." in route.permission:
        return route.permission
    return f"{source}.{route.permission}"
