"""What real Uptime Kumas said over the live connection is read as they meant it, refusals of log-ins too."""

from __future__ import annotations

from typing import Any

import pytest

from medianest_hub.plugin_api.errors import AuthFailed, NotReady
from medianest_uptime_kuma.client import live
from medianest_uptime_kuma.client.live_models import LiveBeat, LoginAnswer
from medianest_uptime_kuma.client.secrets import secrets_of
from medianest_uptime_kuma.models import Status
from medianest_uptime_kuma.ways.live_view import LiveView
from medianest_uptime_kuma.ways.pages import Looked

from .recordings import NEW, STREAMS, events, recorded


class TestEvents:
    @recorded
    @pytest.mark.parametrize("file", STREAMS, ids=lambda file: file.stem)
    def test_every_recorded_event_is_read(self, file):
        updates = [(name, update) for name, args in events(file, "in") for update in live.updates_of(name, args)]
        assert [update for _, update in updates if isinstance(update, live.Unreadable)] == []
        told = {name for name, _ in updates}
        assert told >= {"monitorList", "heartbeatList", "uptime", "maintenanceList", "info", "statusPageList"}

    @recorded
    @pytest.mark.parametrize("file", STREAMS, ids=lambda file: file.stem)
    def test_the_view_of_a_recorded_stream_is_what_it_told(self, file):
        view, listed, beaten = LiveView(), {}, {}
        view.headings.learn(Looked({}, {}))  # there is no status page
        for name, args in events(file, "in"):
            for update in live.updates_of(name, args):
                feed(view, update)
            note(listed, beaten, name, args)
        seen = {one.kuma_id: one for one in view.seen()}
        assert {number: one.name for number, one in seen.items()} == {
            number: monitor["name"] for number, monitor in listed.items()
        }
        for number, monitor in listed.items():
            one = seen[number]
            assert one.tags == tuple(f"{tag['name']}:{tag['value']}" for tag in monitor["tags"])
            parent = listed.get(monitor["parent"])
            assert one.group == (parent["name"] if parent else "")
            assert (one.given_day, one.given_month) == (
                beaten.get(("uptime", number, 24)),
                beaten.get(("uptime", number, 720)),
            )
            if monitor["active"]:
                assert view.status[number].number == beaten["status", number]
        assert set(view.paused()) == {number for number, monitor in listed.items() if not monitor["active"]}
        assert seen[6].address == "127.0.0.1:9101"
        assert (seen[1].address, seen[5].address) == ("", "")

    @recorded
    @pytest.mark.parametrize("file", STREAMS, ids=lambda file: file.stem)
    def test_what_is_secret_in_a_recorded_list_is_known_for_it(self, file):
        for name, args in events(file, "in"):
            if name == "monitorList":
                for monitor in args[0].values():
                    if monitor["type"] == "push":
                        assert monitor["pushToken"] in secrets_of(monitor)
                ((listed),) = live.updates_of(name, args)
                assert args[0]["5"]["pushToken"] not in str([monitor for monitor, _ in listed.monitors])

    def test_beats_are_one_however_they_are_written(self):
        burst = {"id": 7, "important": 0, "monitor_id": 3, "status": 0, "msg": "refused", "ping": None}
        now = {"monitorID": 3, "status": 0, "msg": "refused", "important": False}  # and no ping at all
        time = {"time": "2026-11-22 06:05:47.105"}
        (before,) = live.updates_of("heartbeatList", ["3", [burst | time], False])
        (fresh,) = live.updates_of("heartbeat", [now | time])
        assert (before.before, fresh.before) == (True, False)
        assert before.beats == fresh.beats == [LiveBeat.model_validate(now | time)]
        assert (fresh.beats[0].monitor_id, fresh.beats[0].ping) == (3, None)

    @pytest.mark.parametrize(("number", "status"), list(enumerate(("down", "up", "pending", "maintenance"))))
    def test_statuses_are_what_the_numbers_mean(self, number, status):
        (told,) = live.updates_of("heartbeat", [{"monitorID": 1, "status": number, "time": "2026-11-22 06:05:47"}])
        assert told.beats[0].status is Status(status)

    @pytest.mark.parametrize("number", [4, -1, True, "1", 1.0, None])
    def test_a_status_nobody_knows_is_not_guessed(self, number):
        (told,) = live.updates_of("heartbeat", [{"monitorID": 1, "status": number, "time": "2026-11-22 06:05:47"}])
        assert isinstance(told, live.Unreadable)


