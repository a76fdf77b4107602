"""Starts one plugin on real servers, uses it a little, stops it, and looks for what it left open. Part of `probe`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from medianest_hub.jobs.assembly import HubParts
from medianest_hub.plugin_api import Lease
from medianest_hub.plugin_host.declarations import LoadedPlugin
from medianest_hub.plugin_host.discovery import discover
from medianest_hub.plugin_host.runtime import PluginRuntime
from medianest_hub.plugin_host.states import PluginState
from medianest_hub.settings import load_settings
from medianest_hub.testing.conformance import Finding, given_settings

_STREAM_RUNS = 0.5
_STREAM_ENDS = 5.0


@dataclass(frozen=True, slots=True)
class Open:
    """What a process has open."""

    tasks: frozenset[tuple[int, str]]
    files: frozenset[tuple[str, str]]
    threads: frozenset[tuple[int, str]]

    @classmethod
    def now(cls) -> Open:
        """Look."""
        current = asyncio.current_task()
        return cls(
            frozenset((id(task), task.get_name()) for task in asyncio.all_tasks() if task is not current),
            frozenset(_descriptors()),
            frozenset((id(thread), thread.name) for thread in threading.enumerate()),
        )

    def since(self, before: Open) -> list[str]:
        """What is open now that was not then."""
        return [
            *(f"the task {name} still runs" for _, name in sorted(self.tasks - before.tasks)),
            *(f"{target} is still open" for _, target in sorted(self.files - before.files)),
            *(f"the thread {name} still runs" for _, name in sorted(self.threads - before.threads)),
        ]


def _descriptors() -> Iterator[tuple[str, str]]:
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            yield number, os.readlink(f"/proc/self/fd/{number}")


async def started(name: str) -> list[Finding]:
    """Everything from start to stop, twice: what only the first time opens is the hub's or a library's own."""
    await _life(name)
    before = Open.now()
    findings = await _life(name)
    await asyncio.get_running_loop().shutdown_default_executor()
    await asyncio.sleep(0)
    left = Open.now().since(before)
    words = "; ".join(left) if left else "no task, socket, file or thread"
    return [*findings, Finding("leaves nothing open", "broken" if left else "kept", words)]


async def _life(name: str) -> list[Finding]:
    environment = {
        **os.environ,
        "MEDIANEST_PLUGINS__BLOCKED": ",".join(f.name for f in discover((), {}) if f.name != name),
    }
    parts = await HubParts.open(load_settings(None, environment), "worker")
    try:
        plugin = parts.host.plugins[name]
        settings = given_settings(plugin)
        runtime = parts.host.runtimes[name]
        decided = asyncio.Event()
        parts.host.subscribe(lambda _, __, state: decided.set() if state is not PluginState.STARTING else None)
        await runtime.start(1, settings)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(plugin.lifecycle.start_limit + 1):
                await decided.wait()
        if runtime.state is not PluginState.RUNNING:
            await runtime.stop()
            return [Finding("starts", "broken", f"it is {runtime.state.value}: {runtime.reason}")]
        with runtime.use() as context:
            findings = [
                Finding("starts", "kept", "it runs"),
                await _checks(plugin, context),
                await _streams(plugin, context),
            ]
        await runtime.stop()
        return [*findings, await _stopped(runtime, plugin)]
    finally:
        await parts.close()


async def _checks(plugin: LoadedPlugin, context: Any) -> Finding:
    problems = []
    for check in plugin.health_checks:
        try:
            async with asyncio.timeout(check.timeout):
                await check.check(context)
        except Exception as error:
            problems.append(f"{check.name} raised {type(error).__name__}: {error}; say what is wrong in a CheckResult")
    words = "; ".join(problems) if problems else f"{len(plugin.health_checks)} health check(s) answer"
    return Finding("health checks answer", "broken" if problems else "kept", words)


async def _streams(plugin: LoadedPlugin, context: Any) -> Finding:
    problems = []
    for number, stream in enumerate(plugin.streams, 1):
        task = asyncio.create_task(_run(stream.run(context, Lease(stream.name, number))))
        await asyncio.wait({task}, timeout=_STREAM_RUNS)
        task.cancel()
        _, pending = await asyncio.wait({task}, timeout=_STREAM_ENDS)
        if pending:
            problems.append(f"{stream.name} did not end {_STREAM_ENDS:.0f} s after it was cancelled")
    words = "; ".join(problems) if problems else f"{len(plugin.streams)} stream(s) end when cancelled"
    return Finding("streams end", "broken" if problems else "kept", words)


async def _run(stream: Any) -> None:
    # A service that is not there may end a stream; what matters here is that cancelling does.
    with contextlib.suppress(Exception):
        await stream


async def _stopped(runtime: PluginRuntime, plugin: LoadedPlugin) -> Finding:
    limit = plugin.lifecycle.stop_limit + 1
    try:
        async with asyncio.timeout(limit):
            await runtime.settled()
    except TimeoutError:
        return Finding("stops", "broken", f"it did not stop within {limit:.0f} s")
    return Finding("stops", "kept", "shutdown ended in time")
