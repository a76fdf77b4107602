"""`PluginInfo`: what a plugin is, before anything of it runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, ConfigDict

from medianest_hub.plugin_api.events import EventData
from medianest_hub.plugin_api.notifications import NotificationKind
from medianest_hub.plugin_api.people import Permission

API_VERSION: Final = 1
"""The version of this contract. A plugin declares the one it was written for; the host refuses others."""

CORE_NAMES: Final = frozenset(
    {
        *("auth", "setup", "users", "invites", "api-keys", "audit", "dashboard", "media", "notifications"),
        *("activity", "jobs", "plugins", "images", "hooks", "health", "docs", "openapi", "metrics"),
        # Prefixes of the hub's own events and permissions: a plugin of that name could forge them.
        *(
            "local",
            "oidc",
            "sign_in",
            "people",
            "hub",
            "job",
            "widget",
            "service",
            "plugin",
            "realtime",
            "notification",
            "medianest",
            "core",
        ),
    }
)
"""Names no plugin may take: they are the hub's own."""

PLUGIN_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""What an entry point may be called; it becomes a path, a Postgres schema and a metric prefix."""


class PluginSettings(BaseModel):
    """Base of a plugin's settings. Use `pydantic.SecretStr` for secrets: they are sealed and never returned.

    Field titles and descriptions become the form an admin sees. Unknown fields are errors.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class Limit:
    """A rate limit zone of the plugin's own: `Limit("downloads", "5/hour", setting="youtube")`.

    Counted per person, or per address when nobody is signed in. `setting` names the core setting (`limits.<setting>`)
    that overrides `default`.
    """

    name: str
    default: str
    setting: str | None = None


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """A plugin's card. `api_version` is the contract's version it was written for.

    `settings` is the model behind its form; `permissions` and `limits` are its own; `events` are the models it emits;
    `notifications` are the kinds it tells people by;
    `icon` is the name of a Lucide icon; `docs` an address for people.
    """

    title: str
    api_version: int
    summary: str = ""
    settings: type[PluginSettings] = PluginSettings
    permissions: Sequence[Permission] = ()
    limits: Sequence[Limit] = ()
    events: Sequence[type[EventData]] = ()
    notifications: Sequence[NotificationKind] = ()
    icon: str = "puzzle"
    docs: str = ""