def feed(view: LiveView, update: live.Update) -> None:
    """As the way in does."""
    match update:
        case live.Listed():
            view.take(update)
        case live.Removed():
            view.remove(update.kuma_id)
        case live.UptimeTold():
            view.uptime(update)
        case live.CertificateTold():
            view.certificate(update)
        case live.Beaten():
            for beat in update.beats:
                if view.found(beat) is not None:
                    view.status[beat.monitor_id] = beat.status


def note(listed: dict[int, Any], beaten: dict[Any, Any], name: str, args: list[Any]) -> None:
    """What the recording itself says, read in the plainest way."""
    if name == "monitorList":
        listed.clear()
    if name in ("monitorList", "updateMonitorIntoList"):
        listed.update({int(number): monitor for number, monitor in args[0].items()})
    elif name == "deleteMonitorFromList":
        del listed[args[0]]
    elif name == "heartbeat":
        beaten["status", args[0]["monitorID"]] = args[0]["status"]
    elif name == "heartbeatList" and args[1]:
        beaten["status", int(args[0])] = args[1][-1]["status"]
    elif name == "uptime":
        beaten["uptime", int(args[0]), args[1]] = args[2]


class Answering:
    """A socket that knows one answer."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    async def call(self, event: str, *args: Any, deadline: float) -> Any:
        return self.answer


class TestLoggingIn:
    @recorded
    async def test_the_recorded_log_ins_are_refused_until_they_are_too_many(self):
        answers = [args[0] for name, args in events(NEW / "08-login-rate-limit.json", "ack") if name == "login"]
        errors = []
        for answer in answers:
            with pytest.raises((AuthFailed, NotReady)) as refused:
                await live.login(Answering(answer), "admin", "wrong")
            errors.append(type(refused.value))
        assert errors == [AuthFailed] * 20 + [NotReady] * 4

    @recorded
    @pytest.mark.parametrize("file", STREAMS, ids=lambda file: file.stem)
    async def test_the_recorded_token_is_the_one_to_come_again_with(self, file):
        (answer,) = (args[0] for name, args in events(file, "ack") if name == "login")
        assert await live.login(Answering(answer), "admin", "right") == answer["token"]
        assert answer["token"] not in repr(LoginAnswer.model_validate(answer))

    @recorded
    async def test_the_recorded_refusal_of_a_token_is_one(self):
        (answer,) = (
            args[0] for name, args in events(NEW / "05-login-by-bad-token.json", "ack") if name == "loginByToken"
        )
        assert await live.login_by_token(Answering(answer), "garbage") is False

    async def test_an_answer_without_ok_asks_for_the_second_factor(self):
        with pytest.raises(AuthFailed) as refused:
            await live.login(Answering({"tokenRequired": True}), "admin", "right")
        assert refused.value.fields[0].field == "totp_secret"

    @pytest.mark.parametrize(
        ("message", "field"),
        [
            ("authIncorrectCreds", "password"),
            ("Incorrect username or password.", "password"),
            ("authInvalidToken", "totp_secret"),
            ("Invalid Token!", "totp_secret"),
        ],
    )
    async def test_either_versions_refusals_are_understood(self, message, field):
        with pytest.raises(AuthFailed) as refused:
            await live.login(Answering({"ok": False, "msg": message}), "admin", "wrong", "123456")
        assert refused.value.fields[0].field == field
