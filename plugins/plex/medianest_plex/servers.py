"""Which of the servers is meant: a context stands for one of them, by its `instance`. Asks none of them anything."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import urlsplit

from medianest_hub.plugin_api import Context
from medianest_plex.settings import PlexSettings, ServerSettings

ContextT = TypeVar("ContextT", bound=Context[Any])


def at(ctx: ContextT, server: ServerSettings) -> ContextT:
    """The context as that of this server: rows are read and written under its instance.

    Jobs, cache, pictures and people are the plugin's, whichever server it stands for: names given to them say which is meant.
    """
    return replace(ctx, instance=server.instance)


def everywhere(ctx: ContextT) -> list[ContextT]:
    """One context for each server, in the order of the settings."""
    return [at(ctx, server) for server in ctx.settings.servers]


def of_instance(ctx: ContextT, instance: str) -> ContextT | None:
    """The context of the server of that name; None where the settings have none (any more)."""
    return next((one for one in everywhere(ctx) if one.instance == instance), None)


def here(ctx: Context[PlexSettings]) -> ServerSettings:
    """The settings of the server the context stands for. `LookupError` where they have none of that name."""
    for server in ctx.settings.servers:
        if server.instance == ctx.instance:
            return server
    raise LookupError(f"the settings have no Plex server {ctx.instance}")


def is_same_address(one: str, other: str) -> bool:
    """Whether two addresses lead to the same place, however they are spelt."""
    return _place(one) == _place(other)


def _place(url: str) -> tuple[str, int | None, str]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme), parts.path.rstrip("/")
