"""Known secrets are planted everywhere a hub takes one; then all of it is used, and nothing it says or keeps holds one."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest
import redis
import socketio

from medianest_hub.infrastructure.data_dir import DataDir
from medianest_hub.testing.hub import HubClient, HubProcess, free_port, run_hub
from tests.e2e.processes_of_a_hub import family

DEAD = f"http://127.0.0.1:{free_port()}"
"""Nobody listens there: what says why a service cannot be reached must not say with what it was tried."""

SETTINGS = {
    "secret_key": "planted-secret-key-4b1f6a02d9c87e35",
    "metrics": {"token": "planted-metrics-token-91c2"},
    "auth": {
        "newcomers": "auto",
        "oidc": {"issuer": DEAD, "client_id": "medianest", "client_secret": "planted-oidc-secret-77aa"},
    },
    "plugins": {"plex": {"url": DEAD, "plex_tv_url": DEAD, "token": "planted-plex-token-52fe", "enabled": "true"}},
    "log": {"level": "debug", "format": "json"},
}
PASSWORDS = {
    "ada": "planted password of ada 3371",
    "mia": "planted password of mia 8812",
    "mia later": "planted later password of mia 5120",
    "wrong": "planted wrong password 6604",
    "invited": "planted password of the invited 9043",
}


def planted() -> dict[str, str]:
    """What nobody may ever be shown, by where it was planted."""
    return {
        "secret_key": "planted-secret-key-4b1f6a02d9c87e35",
        "metrics.token": "planted-metrics-token-91c2",
        "auth.oidc.client_secret": "planted-oidc-secret-77aa",
        "plugins.plex.token": "planted-plex-token-52fe",
        **{f"password {name}": password for name, password in PASSWORDS.items()},
    }


class Listener:
    """Calls the hub and keeps every answer, but those that hand something out once, which by design show it."""

    def __init__(self, client: HubClient, heard: list[bytes], issued: dict[str, str]) -> None:
        self.client = client
        self.heard = heard
        self.issued = issued

    async def call(self, method: str, path: str, *, issues: dict[str, str] | None = None, **more: Any) -> Any:
        """`issues`: name of a secret → the answer's field that holds it; that one answer is not kept."""
        reply = await self.client.request(method, path, **more)
        if not issues:
            self.heard.append(f"{reply.status} {dict(reply.headers)}".encode() + reply.body)
            return reply
        assert reply.status in (200, 201), (path, reply.status, reply.body)
        content = reply.json()
        for name, field in issues.items():
            # A link holds the secret behind its `#`.
            self.issued[name] = str(content[field]).rpartition("#")[2]
        return reply


@pytest.fixture
def process(short_folder: Path) -> Iterator[HubProcess]:
    with run_hub(short_folder, SETTINGS) as hub:
        for name, role in (("ada", "admin"), ("mia", "member")):
            hub.command("users", "create", name, "--role", role, "--password-stdin", stdin=PASSWORDS[name])
        yield hub


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


async def sign_in(stranger: Listener, name: str) -> HubClient:
    credentials = {"username": name, "password": PASSWORDS[name], "client": "native"}
    issues = {f"access token of {name}": "access_token", f"refresh token of {name}": "refresh_token"}
    reply = await stranger.call("POST", "/api/v1/auth/login", json=credentials, issues=issues)
    return HubClient(stranger.client._session, stranger.client.url, reply.json()["access_token"])


async def use_everything(hub: HubProcess, session: aiohttp.ClientSession, issued: dict[str, str]) -> list[bytes]:
    """Drive what handles secrets, the ways that fail too, then read all there is to be read."""
    heard: list[bytes] = []
    stranger = Listener(HubClient(session, hub.url), heard, issued)
    ada = Listener(await sign_in(stranger, "ada"), heard, issued)
    mia = Listener(await sign_in(stranger, "mia"), heard, issued)
    await people_and_keys(stranger, ada, mia, issued)
    await failures(stranger, ada)
    document = (await ada.call("GET", "/api/openapi.json")).json()
    values = {"name": "plex", "widget": "youtube.main.downloads"}
    for path, operations in document["paths"].items():
        for method in operations:
            if method == "get":
                for who in (stranger, mia, ada):
                    await who.call("GET", fill(path, values))
    await ada.call("GET", "/api/v1/plugins/vault/diagnostics")
    client = socketio.AsyncClient(reconnection=False)
    client.on("*", lambda event, *data: heard.append(f"{event} {data}".encode()))
    await client.connect(hub.url, auth={"token": ada.client.token}, transports=["websocket"])
    await client.disconnect()
    heard.append(await scrape(session, hub.url))
    heard.append(await scrape(session, hub.worker_url))
    return heard


