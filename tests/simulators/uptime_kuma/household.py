"""A believable household of twelve services, for demos and load: what is in it, and how its checks turn out."""

from __future__ import annotations

import math
from typing import Any

from .live import Said
from .server import KumaSimulator
from .world import GROUP, PUSH, Monitor, Status

HISTORY = 90
SERVICES: dict[str, list[tuple[str, str, str, tuple[str, ...]]]] = {
    "Media": [
        ("Plex", "http", "http://plex.home.example:32400/identity", ("media", "family")),
        ("Jellyfin", "http", "http://jellyfin.home.example:8096/health", ("media",)),
        ("Overseerr", "http", "http://requests.home.example:5055/api/v1/status", ("media", "family")),
        ("Sonarr", "http", "http://sonarr.home.example:8989/ping", ("media",)),
    ],
    "Network": [
        ("Router", "ping", "", ("network",)),
        ("Pi-hole", "dns", "", ("network",)),
        ("Reverse proxy", "http", "https://home.example/", ("network",)),
        ("VPN", "port", "", ("network",)),
    ],
    "Home": [
        ("Home Assistant", "http", "http://ha.home.example:8123/", ("home", "family")),
        ("Photos", "keyword", "http://photos.home.example:2283/", ("home", "family")),
        ("Nightly backup", PUSH, "", ("home",)),
        ("Printer", "port", "", ("home",)),
    ],
}
FLAPPING, IN_MAINTENANCE = "Jellyfin", "Photos"
_HOSTS = {"Router": ("192.0.2.1", None), "Pi-hole": ("home.example", None), "VPN": ("192.0.2.1", 51820)}
_HOSTS["Printer"] = ("192.0.2.30", 9100)


def furnish(sim: KumaSimulator) -> str:
    """Fill it with groups, tags, an hour or so of beats, a certificate and maintenance; returns an API key."""
    world = sim.world
    for group, services in SERVICES.items():
        parent = sim.add(group, GROUP)
        for name, kind, url, tags in services:
            hostname, port = _HOSTS.get(name, (None, None))
            where: dict[str, Any] = {"hostname": hostname, "port": port} if hostname else {}
            interval = 3600 if kind == PUSH else 20
            sim.add(name, kind, group=parent.id, tags=tags, url=url, interval=interval, **where)
    found = {one.name: one for one in world.monitors.values()}
    sim.cert(found["Reverse proxy"].id, days=23)
    for one in found.values():
        _remember(sim, one)
    sim.start_maintenance("New disks", [found[IN_MAINTENANCE].id], description="The photos are back **tonight**.")
    sim.beat(found[IN_MAINTENANCE].id, Status.MAINTENANCE)
    return world.api_key("household")


def household_script(monitor: Monitor, now: float) -> Said | None:
    """All is well but for one that is down a quarter of the time; times wander like those of a real network."""
    round_of = int(now // monitor.interval)
    if monitor.name == FLAPPING and round_of % 8 in (5, 6):
        return Status.DOWN, "connect ECONNREFUSED 192.0.2.20:8096", None
    if monitor.type == PUSH:
        return Status.UP, "backed up 3 shares", 41000 + round_of % 7 * 500
    wave = 1 + 0.4 * math.sin(round_of / 9 + monitor.id)
    return Status.UP, None, round((4 + monitor.id * 5) * wave)


def _remember(sim: KumaSimulator, monitor: Monitor) -> None:
    """The beats until now."""
    now = sim.world.now()
    for at in range(HISTORY, 0, -1):
        then = now - at * monitor.interval
        said: Said | None = (Status.UP, None, 1) if monitor.type == GROUP else household_script(monitor, then)
        if said is not None:
            status, msg, ping = said
            sim.beat(monitor.id, status, msg, ping, at=then)
