"""The outside sign-in providers there are: the core's OpenID Connect and those of plugins; calls none of them itself."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog

from medianest_hub.accounts.oidc import OidcProvider
from medianest_hub.plugin_api.services import Http
from medianest_hub.plugin_api.sign_in import SignInProvider
from medianest_hub.plugin_host.declarations import LoadedPlugin
from medianest_hub.plugin_host.host import PluginHost
from medianest_hub.settings import AuthSettings

log = structlog.get_logger(__name__)

LOCAL: Final = "local"
OIDC: Final = "oidc"
"""The core's own; no plugin may take these names."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider. `plugin` is None for the core's; `secrets_of` is (plugin, instance) for whom its tokens are sealed."""

    id: str
    declared: SignInProvider
    plugin: str | None
    secrets_of: tuple[str, str]
    use: Callable[[], contextlib.AbstractContextManager[Any]]
    """The context its handlers get, for one call; `NotFound` or `Unavailable` while its plugin does not run."""

    works: Callable[[], bool]


def provider_ids(settings: AuthSettings, plugins: Mapping[str, LoadedPlugin]) -> dict[str, tuple[str, str]]:
    """The id of each provider with routes, and (plugin, name) it comes from; the core's plugin is empty.

    A plugin's provider is called like the plugin, or `<plugin>-<name>`. Of two with one id the first loaded keeps it.
    """
    found: dict[str, tuple[str, str]] = {}
    if settings.oidc.issuer is not None:
        found[OIDC] = ("", OIDC)
    for plugin in plugins.values():
        for declared in plugin.sign_in:
            own = declared.name == plugin.name
            identity = plugin.name if own else f"{plugin.name}-{declared.name}"
            if identity in found or identity in (LOCAL, OIDC):
                log.error("sign_in_provider_left_out", provider=identity, plugin=plugin.name, reason="the id is taken")
                continue
            found[identity] = (plugin.name, declared.name)
    return found


class SignInProviders:
    """All of them, by id. A plugin that is switched off keeps its place; `Provider.works` says who can be used now."""

    def __init__(self, settings: AuthSettings, host: PluginHost, http: Http) -> None:
        self._settings = settings
        self._host = host
        self._http = http
        self._known: dict[str, Provider] | None = None

    def all(self) -> Mapping[str, Provider]:
        """In the order people see them."""
        if self._known is None:
            ids = provider_ids(self._settings, self._host.plugins)
            self._known = {identity: self._make(identity, *source) for identity, source in ids.items()}
        return self._known

    def get(self, identity: str) -> Provider | None:
        """The provider of that id, or None."""
        return self.all().get(identity)

    def _make(self, identity: str, plugin: str, name: str) -> Provider:
        if not plugin:
            return self._oidc()
        declared = next(one for one in self._host.plugins[plugin].sign_in if one.name == name)
        runtime = self._host.runtimes[plugin]
        return Provider(identity, declared, plugin, (plugin, runtime.instance), runtime.use, lambda: runtime.running)

    def _oidc(self) -> Provider:
        oidc = OidcProvider(self._settings, self._http)
        # Only with a refresh token is there anything to ask by.
        recheck = oidc.recheck if "offline_access" in self._settings.oidc.scopes else None
        title = self._settings.oidc.title
        declared = SignInProvider(OIDC, title, oidc.begin, oidc.complete, recheck, icon="key-round")
        return Provider(OIDC, declared, None, (OIDC, "main"), contextlib.nullcontext, lambda: True)
