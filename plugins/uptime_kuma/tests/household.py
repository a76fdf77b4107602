"""A few monitors put into the ledger without an Uptime Kuma, for tests of what is made of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from medianest_hub.plugin_api import Person, Role
from medianest_hub.testing import make_person
from medianest_uptime_kuma.client.seen import Found, Seen
from medianest_uptime_kuma.ledger.ledger import Ledger
from medianest_uptime_kuma.models import Status
from medianest_uptime_kuma.settings import UptimeKumaSettings, Way

from .conftest import Ctx

SEEN = (
    Seen("Media", 1, "group", "", (), (), "", position=0),
    Seen(
        "Plex", 2, "http", "Media", ("Media",), ("area:media", "family"), "http://plex.home:32400/identity", position=1
    ),
    Seen("Sonarr", 3, "http", "Media", ("Media",), (), "http://sonarr.home:8989/ping", position=2),
    Seen("Router", 4, "ping", "Network", ("Network",), ("network",), "192.0.2.1", position=3),
)
MEMBER = make_person("mia", Role.MEMBER, "uptime_kuma.read")
ADMIN = make_person("ada", Role.ADMIN, "uptime_kuma.read", "uptime_kuma.details")


async def furnish(ctx: Ctx, fence: int = 1, *, ago: float = 60.0) -> tuple[Ledger, list[int]]:
    """A ledger that has just heard of them, all up for `ago` seconds; and their numbers."""
    ledger = await Ledger.claim(ctx, fence)
    numbers = await ledger.register(SEEN, whole=True)
    await ledger.record([(number, found(ctx, Status.UP, ago=ago)) for number in numbers])
    await ledger.heard(Way.LIVE, 60.0, "2.5.3")
    return ledger, numbers


def found(
    ctx: Ctx, status: Status, *, ago: float = 0.0, ping: float | None = 20.0, at: datetime | None = None
) -> Found:
    """What a monitor was found to be, so many seconds ago."""
    when = at or ctx.clock.now() - timedelta(seconds=ago)
    return Found(when, status, 90.0, ping if status is Status.UP else None, f"it is {status.value}")


def with_settings(ctx: Ctx, **fields: object) -> Ctx:
    """The same hub with other settings, as after a change of them."""
    settings = UptimeKumaSettings(**{**ctx.settings.model_dump(), **fields})
    return replace(ctx, settings=settings)


def people() -> tuple[Person, Person]:
    """A member and an admin."""
    return MEMBER, ADMIN