def fill(path: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", value)
    return path.replace("{id}", "018f0000-0000-7000-8000-000000000000").replace("{", "").replace("}", "")


async def people_and_keys(stranger: Listener, ada: Listener, mia: Listener, issued: dict[str, str]) -> None:
    """Everything that is handed out once, and what it is good for."""
    await ada.call("POST", "/api/v1/invites", json={"role": "member"}, issues={"invite": "url"})
    await stranger.call("POST", "/api/v1/invites/look", json={"token": issued["invite"]})
    accepted = {"token": issued["invite"], "username": "ivo", "password": PASSWORDS["invited"], "client": "native"}
    await stranger.call("POST", "/api/v1/invites/accept", json=accepted, issues={"access token of ivo": "access_token"})
    person = (await mia.call("GET", "/api/v1/users/me")).json()["id"]
    await ada.call("POST", f"/api/v1/users/{person}/password-link", issues={"password link": "url"})
    reset = {"token": issued["password link"], "password": PASSWORDS["mia later"], "client": "native"}
    assert (await stranger.call("POST", "/api/v1/auth/password/reset", json=reset)).status < 300
    key = {"name": "script", "permissions": ["hub.signed_in"]}
    await ada.call("POST", "/api/v1/api-keys", json=key, issues={"API key": "key"})
    by_key = Listener(HubClient(ada.client._session, ada.client.url, issued["API key"]), ada.heard, issued)
    assert (await by_key.call("GET", "/api/v1/auth/session")).status == 200
    issues = {"renewed access token": "access_token", "renewed refresh token": "refresh_token"}
    refresh = {"refresh_token": issued["refresh token of ada"]}
    await stranger.call("POST", "/api/v1/auth/refresh", json=refresh, issues=issues)
    issued["a provider's own secret"] = "planted-oidc-code-2c5d"
    await stranger.call("POST", "/api/v1/auth/oidc/start", json={"client": "native"})
    answer = {"code": issued["a provider's own secret"], "state": "x"}
    await stranger.call("POST", "/api/v1/auth/oidc/complete", json={"answer": answer, "attempt": "planted-attempt-0a"})
    await stranger.call("POST", "/api/v1/auth/plex/start", json={"client": "native"})


async def failures(stranger: Listener, ada: Listener) -> None:
    """Secrets where they do not belong: in the wrong field, the wrong type, the wrong place, the address."""
    wrong, key = PASSWORDS["wrong"], SETTINGS["secret_key"]
    for body in (
        {"username": "ada", "password": wrong},
        {"username": wrong, "password": wrong},
        {"username": "ada", "password": {"nested": wrong}},
        {"username": "ada", "password": wrong, "unknown": wrong},
        [wrong],
    ):
        await stranger.call("POST", "/api/v1/auth/login", json=body)
    await stranger.call("POST", "/api/v1/auth/login", data=f'{{"password": "{wrong}"'.encode())
    await stranger.call("POST", "/api/v1/setup", json={"token": wrong, "username": "eve", "password": wrong})
    await stranger.call("POST", "/api/v1/auth/password/reset", json={"token": wrong, "password": wrong})
    for header in (f"Bearer {wrong}", f"Bearer mn_{key}", f"Basic {wrong}"):
        await stranger.call("GET", "/api/v1/auth/session", headers={"Authorization": header})
    await stranger.call("GET", f"/api/v1/hooks/plex/events/{wrong.replace(' ', '-')}")
    settings = {"settings": {"url": DEAD, "token": "planted-plex-token-52fe", "nonsense": wrong}}
    await ada.call("PUT", "/api/v1/plugins/plex/settings", json=settings)
    await ada.call("POST", "/api/v1/plugins/plex/settings/test", json=settings)


async def scrape(session: aiohttp.ClientSession, url: str) -> bytes:
    headers = {"Authorization": f"Bearer {planted()['metrics.token']}"}
    async with session.get(f"{url}/metrics", headers=headers) as answer:
        assert answer.status == 200
        return await answer.read()


async def database(hub: HubProcess) -> bytes:
    """Every row of every table, as text."""
    url = DataDir(hub.folder / "data").addresses()["MEDIANEST_DATABASE__URL"]
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        rows = [
            await connection.fetch(f'SELECT t::text AS row FROM "{schema}"."{table}" t') for schema, table in tables
        ]
    finally:
        await connection.close()
    return "\n".join(row["row"] for some in rows for row in some).encode()


def cache(hub: HubProcess) -> bytes:
    """Every key and value of Valkey."""
    said: list[bytes] = []
    with redis.Redis.from_url(DataDir(hub.folder / "data").addresses()["MEDIANEST_REDIS__URL"]) as client:
        for key in client.scan_iter():
            said += [key, client.dump(key) or b""]
    return b"\n".join(said)


def command_lines(hub: HubProcess) -> bytes:
    return "\n".join(" ".join(one.cmdline()) for one in family(hub)).encode()


def operators_view(hub: HubProcess) -> bytes:
    """What the commands print for an operator to read, or to paste into a forum."""
    commands = (("config", "show"), ("plugins", "list"), ("plugins", "settings", "plex"), ("users", "list"))
    ended: list[subprocess.CompletedProcess[str]] = [hub.command(*words, check=False) for words in commands]
    return "\n".join(one.stdout + one.stderr for one in ended).encode()


@pytest.mark.timeout(180)
async def test_no_planted_secret_is_said_or_kept_anywhere(process: HubProcess, session: aiohttp.ClientSession) -> None:
    issued: dict[str, str] = {}
    heard = await use_everything(process, session, issued)
    places = {
        "answers and events": b"\n".join(heard),
        "logs": process.log.encode(),
        "process arguments": command_lines(process),
        "commands": await asyncio.to_thread(operators_view, process),
        "database": await database(process),
        "cache": cache(process),
    }
    assert len(heard) > 100
    assert b"wrong_credentials" in places["answers and events"]
    assert b"ivo" in places["database"]
    assert b"request" in places["logs"]
    secrets = {**planted(), **issued}
    assert len(secrets) > 15
    found = [
        f"{name} in {place}: …{content[max(0, at - 200) : at + 20]!r}"
        for place, content in places.items()
        for name, secret in secrets.items()
        if (at := content.find(secret.encode())) >= 0
    ]
    assert not found, "\n".join(found)
