"""What the simulator answers over plain HTTP, in both lines of Uptime Kuma, and how it posts its webhook."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from aiohttp import web as aiohttp_web
from prometheus_client.parser import text_string_to_metric_families

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.simulators.uptime_kuma.server import KumaSimulator, Status

V1, V2 = "1.23.17", "2.5.3"
PASSWORD = "Passw0rd123"


@pytest.fixture(params=[V1, V2])
def simulator(request: pytest.FixtureRequest) -> Iterator[KumaSimulator]:
    simulator = KumaSimulator(request.param)
    simulator.add("Media", "group")
    simulator.add('Plex "main"\\', group=1, tags=[("Media type!", "T V")], url="http://plex.home.example")
    simulator.add("Router", "port", hostname="192.0.2.1", port=443, public=False)
    simulator.beat(2, Status.UP, ping=12)
    simulator.beat(3, Status.DOWN)
    with simulator.running():
        yield simulator


@pytest.fixture
def web() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def samples(simulator: KumaSimulator, web: requests.Session, family: str = "monitor_status") -> dict[str, Any]:
    """Value by the monitor's name."""
    simulator.world.auth_disabled = True
    text = web.get(f"{simulator.url}/metrics").text
    found = {one.name: one.samples for one in text_string_to_metric_families(text)}
    return {sample.labels["monitor_name"]: sample.value for sample in found[family]}


class TestMetrics:
    def test_they_are_opened_by_a_password_until_there_is_a_key(self, simulator, web):
        url = f"{simulator.url}/metrics"
        assert web.get(url).status_code == 401
        assert web.get(url, auth=("admin", PASSWORD)).status_code == 200
        key = simulator.world.api_key()

        refused = web.get(url, auth=("admin", PASSWORD))
        assert (refused.status_code, refused.headers["WWW-Authenticate"], refused.text) == (401, "Basic", "")
        assert [web.get(url, auth=(user, key)).status_code for user in ("", "anybody")] == [200, 200]
        assert web.get(url, headers={"Authorization": f"Bearer {key}"}).status_code == 401
        assert web.get(url, auth=("", "uk1_wrong")).status_code == 401

    def test_disabled_and_expired_keys_are_refused(self, simulator, web):
        disabled, expired = simulator.world.api_key(), simulator.world.api_key("old", "2020-01-01 00:00:00")
        simulator.world.api_keys[1].active = False

        for key in (disabled, expired):
            assert web.get(f"{simulator.url}/metrics", auth=("", key)).status_code == 401

    def test_the_sixty_first_use_of_keys_within_a_minute_is_refused(self, simulator, web):
        auth, url = ("", simulator.world.api_key()), f"{simulator.url}/metrics"
        assert {web.get(url, auth=auth).status_code for _ in range(60)} == {200}
        assert web.get(url, auth=auth).status_code == 401

        simulator.world.advance(61)
        assert web.get(url, auth=auth).status_code == 200

    def test_every_line_has_its_labels_and_null_is_text(self, simulator, web):
        simulator.world.auth_disabled = True
        families = {one.name: one for one in text_string_to_metric_families(web.get(f"{simulator.url}/metrics").text)}
        router = families["monitor_status"].samples[1]
        labels = {"monitor_name": "Router", "monitor_type": "port", "monitor_url": "https://"}
        labels |= {"monitor_hostname": "192.0.2.1", "monitor_port": "443"}

        assert router.labels == labels | ({"monitor_id": "3"} if simulator.world.v2 else {})
        assert families["monitor_status"].samples[0].labels["monitor_name"] == 'Plex "main"\\'
        assert families["monitor_status"].samples[0].labels["monitor_port"] == "null"
        assert ("monitor_uptime_ratio" in families, "monitor_response_time_seconds" in families) == (
            simulator.world.v2,
        ) * 2
        assert families["process_start_time_seconds"].samples[0].value == int(simulator.world.started)
        assert families["app_version"].samples[0].labels["version"] == simulator.world.version

    def test_monitors_appear_with_their_first_beat_and_the_paused_leave_2_alone(self, simulator, web):
        assert samples(simulator, web) == {'Plex "main"\\': 1, "Router": 0}
        assert samples(simulator, web, "monitor_response_time")["Router"] == -1
        simulator.pause(3)
        assert ("Router" in samples(simulator, web)) is not simulator.world.v2
        simulator.delete(3)
        assert "Router" not in samples(simulator, web)

    def test_after_a_restart_gauges_are_empty_until_the_next_beats(self, simulator, web):
        url = simulator.url
        simulator.stop()
        with pytest.raises(requests.ConnectionError):
            web.get(f"{url}/metrics")
        simulator.restart()
        assert (simulator.url, samples(simulator, web)) == (url, {})
        simulator.beat(2, Status.UP)
        assert samples(simulator, web).keys() == {'Plex "main"\\'}

    def test_tags_are_labels_in_2_from_the_next_start_on(self, simulator, web):
        simulator.world.tag(simulator.world.monitors[3], "later")
        simulator.world.auth_disabled = True

        def labels() -> list[str]:
            text = web.get(f"{simulator.url}/metrics").text
            return [line.partition("monitor_")[0] for line in text.replace("monitor_status{", "§").split("§")[1:]]

        assert labels() == (['Mediatype="TV",', ""] if simulator.world.v2 else ["", ""])
        simulator.restart()
        simulator.beat(3, Status.UP)
        assert labels() == (['later="later",'] if simulator.world.v2 else [""])


