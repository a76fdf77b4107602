"""A web server that means harm: a page per path, which may answer differently each time it is asked."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

Answer: TypeAlias = tuple[int, Mapping[str, str], bytes]


class HostileServer(ThreadingHTTPServer):
    """On 127.0.0.1. `pages` maps a path to `(method, how many GETs before) -> (status, headers, body)`."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        self.pages: dict[str, Callable[[str, int], Answer]] = {}
        self.gets: Counter[str] = Counter()
        self.seen: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        """The root, without a trailing slash."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def serve(self, path: str, body: bytes, content_type: str, status: int = 200, **headers: str) -> str:
        """The same answer each time; returns the address."""
        own = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages[path] = lambda method, before: (status, {"Content-Type": content_type, **own}, body)
        return f"{self.url}{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that leave are expected."""

    @contextlib.contextmanager
    def running(self) -> Iterator[HostileServer]:
        """Serve in a thread until the block ends."""
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.shutdown()
            self.server_close()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HostileServer

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = self.path.partition("?")[0]
        self.server.seen.append(self.path)
        before = self.server.gets[path]
        self.server.gets[path] += self.command == "GET"
        page = self.server.pages.get(path)
        status, headers, body = page(self.command, before) if page else (404, {"Content-Type": "text/plain"}, b"no\n")
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), "Connection": "close", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = True
        if self.command != "HEAD":
            with contextlib.suppress(ConnectionError):
                self.wfile.write(body)
