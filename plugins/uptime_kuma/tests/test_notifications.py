"""What people are told of monitors: in which words, and to whom."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from medianest_hub.plugin_host.notification_kinds import fill
from medianest_uptime_kuma.models import AlertKind, MonitorAlerted, Status
from medianest_uptime_kuma.notifications import KINDS, duration, notify
from medianest_uptime_kuma.settings import UptimeKumaSettings

AT = datetime(2026, 11, 29, 12, tzinfo=UTC)
ALERT = MonitorAlerted(
    monitor_id=uuid4(), name="Plex", group="Media", kind=AlertKind.BACK, status=Status.UP, at=AT, down_seconds=3700.0
)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 s"),
        (36.02, "36 s"),
        (60.0, "1 min"),
        (305.0, "5 min 5 s"),
        (7200.0, "2 h"),
        (7500.0, "2 h 5 min"),
        (90_000.0, "1 d 1 h"),
        (86_460.0, "1 d"),
        (None, "?"),
    ],
)
def test_how_long_it_was_down_reads_alike_everywhere(seconds, words):
    assert duration(seconds) == words


async def test_every_alert_is_told_once_to_whom_the_monitor_is_shown(context):
    ctx = await context(UptimeKumaSettings(url="http://kuma.test"))
    for shown in (True, False):
        for kind in AlertKind:
            alert = ALERT.model_copy(update={"kind": kind, "shown_to_members": shown, "monitor_id": uuid4()})
            for _ in range(2):
                await notify(ctx, ctx.db, alert)
    told = ctx.notify.told
    assert [one.kind.partition(".")[2] for one in told[:4]] == [KINDS[kind].name for kind in AlertKind]
    assert [one.permission for one in told] == [None] * 4 + ["details"] * 4
    assert [(one.title, one.at) for one in told[:2]] == [("Plex is down", AT), ("Plex is back", AT)]
    assert told[1].body == "It was down for 1 h 1 min."


def test_a_german_household_reads_german():
    params = {"name": "Plex", "down": "5 min"}
    told = {kind.name: fill(kind, "de", params) for kind in KINDS.values()}
    assert told["monitor_down"].title == "Plex ist ausgefallen"
    assert (told["monitor_up"].title, told["monitor_up"].body) == ("Plex läuft wieder", "Dauer des Ausfalls: 5 min.")
    assert all(words.title for words in told.values())
