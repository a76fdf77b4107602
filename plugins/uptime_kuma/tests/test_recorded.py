"""What real Uptime Kumas answered is read as they meant it, and every quirk they are known for has a test."""

from __future__ import annotations

import ast
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from medianest_hub.plugin_api.errors import UpstreamError
from medianest_uptime_kuma.client.metrics import read_metrics
from medianest_uptime_kuma.client.status_page import Beats, EntryPage, StatusPage
from medianest_uptime_kuma.models import Status
from medianest_uptime_kuma.ways.pages import LOOK_SECONDS, seen_on

from .recordings import NEW, OLD, body_of, recorded, status_of

QUIRKS = {
    "metrics: any user, the key is the password": "test_metrics_are_the_same_whoever_asks_with_the_key",
    "metrics: Bearer is 401": "test_the_key_goes_into_a_header_of_its_kind_and_into_no_address",
    "metrics: once there is a key, user and password are 401": "test_refusals_of_the_metrics_have_no_words_of_their_own",
    "metrics: 1.x has no numbers": "test_without_numbers_monitors_are_known_again_by_their_names",
    "metrics: what is missing is the text null": "test_what_the_metrics_do_not_know_is_not_the_word_null",
    "metrics: 2.x leaves paused ones out, 1.x keeps them": "test_one_left_out_is_believed_for_a_while_then_unknown_but_kept",
    "metrics: 2.x leaves out who has no beat since its start": (
        "test_after_its_restart_uptime_kuma_may_leave_all_out_until_they_are_looked_at"
    ),
    "metrics: uptimes are 2.x's alone": "test_metrics_are_read_as_recorded",
    "metrics: they hold addresses": "test_addresses_in_the_metrics_are_not_for_members",
    "page: incidents in 2.x, incident in 1.x": "test_incidents_and_maintenance_are_announced_as_long_as_they_stand_there",
    "page: unknown is 404 in 2.x, its beats 200 and empty, and 1.23 never answers": "test_a_name_no_page_has_is_said",
    "page: times are UTC without a zone": "test_times_are_utc_though_they_do_not_say_so",
    "page: uptimes are 0-1 under <id>_24": "test_status_pages_are_read_as_recorded",
    "page: made anew every five minutes, its beats every minute": "test_pages_are_looked_at_no_more_often_than_they_change",
    "live: a token that does not expire, and log-ins are few": "test_the_password_is_used_once_and_the_token_from_then_on",
    "live: too many log-ins refuse even a right one": "test_the_recorded_log_ins_are_refused_until_they_are_too_many",
    "live: a missing second factor is an answer without ok": "test_an_answer_without_ok_asks_for_the_second_factor",
    "live: 1.x acknowledges the log-in before its lists, 2.x after": "test_a_recorded_session_is_kept_as_it_went",
    "live: 2.x tells of one monitor, 1.x of all": "test_a_recorded_session_is_kept_as_it_went",
    "live: beats of the burst and beats of now are written otherwise": "test_beats_are_one_however_they_are_written",
    "live: websocket alone, and no Origin": "test_only_websockets_are_used_and_no_origin_is_named",
    "live: lists carry tokens and passwords": "test_what_is_secret_in_a_recorded_list_is_known_for_it",
    "statuses are numbers": "test_statuses_are_what_the_numbers_mean",
    "unknown paths are 200 and a page": "test_a_page_for_people_where_the_metrics_should_be_is_said",
}
"""Each quirk of Uptime Kuma that was met on real ones, and the test that holds us to it."""


def test_every_quirk_has_its_test():
    there: Counter[str] = Counter()
    for file in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                there[node.name] += 1
    assert {quirk: there[test] for quirk, test in QUIRKS.items() if there[test] != 1} == {}


STATUSES = {
    "Media group": Status.UP,
    "Local web (up)": Status.UP,
    "Dead port (down)": Status.DOWN,
    "Dead with retries (pending)": Status.PENDING,
    "Local TCP (in group)": Status.UP,
    "In maintenance": Status.MAINTENANCE,
}


