"""The simulated 1.x is driven by uptime-kuma-api, a client others wrote for the real one: what it cannot use is wrong."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from uptime_kuma_api import Event, IncidentStyle, MonitorType, UptimeKumaApi, UptimeKumaException

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.simulators.uptime_kuma.server import KumaSimulator, Status

PASSWORD = "Passw0rd123"
LIMITED = "Too frequently, try again later."


@pytest.fixture
def simulator() -> Iterator[KumaSimulator]:
    simulator = KumaSimulator("1.23.17")
    group = simulator.add("Media", "group")
    simulator.add("Plex", group=group.id, tags=[("media", "tv")], url="http://plex.home.example")
    simulator.add("Backup", "push", pushToken="job-token", interval=60)
    simulator.beat(1, Status.UP)
    simulator.beat(2, Status.UP, ping=12)
    with simulator.running():
        yield simulator


@pytest.fixture
def api(simulator: KumaSimulator) -> Iterator[UptimeKumaApi]:
    with UptimeKumaApi(simulator.url, timeout=5, wait_events=0.02) as api:
        yield api


@pytest.fixture
def admin(api: UptimeKumaApi) -> UptimeKumaApi:
    api.login("admin", PASSWORD)
    return api


@pytest.fixture
def web() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def anything(*_: Any) -> bool:
    return True


def next_of(
    api: UptimeKumaApi, event: str, cause: Callable[[], Any], fits: Callable[..., bool] = anything
) -> tuple[Any, ...]:
    """The arguments of the first such event after the cause. What is left of the burst, which 1.x sends late, may not fit."""
    came, arguments = threading.Event(), []

    def note(*args: Any) -> None:
        if fits(*args):
            arguments.append(args)
            came.set()

    api.sio.on(event, note)
    cause()
    assert came.wait(5), f"no {event} that fits"
    return arguments[0]


class TestLoggingIn:
    def test_the_burst_fills_the_clients_lists(self, admin: UptimeKumaApi):
        assert [one["name"] for one in admin.get_monitors()] == ["Media", "Plex", "Backup"]
        assert admin.get_monitor(2)["pathName"] == "Media / Plex"
        assert admin.get_monitor(2)["tags"][0]["value"] == "tv"
        assert admin.version == "1.23.17"
        beats = admin.get_heartbeats()
        assert [(one["status"], one["ping"], one["important"]) for one in beats[2]] == [(Status.UP, 12, True)]
        assert beats[3] == []
        assert admin.get_important_heartbeats()[2][0]["msg"] == "200 - OK"
        assert admin.avg_ping()[2] == 12
        assert admin.uptime()[2] == {24: 1, 720: 1}
        assert [one["slug"] for one in admin.get_status_pages()] == ["main"]

    def test_wrong_passwords_and_tokens_are_refused_in_plain_words(self, api: UptimeKumaApi):
        with pytest.raises(UptimeKumaException, match="Incorrect username or password"):
            api.login("admin", "wrong")
        with pytest.raises(UptimeKumaException, match="Invalid token"):
            api.login_by_token("garbage")
        with pytest.raises(UptimeKumaException, match="You are not logged in"):
            api.get_tags()

    def test_a_token_lets_in_until_the_password_changes(self, simulator: KumaSimulator, api: UptimeKumaApi):
        token = api.login("admin", PASSWORD)["token"]
        api.logout()
        api.login_by_token(token)
        simulator.world.change_password("Other0ne")

        with pytest.raises(UptimeKumaException, match="Invalid token"):
            api.login_by_token(token)
        assert (simulator.logins, simulator.token_logins) == (1, 2)

    def test_a_second_factor_is_asked_for_and_its_code_holds_once(self, simulator: KumaSimulator, api: UptimeKumaApi):
        simulator.world.second_factor()
        code = simulator.world.totp_code()

        assert api.login("admin", PASSWORD) == {"tokenRequired": True}
        with pytest.raises(UptimeKumaException, match="Invalid Token!"):
            api.login("admin", PASSWORD, "000000" if code != "000000" else "111111")
        assert "token" in api.login("admin", PASSWORD, code)
        with pytest.raises(UptimeKumaException, match="Invalid Token!"):
            api.login("admin", PASSWORD, code)

    def test_after_twenty_logins_in_a_minute_even_a_right_one_is_refused(
        self, simulator: KumaSimulator, api: UptimeKumaApi
    ):
        for _ in range(20):
            with pytest.raises(UptimeKumaException, match="Incorrect"):
                api.login("admin", "wrong")
        with pytest.raises(UptimeKumaException, match=LIMITED):
            api.login("admin", PASSWORD)

        simulator.world.advance(61)
        assert "token" in api.login("admin", PASSWORD)

    def test_without_authentication_it_logs_in_by_itself(self, simulator: KumaSimulator):
        simulator.world.auth_disabled = True
        with UptimeKumaApi(simulator.url, timeout=5, wait_events=0.02) as api:
            api.login()
            assert len(api.get_monitors()) == 3

    def test_secrets_of_calls_are_not_kept(self, simulator: KumaSimulator, admin: UptimeKumaApi):
        assert PASSWORD not in repr(simulator.asked)
        assert simulator.asked_of("login")[0].args[0]["username"] == "admin"


class TestLive:
    def test_a_beat_comes_with_numbers_and_booleans_and_no_ping_when_down(self, simulator, admin):
        (beat,) = next_of(admin, "heartbeat", lambda: simulator.beat(2, Status.DOWN, "connect ECONNREFUSED"))

        assert {**beat, "time": None} == {
            "monitorID": 2,
            "status": 0,
            "time": None,
            "msg": "connect ECONNREFUSED",
            "important": True,
            "duration": 0,
        }

    def test_a_job_that_calls_is_up(self, simulator, admin, web):
        url = f"{simulator.url}/api/push/job-token?status=up&msg=done&ping=41"
        (beat,) = next_of(admin, "heartbeat", lambda: web.get(url).json())

        assert (beat["monitorID"], beat["msg"], beat["ping"]) == (3, "done", 41)
        assert web.get(f"{simulator.url}/api/push/nobody").status_code == 404

    def test_a_certificate_comes_as_text(self, simulator, admin):
        number, text = next_of(admin, "certInfo", lambda: simulator.cert(2, 12))

        assert (number, '"daysRemaining":12' in text) == (2, True)
        assert web_cert(simulator) == ["12", "1"]

    def test_changes_send_the_whole_list_again(self, simulator, admin):
        next_of(admin, "monitorList", lambda: simulator.pause(2), lambda monitors: not monitors["2"]["active"])
        (monitors,) = next_of(admin, "monitorList", lambda: simulator.delete(1), lambda monitors: "1" not in monitors)
        assert (monitors.keys(), monitors["2"]["parent"]) == ({"2", "3"}, None)


def web_cert(simulator: KumaSimulator) -> list[str]:
    simulator.beat(2, Status.UP)
    text = requests.get(f"{simulator.url}/metrics", auth=("admin", PASSWORD), timeout=5).text
    return [line.split()[-1] for line in text.splitlines() if line.startswith("monitor_cert_")]


class TestCalls:
    def test_monitors_are_added_edited_paused_and_deleted(self, admin: UptimeKumaApi):
        number = admin.add_monitor(type=MonitorType.HTTP, name="Temp", url="http://temp.home.example")["monitorID"]
        admin.edit_monitor(number, name="Temporary")
        assert admin.pause_monitor(number) == {"msg": "Paused Successfully."}
        assert (admin.get_monitor(number)["name"], admin.get_monitor(number)["active"]) == ("Temporary", False)
        admin.resume_monitor(number)
        admin.delete_monitor(number)
        with pytest.raises(UptimeKumaException):
            admin.get_monitor(number)
        assert [one["msg"] for one in admin.get_monitor_beats(2, 1)] == ["200 - OK"]

    def test_tags_are_hung_at_monitors(self, admin: UptimeKumaApi):
        tag = admin.add_tag(name="family", color="#ff0000")
        admin.add_monitor_tag(tag["id"], 3, "yes")

        assert [one["name"] for one in admin.get_tags()] == ["media", "family"]
        assert admin.get_monitor(3)["tags"][0]["value"] == "yes"

    def test_incidents_are_pinned_and_taken_off(self, admin: UptimeKumaApi):
        admin.post_incident("main", "Disk swap", "**soon**", IncidentStyle.WARNING)
        page = admin.get_status_page("main")
        assert (page["incident"]["title"], page["incident"]["style"]) == ("Disk swap", IncidentStyle.WARNING)
        assert [group["name"] for group in page["publicGroupList"]] == ["Media", "Services"]

        admin.unpin_incident("main")
        assert admin.get_status_page("main")["incident"] is None

    def test_maintenance_shows_at_its_monitors(self, simulator: KumaSimulator, admin: UptimeKumaApi):
        (listed,) = next_of(admin, "maintenanceList", lambda: simulator.start_maintenance("New disks", [2]), len)
        assert listed["1"]["status"] == "under-maintenance"
        assert admin.get_monitor(2)["maintenance"] is True

        simulator.end_maintenance(1)
        assert admin.get_monitor(2)["maintenance"] is False

    def test_a_key_made_by_the_client_opens_the_metrics(self, simulator, admin, web):
        key = admin.add_api_key("hub", None, True)["key"]
        assert web.get(f"{simulator.url}/metrics", auth=("anybody", key)).status_code == 200

        admin.disable_api_key(1)
        assert web.get(f"{simulator.url}/metrics", auth=("anybody", key)).status_code == 401
        assert [one["status"] for one in admin.get_api_keys()] == ["inactive"]

    def test_the_client_waits_for_no_event_in_vain(self, admin: UptimeKumaApi):
        for event in (Event.NOTIFICATION_LIST, Event.PROXY_LIST, Event.DOCKER_HOST_LIST, Event.MAINTENANCE_LIST):
            assert not admin._get_event_data(event)
