"""`python -m benchmarks [NAME …] [--write FILE]`: measure and print the table against the targets."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.rows import Row, table

PARTS = (
    "start_and_memory",
    "dashboard",
    "sign_in",
    "many_plugins",
    "widgets",
    "live_events",
    "uptime_kuma",
    "plex",
    "plex_browsing",
    "media_search",
    "download",
)
MARK = re.compile(r"(?<=<!-- table -->\n).*?(?=<!-- /table -->)", re.DOTALL)


def main() -> int:
    """0 when every measured target was reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="NAME", help=f"which to run: {', '.join(PARTS)} (default all)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table between the marks of this file")
    given = parser.parse_args()
    rows: list[Row] = []
    for part in given.parts or PARTS:
        print(f"… {part}", file=sys.stderr, flush=True)
        rows += importlib.import_module(f"benchmarks.{part}").measure()
    text = f"{table(rows)}\n\n{_where()}\n"
    print(text)
    if given.write:
        given.write.write_text(MARK.sub(lambda _: text, given.write.read_text()))
    return 1 if any(row.good is False for row in rows) else 0


def _where() -> str:
    day = datetime.now(UTC).date()
    return f"{day}, Python {platform.python_version()}, {os.cpu_count()} cores, Linux {platform.release().partition('-')[0]}."


if __name__ == "__main__":
    raise SystemExit(main())