class TestMetrics:
    @recorded
    @pytest.mark.parametrize(
        ("file", "version", "more"),
        [
            (OLD / "rest-metrics-key.txt", "1.23.17", {"Paused one": Status.DOWN, "Backup job (push)": Status.DOWN}),
            (
                NEW / "rest-metrics-key-anyuser.txt",
                "2.5.3",
                {"Keyword": Status.UP, "Backup job (push)": Status.UP},  # and no paused one
            ),
        ],
        ids=["1.23", "2.5"],
    )
    def test_metrics_are_read_as_recorded(self, file, version, more):
        page = read_metrics(body_of(file).encode())
        new = version.startswith("2")
        assert page.version == version
        assert page.started_at.year == 2026
        found = {one.seen.name: one for one in page.monitors}
        assert {name: one.status for name, one in found.items()} == STATUSES | more
        assert found["Local web (up)"].ping == (5 if new else 2)
        assert found["Dead port (down)"].ping is None
        assert found["Local TCP (in group)"].seen.address == "127.0.0.1:9101"
        assert found["Local web (up)"].seen.kind == "http"
        numbers = {one.seen.kuma_id for one in page.monitors}
        assert numbers == ({1, 2, 3, 4, 5, 6, 7, 9} if new else {None})
        uptimes = (found["Media group"].seen.given_day, found["Media group"].seen.given_month)
        assert uptimes == ((0.5, 0.5) if new else (None, None))
        assert found["Backup job (push)"].seen.given_day is None

    @recorded
    def test_metrics_are_the_same_whoever_asks_with_the_key(self):
        anybody, nobody = (
            read_metrics(body_of(NEW / f"rest-metrics-key-{user}user.txt").encode()) for user in ("any", "empty")
        )
        assert anybody.monitors == nobody.monitors

    @recorded
    @pytest.mark.parametrize("file", [OLD / "rest-metrics-key.txt", NEW / "rest-metrics-key-anyuser.txt"])
    def test_what_the_metrics_do_not_know_is_not_the_word_null(self, file):
        text = body_of(file)
        assert '"null"' in text
        for one in read_metrics(text.encode()).monitors:
            assert "null" not in (one.seen.address, one.seen.kind, one.seen.name)
        assert {one.seen.address for one in read_metrics(text.encode()).monitors if one.seen.kind == "group"} == {""}

    @recorded
    @pytest.mark.parametrize(
        "file",
        [
            OLD / "rest-metrics-noauth.txt",
            OLD / "rest-metrics-userpass.txt",
            NEW / "rest-metrics-noauth.txt",
            NEW / "rest-metrics-bearer.txt",
            NEW / "rest-metrics-disabled-key.txt",
            NEW / "rest-metrics-userpass-after-key-enabled.txt",
        ],
        ids=lambda file: file.stem,
    )
    def test_refusals_of_the_metrics_have_no_words_of_their_own(self, file):
        # So the words are ours, and the same for each of them.
        assert (status_of(file), body_of(file).strip()) == (401, "")

    @pytest.mark.parametrize(
        "text",
        ["", "<!DOCTYPE html><html></html>", "up 1\n", "monitor_status{", "monitor_status 1\n", "\x00\xff"],
    )
    def test_what_are_no_metrics_of_uptime_kuma_are_refused(self, text):
        with pytest.raises(UpstreamError) as refused:
            read_metrics(text.encode("utf-8", "surrogateescape"))
        assert refused.value.message.endswith(".")


