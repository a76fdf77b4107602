"""The demo's Uptime Kuma: a household's monitors that beat by themselves, and go down and up when told to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from medianest_hub.testing.hub import HubProcess
from tests.demo.service import Ask, NotHere
from tests.simulators.uptime_kuma.household import FLAPPING, IN_MAINTENANCE, furnish, household_script
from tests.simulators.uptime_kuma.live import Said
from tests.simulators.uptime_kuma.records import GROUP
from tests.simulators.uptime_kuma.server import KumaSimulator, Monitor, Status

VERSIONS = ("2.5.3", "1.23.17")
WAYS = ("live", "metrics", "status_page")
_REFUSED = "connect ECONNREFUSED, as the demo was told to"


class DemoKuma:
    """`way` is how the hub reads it, `poll` every how many seconds where it asks again and again (None: as usual)."""

    knobs = "monitors"

    def __init__(self, version: str, way: str, poll: int | None = None) -> None:
        self._way = way
        self._poll = poll
        self._simulator = KumaSimulator(version)
        self._key = furnish(self._simulator)
        self._held: dict[int, Said] = {}

    @contextmanager
    def running(self) -> Iterator[DemoKuma]:
        """Serve, the monitors beating, until the block ends."""
        with self._simulator.running():
            self._simulator.live(self._said)
            yield self

    def settings(self) -> dict[str, Any]:
        """The one way in, so that the hub does not take another."""
        world = self._simulator.world
        ways = {
            "live": {"username": world.username, "password": world.password},
            "metrics": {"api_key": self._key},
            "status_page": {"status_pages": ["main"]},
        }
        every = {} if self._poll is None else {"poll_seconds": self._poll}
        own = {"url": self._simulator.url, "way": self._way, "members_see": "everything"}
        return {"plugins": {"uptime_kuma": {**own, **ways[self._way], **every}}}

    def settle(self, hub: HubProcess, ask: Ask) -> None:
        """Nothing: the hub was told all of it."""

    def words(self, control: str) -> Sequence[str]:
        """Where it is, and how to make something happen."""
        return [
            f"Uptime Kuma {self._simulator.world.version} (simulated) is at {self._simulator.url}, read the way {self._way}.",
            f"{FLAPPING} comes and goes by itself, {IN_MAINTENANCE} is in maintenance.",
            "",
            f"  make a monitor go down:  curl -X POST {control}/monitors/Plex/down",
            f"  and up again:            curl -X POST {control}/monitors/Plex/up",
            f"  pause, resume:           curl -X POST {control}/monitors/Plex/pause",
            f"  see all of them:         curl {control}/monitors",
        ]

    def look(self) -> str:
        """Each monitor with its last status."""
        lines = [f"{one.name}: {_status(one)}" for one in self._monitors()]
        return "\n".join(lines)

    def turn(self, what: str, how: str) -> str:
        """`down` holds until `up`; so does `pause` until `resume`."""
        monitor = self._find(what)
        match how:
            case "down":
                self._held[monitor.id] = (Status.DOWN, _REFUSED, None)
                self._simulator.beat(monitor.id, Status.DOWN, _REFUSED)
            case "up":
                self._held.pop(monitor.id, None)
                self._simulator.beat(monitor.id, Status.UP, ping=20 + monitor.id)
            case "pause":
                self._simulator.pause(monitor.id)
            case "resume":
                self._simulator.resume(monitor.id)
            case _:
                raise NotHere("say down, up, pause or resume")
        return f"{monitor.name}: {_status(monitor)}"

    def _said(self, monitor: Monitor, now: float) -> Said | None:
        return self._held.get(monitor.id) or household_script(monitor, now)

    def _monitors(self) -> list[Monitor]:
        return [one for one in self._simulator.world.monitors.values() if one.type != GROUP]

    def _find(self, name: str) -> Monitor:
        for one in self._monitors():
            if one.name.lower() == name.lower():
                return one
        raise NotHere(f"there is no monitor {name!r}, but {', '.join(one.name for one in self._monitors())}")


def _status(monitor: Monitor) -> str:
    if not monitor.active:
        return "paused"
    return monitor.last.status.name.lower() if monitor.last else "unknown"
