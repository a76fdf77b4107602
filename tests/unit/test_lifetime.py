"""How a process ends: which exit code, and what is said on the way."""

import signal
import subprocess
import sys

import pytest

from medianest_hub.infrastructure.database import DatabaseAway, DatabaseRefused
from medianest_hub.infrastructure.exits import OperatorError
from medianest_hub.infrastructure.lifetime import exit_code_of
from medianest_hub.infrastructure.migrations import SchemaBehind, SchemaNewer

WAITS = """
import asyncio, time
from medianest_hub.infrastructure.lifetime import stop_on_signals
async def main():
    stop = stop_on_signals(0.5, "it was left behind")
    print("up", flush=True)
    await stop.wait()
"""


def raises(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OperatorError("do something"), 2),
        (SchemaNewer("too new"), 2),
        (DatabaseRefused("no entry"), 2),
        (DatabaseAway("not there"), 2),
        (SchemaBehind("run medianest migrate"), 75),
    ],
)
def test_what_the_operator_can_mend_is_one_line_and_an_exit_code(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MEDIANEST_SUPERVISED", raising=False)
    assert exit_code_of(lambda: raises(error)) == code
    assert capsys.readouterr().err == f"medianest: {error}\n"


def test_under_a_supervisor_nobody_is_told_to_migrate(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDIANEST_SUPERVISED", "1")
    assert exit_code_of(lambda: raises(SchemaBehind("run medianest migrate"))) == 75
    assert capsys.readouterr().err == "", "it migrates by itself, or says so itself"


def test_work_that_comes_to_its_end_is_0_and_a_fault_of_ours_is_not_hidden() -> None:
    assert exit_code_of(lambda: None) == 0
    with pytest.raises(ZeroDivisionError):
        exit_code_of(lambda: raises(ZeroDivisionError()))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    ("afterwards", "code", "words"),
    [("", 0, b""), ("while True: time.sleep(60)", 1, b"medianest: it was left behind\n")],
    ids=["ends", "hangs"],
)
def test_a_signal_ends_the_process_in_time_also_when_its_loop_is_blocked(
    number: int, afterwards: str, code: int, words: bytes
) -> None:
    program = [sys.executable, "-c", f"{WAITS}    {afterwards}\nasyncio.run(main())"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        _, said = process.communicate(timeout=20)
    assert (process.returncode, said) == (code, words)
