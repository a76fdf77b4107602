"""The dashboard when nothing is cached: twenty widgets of 200 ms each, and the same with one of them hanging."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.many_plugins import installed
from benchmarks.people import admin_token, call
from benchmarks.rows import Row
from medianest_hub.testing.distributions import plugin_source, write_distribution
from medianest_hub.testing.hub import HubProcess, run_hub

COUNT = 20
ROUNDS = 7
DASHBOARD = "/api/v1/dashboard"

_BODY = """
import asyncio

def made(number, seconds):
    @widget(f"w{{number}}", title=f"Widget {{number}}", ttl=3600)
    async def load(ctx: Context[PluginSettings], viewer: Viewer) -> Stat:
        await asyncio.sleep(seconds)
        return Stat(value=number)
    return load

@hookimpl
def hub_widgets():
    return [made(number, 3600 if number < {hanging} else 0.2) for number in range({count})]
"""


def measure() -> list[Row]:
    """Rows for a page that has to load everything; the median of some rounds."""
    with tempfile.TemporaryDirectory(prefix="mn-bench-", dir="/tmp") as text:
        folder = Path(text)
        for name, hanging in (("slow", 0), ("hanging", 1)):
            write_distribution(folder / "plugins", name, plugin_source(_BODY.format(count=COUNT, hanging=hanging)))
        with installed(folder / "plugins"), run_hub(folder / "hub", {"plugins": {"blocked": '["youtube"]'}}) as hub:
            token = admin_token(hub)
            slow = _rounds(hub, token, "slow", "hanging", {"ok": COUNT})
            hanging = _rounds(hub, token, "hanging", "slow", {"ok": COUNT - 1, "loading": 1})
            cached = _time(hub, token)[0]
    note = f"{max(slow):.0f} ms at worst of {ROUNDS}"
    return [
        Row(f"{COUNT} widgets of 200 ms, cold", statistics.median(slow), 250, "ms", note=note),
        Row("one of them hanging", statistics.median(hanging), 850, "ms", note=f"looked at again: {cached:.0f} ms"),
    ]


def _rounds(hub: HubProcess, token: str, plugin: str, other: str, states: dict[str, int]) -> list[float]:
    """Milliseconds of the first look after each restart of the plugin, which makes all its tiles anew."""
    call(hub, "POST", f"/api/v1/plugins/{other}/disable", token=token)
    call(hub, "POST", f"/api/v1/plugins/{plugin}/enable", token=token)
    took = []
    for _ in range(ROUNDS):
        before = _card(hub, token, plugin)["generation"]
        call(hub, "POST", f"/api/v1/plugins/{plugin}/restart", token=token)
        _wait_running(hub, token, plugin, before + 1)
        milliseconds, page = _time(hub, token)
        found = [item["state"] for item in page["items"]]
        if {state: found.count(state) for state in set(found)} != states:
            raise RuntimeError(f"the tiles are {found}")
        took.append(milliseconds)
    return took


def _card(hub: HubProcess, token: str, plugin: str) -> Any:
    plugins = call(hub, "GET", "/api/v1/plugins", token=token)["items"]
    return next(card for card in plugins if card["name"] == plugin)


def _wait_running(hub: HubProcess, token: str, plugin: str, generation: int) -> None:
    ends = time.monotonic() + 10
    while (card := _card(hub, token, plugin))["state"] != "running" or card["generation"] < generation:
        if time.monotonic() > ends:
            raise RuntimeError(f"{plugin} does not start: {card}")
        time.sleep(0.05)


def _time(hub: HubProcess, token: str) -> tuple[float, Any]:
    """One look: milliseconds with connecting and reading all of it, and the page."""
    began = time.perf_counter()
    page = call(hub, "GET", DASHBOARD, token=token)
    return (time.perf_counter() - began) * 1000, page
