"""Runs one load of a plugin within its deadline, whatever the plugin does, and bounds how many run at once. Caches nothing."""

from __future__ import annotations

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic

import structlog

from medianest_hub.plugin_api.errors import HubError, NotFound, Unavailable
from medianest_hub.plugin_host.loads.kept import DataT, Lasting, LoadError
from medianest_hub.plugin_host.runtime import PluginRuntime

log = structlog.get_logger(__name__)

AT_ONCE = 64
"""Loads of this process under way at a time."""

AT_ONCE_PER_NAME = 8
"""The same for one widget or source: a thousand people looking at once must not become a thousand calls upstream."""

MOST_STUCK = 4
"""Loads of one name that may ignore being cancelled before it is not called any more until one of them ends."""

CANCEL_GRACE = 0.25
"""Seconds a load has to end after it was cancelled."""

LONGEST_MESSAGE = 500

Observe = Callable[["Asked[Any]", str, float], None]
"""Told of each load: its outcome (`ok`, `error`, `gone`) and the seconds it took."""


class PluginGone(Exception):
    """The plugin does not serve (any more): its answer is not an error, it is not there."""


class LoadFailed(Exception):
    """The load gave no data; `error` is fit for people, `wish` the seconds after which a repeat makes sense."""

    def __init__(self, error: LoadError, wish: float | None = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.wish = wish


@dataclass(frozen=True, slots=True)
class Asked(ABC, Generic[DataT]):
    """One question to a plugin: how to put it and what counts as an answer.

    - `runtime`: the plugin that is asked.
    - `name`: `<plugin>.<instance>.<what>`: loads of one name share their slots, and the log says it.
    - `noun`: what it is that loads, in codes, words and the log: `widget`, `source`.
    """

    runtime: PluginRuntime
    name: str
    noun: ClassVar[str]

    @property
    @abstractmethod
    def deadline(self) -> float:
        """Seconds a load may take."""

    @property
    @abstractmethod
    def lasting(self) -> Lasting:
        """For how long an answer is good."""

    @abstractmethod
    async def load(self, context: Any) -> Any:
        """Call the plugin, with its context."""

    @abstractmethod
    def checked(self, answer: Any) -> DataT:
        """What it answered, as plain data. Raises `LoadFailed` for what is none."""

    def broken(self) -> LoadError:
        """The words for what only the log may tell."""
        return LoadError(
            code=f"{self.noun}_failed", message=f"This {self.noun} could not be loaded; the hub's log says why."
        )


class Loader:
    """`slot` first, then `load`."""

    def __init__(self, observe: Observe) -> None:
        self._observe = observe
        self._all = asyncio.Semaphore(AT_ONCE)
        self._of_name: dict[str, asyncio.Semaphore] = {}
        self._stuck: dict[str, set[asyncio.Task[Any]]] = {}

    @contextlib.asynccontextmanager
    async def slot(self, name: str) -> AsyncIterator[None]:
        """Wait for one's turn to load what is called so."""
        of_name = self._of_name.setdefault(name, asyncio.Semaphore(AT_ONCE_PER_NAME))
        async with of_name, self._all:
            yield

    async def load(self, asked: Asked[DataT]) -> tuple[DataT, int]:
        """The data and the generation of settings it was loaded with. Raises `LoadFailed` or `PluginGone`."""
        started = time.monotonic()
        outcome = "error"
        try:
            loaded = await self._load(asked)
            outcome = "ok"
        except PluginGone:
            outcome = "gone"
            raise
        finally:
            self._observe(asked, outcome, time.monotonic() - started)
        return loaded

    async def _load(self, asked: Asked[DataT]) -> tuple[DataT, int]:
        if len(self._stuck.get(asked.name, ())) >= MOST_STUCK:
            words = f"Earlier loads of this {asked.noun} never ended."
            raise LoadFailed(LoadError(code=f"{asked.noun}_stuck", message=words))
        with contextlib.ExitStack() as stack:
            try:
                context = stack.enter_context(asked.runtime.use())
            except (NotFound, Unavailable) as error:
                raise PluginGone from error
            answer = await self._within_deadline(asked, context)
            return asked.checked(answer), context.generation

    async def _within_deadline(self, asked: Asked[Any], context: Any) -> Any:
        """The load runs as a task of its own, so that one that ignores its cancelling cannot hold us."""
        task = asyncio.create_task(_guarded(asked, context), name=f"{asked.noun}-{asked.name}")
        try:
            done, _ = await asyncio.wait([task], timeout=asked.deadline)
            if done:
                return task.result()
        finally:
            if not task.done():
                task.cancel()
                # Cancelled ourselves, we do not linger; past the deadline the load gets a moment to clean up.
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait([task], timeout=CANCEL_GRACE)
                if not task.done():
                    self._remember_stuck(asked, task)
        raise LoadFailed(
            LoadError(
                code=f"{asked.noun}_timeout",
                message=f"This did not load within {asked.deadline:g} seconds.",
                params={"seconds": asked.deadline},
            )
        )

    def _remember_stuck(self, asked: Asked[Any], task: asyncio.Task[Any]) -> None:
        log.warning(f"{asked.noun}_ignores_cancelling", name=asked.name)
        stuck = self._stuck.setdefault(asked.name, set())
        stuck.add(task)
        task.add_done_callback(stuck.discard)


async def _guarded(asked: Asked[Any], context: Any) -> Any:
    """Whatever the plugin raises comes out as `LoadFailed`; only our own cancelling passes."""
    try:
        return await asked.load(context)
    except asyncio.CancelledError:
        current = asyncio.current_task()
        if current is not None and current.cancelling():
            raise
        raise LoadFailed(asked.broken()) from None
    except HubError as error:
        params = dict(error.params)
        raise LoadFailed(
            LoadError(code=error.error_code, message=error.message[:LONGEST_MESSAGE], params=params),
            error.retry_after,
        ) from error
    except BaseException as error:  # SystemExit in a task would end the whole process
        raise LoadFailed(asked.broken()) from error