class TestPages:
    @recorded
    @pytest.mark.parametrize(
        ("text", "paused"),
        [
            (lambda: body_of(OLD / "rest-status-page-main.txt"), 7),
            (lambda: body_of(NEW / "rest-status-page-main.txt"), 8),
            (lambda: (NEW / "rest-status-page-main.json").read_text(), 8),
        ],
        ids=["1.23", "2.5", "2.5 later"],
    )
    def test_status_pages_are_read_as_recorded(self, text, paused):
        page = StatusPage.model_validate_json(text())
        seen = {one.kuma_id: one for one in seen_on([page])}
        assert [one.name for one in seen.values()] == [
            "Local web (up)",
            "Dead port (down)",
            "Dead with retries (pending)",
            "Backup job (push)",
            "Local TCP (in group)",
            "In maintenance",
            "Paused one",
        ]
        assert (seen[2].group, seen[2].tags, seen[2].kind) == ("Web", ("media:web",), "http")
        assert (seen[paused].group, seen[paused].tags) == ("Jobs", ())
        old = paused == 7
        assert [(one.title, one.content, one.style) for one in page.incidents] == (
            [("Disk swap", "**soon**", "warning")] if old else []
        )
        if old:
            assert page.incidents[0].created == datetime(2026, 11, 22, 6, 21, 41, tzinfo=UTC)
        assert [(one.title, one.status) for one in page.maintenance] == (
            [] if old else [("Planned work", "under-maintenance")]
        )

    @recorded
    def test_an_empty_page_is_one(self):
        page = StatusPage.model_validate_json(body_of(NEW / "rest-status-page-empty.txt"))
        assert (page.config.title, page.groups, page.incidents) == ("Empty page", [], [])

    @recorded
    @pytest.mark.parametrize(
        ("text", "uptimes"),
        [
            (lambda: body_of(OLD / "rest-heartbeat-main.txt"), {2: 1, 5: 0.19736842105263158, 8: 1, 1: None}),
            (lambda: body_of(NEW / "rest-heartbeat-main.txt"), {2: 1, 5: 0, 9: 1, 1: None}),
            (lambda: (NEW / "rest-heartbeat-main-later.json").read_text(), {2: 0.9761904761904762, 9: 1, 7: None}),
        ],
        ids=["1.23", "2.5", "2.5 later"],
    )
    def test_beats_are_read_as_recorded(self, text, uptimes):
        said = json.loads(text())
        beats = Beats.model_validate(said)
        assert {number: beats.uptime_day(number) for number in uptimes} == uptimes
        assert {str(number): len(those) for number, those in beats.beats.items()} == {
            number: len(those) for number, those in said["heartbeatList"].items()
        }
        for number, those in beats.beats.items():
            raw = said["heartbeatList"][str(number)]
            assert [(one.status.number, one.ping) for one in those] == [(one["status"], one["ping"]) for one in raw]
            assert those == sorted(those, key=lambda one: one.time)

    @recorded
    @pytest.mark.parametrize("folder", [OLD, NEW], ids=["1.23", "2.5"])
    def test_beats_of_a_page_that_is_not_there_are_none(self, folder):
        beats = Beats.model_validate_json(body_of(folder / "rest-heartbeat-nope.txt"))
        assert (beats.beats, beats.uptimes) == ({}, {})

    @recorded
    def test_a_page_that_is_not_there_is_said_in_json_or_not_at_all(self):
        file = NEW / "rest-status-page-nope.txt"
        assert status_of(file) == 404
        assert json.loads(body_of(file))["msg"] == "Status Page Not Found"
        assert "NO ANSWER" in (OLD / "rest-status-page-nope.txt").read_text()
        assert "NO ANSWER" in (OLD / "rest-status-page-Main-uppercase.txt").read_text()

    @recorded
    def test_without_a_page_shown_first_there_is_none(self):
        assert EntryPage.model_validate_json(body_of(OLD / "rest-entry-page.txt")).status_page == ""

    def test_pages_are_looked_at_no_more_often_than_they_change(self):
        assert LOOK_SECONDS >= 60

    def test_times_are_utc_though_they_do_not_say_so(self):
        beats = Beats.model_validate(
            {"heartbeatList": {"2": [{"status": 1, "time": "2026-11-22 06:05:47.078", "msg": "", "ping": 16}]}}
        )
        assert beats.beats[2][0].time == datetime(2026, 11, 22, 6, 5, 47, 78000, tzinfo=UTC)
