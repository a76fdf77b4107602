"""Tries settings out before they are kept ("test connection"), in a context of their own that leaves nothing behind."""

from __future__ import annotations

from dataclasses import dataclass, field

import structlog

from medianest_hub.plugin_api.errors import FieldProblem, HubError
from medianest_hub.plugin_api.plugin import PluginSettings
from medianest_hub.plugin_host.bounded import StillRunning, within
from medianest_hub.plugin_host.context import ContextFactory
from medianest_hub.plugin_host.declarations import LoadedPlugin

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Trial:
    """How it went. `code`: `ok`, `not_checked`, `timeout`, `check_failed` or that of the error the plugin raised."""

    code: str
    message: str = ""
    fields: list[FieldProblem] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against these settings."""
        return self.code in ("ok", "not_checked")


async def try_settings(plugin: LoadedPlugin, factory: ContextFactory, settings: PluginSettings) -> Trial:
    """Run the plugin's `check_settings`, at most as long as its start may take. Never raises for a plugin's fault."""
    check = plugin.lifecycle.check_settings
    if check is None:
        return Trial("not_checked", "This plugin has no way to test its settings.")
    limit = plugin.lifecycle.start_limit
    lived = factory.make(plugin, "main", 0, settings)
    try:
        await within(limit, check(lived.context))
    except StillRunning:
        return Trial("timeout", f"The test did not end within {limit:g} s.")
    except HubError as error:
        return Trial(error.error_code, error.message, list(error.fields))
    except Exception as error:
        log.warning("settings_check_raised", plugin=plugin.name, exc_info=error)
        return Trial("check_failed", f"The test itself is broken: it raised {type(error).__name__}.")
    finally:
        await lived.close()
    return Trial("ok")
