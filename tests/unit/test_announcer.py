"""What the supervisor says when nobody can hear it."""

import subprocess
import sys

PROGRAM = """
import os, sys
from medianest_hub.infrastructure.announcer import Announcer
sys.stdin.readline()
say = Announcer("console")
say.line("ready")
say.notice("on we go")
"""


def test_a_reader_that_is_gone_changes_nothing_about_the_exit_code() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    process.stdin.write(b"\n")
    process.stdin.close()
    assert b"on we go" in process.stderr.read()
    process.stderr.close()
    assert process.wait(20) == 0
