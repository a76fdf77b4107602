"""Runs the simulators and a hub that uses them, says how to try it, and ends it all on Ctrl-C or when the hub dies."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from medianest_hub.testing.hub import LOG, HubDied, free_port, run_hub
from tests.demo.control import control_port
from tests.demo.household import asking, household, move_in
from tests.demo.overseerr import VERSIONS as OVERSEERR_VERSIONS
from tests.demo.overseerr import DemoOverseerr
from tests.demo.plex import DemoPlex
from tests.demo.printed import welcome
from tests.demo.service import Service
from tests.demo.uptime_kuma import VERSIONS, WAYS, DemoKuma
from tests.demo.videos import DemoVideos

# As every hub has them; `run_hub` widens them for tests.
USUAL_LIMITS = {"api": "100/minute", "auth": "5/minute"}
TAIL = 15


class Stopped(BaseException):
    """Somebody pressed Ctrl-C."""


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="make demo", description="Try the hub against simulated services.")
    parser.add_argument("--kuma", choices=VERSIONS, default=VERSIONS[0], help="which Uptime Kuma to play")
    parser.add_argument("--way", choices=WAYS, default=WAYS[0], help="how the hub reads it")
    parser.add_argument("--poll", type=int, metavar="SECONDS", help="how often, for the way metrics (20)")
    parser.add_argument(
        "--overseerr",
        choices=OVERSEERR_VERSIONS,
        default=OVERSEERR_VERSIONS[0],
        help="which Seerr or Overseerr to play",
    )
    parser.add_argument("--port", type=int, default=4000, help="of the hub; 0 takes a free one")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="keep the hub's data there, and go on with it next time"
    )
    return parser.parse_args(words)


def main() -> int:
    """The exit code: 0 after Ctrl-C, 1 when the hub died, 2 when it did not even start."""
    wishes = arguments()
    _stop_on_signals()
    plex = DemoPlex()
    requests = DemoOverseerr(wishes.overseerr, plex.friend, plex.titles())
    services: list[Service] = [DemoKuma(wishes.kuma, wishes.way, wishes.poll), plex, requests, DemoVideos()]
    try:
        with ExitStack() as stack:
            for one in services:
                stack.enter_context(one.running())
            control = stack.enter_context(control_port(services))
            folder = stack.enter_context(_folder(wishes.data))
            return _run(wishes, services, control, folder)
    except Stopped:
        return 0
    except HubDied as error:
        print(f"demo: {error}", file=sys.stderr, flush=True)
        return 2


def _run(wishes: argparse.Namespace, services: Sequence[Service], control: str, folder: Path) -> int:
    settings: dict[str, Any] = {"server": {"port": wishes.port or free_port()}, "limits": USUAL_LIMITS}
    for one in services:
        settings = merged(settings, one.settings())
    print("Starting the hub…", flush=True)
    with run_hub(folder, settings) as hub:
        people = household()
        move_in(hub, people)
        ask = asking(hub, people[0])
        for one in services:
            one.settle(hub, ask)
        print(welcome(hub.url, folder / LOG, wishes.data is not None, people, services, control), flush=True)
        try:
            code = hub.process.wait()
        except Stopped:
            return 0
        last = "\n".join(hub.log.splitlines()[-TAIL:])
    print(f"demo: the hub ended by itself, with {code}. Its last words:\n{last}", file=sys.stderr, flush=True)
    return 1


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Both trees in one; where both say something, the second wins."""
    both = {**one, **other}
    for key in one.keys() & other.keys():
        if isinstance(one[key], Mapping) and isinstance(other[key], Mapping):
            both[key] = merged(one[key], other[key])
    return both


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        yield kept.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="mn-demo-", ignore_cleanup_errors=True) as name:
        # As root the databases run as somebody else, who has to pass through.
        Path(name).chmod(0o711 if os.geteuid() == 0 else 0o700)
        yield Path(name)


def _stop_on_signals() -> None:
    """The first one ends the demo; more of them must not keep it from ending cleanly."""

    def stop(number: int, frame: object) -> None:
        for one in (signal.SIGINT, signal.SIGTERM):
            signal.signal(one, signal.SIG_IGN)
        with suppress(OSError):  # nobody may read any more; and not by `print`, which may be under way
            os.write(sys.stdout.fileno(), b"\nStopping; this takes some seconds.\n")
        raise Stopped

    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, stop)


if __name__ == "__main__":
    sys.exit(main())
