"""Runs a real supervisor over stand-in children: `driver.py GRACE LOADING WEB... -- WORKER... -- MIGRATE...`; a script."""

import os
import sys
from pathlib import Path

from medianest_hub.settings import load_settings
from medianest_hub.supervisor import Commands, Patience, Supervisor

STAND_IN = Path(__file__).with_name("supervisor_stand_in.py")


def main() -> int:
    grace, loading, *words = sys.argv[1:]
    groups: list[list[str]] = [[]]
    for word in words:
        if word == "--":
            groups.append([])
        else:
            groups[-1].append(word)
    commands = [
        [sys.executable, str(STAND_IN), role, *acts]
        for role, acts in zip(("web", "worker", "migrate"), groups, strict=True)
    ]
    patience = Patience(grace=float(grace), loading=float(loading), first_pause=0.1)
    return Supervisor(load_settings(None, os.environ), Commands(*commands), patience).run()


if __name__ == "__main__":
    sys.exit(main())
