"""Asks whether a pinned requirement is known to be vulnerable; says plainly when nobody could be asked. Installs nothing.

Known holes are an error, and so is a pip-audit that does not work. Where its service cannot be reached (no network, a mirror
that does not know of holes, no answer in time), nothing is known and nothing is wrong: the check is then said to be skipped.
"""

from __future__ import annotations

import json
import re
import subprocess  # nosec B404
import sys
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
SECONDS: Final = 90.0
"""For all files together."""

ACCEPTED: Final[dict[str, str]] = {}
"""Ids of holes that do not concern the hub, and why."""


UNREACHABLE: Final = re.compile(
    r"requests\.exceptions\.(ConnectionError|ConnectTimeout|ProxyError|ReadTimeout|SSLError|ChunkedEncodingError)\b"
    r"|requests\.exceptions\.HTTPError: 5\d\d "
    r"|ConnectionError: (Could not connect to|PyPI is not redirecting)"
)
"""How pip-audit's own complaint says that its service was not there; anything else it dies of is its fault, or ours."""


def main() -> int:
    """0 nothing known, or nobody to ask · 1 a requirement has a hole, or nothing could be found out though somebody was there."""
    files = sorted((ROOT / "requirements").glob("*.txt"))
    hashed = [file for file in files if "--hash=" in file.read_text()]
    if not hashed:
        return broken("there are no requirements with hashes to look up")
    command = [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", "--format=json"]
    command += ["--progress-spinner=off", "--timeout=10", *(f"--requirement={file}" for file in hashed)]
    return look_up(command, SECONDS)


def look_up(command: list[str], seconds: float) -> int:
    """Run pip-audit and judge what it says; as `main`."""
    try:
        done = subprocess.run(  # nosec B603 # noqa: S603 - our own tool on our own files
            command, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return skipped(f"no answer within {seconds:.0f} s")
    try:
        dependencies = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        said = done.stderr.strip()
        last = said.splitlines()[-1][:200] if said else "it said nothing"
        if UNREACHABLE.search(said):
            return skipped(last)
        return broken(f"pip-audit ended with {done.returncode}: {last}")
    if not dependencies:
        return broken("pip-audit looked nothing up")
    return judge(dependencies)


def judge(dependencies: list[dict[str, Any]]) -> int:
    """The verdict on pip-audit's list, said aloud."""
    known = [one for one in dependencies if "skip_reason" not in one]
    holes = [
        f"{one['name']} {one['version']}: {hole['id']}, fixed in {', '.join(hole['fix_versions']) or 'no version yet'}"
        for one in known
        for hole in one["vulns"]
        if not {hole["id"], *hole["aliases"]} & set(ACCEPTED)
    ]
    if holes:
        say("requirements with known holes; run `make requirements ARGS=--upgrade`:\n  " + "\n  ".join(holes))
        return 1
    if not known:
        return skipped(f"nobody in reach knows any of the {len(dependencies)} requirements")
    unknown = len(dependencies) - len(known)
    say(f"{len(known)} requirements without a known hole" + (f"; nothing is known of {unknown}" if unknown else ""))
    return 0


def skipped(why: str) -> int:
    """Say that nothing was found out."""
    say(f"SKIPPED, requirements were not looked up: {why}")
    return 0


def broken(why: str) -> int:
    """Say that the check itself does not work."""
    say(f"FAILED, requirements were not looked up: {why}")
    return 1


def say(text: str) -> None:
    """One message."""
    sys.stderr.write(f"audit: {text}\n")


if __name__ == "__main__":
    sys.exit(main())
