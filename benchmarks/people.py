"""Somebody to measure as: an admin made by the command, and their token."""

from __future__ import annotations

import http.client
import json
from typing import Any

from medianest_hub.testing.hub import HubProcess

NAME, PASSWORD = "bench", "a password for benchmarks only"


def admin_token(hub: HubProcess) -> str:
    """Make the admin once and sign in."""
    hub.command("users", "create", NAME, "--role", "admin", "--password-stdin", stdin=PASSWORD)
    answer = call(hub, "POST", "/api/v1/auth/login", {"username": NAME, "password": PASSWORD})
    token: str = answer["access_token"]
    return token


def call(hub: HubProcess, method: str, path: str, body: object = None, token: str = "") -> Any:
    """One JSON call; raises `RuntimeError` unless it went well."""
    connection = http.client.HTTPConnection(hub.url.removeprefix("http://"), timeout=30)
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    connection.request(method, path, json.dumps(body) if body is not None else None, headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    if answer.status >= 300:
        raise RuntimeError(f"{method} {path} answered {answer.status}: {content[:500]!r}")
    return json.loads(content) if content else {}
