"""Sends, or only reads, what the parent orders: one order a line, one answer a line. Says nothing of what services answered."""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import ssl
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from medianest_notify.apprise_process.guard import Guard
from medianest_notify.apprise_process.mailing import send_mail
from medianest_notify.apprise_process.noting import Watch
from medianest_notify.network import NetworkRules

_MEMORY: Final = 384 << 20
_FILES: Final = 64
_CONNECT_SECONDS: Final = 4.0
_READ_SECONDS: Final = 8.0
_PAUSE_SECONDS: Final = 0.3
_BUNDLE: Final = "medianest-trusted"


class Post:
    """All of Apprise this process needs, loaded before the guard is armed."""

    def __init__(self, start: dict[str, Any]) -> None:
        import apprise
        import certifi
        from apprise.manager_plugins import NotificationManager

        sys.dont_write_bytecode = True
        self._apprise = apprise
        self._most_seconds = int(start["most_seconds"])
        manager: Any = NotificationManager()  # type: ignore[no-untyped-call]
        manager.load_modules()
        manager.enable_only(*start["schemas"])
        self._services = tuple({manager[schema] for schema in start["schemas"]})
        for name in ("encodings.idna", "stringprep", "email.mime.text", "http.cookies", "zoneinfo", "queue"):
            importlib.import_module(name)
        self._asset = apprise.AppriseAsset(
            app_id="MediaNest Hub",
            app_desc="MediaNest Hub",
            app_url="",
            # Whoever reads a message would ask a stranger's server for a picture.
            image_url_mask="",
            image_url_logo="",
            async_mode=False,
            http_redirects=False,
            pgp_autogen=False,
            pem_autogen=False,
            allow_templates=False,
            storage_mode="memory",
            default_service_retry=0,
        )
        self._tls = ssl.create_default_context()
        trusted = _trust(certifi.where(), start["ca"], self._tls)
        self._watch = Watch()
        self._watch.install()
        readable = (sys.prefix, sys.base_prefix, *sys.path, *trusted, "/usr/share/zoneinfo", "/etc/localtime")
        self._guard = Guard(NetworkRules.read(start["openings"]), [root for root in readable if root])
        _confine()
        self._guard.arm()

    def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """The answer to one order, within its time or not at all."""
        signal.alarm(self._most_seconds)  # by which the kernel ends us, whatever hangs
        try:
            return self._send(order)
        except MemoryError:
            return {"outcome": "uncertain", "code": "no_answer"}
        finally:
            signal.alarm(0)

    def _send(self, order: dict[str, Any]) -> dict[str, Any]:
        if order["do"] == "mail":
            return send_mail(self._guard, order, self._tls)
        service = self._read(order["address"])
        if service is None:
            return {"outcome": "refused", "code": "bad_address"}
        if order["do"] == "read":
            return {"outcome": "readable"}
        notes = self._watch.begin()
        self._guard.begin()
        taken = service.notify(title=order["title"], body=order["body"], notify_type=self._apprise.NotifyType.INFO)
        # `taken` of Apprise alone is not enough: a redirection is none of its failures everywhere.
        return {"outcome": "delivered"} if taken and not notes.problems else notes.verdict(refused=self._guard.refused)

    def _read(self, address: str) -> Any | None:
        """Apprise's service for that address, or None; without what an address could ask of it besides."""
        self._guard.begin()
        try:
            service: Any = self._apprise.Apprise.instantiate(address, asset=self._asset)
        except Exception:
            # Apprise promises none; whatever it is, its words may repeat the address.
            return None
        if type(service) not in self._services:
            return None
        service.verify_certificate = True
        service.redirects = False
        service.socket_connect_timeout = _CONNECT_SECONDS
        service.socket_read_timeout = _READ_SECONDS
        # Apprise's pauses between two calls are for those who send thousands; ours are a handful, within a time.
        service.request_rate_per_sec = min(service.request_rate_per_sec, _PAUSE_SECONDS)
        return service


def _trust(public: str, ca: str, tls: ssl.SSLContext) -> list[str]:
    """Have the operator's CA trusted besides the public ones. Returns the files that are read for it."""
    if not ca:
        return [public]
    tls.load_verify_locations(cadata=ca)
    tls.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    with open(public, "rb") as known:
        bundle = known.read() + b"\n" + ca.encode()
    kept = os.memfd_create(_BUNDLE)
    os.write(kept, bundle)
    place = f"/proc/self/fd/{kept}"
    os.environ["REQUESTS_CA_BUNDLE"] = place
    return [public, place, os.path.realpath(place)]


def _confine() -> None:
    """What it needs and no more: an answer that never ends fills this process, not the machine."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    for which, wanted in ((resource.RLIMIT_DATA, _MEMORY), (resource.RLIMIT_NOFILE, _FILES)):
        _, hard = resource.getrlimit(which)
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(which, (most, most))


def _lines(stream: BinaryIO) -> Iterator[dict[str, Any]]:
    while line := stream.readline():
        yield json.loads(line)


def main() -> None:
    """Until the parent closes its end."""
    out = os.dup(1)
    os.dup2(2, 1)  # what others print must not get among our lines
    orders = _lines(sys.stdin.buffer)
    post = Post(next(orders))
    os.write(out, b'{"outcome": "ready"}\n')
    for order in orders:
        os.write(out, json.dumps(post.obey(order)).encode() + b"\n")


if __name__ == "__main__":
    main()
