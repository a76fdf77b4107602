"""What people are told of monitors, in words, each to whom the monitor is shown. Judges nothing: that is what alerts are for."""

from __future__ import annotations

from typing import Final

from medianest_hub.plugin_api import Context, NotificationKind, Queries, Words
from medianest_uptime_kuma.models import AlertKind, MonitorAlerted
from medianest_uptime_kuma.privacy import DETAILS, READ
from medianest_uptime_kuma.settings import UptimeKumaSettings

MONITOR_DOWN: Final = NotificationKind(
    "monitor_down",
    title={"en": "Services that went down", "de": "Ausgefallene Dienste"},
    words={"en": Words("{name} is down"), "de": Words("{name} ist ausgefallen")},
    permission=READ,
)
MONITOR_UP: Final = NotificationKind(
    "monitor_up",
    title={"en": "Services that are back", "de": "Dienste, die wieder laufen"},
    words={
        "en": Words("{name} is back", "It was down for {down}."),
        "de": Words("{name} läuft wieder", "Dauer des Ausfalls: {down}."),
    },
    permission=READ,
)
MONITOR_FLAPPING: Final = NotificationKind(
    "monitor_flapping",
    title={"en": "Services that come and go", "de": "Dienste, die immer wieder ausfallen"},
    words={
        "en": Words("{name} comes and goes", "You hear of it again once it is steady."),
        "de": Words("{name} fällt immer wieder aus", "Die nächste Meldung kommt, sobald es stabil ist."),
    },
    permission=READ,
)
MONITOR_SETTLED: Final = NotificationKind(
    "monitor_settled",
    title={"en": "Services that are steady again", "de": "Dienste, die wieder stabil sind"},
    words={"en": Words("{name} is steady again"), "de": Words("{name} ist wieder stabil")},
    permission=READ,
)

KINDS: Final = {
    AlertKind.DOWN: MONITOR_DOWN,
    AlertKind.BACK: MONITOR_UP,
    AlertKind.FLAPPING: MONITOR_FLAPPING,
    AlertKind.SETTLED: MONITOR_SETTLED,
}

_UNITS: Final = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


async def notify(ctx: Context[UptimeKumaSettings], tx: Queries, alert: MonitorAlerted) -> None:
    """Tell everybody the monitor is shown to, in that transaction. One members are not shown is for who sees the details."""
    await ctx.notify.tell(
        KINDS[alert.kind],
        {"name": alert.name, "group": alert.group, "status": alert.status.value, "down": duration(alert.down_seconds)},
        key=f"{alert.monitor_id}:{alert.kind.value}:{alert.at.isoformat()}",
        permission=None if alert.shown_to_members else DETAILS,
        at=alert.at,
        tx=tx,
    )


def duration(seconds: float | None) -> str:
    """`36 s`, `5 min`, `2 h 5 min`: its two largest units, written alike in every language; `?` where nobody knows."""
    if seconds is None:
        return "?"
    rest, parts = max(round(seconds), 1), list[str]()
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        if count or parts:
            parts.append(f"{count} {unit}")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if not part.startswith("0 "))