class TestStatusPages:
    def test_a_page_has_its_groups_and_what_is_pinned(self, simulator, web):
        simulator.post_incident("main", "Disk swap")
        page = web.get(f"{simulator.url}/api/status-page/main").json()

        assert [(group["name"], [one["id"] for one in group["monitorList"]]) for group in page["publicGroupList"]] == [
            ("Media", [2])
        ]
        incident = page["incidents"][0] if simulator.world.v2 else page["incident"]
        assert (incident["title"], incident["pin"]) == ("Disk swap", 1)
        assert ("incident" in page, "incidents" in page) == (not simulator.world.v2, simulator.world.v2)
        simulator.unpin_incident("main")
        assert not web.get(f"{simulator.url}/api/status-page/main").json().get("incident")

    def test_maintenance_is_on_the_page_while_it_lasts(self, simulator, web):
        number = simulator.start_maintenance("New disks", [2])
        page = web.get(f"{simulator.url}/api/status-page/main").json()
        assert [(one["title"], one["status"]) for one in page["maintenanceList"]] == [
            ("New disks", "under-maintenance")
        ]
        simulator.end_maintenance(number)
        assert web.get(f"{simulator.url}/api/status-page/main").json()["maintenanceList"] == []

    def test_the_last_hundred_beats_are_shown_without_messages(self, simulator, web):
        for at in range(110):
            simulator.beat(2, Status.UP, "secret words", ping=at)
        shown = web.get(f"{simulator.url}/api/status-page/heartbeat/main").json()

        beats = shown["heartbeatList"]["2"]
        assert (len(beats), beats[-1]["ping"], {one["msg"] for one in beats}) == (100, 109, {""})
        assert shown["uptimeList"] == {"2_24": 1}

    def test_times_are_utc_without_a_zone(self, simulator, web):
        simulator.beat(2, Status.UP, at="2026-11-22 06:05:47.078")
        beats = web.get(f"{simulator.url}/api/status-page/heartbeat/main").json()["heartbeatList"]["2"]
        assert beats[-1]["time"] == "2026-11-22 06:05:47.078"

    @pytest.mark.parametrize("slug", ["nope", "Main"])
    def test_an_unknown_page_is_404_in_2_and_never_answered_in_1(self, simulator, web, slug):
        beats = web.get(f"{simulator.url}/api/status-page/heartbeat/{slug}")
        assert (beats.status_code, beats.json()) == (200, {"heartbeatList": {}, "uptimeList": {}})
        url = f"{simulator.url}/api/status-page/{slug}"
        if simulator.world.v2:
            answer = web.get(url)
            assert (answer.status_code, answer.json()) == (404, {"status": "fail", "msg": "Status Page Not Found"})
        else:
            with pytest.raises(requests.ReadTimeout):
                web.get(url, timeout=0.2)

    def test_beats_are_remembered_for_a_minute_and_pages_for_five(self, simulator, web):
        simulator.world.caching = True
        page, beats = f"{simulator.url}/api/status-page/main", f"{simulator.url}/api/status-page/heartbeat/main"

        def shown() -> tuple[int, bool]:
            found = web.get(page).json()
            return len(web.get(beats).json()["heartbeatList"]["2"]), bool(
                found.get("incidents") or found.get("incident")
            )

        assert shown() == (1, False)
        simulator.beat(2, Status.UP)
        simulator.post_incident("main", "One")
        assert shown() == (1, False)
        simulator.world.advance(61)
        assert shown() == (2, False)
        simulator.start_maintenance("Everything is forgotten then", [])
        assert shown() == (2, True)


