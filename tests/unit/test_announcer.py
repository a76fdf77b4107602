"""What the supervisor says: in the logs' own form, and never a reason to fall over."""

import io
import json
import sys

import pytest

from medianest_hub.infrastructure.announcer import Announcer


def test_notices_are_json_where_the_logs_are(capsys: pytest.CaptureFixture[str]) -> None:
    Announcer("auto").notice("worker ended", "warning")
    line = json.loads(capsys.readouterr().err)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"level": "warning", "logger": "medianest_hub.supervisor", "event": "worker ended"}


def test_notices_are_plain_where_asked(capsys: pytest.CaptureFixture[str]) -> None:
    Announcer("console").notice("worker ended")
    assert capsys.readouterr().err == "medianest: worker ended\n"


def test_lines_people_wait_for_are_plain_in_any_form(capsys: pytest.CaptureFixture[str]) -> None:
    for form in ("json", "console"):
        Announcer(form).line("ready")
        Announcer(form).error("no")
    assert capsys.readouterr() == ("ready\n" * 2, "medianest: no\n" * 2)


class Gone(io.StringIO):
    """A pipe whose reader went away."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


@pytest.mark.parametrize("stream", [None, Gone(), io.StringIO()])
def test_output_that_is_gone_is_no_reason_to_fail(stream: io.StringIO | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if type(stream) is io.StringIO:
        stream.close()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)
    announcer = Announcer("auto")
    announcer.line("ready")
    announcer.notice("x")
