"""Tries settings out before they are kept ("test connection"), in a context of their own that leaves nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field

import structlog

from medianest_hub.plugin_api.errors import FieldProblem, HubError
from medianest_hub.plugin_api.plugin import PluginSettings
from medianest_hub.plugin_host.context import ContextFactory
from medianest_hub.plugin_host.declarations import LoadedPlugin

log = structlog.get_logger(__name__)

UNHEEDING_SECONDS = 1.0
"""How long a cancelled check may take to end before it is left to itself."""


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
        if not await _finished(check(lived.context), limit):
            return Trial("timeout", f"The test did not end within {limit:g} s.")
    except HubError as error:
        return Trial(error.error_code, error.message, list(error.fields))
    except Exception as error:
        log.warning("settings_check_raised", plugin=plugin.name, exc_info=error)
        return Trial("check_failed", f"The test itself is broken: it raised {type(error).__name__}.")
    finally:
        await lived.close()
    return Trial("ok")


async def _finished(step: Awaitable[None], limit: float) -> bool:
    """Whether it ended in time; its error is raised. One that ignores being cancelled is left to itself."""
    task = asyncio.ensure_future(step)
    try:
        done, _ = await asyncio.wait({task}, timeout=limit)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if done:
        task.result()
        return True
    task.cancel()
    await asyncio.wait({task}, timeout=UNHEEDING_SECONDS)
    if task.done() and not task.cancelled():
        task.exception()  # taken, so that nothing complains of it later
    return False