class TestTheRest:
    def test_unknown_paths_are_the_app_and_the_root_leads_on(self, simulator, web):
        answer = web.get(f"{simulator.url}/api/setup-database-info")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert web.get(f"{simulator.url}/api/entry-page").json() == {"type": "entryPage", "entryPage": None}

        simulator.world.entry_page = "statusPage-main"
        assert web.get(simulator.url, allow_redirects=False).headers["Location"] == "/status/main"

    def test_badges_tell_of_public_monitors_alone(self, simulator, web):
        assert "Status: Up" in web.get(f"{simulator.url}/api/badge/2/status").text
        assert "N/A" in web.get(f"{simulator.url}/api/badge/3/status").text

    def test_a_foreign_origin_is_refused_on_the_websocket_alone(self, simulator, web):
        url = f"{simulator.url}/socket.io/?EIO=4&transport="
        foreign = {"Origin": "http://evil.example"}
        assert web.get(url + "websocket", headers=foreign).status_code == 400
        assert web.get(url + "polling", headers=foreign).status_code == 200

    @pytest.mark.parametrize("route", ["/metrics", "/api/status-page/main", "/api/entry-page"])
    def test_faults_spoil_http(self, simulator, web, route):
        simulator.world.auth_disabled = True
        name = {"/metrics": "metrics", "/api/status-page/main": "page"}.get(route, "entry")
        right = web.get(simulator.url + route).text
        for fault in ("html", "not_json", "other_shape", "nothing", "half", "503"):
            simulator.faults.set(name, fault, times=1)
            spoiled = web.get(simulator.url + route)
            assert spoiled.text != right or (name, fault) == ("metrics", "half"), fault
        for fault in ("reset", "empty", "cut"):
            simulator.faults.set(name, fault, times=1)
            with pytest.raises(requests.RequestException):
                web.get(simulator.url + route)
        assert web.get(simulator.url + route).status_code == 200

    def test_a_silent_server_answers_nothing_until_it_speaks_again(self, simulator, web):
        simulator.silence()
        with pytest.raises(requests.ReadTimeout):
            web.get(f"{simulator.url}/api/entry-page", timeout=0.1)
        simulator.silence(False)
        assert web.get(f"{simulator.url}/api/entry-page").status_code == 200


class Receiver:
    """Keeps what is posted to it."""

    def __init__(self) -> None:
        self.got: list[tuple[str, Any]] = []
        self.url = ""

    async def receive(self, request: aiohttp_web.Request) -> aiohttp_web.Response:
        form = request.content_type == "multipart/form-data"
        self.got.append(
            (request.headers.get("X-Secret", ""), (await request.post())["data"] if form else await request.text())
        )
        return aiohttp_web.Response(status=204)


@pytest.fixture
async def receiver() -> Any:
    receiver = Receiver()
    app = aiohttp_web.Application()
    app.router.add_post("/hook", receiver.receive)
    runner = aiohttp_web.AppRunner(app)
    await runner.setup()
    await aiohttp_web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield receiver
    await runner.cleanup()


class TestWebhook:
    @pytest.mark.parametrize("form", [False, True])
    async def test_it_tells_of_the_last_beat_without_secrets(self, simulator, receiver, form):
        simulator.change(2, basic_auth_pass="hush")
        simulator.beat(2, Status.DOWN, "timeout")
        assert await simulator.notify(2, receiver.url, {"X-Secret": "s"}, form=form) == 204

        ((secret, text),) = receiver.got
        body = json.loads(text)
        assert (secret, body["msg"]) == ("s", '[Plex "main"\\] [🔴 Down] timeout')
        assert (body["heartbeat"]["status"], body["heartbeat"]["timezone"]) == (0, "UTC")
        assert len(body["heartbeat"]["localDateTime"]) == 19
        assert (body["monitor"]["name"], "basic_auth_pass" in body["monitor"]) == ('Plex "main"\\', False)
        assert body["monitor"]["includeSensitiveData"] is False

    async def test_the_button_test_has_neither_beat_nor_monitor(self, simulator, receiver):
        await simulator.notify(None, receiver.url)
        assert json.loads(receiver.got[0][1]) == {"heartbeat": None, "monitor": None, "msg": "Hub Testing"}
        assert await simulator.notify(None, "http://127.0.0.1:1/") == 0
