"""A child for the supervisor to look after: does the next of its acts each time it is started; a script.

`stand_in.py ROLE ACT...`; the last act repeats. It notes each start, with its process id, in `<data_dir>/starts-ROLE`.
"""

import http.server
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import NoReturn
from urllib.parse import parse_qs, urlsplit

DATA = Path(os.environ["MEDIANEST_DATA_DIR"])


class Ready(http.server.BaseHTTPRequestHandler):
    """Ready once both embedded servers take connections."""

    def do_GET(self) -> None:
        self.send_response(200 if all(map(connects, addresses())) else 503)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


def addresses() -> list[str]:
    database = parse_qs(urlsplit(os.environ["MEDIANEST_DATABASE__URL"]).query)["host"][0]
    return [f"{database}/.s.PGSQL.5432", urlsplit(os.environ["MEDIANEST_REDIS__URL"]).path]


def connects(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(path)
        except OSError:
            return False
    return True


def serve(role: str) -> NoReturn:
    if role == "web":
        server = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["MEDIANEST_SERVER__PORT"])), Ready)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    (DATA / f"up-{role}").write_text(str(os.getpid()))
    while True:
        signal.pause()


def act(role: str, name: str) -> None:
    name, _, value = name.partition(":")
    journal = Path(os.environ["MEDIANEST_LOADING_JOURNAL"])
    if name == "exit":
        sys.exit(int(value))
    if name == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "import-exits":
        journal.write_text(value)
        os._exit(0)
    if name == "import-hangs":
        journal.write_text(value)
        while True:
            time.sleep(60)
    if name == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if name == "orderly":
        signal.signal(signal.SIGTERM, lambda *_: ((DATA / f"orderly-{role}").touch(), sys.exit(0)))
    if name == "leaves-child" and os.fork() == 0:
        (DATA / "left-child").write_text(str(os.getpid()))
        signal.pause()
    serve(role)


def main() -> None:
    role, *acts = sys.argv[1:]
    starts = DATA / f"starts-{role}"
    done = len(starts.read_text().splitlines()) if starts.exists() else 0
    with starts.open("a") as file:
        file.write(f"{os.getpid()}\n")
    if role == "migrate" and not all(map(connects, addresses())):
        sys.exit("migrate was started before the servers were ready")
    act(role, acts[min(done, len(acts) - 1)])


main()
