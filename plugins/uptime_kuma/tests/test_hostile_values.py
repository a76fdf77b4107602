"""One odd value stops nobody from reading: it is none, or only what it belongs to is left out, and all else goes on."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from medianest_hub.plugin_api.errors import BadInput, UpstreamError
from medianest_hub.testing import make_lease
from medianest_uptime_kuma import streams
from medianest_uptime_kuma.client import live
from medianest_uptime_kuma.client.metrics import read_metrics
from medianest_uptime_kuma.client.status_page import Beats, StatusPage, is_slug
from medianest_uptime_kuma.ledger.ledger import Ledger
from medianest_uptime_kuma.models import Status
from medianest_uptime_kuma.settings import UptimeKumaSettings
from medianest_uptime_kuma.ways.live_view import LiveView
from medianest_uptime_kuma.ways.pages import seen_on
from medianest_uptime_kuma.webhooks import KumaNotification, notified

from .conftest import PASSWORD, USERNAME, Ctx, until, watching
from .reading import hurried, hurry, is_now, is_well, monitors, reading, source_of

RAW = {"id": 2, "name": "Plex", "type": "http", "url": "http://plex.home/"}
GOOD = {"id": 3, "name": "Good", "type": "http"}
DEEP = "[" * 100_000
INF, NAN = float("inf"), float("nan")
BEAT = {"monitorID": 2, "status": 1, "time": "2026-11-22 06:05:47.105", "msg": "fine"}
ENDS = ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00", "0001-01-01 00:00:00", "9999-12-31 23:59:59"]


@pytest.fixture
async def ctx(make) -> Ctx:
    return await make("http://kuma.test:3001", status_pages=["main"], members_see="everything")


def view_of(*raws: Any) -> tuple[LiveView, list[live.Unreadable]]:
    view, unreadable = LiveView(), []
    for update in live.updates_of("monitorList", [{str(at): raw for at, raw in enumerate(raws)}]):
        if isinstance(update, live.Listed):
            view.take(update)
        elif isinstance(update, live.Unreadable):
            unreadable.append(update)
    return view, unreadable


ODD_FIELDS = {
    "weight": [10**12, -(10**12), 10**400, None, INF, NAN, "heavy", [], "12"],
    "interval": [0, -5, INF, NAN, 10**400, None, "often", {}],
    "retryInterval": [-5, INF, NAN, 10**400, None, "often", {}],
    "parent": [2, 10**12, 10**400, INF, NAN, "a text", -1, {}],
    "port": [10**400, INF, NAN, -1, "x" * 1000, [], 2**40],
    "url": [7, [], "http://\x00\ud800/", "http://[", "x" * 1_000_000],
    "hostname": [7, {}, "\x00\ud800"],
    "tags": [None, 7, [7, {"name": "\x00\ud800", "value": 9}], [{"name": "x" * 10_000}], [{"name": "x"}] * 10_000],
    "name": ["\x00", "\ud800", "x" * 1_000_000, 7, None],
    "type": ["\x00\ud800", 7, None],
    "body": [DEEP],
    "headers": [DEEP, 7, {"a": [DEEP]}],
    "active": [[], 7, None],
    "forceInactive": [[], "x"],
}


async def test_every_odd_field_of_a_monitor_can_be_kept_and_the_others_go_on(ctx):
    ledger = await Ledger.claim(ctx, 1)
    for name, values in ODD_FIELDS.items():
        for value in values:
            view, unreadable = view_of({**RAW, name: value}, GOOD)
            assert unreadable == [], (name, str(value)[:50])
            await ledger.register(view.seen(), whole=True)
            for beat in live.updates_of("heartbeat", [BEAT]):
                found = view.found(beat.beats[0])
                if found is not None:
                    await ledger.record([(ledger.number_of(2), found)])
    tags = await ctx.db.fetchval("SELECT max(cardinality(tags)) FROM plugin_uptime_kuma.monitor")
    assert tags <= 100
    assert await ctx.db.fetchval("SELECT max(length(name)) FROM plugin_uptime_kuma.monitor") <= 300


@pytest.mark.parametrize(
    "raw", [7, None, [], {}, {"id": 2**31, "name": "x"}, {"id": 10**400, "name": "x"}, {"id": INF}]
)
def test_only_the_monitor_that_cannot_be_named_is_left_out(raw):
    view, unreadable = view_of(raw, GOOD)
    assert [one.name for one in view.seen()] == ["Good"]
    assert len(unreadable) == 1


def test_of_monitors_with_one_number_the_first_counts():
    view, _ = view_of(RAW, {**RAW, "name": "Other"})
    assert [one.name for one in view.seen()] == ["Plex"]


def test_groups_in_a_circle_are_each_named_once():
    view, _ = view_of({**RAW, "parent": 3}, {**GOOD, "parent": 2})
    assert [list(view._groups(one)) for one in view.monitors.values()] == [["Good"], ["Plex"]]
    view, _ = view_of({**RAW, "parent": 2})
    assert list(view._groups(view.monitors[2])) == []


DAYS = ["1e30", "Infinity", "-Infinity", "NaN", '"soon"', "null", "true", "[]", str(10**400)]


@pytest.mark.parametrize(
    "info", [*(f'{{"valid":true,"certInfo":{{"daysRemaining":{one}}}}}' for one in DAYS), DEEP, "{", 7]
)
async def test_an_odd_certificate_is_none(ctx, info):
    view, _ = view_of(RAW)
    for update in live.updates_of("certInfo", ["2", info]):
        view.certificate(update)
    await (await Ledger.claim(ctx, 1)).register(view.seen(), whole=True)
    assert view.seen()[0].certificate_days is None


@pytest.mark.parametrize("when", ENDS)
def test_a_beat_at_the_end_of_the_calendar_is_left_out_alone(when):
    (told,) = live.updates_of("heartbeat", [{**BEAT, "time": when}])
    assert isinstance(told, live.Unreadable)
    *unreadable, before = live.updates_of("heartbeatList", ["2", [{**BEAT, "time": when}, 7, BEAT]])
    assert [len(unreadable), len(before.beats)] == [2, 1]
    beats = Beats.model_validate_json(
        json.dumps(
            {"heartbeatList": {"2": [{"status": 1, "time": when}, BEAT], "x": [BEAT], "9" * 400: [BEAT], "4": 7}}
        )
    )
    assert {number: len(those) for number, those in beats.beats.items()} == {2: 1}


@pytest.mark.parametrize("ping", [INF, NAN, 10**400, -1, "x", [], True])
def test_an_odd_ping_is_none(ping):
    (told,) = live.updates_of("heartbeat", [{**BEAT, "ping": ping, "msg": "\x00\ud800"}])
    assert (told.beats[0].ping, told.beats[0].status) == (None, Status.UP)


@pytest.mark.parametrize(
    ("event", "args"),
    [
        *(("uptime", [number, 24, 0.5]) for number in (INF, NAN, "x", None, "9" * 5000)),
        ("uptime", [2, 24, 10**400]),
        *(("certInfo", [number, '{"valid": true}']) for number in (INF, "x")),
        *(("deleteMonitorFromList", [number]) for number in (INF, NAN, None, "9" * 5000)),
        *(("heartbeatList", args) for args in ([INF, [BEAT]], [2, None], [2, {}], [])),
        ("statusPageList", [{"1": 7, "2": {"slug": 7}}]),
        ("maintenanceList", [{"1": 7, "2": {"id": 10**400}}]),
        ("info", [{"version": 7}]),
        ("heartbeat", [{**BEAT, "monitorID": 10**400}]),
    ],
    ids=str,
)
def test_an_event_nobody_understands_raises_nothing(event, args):
    for update in live.updates_of(event, args):
        assert isinstance(update, live.Unreadable | live.PagesTold | live.UptimeTold), update


async def test_maintenance_that_can_be_read_is_kept_whatever_stands_beside_it(ctx):
    slots = ["x", 7, {"startDate": ENDS[0], "endDate": 7}]
    raws = [
        {"id": 2**31, "title": "no number"},
        {"id": 1, "title": "\x00\ud800" + "x" * 1_000_000, "description": "\x00\n\ud800", "timeslotList": slots},
        {"id": 1, "title": "again"},
        *({"id": at, "title": None, "status": "\x00", "timeslotList": odd} for at, odd in enumerate((7, None, "x"), 2)),
    ]
    *_, told = live.updates_of("maintenanceList", [{str(at): raw for at, raw in enumerate(raws)}])
    await (await Ledger.claim(ctx, 1)).maintenance(told.items)
    assert await ctx.db.fetchval("SELECT count(*) FROM plugin_uptime_kuma.maintenance") == 4


def page_of(**more: Any) -> StatusPage:
    groups = [{"name": "Services", "monitorList": more.pop("monitors", [RAW])}]
    said = {"config": {"slug": "main", "title": "x"}, "publicGroupList": groups, **more}
    return StatusPage.model_validate_json(json.dumps(said))


async def test_of_a_page_what_can_be_read_is(ctx):
    monitors_ = [
        {"id": 2**31, "name": "no"},
        RAW,
        {**RAW, "name": "Again"},
        7,
        {**GOOD, "tags": [7, {"name": "\x00t"}]},
    ]
    incident = {"id": 1, "title": "\x00" + "x" * 1_000_000, "createdDate": ENDS[0], "style": "\x00", "content": None}
    page = page_of(monitors=monitors_, incidents=[incident, {**incident, "title": "again"}, 7, {"id": INF}])
    assert [(one.name, one.kuma_id) for one in seen_on([page])] == [("Plex", 2), ("Good", 3)]
    ledger = await Ledger.claim(ctx, 1)
    for _ in range(2):
        await ledger.register(seen_on([page]))
        await ledger.incidents("main", page.incidents)
    assert await ctx.db.fetchval("SELECT count(*) FROM plugin_uptime_kuma.incident") == 1
    assert page_of(incident={"id": "x"}, maintenanceList=7, incidents=None).incidents == []
    with pytest.raises(ValueError, match="nothing in this list"):
        page_of(monitors=[7])


def sample(name: str, number: str, value: str = "1", of: str = "monitor_status") -> str:
    labels = f'monitor_id="{number}",monitor_name="{name}",monitor_type="http",monitor_url="x",monitor_hostname="null"'
    return f'{of}{{{labels},monitor_port="null"}} {value}\n'


@pytest.mark.parametrize("odd", ["1e30", "-1e30", "+Inf", "NaN", "1e300"])
async def test_odd_metrics_are_none_and_a_number_counts_once(ctx, odd):
    text = "# TYPE monitor_status gauge\n" + "".join(
        [sample("A", "1"), sample("Former A", "1", "0"), sample("", "2"), sample("\x00", "3"), sample("B", "9" * 30)]
    )
    for other in ("monitor_cert_days_remaining", "monitor_cert_is_valid", "monitor_response_time"):
        text += f"# TYPE {other} gauge\n" + sample("A", "1", odd, other)
    text += f"# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {odd}\n"
    page = read_metrics(text.encode() + b"# \xff\n")
    assert [(one.seen.name, one.seen.kuma_id) for one in page.monitors] == [("A", 1), ("?", 2), ("?", 3), ("B", None)]
    assert page.monitors[0].seen.certificate_days is None
    assert (page.monitors[0].ping, page.started_at) == (None, None)
    await (await Ledger.claim(ctx, 1)).register([one.seen for one in page.monitors])


def test_only_what_may_be_a_page_is_taken_for_one():
    slugs = ["main", "a-b", "-a", "A", "a/b", "\x00", "x" * 101, "", *(f"page-{at}" for at in range(30))]
    (told,) = live.updates_of("statusPageList", [{str(at): {"slug": slug} for at, slug in enumerate(slugs)}])
    assert told.slugs[:3] == ["main", "a-b", "page-0"]
    assert len(told.slugs) == 20
    for slug in slugs:  # as the settings have it
        try:
            UptimeKumaSettings(url="http://x", status_pages=[slug])
        except ValueError:
            assert not is_slug(slug)


def test_a_whole_list_forgets_all_of_those_that_are_gone_and_no_list_grows_for_ever():
    view, _ = view_of(RAW, GOOD)
    view.status |= {2: Status.UP, 3: Status.UP}
    for kuma_id in (2, 3, 77):
        view.uptime(live.UptimeTold(kuma_id, 24, 0.5))
        for update in live.updates_of("certInfo", [kuma_id, '{"valid": true}']):
            view.certificate(update)
    for update in live.updates_of("monitorList", [{"3": GOOD}]):
        view.take(update)
    assert list(view.monitors) == list(view.status) == [3]
    assert view._uptimes == {(3, 24): 0.5}
    assert list(view._certificates) == [3]
    for first in (10, 5000):
        raws = {str(at): {"id": at, "name": "x"} for at in range(first, first + 4900)}
        for update in live.updates_of("updateMonitorIntoList", [raws]):
            view.take(update)
    assert len(view.monitors) == 5000


class Endless:
    """A socket with always something more to say, at once or after a while."""

    def __init__(self, pause: float, greets: bool) -> None:
        self.pause, self.greets, self.kept = pause, greets, -1

    async def receive(self) -> tuple[str, list[Any]]:
        if self.pause:
            await asyncio.Event().wait() if self.pause == INF else await asyncio.wait(
                [asyncio.Future()], timeout=self.pause
            )
        greets, self.greets = self.greets, False
        return ("info", [{}]) if greets else ("noise", [])

    def put_back(self, events: list[Any]) -> None:
        self.kept = len(events)


async def test_a_greeting_without_end_is_ended(monkeypatch):
    socket = Endless(0, greets=True)
    with pytest.raises(UpstreamError, match="more than 2000 events"):
        await live.needs_login(socket)
    assert socket.kept <= 2000
    monkeypatch.setattr(live, "_GREETING_SECONDS", 0.3)
    for greets in (True, False):
        began = time.monotonic()
        if greets:
            assert await live.needs_login(Endless(0.02, greets=True)) is True
        else:
            with pytest.raises(UpstreamError, match="did not greet"):
                await live.needs_login(Endless(0.02, greets=False))
        assert time.monotonic() - began < 5


def notification(beat: Any = BEAT, **monitor: Any) -> KumaNotification:
    said = {"heartbeat": beat, "monitor": {**RAW, **monitor}, "msg": "x"}
    return KumaNotification.model_validate_json(json.dumps(said))


async def test_a_notification_of_two_monitors_is_refused_by_name(ctx):
    with pytest.raises(BadInput) as refused:
        await notified(ctx, notification(id=3))
    assert [one.field for one in refused.value.fields] == ["body.heartbeat.monitorID"]


async def test_odd_values_in_a_notification_are_kept_as_none(ctx):
    for name, values in ODD_FIELDS.items():
        for value in values:
            if "\\ud800" not in json.dumps(value) and value not in (INF, NAN):  # which the hub itself refuses
                await notified(ctx, notification(**{name: value}))
    assert await ctx.db.fetchval("SELECT count(*) FROM plugin_uptime_kuma.monitor") == 1


HOOK = "/api/v1/hooks/uptime_kuma/notification"


async def test_a_running_hub_refuses_odd_notifications_by_field(hub, kuma2):
    values = {"url": kuma2.url, "status_pages": ["main"]}
    kept = await hub.admin.put("/api/v1/plugins/uptime_kuma/settings", json={"values": values})
    assert kept.status == 200, kept.body
    secret = (await hub.admin.post("/api/v1/plugins/uptime_kuma/webhooks/notification/secret")).json()["authorization"]
    for said, field in [
        ({"heartbeat": BEAT, "monitor": {}}, "body.monitor.name"),
        ({"heartbeat": BEAT, "monitor": [7]}, "body.monitor"),
        ({"heartbeat": BEAT, "monitor": "x"}, "body.monitor"),
        ({"heartbeat": BEAT, "monitor": {**RAW, "id": 2**40}}, "body.monitor.id"),
        ({"heartbeat": BEAT, "monitor": {**RAW, "id": 10**400}}, "body.monitor.id"),
        ({"heartbeat": BEAT, "monitor": {**RAW, "id": 3}}, "body.heartbeat.monitorID"),
        ({"heartbeat": {**BEAT, "time": ENDS[0]}, "monitor": RAW}, "body.heartbeat.time"),
        ({"heartbeat": {**BEAT, "monitorID": 10**400}, "monitor": RAW}, "body.heartbeat.monitorID"),
        ({"heartbeat": [DEEP], "monitor": RAW}, "body.heartbeat"),
        ({"heartbeat": BEAT, "monitor": {**RAW, "body": DEEP, "weight": 10**400}}, None),
    ]:
        url = hub.url + HOOK
        async with hub.session.post(url, json=said, headers={"Authorization": secret}) as answer:
            body = await answer.json()
            assert answer.status == (200 if field is None else 400), (field, body)
            assert field is None or field in [one["field"] for one in body["errors"]]


@pytest.mark.parametrize("fault", ["giant", "twice"])
@pytest.mark.parametrize("way", ["metrics", "live", "status_page"])
async def test_each_way_goes_on_reading_while_values_are_odd(make, kuma2, monkeypatch, fault, way):
    hurry(monkeypatch)
    for name in ("Web", "Nas"):
        kuma2.beat(kuma2.add(name, tags=["home"]).id, 1, ping=12)
        kuma2.cert(kuma2.world.monitors[1].id, days=20)
    kuma2.post_incident("main", "Disk swap")
    kuma2.start_maintenance("Planned work", [2])
    for route in ("metrics", "page", "beats", "burst", "heartbeat", "update_monitor_into_list", "cert_info"):
        kuma2.faults.set(route, fault)
    every = {"username": USERNAME, "password": PASSWORD, "api_key": kuma2.world.api_key(), "status_pages": ["main"]}
    ctx = hurried(await make(kuma2.url, way=way, members_see="everything", **every))
    async with watching(ctx):
        await until(lambda: is_well(ctx))
        await until(lambda: is_now(ctx, "Nas", Status.UP))
        kuma2.cert(1, days=19)
        kuma2.change(1, name="Site")
        kuma2.beat(1, 0)
        await until(lambda: is_now(ctx, "Site", Status.DOWN))
        assert set(await monitors(ctx)) == {"Site", "Nas"}


async def test_a_mistake_of_ours_leaves_words_and_is_raised(ctx, monkeypatch):
    async def breaks(*_: Any) -> None:
        raise LookupError("nobody foresaw this")

    monkeypatch.setattr(streams, "_by_the_first_that_works", breaks)
    with pytest.raises(LookupError):
        await streams.watch(ctx, make_lease("watch", 1))
    assert (await source_of(ctx)).trouble == "Uptime Kuma sent something the hub cannot keep; the hub's log says what."


async def test_ending_the_stream_is_no_trouble(ctx, kuma2, make):
    kuma2.beat(kuma2.add("Web").id, 1)
    ctx = await make(kuma2.url, username=USERNAME, password=PASSWORD)
    async with reading(ctx):
        await until(lambda: is_now(ctx, "Web", Status.UP))
    assert (await source_of(ctx)).trouble == ""
