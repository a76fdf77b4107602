"""A small HTTP port on this machine alone, by which whoever tries the demo turns the services' knobs."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from tests.demo.service import NotHere, Service


@contextmanager
def control_port(services: Sequence[Service]) -> Iterator[str]:
    """Its address, without a trailing slash, until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler({one.knobs: one for one in services}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="demo-control")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def answer(services: dict[str, Service], method: str, path: str) -> tuple[int, str]:
    """Status and text of one request."""
    parts = [unquote(part) for part in urlsplit(path).path.strip("/").split("/")]
    service = services.get(parts[0])
    try:
        match (method, parts[1:]):
            case ("GET", []) if service is not None:
                return 200, service.look()
            case ("POST", [what, how]) if service is not None:
                return 200, service.turn(what, how)
    except NotHere as error:
        return 404, str(error)
    return 404, f"GET one of these: {', '.join(f'/{name}' for name in services)}; POST /<one>/<name>/<what>"


def _handler(services: dict[str, Service]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(*answer(services, "GET", self.path))

        def do_POST(self) -> None:
            self._say(*answer(services, "POST", self.path))

        def _say(self, status: int, text: str) -> None:
            body = f"{text}\n".encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: what was done stands in the answer."""

    return Handler
