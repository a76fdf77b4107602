"""A real OpenID Connect provider (Canaille, from PyPI) with people and one client, and somebody who signs in at it."""

from __future__ import annotations

import asyncio
import html
import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import aiohttp

from medianest_hub.infrastructure import processes
from medianest_hub.testing.hub import free_port

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery staple"
CLIENT_ID = "medianest"
CLIENT_SECRET = "the-secret-of-the-client"

_INPUT = re.compile(r"<input\b[^>]*>", re.DOTALL)
_ATTRIBUTE = re.compile(r'\b(name|value|type)="([^"]*)"')


def environment() -> Path:
    """The provider's own environment, made where it is not there yet."""
    subprocess.run([ROOT / "scripts" / "oidc-provider"], check=True, timeout=100)
    return ROOT / ".cache" / "oidc-provider" / "bin"


class OidcServer:
    """One provider. `people` maps names to their groups; everybody's address is `<name>@example.org`."""

    def __init__(self, folder: Path, redirect_uri: str, people: Mapping[str, list[str]]) -> None:
        self._folder = folder
        self._bin = environment()
        self._port = free_port()
        self._issued = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{self._port}"
        (folder / "canaille.toml").write_text(self._settings())
        self._command("install")
        self._command("restore", stdin=json.dumps(_household(redirect_uri, people)))

    def start(self) -> None:
        """Serve, and return once it answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = processes.spawn(
                [str(self._bin / "canaille"), "run", "--bind", f"127.0.0.1:{self._port}", "--workers", "1"],
                death_signal=signal.SIGTERM,
                env=self._environment(),
                output=log.fileno(),
                cwd=str(self._folder),
            )
        limit = time.monotonic() + 40
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > limit:
                raise RuntimeError((self._folder / "log").read_text()[-3000:])
            time.sleep(0.05)

    def stop(self) -> None:
        """End it; its people stay."""
        if self._process is not None:
            processes.stop(self._process, (signal.SIGTERM, 5.0))
            self._process = None

    async def another_second(self) -> None:
        """Wait for the clock: this provider issues one person the same token twice within a second, and trips over that."""
        while int(time.time()) == self._issued:
            await asyncio.sleep(0.02)
        self._issued = int(time.time())

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/.well-known/openid-configuration", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
        return {**kept, "CANAILLE_CONFIG": str(self._folder / "canaille.toml")}

    def _command(self, *words: str, stdin: str = "") -> None:
        done = subprocess.run(
            [self._bin / "canaille", *words],
            env=self._environment(), cwd=self._folder, input=stdin, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError(f"canaille {' '.join(words)}: {done.stdout[-2000:]}{done.stderr[-3000:]}")

    def _settings(self) -> str:
        key = _new_key()
        pairs = ", ".join(f'{name} = "{value}"' for name, value in key.items())
        return f"""
SECRET_KEY = "of no importance to anybody"
SERVER_NAME = "127.0.0.1:{self._port}"
PREFERRED_URL_SCHEME = "http"
[CANAILLE]
JAVASCRIPT = false
HTMX = false
[CANAILLE_SQL]
DATABASE_URI = "sqlite:///{self._folder}/canaille.sqlite"
[CANAILLE_OIDC]
ACTIVE_JWKS = [{{{pairs}}}]
TRUSTED_DOMAINS = ["hub.example"]
[CANAILLE_OIDC.USERINFO_MAPPING]
SUB = "{{{{ user.id }}}}"
"""


def _new_key() -> dict[str, str]:
    from joserfc.jwk import RSAKey

    return {name: str(value) for name, value in RSAKey.generate_key(2048, auto_kid=True).as_dict(private=True).items()}


def _household(redirect_uri: str, people: Mapping[str, list[str]]) -> dict[str, list[dict[str, Any]]]:
    """What `canaille restore` takes."""
    at = "2026-01-01T00:00:00+00:00"
    groups = sorted({group for names in people.values() for group in names})
    users = [
        {
            "id": f"id-of-{name}", "created": at, "last_modified": at, "user_name": name, "password": PASSWORD,
            "family_name": name.title(), "given_name": name.title(), "formatted_name": name.title(),
            "display_name": name, "emails": [f"{name}@example.org"],
        }
        for name in people
    ]  # fmt: skip
    client = {
        "id": "the-client", "created": at, "last_modified": at, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
        "client_name": "MediaNest", "client_uri": "http://hub.example", "redirect_uris": [redirect_uri],
        "token_endpoint_auth_method": "client_secret_basic", "grant_types": ["authorization_code"],
        "response_types": ["code"], "scope": ["openid", "profile", "email", "groups"], "audience": ["the-client"],
    }  # fmt: skip
    return {
        "user": users,
        "group": [
            {"id": f"id-of-{group}", "created": at, "last_modified": at, "display_name": group,
             "members": [f"id-of-{name}" for name, names in people.items() if group in names]}
            for group in groups
        ],
        "client": [client],
    }  # fmt: skip


class Browser:
    """Somebody at the provider's pages: follows redirects, fills in forms, and stops where the way leads back to the hub."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def __aenter__(self) -> Browser:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def sign_in(
        self, url: str, back: str, name: str, password: str = PASSWORD, consent: str = "accept"
    ) -> dict[str, str]:
        """Sign in at `url` until it sends us to `back`; what came back in the query."""
        filled: dict[str, str] | None = None
        for _ in range(12):
            async with self._session.request(
                "GET" if filled is None else "POST", url, data=filled, allow_redirects=False
            ) as page:
                text, status, location = await page.text(), page.status, page.headers.get("Location")
            if location is not None:
                url, filled = urljoin(url, location), None
                if url.startswith(back):
                    return dict(parse_qsl(urlsplit(url).query))
                continue
            assert status == 200, f"{url}: {status} {text[:2000]}"
            filled = _fields(text) | {"login": name, "password": password, "answer": consent}
        raise AssertionError(f"the provider did not come to an end: {url} {text[:3000]}")


def _fields(page: str) -> dict[str, str]:
    """The hidden fields of the page's form."""
    found = [dict(_ATTRIBUTE.findall(tag)) for tag in _INPUT.findall(page)]
    return {one["name"]: html.unescape(one.get("value", "")) for one in found if one.get("type") == "hidden"}
