"""The states a plugin can be in, and what each means to somebody who calls it."""

from __future__ import annotations

from enum import StrEnum


class PluginState(StrEnum):
    """`blocked` is never imported; `disabled` is switched off; only `running` serves. The rest come with a reason in words."""

    BLOCKED = "blocked"
    DISABLED = "disabled"
    STARTING = "starting"
    RUNNING = "running"
    RETRYING = "retrying"
    NEEDS_ATTENTION = "needs_attention"
    FAILED = "failed"

    @property
    def is_hidden(self) -> bool:
        """Whether the plugin's routes answer as if it were not installed."""
        return self in (PluginState.BLOCKED, PluginState.DISABLED)

    @property
    def is_amiss(self) -> bool:
        """Whether it should run and cannot."""
        return self in (PluginState.RETRYING, PluginState.NEEDS_ATTENTION, PluginState.FAILED)
