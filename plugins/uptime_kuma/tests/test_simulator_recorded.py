"""The simulator's answers hold to the shapes of recordings of real servers: fields, JSON types, and the order of events."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby, takewhile
from pathlib import Path
from typing import Any

import pytest
import requests
import socketio
from prometheus_client.parser import text_string_to_metric_families

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.simulators.uptime_kuma.server import KumaSimulator, Status

RECORDED = Path(__file__).parents[4] / "shared" / "captures"
V1, V2 = "1.23.17", "2.5.3"
FOLDERS = {V1: "kuma-1.23", V2: "kuma-2.5"}
SESSIONS = {V1: "02-login-and-live.json", V2: "03-live-stream-websocket.json"}
LOGIN = {"username": "admin", "password": "Passw0rd123", "token": ""}
Entry = tuple[str, str, list[Any]]
"""Direction, name, arguments."""

pytestmark = pytest.mark.skipif(
    not (RECORDED / "kuma-2.5").is_dir(), reason="the recordings of real services are not here"
)


@contextmanager
def as_recorded(version: str) -> Iterator[KumaSimulator]:
    """The household the recordings were made of, running."""
    simulator = KumaSimulator(version)
    simulator.add("Media group", "group", public=False)
    tags = [("media", "web")]
    about = {"description": "python http.server"} if version == V2 else {}
    simulator.add("Local web (up)", url="http://127.0.0.1:9101/", tags=tags, **about)
    simulator.add("Dead port (down)", url="http://127.0.0.1:9199/")
    simulator.add("Dead with retries (pending)", url="http://127.0.0.1:9198/", maxretries=50)
    simulator.add("Backup job (push)", "push", interval=60)
    simulator.add("Local TCP (in group)", "port", group=1, hostname="127.0.0.1", port=9101)
    simulator.add("In maintenance", url="http://127.0.0.1:9101/")
    simulator.add("Paused one", url="http://127.0.0.1:9101/paused")
    simulator.world.api_key("hub", "2036-01-01 00:00:00")
    simulator.world.api_key("disabled key")
    simulator.world.api_keys[2].active = False
    simulator.start_maintenance("Planned work", [7], description="disk swap")
    now = simulator.world.now()
    for at in (60, 40, 20):
        for number, status, ping in (
            (1, 1, 1),
            (2, 1, 3),
            (3, 0, None),
            (4, 2, None),
            (5, 1, 12),
            (6, 1, 0),
            (7, 3, None),
        ):
            simulator.beat(number, status, ping=ping, at=now - at)
    simulator.beat(8, Status.DOWN, "Request failed with status code 404")
    simulator.pause(8)
    with simulator.running():
        yield simulator


@pytest.fixture(scope="module", params=[V1, V2])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def recorded(version: str) -> list[Entry]:
    """The session with a real server, up to what we do not play."""
    entries = json.loads((RECORDED / FOLDERS[version] / SESSIONS[version]).read_text())
    return [(one["dir"], one["event"], as_list(one["args"])) for one in entries if one["dir"] != "meta"]


def as_list(args: Any) -> list[Any]:
    return args if isinstance(args, list) else [args]


async def session(simulator: KumaSimulator) -> list[Entry]:
    """The same session with ours."""
    client, entries, arrived = socketio.AsyncClient(reconnection=False), [], asyncio.Event()
    v2, monitors = simulator.world.v2, len(simulator.world.monitors)

    async def note(event: str, *args: Any) -> None:
        entries.append(("in", event, list(args)))
        if sum(name == "uptime" for _, name, _ in entries) == monitors * (3 if v2 else 2):
            arrived.set()

    async def call(event: str, *args: Any) -> Any:
        ack = await client.call(event, args if len(args) != 1 else args[0], timeout=5)
        entries.append(("ack", event, as_list(ack)))
        return ack

    client.on("*", note)
    await client.connect(simulator.url, transports=["websocket"])
    await call("login", LOGIN)
    await arrived.wait()
    for number, status, ping in ((1, 1, 1), (2, 0, None), (3, 0, None), (4, 2, None), (5, 1, 321), (7, 3, None)):
        simulator.beat(number, status, ping=ping)
    added = (await call("add", {"type": "http", "name": "Temp", "parent": None, "url": "http://t/", "interval": 20}))[
        "monitorID"
    ]
    for event in ("pauseMonitor", "resumeMonitor", "deleteMonitor") if v2 else ("pauseMonitor", "deleteMonitor"):
        await call(event, added)
    await call("getMonitorList")
    await call("getMonitor", 2)
    await call("getMonitorBeats", 2, 1)
    await call("monitorImportantHeartbeatListCount", 2)
    for number in (2, None):
        await call("monitorImportantHeartbeatListPaged", number, 0, 10)
    await call("getMonitorChartData", 2, 1)
    for event in ("getTags", "getSettings"):
        await call(event)
    await call("getMonitor", 9999)
    await call("postIncident", "main", {"title": "Disk swap", "content": "**soon**", "style": "warning"})
    await client.disconnect()
    return entries


def kind(value: Any) -> str:
    """Of JSON."""
    if isinstance(value, bool):
        return "boolean"
    return {int: "number", float: "number", str: "text", list: "list", dict: "object"}.get(type(value), "null")


def shape(values: list[Any]) -> Any:
    """All that values of one place may be: their types, and the same of what is in them. Keys that are ids count as one."""
    made: dict[str, Any] = {"types": {kind(one) for one in values}}
    objects = [one for one in values if isinstance(one, dict)]
    named: dict[str, list[Any]] = {}
    for one in objects:
        for name, value in one.items():
            named.setdefault("<id>" if name.removesuffix("_24").isdigit() else name, []).append(value)
    made["fields"] = {name: shape(inner) for name, inner in named.items()}
    made["always"] = set.intersection(*(set(one) for one in objects)) if objects and "<id>" not in named else set()
    items = [item for one in values if isinstance(one, list) for item in one]
    made["items"] = shape(items) if items else None
    return made


def differences(recorded: Any, ours: Any, path: str = "") -> list[str]:
    """What was recorded and we have not, or have in another way."""
    found = []
    if not recorded["types"] & ours["types"] and ours["types"] != {"null"}:
        found.append(f"{path}: recorded {recorded['types']}, ours {ours['types']}")
    found += [
        f"{path}.{name}: sometimes missing" for name in sorted(recorded["always"] - ours["always"]) if ours["fields"]
    ]
    for name, inner in recorded["fields"].items():
        if name not in ours["fields"]:
            found += [f"{path}.{name}: missing"] if ours["fields"] else []
        else:
            found += differences(inner, ours["fields"][name], f"{path}.{name}")
    if ours["fields"]:
        found += [
            f"{path}.{name}: only ours"
            for name in ours["fields"].keys() - recorded["fields"].keys()
            if recorded["fields"]
        ]
    if recorded["items"] and ours["items"]:
        found += differences(recorded["items"], ours["items"], f"{path}[]")
    return found


def by_place(entries: list[Entry]) -> dict[str, list[list[Any]]]:
    """Arguments by direction and name; live and burst apart, and a refusal apart from an answer."""
    made: dict[str, list[list[Any]]] = {}
    for way, name, args in entries:
        if way == "out":
            continue
        first = args[0] if args else None
        refused = isinstance(first, dict) and first.get("ok") is False
        about = (
            "refused "
            if refused
            else "known "
            if name == "info" and isinstance(first, dict) and "version" in first
            else ""
        )
        made.setdefault(f"{way} {about}{name} {kind(first)}", []).append(args)
    return made


async def test_every_event_and_ack_has_the_recorded_shape(version, recorded):
    with as_recorded(version) as simulator:
        ours = by_place(await session(simulator))

    theirs = by_place(recorded)
    found = [f"{place}: never" for place in theirs.keys() - ours.keys()]
    for place, values in theirs.items():
        for at in range(min(len(values[0]), 3)):
            mine = [one[at] for one in ours.get(place, []) if at < len(one)]
            if mine:
                found += differences(shape([one[at] for one in values]), shape(mine), f"{place} {at}")
    assert found == []


def order(entries: list[Entry]) -> list[str]:
    """Names in order until the first live beat, a run of the same counted once."""
    names = [
        f"{way} {name}" for way, name, _ in takewhile(lambda entry: entry[1] != "heartbeat", entries) if way != "out"
    ]
    statistics = {"in uptime", "in avgPing"}
    return [name for name, _ in groupby("in statistics" if one in statistics else one for one in names)]


async def test_the_burst_comes_in_the_recorded_order(version, recorded):
    with as_recorded(version) as simulator:
        ours = order(await session(simulator))

    assert ours == order(recorded)
    acked = ours.index("ack login")
    assert (acked < ours.index("in monitorList")) is (version == V1)


def after(entries: list[Entry], call: str) -> list[str]:
    """What came between the calls before and after this one, its ack among them."""
    acks = [at for at, (way, _, _) in enumerate(entries) if way == "ack"]
    at = next(at for at in acks if entries[at][1] == call)
    before = max((one for one in acks if one < at), default=-1)
    return [f"{way} {name}" for way, name, _ in entries[before + 1 : at + 1] if way != "out" and name != "heartbeat"]


async def test_changes_are_told_before_their_acks_as_recorded(version, recorded):
    with as_recorded(version) as simulator:
        ours = await session(simulator)

    for call in ("pauseMonitor", "deleteMonitor"):
        told = [one for one in after(recorded, call) if one.split()[1] not in ("uptime", "avgPing", "maintenanceList")]
        assert after(ours, call) == told, call
    change = "monitorList" if version == V1 else "updateMonitorIntoList"
    assert after(ours, "add")[-2:] == after(recorded, "add")[-2:] == [f"in {change}", "ack add"]


async def test_a_beat_is_followed_as_recorded(version, recorded):
    def followed(entries: list[Entry], important: bool) -> list[str]:
        at = next(
            at
            for at, (way, name, args) in enumerate(entries)
            if (way, name) == ("in", "heartbeat")
            and args[0]["important"] is important
            and args[0]["status"] == Status.DOWN
        )
        size = 5 if version == V1 and important else 4 if version == V1 else 5
        return [name for _, name, _ in entries[at - (version == V2 and important) : at + size]]

    with as_recorded(version) as simulator:
        ours = await session(simulator)
    for important in (True, False):
        assert followed(ours, important) == followed(recorded, important)


def rest(version: str, name: str) -> tuple[int, dict[str, str], str]:
    """Status, headers and body of a recorded answer."""
    text = (RECORDED / FOLDERS[version] / name).read_text()
    head, _, body = text.partition("\n\n")
    first, *lines = head.splitlines()
    headers = dict(line.split(": ", 1) for line in lines)
    return int(first.split()[1]), {name.lower(): value for name, value in headers.items()}, body


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/status-page/main", "rest-status-page-main.txt"),
        ("/api/status-page/heartbeat/main", "rest-heartbeat-main.txt"),
        ("/api/status-page/heartbeat/nope", "rest-heartbeat-nope.txt"),
        ("/api/status-page/nope", "rest-status-page-nope.txt"),
        ("/api/entry-page", "rest-entry-page.txt"),
        ("/api/status-page/main/incident-history", "rest-incident-history.txt"),
        ("/api/push/nobody", "rest-push-bad.txt"),
    ],
)
def test_answers_over_http_are_as_recorded(version, path, name):
    if not (RECORDED / FOLDERS[version] / name).exists() or (version, path) == (V1, "/api/status-page/nope"):
        pytest.skip(f"{version} was not asked this, or did not answer")
    status, headers, body = rest(version, name)
    with as_recorded(version) as simulator, requests.Session() as web:
        web.trust_env = False
        if version == V1 and path.endswith("/main"):
            simulator.post_incident("main", "Disk swap", "**soon**")
        answer = web.get(simulator.url + path)

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, headers["content-type"])
    assert answer.headers["X-Frame-Options"] == headers["x-frame-options"]
    assert answer.headers.get("Cache-Control") == headers.get("cache-control")
    assert differences(shape([json.loads(body)]), shape([answer.json()])) == []


def families(text: str) -> dict[str, dict[str, list[str]]]:
    """The labels, in order of appearance, of every family of monitors."""
    made = {}
    for one in text_string_to_metric_families(text):
        if one.name.startswith("monitor_"):
            made[one.name] = {sample.labels["monitor_name"]: list(sample.labels) for sample in one.samples}
    return made


def test_metrics_are_as_recorded(version):
    name = {V1: "rest-metrics-key.txt", V2: "rest-metrics-key-anyuser.txt"}[version]
    _, headers, body = rest(version, name)
    with as_recorded(version) as simulator, requests.Session() as web:
        web.trust_env = False
        simulator.world.tag_labels.clear()  # of the recorded server, tags were younger than its start
        answer = web.get(f"{simulator.url}/metrics", auth=("x", simulator.world.api_keys[1].text))

    assert answer.headers["Content-Type"] == headers["content-type"]
    theirs, ours = families(body), families(answer.text)
    assert list(ours) == list(theirs)
    for family, lines in theirs.items():
        for monitor, labels in lines.items():
            assert monitor == "Keyword" or ours[family][monitor] == labels, (family, monitor)
        assert ours[family].keys() - lines.keys() == set(), family
    heads = [line for line in answer.text.splitlines() if line.startswith("#") and "monitor_" in line]
    assert heads == [line for line in body.splitlines() if line.startswith("#") and "monitor_" in line]


def test_twenty_logins_pass_before_the_limit_as_recorded():
    entries = json.loads((RECORDED / "kuma-2.5" / "08-login-rate-limit.json").read_text())
    acks = [one["args"]["msg"] for one in entries if one["dir"] == "ack"]
    with as_recorded(V2) as simulator:
        client = socketio.SimpleClient()
        client.connect(simulator.url, transports=["websocket"])
        ours = [client.call("login", {**LOGIN, "password": "wrong"})["msg"] for _ in acks]
        client.disconnect()
    assert ours == acks
