"""What the server says over Socket.IO unasked: the burst after a login, and what follows a beat. Sends nothing itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from .accounts import ApiKey
from .monitor_json import list_json, monitor_json
from .monitor_types import MONITOR_TYPES
from .pages import maintenance_json, page_config
from .uptime import HOURS
from .world import Beat, Monitor, Status, World

Event = tuple[str, tuple[Any, ...]]
TO_ONE = frozenset({"info", "heartbeatList", "importantHeartbeatList", "loginRequired", "autoLogin"})
"""What goes to the socket that logged in alone; the rest of the burst goes to every socket of the user again."""
BEATS_IN_BURST, IMPORTANT_IN_BURST = 100, 500
PAUSE = ""
"""No event: 1.x waits half a second here."""


def info(world: World, *, known: bool) -> Event:
    """About the server; who is not logged in is not told the version."""
    place = {"primaryBaseURL": world.primary_base_url, "serverTimezone": "UTC", "serverTimezoneOffset": "+00:00"}
    if not known:
        return "info", (place,)
    about: dict[str, Any] = {"version": world.version, "latestVersion": None, "isContainer": False}
    if world.v2:
        about |= {"dbType": "sqlite", "runtime": {"platform": "linux", "arch": "x64"}}
    return "info", ({**about, **place},)


def burst(world: World) -> Iterator[Event]:
    """Everything, for who just logged in."""
    yield "monitorList", (list_json(world),)
    if world.v2:
        yield "monitorTypeList", (MONITOR_TYPES,)
    yield info(world, known=True)
    yield maintenance_list(world)
    for name in ("notificationList", "proxyList", "dockerHostList"):
        yield name, ([],)
    yield api_key_list(world)
    if world.v2:
        yield "remoteBrowserList", ([],)
    yield PAUSE, ()
    yield "statusPageList", ({str(one.id): page_config(world, one, private=True) for one in world.pages.values()},)
    yield from _history_2(world) if world.v2 else _history_1(world)


def _history_2(world: World) -> Iterator[Event]:
    monitors = list(world.monitors.values())
    for one in monitors:
        first, second, *_ = statistics(world, one, str(one.id))
        yield from (first, second)
    for window in ("30d", "365d"):
        for one in monitors:
            yield _uptime(world, one, str(one.id), window)
    for one in monitors:
        yield from _cert(one, str(one.id))
    for one in monitors:
        yield beat_list(world, one, str(one.id))


def _history_1(world: World) -> Iterator[Event]:
    monitors = list(world.monitors.values())
    for one in monitors:
        yield beat_list(world, one, str(one.id))
    for one in monitors:
        important = (beat for beat in reversed(one.beats) if beat.important)
        shown = [important_json(world, beat) for beat in islice(important, IMPORTANT_IN_BURST)]
        yield "importantHeartbeatList", (str(one.id), shown, False)
    for one in monitors:
        yield from statistics(world, one, str(one.id))


def beat_list(world: World, monitor: Monitor, number: int | str) -> Event:
    """The last hundred beats, oldest first."""
    newest = list(islice(reversed(monitor.beats), BEATS_IN_BURST))
    return "heartbeatList", (number, [row_json(world, one) for one in reversed(newest)], False)


def after_beat(world: World, monitor: Monitor, beat: Beat, *, pushed: bool) -> Iterator[Event]:
    """What all sockets hear of a beat; `pushed` when the job itself called, which says nothing of maintenance."""
    told = [maintenance_list(world)] if beat.important and not pushed else []
    yield from told if world.v2 else ()
    yield "heartbeat", (live_json(world, monitor, beat),)
    yield from () if world.v2 else told
    yield from statistics(world, monitor, monitor.id)


def statistics(world: World, monitor: Monitor, number: int | str) -> Iterator[Event]:
    """`avgPing`, `uptime` for each window, and the certificate."""
    yield "avgPing", (number, monitor.statistics.ping)
    for window in HOURS if world.v2 else ("1d", "30d"):
        yield _uptime(world, monitor, number, window)
    yield from _cert(monitor, number)


def _uptime(world: World, monitor: Monitor, number: int | str, window: str) -> Event:
    return "uptime", (number, "1y" if window == "365d" else HOURS[window], monitor.statistics.ratios[window])


def _cert(monitor: Monitor, number: int | str) -> Iterator[Event]:
    if monitor.cert is not None:
        yield "certInfo", (number, cert_text(monitor))


def cert_text(monitor: Monitor) -> str:
    """What is known of the certificate: an object, written as text in an argument of its own."""
    assert monitor.cert is not None
    until = datetime.now(UTC) + timedelta(days=monitor.cert.days, hours=1)
    since = until - timedelta(days=90)
    usual = "%b %d %H:%M:%S %Y GMT"
    return json.dumps(
        {
            "valid": monitor.cert.valid,
            "certInfo": {
                "subject": {"CN": "home.example"},
                "issuer": {"C": "US", "O": "Simulated Trust", "CN": "S1"},
                "subjectaltname": "DNS:home.example",
                "valid_from": since.strftime(usual),
                "valid_to": until.strftime(usual),
                "fingerprint": "AA:BB:CC",
                "fingerprint256": "AA:BB:CC:DD",
                "serialNumber": "0123456789ABCDEF",
                "validTo": until.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
                "validFor": ["home.example"],
                "daysRemaining": monitor.cert.days,
                "certType": "server",
            },
        },
        separators=(",", ":"),
    )


def changed(world: World, monitor: Monitor) -> Event:
    """A monitor is new or another: 2.x sends it alone, 1.x sends all."""
    if world.v2:
        return "updateMonitorIntoList", ({str(monitor.id): monitor_json(world, monitor)},)
    return "monitorList", (list_json(world),)


def deleted(world: World, monitor: Monitor, orphans: list[Monitor]) -> Iterator[Event]:
    """A monitor is gone."""
    if world.v2:
        yield "deleteMonitorFromList", (monitor.id,)
    if orphans or not world.v2:
        yield "monitorList", (list_json(world),)
    if not world.v2:
        yield "importantHeartbeatList", (monitor.id, [], True)


def maintenance_list(world: World) -> Event:
    """All maintenance by its id as text."""
    return "maintenanceList", ({str(one.id): maintenance_json(one) for one in world.maintenances.values()},)


def api_key_list(world: World) -> Event:
    """The keys without their secrets."""
    return "apiKeyList", ([_key_json(world, one) for one in world.api_keys.values()],)


def _key_json(world: World, key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "userID": 1,
        "createdDate": key.created,
        "active": int(key.active),
        "expires": key.expires,
        "status": world.key_status(key),
    }


def row_json(world: World, beat: Beat) -> dict[str, Any]:
    """A beat as a row of the database: what lists of beats hold."""
    made = {
        "id": beat.id,
        "important": int(beat.important),
        "monitor_id": beat.monitor_id,
        "status": beat.status,
        "msg": beat.msg,
        "time": beat.when,
        "ping": beat.ping,
        "duration": beat.duration,
        "down_count": 0,
    }
    if world.v2:
        made |= {"end_time": beat.when, "retries": beat.retries, "response": None}
    return made


def important_json(world: World, beat: Beat) -> dict[str, Any]:
    """A beat in the lists of important ones."""
    made = {
        "monitorID": beat.monitor_id,
        "status": beat.status,
        "time": beat.when,
        "msg": beat.msg,
        "ping": beat.ping,
        "important": int(beat.important),
        "duration": beat.duration,
    }
    return {**made, "retries": beat.retries, "response": None} if world.v2 else made


def live_json(world: World, monitor: Monitor, beat: Beat) -> dict[str, Any]:
    """A beat as it happens: what has no value is left out."""
    made: dict[str, Any] = {
        "monitorID": beat.monitor_id,
        "status": beat.status,
        "time": beat.when,
        "msg": beat.msg,
        "ping": beat.ping,
        "important": beat.important,
        "duration": beat.duration if not world.v2 or monitor.type == "push" else None,
        "retries": beat.retries if world.v2 else None,
    }
    return {name: value for name, value in made.items() if value is not None}


def usual_message(monitor: Monitor, status: int) -> str:
    """What Kuma writes when nobody said anything else."""
    if status == Status.MAINTENANCE:
        return "Monitor under maintenance"
    if status == Status.UP:
        return {"group": "All children up and running", "push": "OK", "port": ""}.get(monitor.type, "200 - OK")
    return {"group": "Child monitors down", "push": "No heartbeat in the time window"}.get(
        monitor.type, "connect ECONNREFUSED 192.0.2.10:443"
    )
