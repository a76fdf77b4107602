"""The services of a household, simulated, with something in each of them, and a hub's settings to reach them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.simulators.plex.server import PlexSimulator
from tests.simulators.uptime_kuma.server import KumaSimulator


@contextmanager
def outside_services() -> Iterator[dict[str, Any]]:
    """Yields the settings of the plugins, for `run_hub`, while the services run."""
    with PlexSimulator().running() as plex, KumaSimulator().running() as kuma:
        films = [plex.add_movie(title) for title in ("Metropolis", "Nosferatu", "Sunrise")]
        plex.add_show("Salt Road", seasons=1, episodes=2)
        plex.add_collection("Silent", films[:2])
        plex.play(plex.world.friend("friend"), films[0])
        for name in ("Plex", "Router"):
            kuma.beat(kuma.add(name).id, 1)
        yield {
            "plex": {
                "url": plex.server_url,
                "plex_tv_url": plex.plex_tv_url,
                "app_url": plex.app_url,
                "token": plex.world.token(plex.world.owner),
            },
            "uptime_kuma": {
                "url": kuma.url,
                "username": "admin",
                "password": "Passw0rd123",
                "members_see": "everything",
            },
        }
