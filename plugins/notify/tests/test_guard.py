"""What the interpreter itself refuses once the guard is armed, each tried with and without it in a process of its own."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import ctypes, json, os, socket, sqlite3, subprocess, sys, syslog, tempfile
from medianest_notify.apprise_process.guard import Guard
from medianest_notify.network import NetworkRules

armed, folder, port = sys.argv[1] == "armed", sys.argv[2], int(sys.argv[3])
(listener := socket.socket(socket.AF_UNIX)).bind(f"{folder}/door")
listener.listen()

def connect(family, kind, where):
    with socket.socket(family, kind) as made:
        made.settimeout(5)
        made.connect(where)

def datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.sendto(b"x", ("127.0.0.1", port))

def served():
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))

def forked():
    if os.fork() == 0:
        os._exit(0)

TRIES = {
    "read": lambda: open("/etc/passwd").read(),
    "read by another name": lambda: open(f"{folder}/link").read(),
    "read up and down": lambda: open(f"{sys.prefix}/../../../../../../../../etc/passwd").read(),
    "list": lambda: os.listdir("/etc"),
    "write": lambda: open(f"{folder}/made", "w").close(),
    "write among our own": lambda: os.open(f"{sys.prefix}/made-by-a-test", os.O_WRONLY | os.O_CREAT),
    "remove": lambda: os.remove(f"{folder}/there"),
    "rename": lambda: os.rename(f"{folder}/other", f"{folder}/another"),
    "temporary": lambda: tempfile.NamedTemporaryFile(dir=folder),
    "program": lambda: subprocess.run(["/bin/true"], check=True),
    "shell": lambda: os.system("true") == 0 or 1 / 0,
    "fork": forked,
    "library": lambda: ctypes.CDLL(None),
    "database": lambda: sqlite3.connect(f"{folder}/db"),
    "log": lambda: syslog.syslog("x"),
    "local socket": lambda: connect(socket.AF_UNIX, socket.SOCK_STREAM, f"{folder}/door"),
    "tcp": lambda: connect(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port)),
    "tcp by name": lambda: connect(socket.AF_INET, socket.SOCK_STREAM, ("localhost", port)),
    "tcp by another way": lambda: socket.create_connection(("localhost", port), timeout=5).close(),
    "udp": lambda: connect(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", port)),
    "datagram": datagram,
    "serve": served,
}
guard = Guard(NetworkRules.read(sys.argv[4:]), [sys.prefix, sys.base_prefix])
if armed:
    guard.arm()
done = []
for name, attempt in TRIES.items():
    try:
        attempt()
    except PermissionError:
        continue
    done.append(name)
print(json.dumps(done))
"""
LASTING = {"write among our own"}
"""Would leave something behind, so it is not tried where it would work."""


def tried(folder: Path, port: int, armed: str, *openings: str) -> list[str]:
    """What could be done."""
    folder.mkdir()
    for name in ("there", "other"):
        (folder / name).touch()
    (folder / "link").symlink_to("/etc/passwd")
    program = (
        PROGRAM
        if armed == "armed"
        else "\n".join(line for line in PROGRAM.splitlines() if not any(f'"{name}"' in line for name in LASTING))
    )
    words = [sys.executable, "-W", "ignore", "-c", program, armed, str(folder), str(port), *openings]
    ran = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    done: list[str] = json.loads(ran.stdout.splitlines()[-1])
    return done


async def test_armed_it_lets_nothing_through_that_works_without(sinks, tmp_path):

    without = await asyncio.to_thread(tried, tmp_path / "a", sinks.port, "free")
    held = await asyncio.to_thread(tried, tmp_path / "b", sinks.port, "armed")
    allowed = await asyncio.to_thread(tried, tmp_path / "c", sinks.port, "armed", f"127.0.0.1:{sinks.port}")

    assert len(without) == 21
    assert held == []
    # By its address alone: a name given to the kernel would be looked up after the guard has looked.
    assert allowed == ["tcp", "tcp by another way"]
