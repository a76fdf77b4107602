"""Asks before start whether an address can be listened on, and a web process whether it is ready; holds no socket."""

from __future__ import annotations

import errno
import http.client
import os
import socket

from medianest_hub.infrastructure.exits import OperatorError


def check_free(host: str, port: int, section: str) -> None:
    """`OperatorError` when `host:port`, set by `<section>.host` and `.port`, is taken or not ours to take."""
    where = f"{section}.port {port} on {section}.host {host}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a connection that lingers is no listener
            probe.bind(address)
            probe.listen()
    except socket.gaierror as error:
        raise OperatorError(f"{section}.host {host} is not known here: {error.strerror}") from error
    except OSError as error:
        variable = f"MEDIANEST_{section.upper()}__PORT"
        if error.errno == errno.EADDRINUSE:
            raise OperatorError(
                f"{where} is taken by another program; stop it, or choose another ({variable})"
            ) from error
        raise OperatorError(f"{where} cannot be listened on: {os.strerror(error.errno or 0)} ({variable})") from error


def reachable(host: str) -> str:
    """Where this machine reaches what listens on `host`: a wildcard is no address to connect to."""
    return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # nosec B104 # noqa: S104


def web_address(host: str, port: int) -> str:
    """The address as a browser on this machine takes it."""
    name = reachable(host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def answers_ready(host: str, port: int, timeout: float = 1.0) -> bool:
    """Whether `GET /api/health/ready` there says 200 now."""
    connection = http.client.HTTPConnection(reachable(host), port, timeout=timeout)
    try:
        connection.request("GET", "/api/health/ready")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
