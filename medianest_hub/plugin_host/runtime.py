"""One plugin in one process: its state, the generation that serves, and the old ones that drain."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import structlog

from medianest_hub.infrastructure.known_secrets import hide
from medianest_hub.plugin_api import Context
from medianest_hub.plugin_api.errors import AuthFailed, ConfigInvalid, HubError, NotFound, NotReady, Unavailable
from medianest_hub.plugin_api.plugin import PluginSettings
from medianest_hub.plugin_host.bounded import StillRunning, within
from medianest_hub.plugin_host.context import ContextFactory, Lived
from medianest_hub.plugin_host.declarations import LoadedPlugin
from medianest_hub.plugin_host.states import PluginState

log = structlog.get_logger(__name__)

MAX_BACKOFF = 60.0
DRAIN_SECONDS = 60.0
"""How long calls under way may keep an old generation open."""

StateChanged = Callable[["PluginRuntime", PluginState, PluginState], None]


@dataclass(slots=True)
class _Generation:
    """One life of a plugin: its context and how many calls are using it."""

    lived: Lived
    uses: int = 0
    idle: asyncio.Event | None = None

    def release(self) -> None:
        self.uses -= 1
        if self.uses == 0 and self.idle is not None:
            self.idle.set()


class PluginRuntime:
    """`plugin` is None when it could not be loaded; the state then says why and never changes in this process."""

    def __init__(
        self,
        name: str,
        plugin: LoadedPlugin | None,
        factory: ContextFactory | None,
        *,
        state: PluginState = PluginState.DISABLED,
        reason: str = "",
        instance: str = "main",
        changed: StateChanged | None = None,
    ) -> None:
        self.name = name
        self.plugin = plugin
        self.instance = instance
        self.state = state
        self.reason = reason
        self.generation = 0
        self._factory = factory
        self._changed = changed
        self._current: _Generation | None = None
        self._starting: asyncio.Task[None] | None = None
        self._retiring: set[asyncio.Task[None]] = set()

    @property
    def running(self) -> bool:
        """Whether it serves."""
        return self.state is PluginState.RUNNING

    @contextlib.contextmanager
    def use(self) -> Iterator[Context[Any]]:
        """The context for one call; it stays open until the call ends. `NotFound` or `Unavailable` when it does not serve."""
        generation = self._current
        if generation is None or self.state is not PluginState.RUNNING:
            raise self.refusal()
        generation.uses += 1
        try:
            yield generation.lived.context
        finally:
            generation.release()

    def refusal(self) -> HubError:
        """Why it does not serve, as somebody who calls it should be told (the reason itself is for admins)."""
        if self.state.is_hidden:
            return NotFound(
                f"The plugin {self.name} is switched off.", code="plugin_disabled", params={"plugin": self.name}
            )
        return Unavailable(
            f"The plugin {self.name} is not running ({self.state.value.replace('_', ' ')}).",
            code="plugin_unavailable",
            params={"plugin": self.name, "state": self.state.value},
            retry_after=5.0,
        )

    def set_state(self, state: PluginState, reason: str = "") -> None:
        """Go to that state and tell whoever listens; a plugin's reason may hold words from outside, so it is cut short."""
        reason = hide(reason)[:500]
        if (state, reason) == (self.state, self.reason):
            return
        before, self.state, self.reason = self.state, state, reason
        log.info(
            "plugin_state",
            plugin=self.name,
            state=state.value,
            before=before.value,
            reason=reason,
            generation=self.generation,
        )
        if self._changed is not None:
            self._changed(self, before, state)

    async def start(self, generation: int, settings: PluginSettings) -> None:
        """Begin that generation in the background; the one before it drains."""
        await self.stop(PluginState.STARTING, generation=generation)
        self._starting = asyncio.create_task(self._start(generation, settings), name=f"start-{self.name}")

    async def stop(
        self, state: PluginState = PluginState.DISABLED, reason: str = "", *, generation: int | None = None
    ) -> None:
        """Serve no more; `generation`: the one that asks for it. Returns at once; calls under way keep their context."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
            self._starting = None
        current, self._current = self._current, None
        if generation is not None:  # not earlier: while the old context serves, so does its number
            self.generation = generation
        self.set_state(state, reason)
        if current is not None:
            self._retire(current)

    def give_up(self, generation: int, error: AuthFailed | ConfigInvalid) -> bool:
        """Serve no more in this process, as something that ran in that generation was refused for good.

        The state is what the same error would have led to at start-up, and stays until a new generation. False, and
        nothing happens, when that generation does not serve any more.
        """
        if not self.running or self.generation != generation:
            return False
        # Nothing to await: start-up is over, and a new generation that begins at this moment goes first or after.
        current, self._current = self._current, None
        self.set_state(*_refused(error))
        if current is not None:
            self._retire(current)
        return True

    async def settled(self) -> None:
        """Wait until start-up under way is over and old generations are closed."""
        waiting = [*self._retiring]
        if self._starting is not None:
            waiting.append(self._starting)
        if waiting:
            await asyncio.wait(waiting)

    async def _start(self, number: int, settings: PluginSettings) -> None:
        delay = 1.0
        while True:
            outcome = await self._attempt(number, settings)
            if outcome is None:
                return
            wait = outcome.retry_after or delay * (0.8 + 0.4 * random.random())  # nosec B311 # noqa: S311 - jitter, not a secret
            await asyncio.sleep(min(wait, MAX_BACKOFF))
            delay = min(delay * 2, MAX_BACKOFF)

    async def _attempt(self, number: int, settings: PluginSettings) -> NotReady | None:
        """Try to start once; a `NotReady` means: again later. The state tells everything else."""
        plugin, factory = self.plugin, self._factory
        if plugin is None or factory is None:
            return None
        generation: _Generation | None = None
        try:
            generation = _Generation(factory.make(plugin, self.instance, number, settings))
            startup = plugin.lifecycle.startup
            if startup is not None:
                await within(plugin.lifecycle.start_limit, startup(generation.lived.context))
        except asyncio.CancelledError:
            if generation is not None:
                self._retire(generation)
            raise
        except Exception as error:
            if generation is not None:
                self._retire(generation)
            return self._failed(error, plugin.lifecycle.start_limit)
        self._current = generation
        self.set_state(PluginState.RUNNING)
        return None

    def _failed(self, error: Exception, limit: float) -> NotReady | None:
        if isinstance(error, NotReady):
            self.set_state(PluginState.RETRYING, error.message)
            return error
        if isinstance(error, TimeoutError):
            late = NotReady(
                f"start-up did not end within {limit:g} s" if isinstance(error, StillRunning) else "start-up timed out"
            )
            self.set_state(PluginState.RETRYING, late.message)
            return late
        if isinstance(error, HubError) and error.retryable:
            self.set_state(PluginState.RETRYING, error.message)
            return NotReady(error.message, retry_after=error.retry_after)
        if isinstance(error, (AuthFailed, ConfigInvalid)):
            self.set_state(*_refused(error))
        else:
            log.error("plugin_start_failed", plugin=self.name, exc_info=error)
            self.set_state(PluginState.FAILED, f"start-up raised {type(error).__name__}: {error}")
        return None

    def _retire(self, generation: _Generation) -> None:
        task = asyncio.create_task(self._close(generation), name=f"retire-{self.name}")
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def _close(self, generation: _Generation) -> None:
        """Wait for calls under way, then shut down and close what was opened through the context."""
        if generation.uses:
            generation.idle = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_SECONDS):
                    await generation.idle.wait()
        lifecycle = self.plugin.lifecycle if self.plugin else None
        if lifecycle is not None and lifecycle.shutdown is not None:
            try:
                await within(lifecycle.stop_limit, lifecycle.shutdown(generation.lived.context))
            except Exception:
                log.exception("plugin_shutdown_failed", plugin=self.name)
        try:
            await generation.lived.close()
        except Exception:
            log.exception("plugin_close_failed", plugin=self.name)


def _refused(error: AuthFailed | ConfigInvalid) -> tuple[PluginState, str]:
    """New credentials are needed, or other settings: no repeat helps. The state, and its reason in words."""
    if isinstance(error, AuthFailed):
        return PluginState.NEEDS_ATTENTION, error.message
    words = "; ".join(f"{problem.field}: {problem.message}" for problem in error.fields)
    return PluginState.FAILED, f"{error.message} {words}".strip()
