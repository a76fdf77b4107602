"""The HTTP side of the media simulator: paths, ranges, pages, and answers sent as their plan says."""

from __future__ import annotations

import contextlib
import json
import mimetypes
import os
import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

from .faults import Plan, apply
from .library import SECONDS, media_folder, padded

_TYPES = {".m3u8": "application/vnd.apple.mpegurl", ".mpd": "application/dash+xml", ".ts": "video/mp2t",
          ".m4s": "video/iso.segment", ".vtt": "text/vtt", ".m4a": "audio/mp4", ".mp4": "video/mp4"}  # fmt: skip
_MANIFESTS = (".m3u8", ".mpd", ".html", ".rss")
_PIECE = 64 * 1024


class MediaServer(ThreadingHTTPServer):
    """Serves on 127.0.0.1, one thread a connection; `requests` is the log tests read."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, port: int = 0, host: str = "127.0.0.1", cache: Path | None = None) -> None:
        self.folder = media_folder(cache)
        self.requests: list[dict[str, str]] = []
        self.serials: Counter[str] = Counter()
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        super().__init__((host, port), Handler)

    @property
    def url(self) -> str:
        """The root, without a trailing slash."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def clip(self, faults: str = "", key: str = "-", path: str = "media/clip.mp4") -> str:
        """The address of a file, with faults when given; `key` keeps the counts of two tests apart."""
        return f"{self.url}/fault/{faults}/{key}/{path}" if faults else f"{self.url}/{path}"

    def serial(self, name: str) -> int:
        """How often this was asked for before."""
        with self.lock:
            self.serials[name] += 1
            return self.serials[name] - 1

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is what the tests are about: nothing to print."""

    @contextlib.contextmanager
    def running(self) -> Iterator[MediaServer]:
        """Serve in a thread until the block ends."""
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.stopping.set()
            self.shutdown()
            self.server_close()
            thread.join()


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: MediaServer

    def log_message(self, format: str, *args: object) -> None:
        """The log is `MediaServer.requests`."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path).lstrip("/")
        if path == "_requests":
            self._send(Plan(None, 0, text=json.dumps(self.server.requests).encode(), content_type="application/json"))
            return
        with self.server.lock:
            self.server.requests.append(
                {"method": self.command, "path": path, "range": self.headers.get("Range", ""),
                 "if_range": self.headers.get("If-Range", ""), "host": self.headers.get("Host", "")}
            )  # fmt: skip
        faults, key = "", ""
        if match := re.fullmatch(r"fault/([^/]+)/([^/]+)/(.+)", path):
            faults, key, path = match[1], match[2], match[3]
        serial = self.server.serial(f"{key}/{path}") if self.command == "GET" else 0
        plan = self._plan(path, serial)
        if faults and not path.endswith(_MANIFESTS):
            apply(faults, plan, path)
        self._send(plan)

    def _plan(self, path: str, serial: int) -> Plan:
        kind, _, name = path.partition("/")
        if kind == "media" and (size := re.fullmatch(r"padded-(\d+)\.mp4", name)):
            return Plan(padded(self.server.folder, int(size[1])), serial)
        if kind == "media":
            file = (self.server.folder / name).resolve()
            if file.is_relative_to(self.server.folder.resolve()) and file.is_file():
                return Plan(file, serial)
        if kind == "page":
            return Plan(None, serial, text=self._page(name), content_type="text/html; charset=utf-8")
        if kind == "feed":
            return Plan(None, serial, text=self._feed(), content_type="application/rss+xml")
        if kind == "evil-hls":
            return Plan(None, serial, text=self._evil_hls(name), content_type=_TYPES[".m3u8"])
        return Plan(None, serial, status=404, text=b"not here\n", content_type="text/plain")

    def _page(self, name: str) -> bytes:
        stem = name.removesuffix(".html")
        return (
            f'<!doctype html><html><head><title>Film {stem}</title><meta property="og:title" content="Film {stem}">'
            f'<meta property="og:image" content="{self.server.url}/media/poster.jpg"></head><body>'
            f'<video poster="/media/poster.jpg"><source src="/media/clip.mp4" type="video/mp4"></video></body></html>'
        ).encode()

    def _feed(self) -> bytes:
        items = "".join(
            f"<item><title>Part {n}</title><link>{self.server.url}/media/clip.mp4?part={n}</link></item>"
            for n in range(3)
        )
        return f'<?xml version="1.0"?><rss version="2.0"><channel><title>Parts</title>{items}</channel></rss>'.encode()

    def _evil_hls(self, target: str) -> bytes:
        """A playlist whose second segment is at `target` (`host:port`, then `/x.m3u8`, which is dropped)."""
        host = target.split("/")[0]
        return (
            f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-PLAYLIST-TYPE:VOD\n"
            f"#EXTINF:2.0,\n/media/hls/v144_000.ts\n#EXTINF:2.0,\nhttp://{host}/media/hls/v144_001.ts\n#EXT-X-ENDLIST\n"
        ).encode()

    def _send(self, plan: Plan) -> None:
        if plan.hang:
            self._wait_for_the_end()
            return
        total = plan.source.stat().st_size if plan.source else len(plan.text)
        start, end = 0, total
        status = plan.status
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        etag = f'"{plan.source.name}-{total}{plan.tag}"' if plan.source else ""
        if wanted and plan.ranges and plan.source and self.headers.get("If-Range", etag) == etag:
            start, end, status = int(wanted[1]), min(int(wanted[2] or total - 1) + 1, total), 206
            if start >= total:
                start, end, status = 0, 0, 416
        self.send_response(status)
        self._send_headers(plan, etag, status, start, end, total)
        if self.command == "HEAD" or status == 416:
            return
        with contextlib.suppress(ConnectionError, TimeoutError):
            self._send_body(plan, start, end)

    def _send_headers(self, plan: Plan, etag: str, status: int, start: int, end: int, total: int) -> None:
        suffix = plan.source.suffix if plan.source else ""
        kind = plan.content_type or _TYPES.get(suffix) or mimetypes.guess_type(f"x{suffix}")[0]
        self.send_header("Content-Type", kind or "application/octet-stream")
        if plan.ranges:
            self.send_header("Accept-Ranges", "bytes")
        if plan.source and plan.validators:
            self.send_header("ETag", etag)
            self.send_header("Last-Modified", self.date_time_string(int(plan.source.stat().st_mtime)))
        if status in (206, 416):
            self.send_header(
                "Content-Range", f"bytes {start}-{end - 1}/{total}" if status == 206 else f"bytes */{total}"
            )
        if plan.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(int((end - start) * plan.length_factor)))
        for name, value in plan.headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _send_body(self, plan: Plan, start: int, end: int) -> None:
        if plan.length_factor != 1.0 or plan.stop_at is not None:
            self.close_connection = True
        stop = start + int((end - start) * plan.stop_at) if plan.stop_at is not None else end
        plain = not (plan.chunked or plan.rate or plan.endless)
        if plan.source and plain:
            with plan.source.open("rb") as file:
                if stop > start:
                    self.connection.sendfile(file, start, stop - start)
        else:
            for piece in self._pieces(plan, start, stop):
                self._pace(plan, len(piece))
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if plan.chunked else piece)
                if self.server.stopping.is_set():
                    return
            if plan.chunked:
                self.wfile.write(b"0\r\n\r\n")
        if plan.stop_at is not None and plan.stop == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())
        elif plan.stop_at is not None and plan.stop == "hang":
            self._wait_for_the_end()

    def _pieces(self, plan: Plan, start: int, stop: int) -> Iterator[bytes]:
        size = _PIECE if plan.rate is None else max(1, min(_PIECE, int(plan.rate / 20)))
        if plan.source is None:
            yield plan.text[start:stop]
            return
        with plan.source.open("rb") as file:
            file.seek(start)
            while start < stop and (piece := file.read(min(size, stop - start))):
                start += len(piece)
                yield piece
        while plan.endless:
            yield bytes(size)

    def _pace(self, plan: Plan, sent: int) -> None:
        if plan.rate:
            self.server.stopping.wait(sent / plan.rate)

    def _wait_for_the_end(self) -> None:
        """Say nothing more until the client goes away or the server stops."""
        self.close_connection = True
        self.connection.settimeout(0.2)
        until = time.monotonic() + 600
        while not self.server.stopping.is_set() and time.monotonic() < until:
            try:
                if not self.connection.recv(4096):
                    return
            except TimeoutError:
                continue
            except OSError:
                return


__all__ = ["SECONDS", "MediaServer"]
