"""How a process of the hub ends: told by a signal, in time, and with the right exit code; starts nothing itself."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable

from medianest_hub.infrastructure.database import DatabaseAway, DatabaseRefused
from medianest_hub.infrastructure.exits import EXIT_OPERATOR, EXIT_SCHEMA_BEHIND, OperatorError
from medianest_hub.infrastructure.migrations import SchemaBehind, SchemaNewer

_EXIT_UNCLEAN = 1


def exit_code_of(work: Callable[[], None]) -> int:
    """Do `work`. 0 it came to its end · 2 the operator must act (one line says what) · 75 the schema is behind."""
    try:
        work()
    except SchemaBehind as error:
        if "MEDIANEST_SUPERVISED" not in os.environ:  # a supervisor migrates by itself, or says what to do
            _say(error)
        return EXIT_SCHEMA_BEHIND
    except (OperatorError, SchemaNewer, DatabaseRefused, DatabaseAway) as error:
        _say(error)
        return EXIT_OPERATOR
    return 0


def stop_on_signals(within: float, left_behind: str) -> asyncio.Event:
    """An event that SIGTERM and SIGINT set; from then on the process ends `within` seconds, come what may.

    `left_behind` is said when it has to be ended the hard way.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def begin() -> None:
        if not stop.is_set():
            stop.set()
            # A thread: a plugin that blocks the loop or swallows its cancellation must not keep the process.
            timer = threading.Timer(within, _leave, (left_behind,))
            timer.daemon = True
            timer.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, begin)
    return stop


def _say(error: Exception) -> None:
    sys.stderr.write(f"medianest: {error}\n")


def _leave(words: str) -> None:
    sys.stderr.write(f"medianest: {words}\n")
    os._exit(_EXIT_UNCLEAN)
