"""Known secrets are planted everywhere a hub takes one; then all of it is used, and nothing it says or keeps holds one."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import replace
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import asyncpg
import pytest
import redis
import socketio

from medianest_hub.infrastructure.data_dir import DataDir
from medianest_hub.testing.hub import HubClient, HubProcess, Reply, free_port, run_hub
from tests.contract.vault_plugin import write_vault
from tests.e2e.listener import Listener
from tests.e2e.processes_of_a_hub import family
from tests.e2e.telling_plugin import PROVIDERS_TOKEN, STATE, write_bell
from tests.replicas import second_web

DEAD = f"http://127.0.0.1:{free_port()}"
"""Nobody listens there: what says why a service cannot be reached must not say with what it was tried."""

IN_SETTINGS = {
    "secret_key": "planted-secret-key-4b1f6a02d9c87e35",
    "metrics.token": "planted-metrics-token-91c2",
    "auth.oidc.client_secret": "planted-oidc-secret-77aa",
    "plugins.overseerr.api_key": "planted-overseerr-key-61be",
    "plugins.plex.token": "planted-plex-token-52fe",
    "plugins.vault.token": "planted-vault-token-d0c4",
    "database.url": "planted-database-password-6e1b",
    "redis.url": "planted-redis-password-2f77",
}
SETTINGS = {
    "secret_key": IN_SETTINGS["secret_key"],
    "metrics": {"token": IN_SETTINGS["metrics.token"]},
    "auth": {
        "newcomers": "auto",
        "oidc": {"issuer": DEAD, "client_id": "medianest", "client_secret": IN_SETTINGS["auth.oidc.client_secret"]},
    },
    "plugins": {
        "overseerr": {"url": DEAD, "api_key": IN_SETTINGS["plugins.overseerr.api_key"]},
        "plex": {"url": DEAD, "plex_tv_url": DEAD, "token": IN_SETTINGS["plugins.plex.token"], "enabled": "true"},
        "vault": {"address": "http://vault", "token": IN_SETTINGS["plugins.vault.token"]},
    },
    "log": {"level": "debug", "format": "json"},
}
PASSWORDS = {
    "ada": "planted password of ada 3371",
    "mia": "planted password of mia 8812",
    "mia later": "planted later password of mia 5120",
    "wrong": "planted wrong password 6604",
    "invited": "planted password of the invited 9043",
}
SAVED = "planted-saved-token-08bd"
"""Saved by an admin for a plugin at run time, where those above come from the environment."""

PLANTED = {
    **IN_SETTINGS,
    "saved setting": SAVED,
    "a provider's token for somebody": PROVIDERS_TOKEN,
    "a provider's own state": STATE,
    **{f"password {name}": password for name, password in PASSWORDS.items()},
}


@pytest.fixture
def process(short_folder: Path) -> Iterator[HubProcess]:
    write_vault(short_folder / "installed")
    write_bell(short_folder / "installed")
    with run_hub(short_folder, SETTINGS, environment={"PYTHONPATH": str(short_folder / "installed")}) as hub:
        yield hub


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


def with_passwords(hub: HubProcess) -> dict[str, str]:
    """The addresses of the hub's Postgres and Valkey with passwords in them. Postgres trusts its socket and ignores its own."""
    addresses = DataDir(hub.folder / "data").addresses()
    with redis.Redis.from_url(addresses["MEDIANEST_REDIS__URL"]) as client:
        client.acl_setuser(
            "hub", enabled=True, passwords=[f"+{PLANTED['redis.url']}"], keys="*", channels="*", commands=["+@all"]
        )
    database = urlsplit(addresses["MEDIANEST_DATABASE__URL"])
    user = (database.username or "postgres", database.netloc.rpartition("@")[2])
    return {
        "MEDIANEST_DATABASE__URL": database._replace(netloc=f"{user[0]}:{PLANTED['database.url']}@{user[1]}").geturl(),
        "MEDIANEST_REDIS__URL": addresses["MEDIANEST_REDIS__URL"].replace("://", f"://hub:{PLANTED['redis.url']}@", 1),
    }


def shut_out(hub: HubProcess) -> None:
    """Valkey no longer takes the password it took."""
    with redis.Redis.from_url(DataDir(hub.folder / "data").addresses()["MEDIANEST_REDIS__URL"]) as client:
        client.execute_command("ACL", "SETUSER", "hub", "resetpass", ">another")
        client.execute_command("CLIENT", "KILL", "USER", "hub")


async def first_admin(stranger: Listener, hub: HubProcess) -> None:
    """By the token that was printed for the operator."""
    (token,) = set(re.findall(r"/setup#token=([\w-]+)", hub.log))
    wrong = {"token": PASSWORDS["wrong"], "username": "eve", "password": PASSWORDS["wrong"]}
    await stranger.call("POST", "/api/v1/setup", 403, json=wrong)
    admin = {"token": token, "username": "ada", "password": PASSWORDS["ada"], "client": "native"}
    await stranger.call("POST", "/api/v1/setup", 201, json=admin, issues={"first access token": "access_token"})
    await stranger.call("POST", "/api/v1/setup", (403, 409, 410), json=admin)
    stranger.issued["set-up token"] = token
    hub.command("users", "create", "mia", "--role", "member", "--password-stdin", stdin=PASSWORDS["mia"])


async def sign_in(stranger: Listener, name: str) -> Listener:
    credentials = {"username": name, "password": PASSWORDS[name], "client": "native"}
    issues = {f"access token of {name}": "access_token", f"refresh token of {name}": "refresh_token"}
    reply = await stranger.call("POST", "/api/v1/auth/login", 200, json=credentials, issues=issues)
    return stranger.as_somebody(reply.json()["access_token"])


async def people_and_keys(stranger: Listener, ada: Listener, mia: Listener) -> None:
    """Everything that is handed out once, and what it is good for."""
    issued = stranger.issued
    await ada.call("POST", "/api/v1/invites", 201, json={"role": "member"}, issues={"invite": "url"})
    await stranger.call("POST", "/api/v1/invites/look", 200, json={"token": issued["invite"]})
    accepted = {"token": issued["invite"], "username": "ivo", "password": PASSWORDS["invited"], "client": "native"}
    issues = {"access token of ivo": "access_token"}
    await stranger.call("POST", "/api/v1/invites/accept", (200, 201), json=accepted, issues=issues)
    person = (await mia.call("GET", "/api/v1/users/me", 200)).json()["id"]
    await ada.call("POST", f"/api/v1/users/{person}/password-link", 201, issues={"password link": "url"})
    reset = {"token": issued["password link"], "password": PASSWORDS["mia later"], "client": "native"}
    await stranger.call(
        "POST",
        "/api/v1/auth/password/reset",
        200,
        json=reset,
        issues={"access token after the reset": "access_token", "refresh token after the reset": "refresh_token"},
    )
    key = {"name": "script", "permissions": ["hub.signed_in"]}
    await ada.call("POST", "/api/v1/api-keys", 201, json=key, issues={"API key": "key"})
    await stranger.as_somebody(issued["API key"]).call("GET", "/api/v1/auth/session", 200)
    issues = {"renewed access token": "access_token", "renewed refresh token": "refresh_token"}
    refresh = {"refresh_token": issued["refresh token of ada"]}
    await stranger.call("POST", "/api/v1/auth/refresh", 200, json=refresh, issues=issues)


async def browser(stranger: Listener) -> None:
    """The cookies of a browser, by a password and by a provider."""
    credentials = {"username": "ada", "password": PASSWORDS["ada"]}
    issues = {"access token in a browser": "access_token"}
    reply = await stranger.call("POST", "/api/v1/auth/login", 200, json=credentials, issues=issues)
    for turn in range(2):
        stranger.issued[f"refresh cookie {turn}"] = cookie = cookie_of(reply, "mn_refresh")
        headers = {"Cookie": f"mn_refresh={cookie}"}
        issues = {f"access token by cookie {turn}": "access_token"}
        reply = await stranger.call("POST", "/api/v1/auth/refresh", 200, headers=headers, issues=issues)
    stranger.issued["refresh cookie 2"] = cookie = cookie_of(reply, "mn_refresh")
    await stranger.call("POST", "/api/v1/auth/logout", 204, headers={"Cookie": f"mn_refresh={cookie}"})


async def providers(stranger: Listener, hub: HubProcess) -> None:
    """By a plugin's provider, well and ill; and two that are away."""
    started = await stranger.client.request("POST", "/api/v1/auth/bell/start", json={})
    assert started.status == 200, started.body
    stranger.issued["attempt cookie"] = attempt = cookie_of(started, "mn_attempt")
    cookie, path = {"Cookie": f"mn_attempt={attempt}"}, "/api/v1/auth/bell/complete"
    code = stranger.issued["a provider's code"] = "planted-provider-code-2c5d"
    failed = await stranger.call("POST", path, 503, json={"answer": {"fail": code}}, headers=cookie)
    assert failed.json()["code"] == "not_ready"
    issues = {"access token of bella": "access_token"}
    done = await stranger.call("POST", path, 200, json={"answer": {"code": code}}, headers=cookie, issues=issues)
    stranger.issued["refresh cookie of bella"] = cookie_of(done, "mn_refresh")
    bella = stranger.as_somebody(done.json()["access_token"])
    assert (await bella.call("GET", "/api/v1/bell/secret", 200)).json()["length"] == len(PROVIDERS_TOKEN)
    await stranger.call("POST", path, 410, json={"answer": {"code": code}}, headers=cookie)
    for away in ("oidc", "plex"):
        await stranger.call("POST", f"/api/v1/auth/{away}/start", (502, 503, 504), json={"client": "native"})
    body = {"answer": {"code": code, "state": "x"}, "attempt": "planted-attempt-0a"}
    await stranger.call("POST", "/api/v1/auth/oidc/complete", 410, json=body)


def cookie_of(reply: Reply, name: str) -> str:
    """The cookie's value that the answer sets."""
    lines = [line for header, line in reply.headers.items() if header == "Set-Cookie"]
    (found,) = (SimpleCookie(line)[name].value for line in lines if line.startswith(f"{name}="))
    return found


async def webhooks_and_pictures(stranger: Listener, ada: Listener, hub: HubProcess) -> None:
    hooks = "/api/v1/hooks/bell"
    for hook in ("by_header", "in_path"):
        made = f"/api/v1/plugins/bell/webhooks/{hook}/secret"
        await ada.call("POST", made, 201, issues={f"webhook secret {hook}": "secret"})
    bearer = {"Authorization": f"Bearer {stranger.issued['webhook secret by_header']}"}
    in_path = f"{hooks}/in_path/{stranger.issued['webhook secret in_path']}"
    for path, headers in ((f"{hooks}/by_header", bearer), (in_path, {})):
        await stranger.call("POST", path, 200, json={"event": "ring"}, headers=headers)
        await stranger.call("POST", path, 500, json={"event": "crash"}, headers=headers)
        await stranger.call("POST", path, 400, json={"event": 1}, headers=headers)
        await stranger.call("GET", path, 405, headers=headers)
    await stranger.call("POST", f"{in_path}/more", 404, json={"event": "ring"})
    printed = hub.command("plugins", "webhook", "bell", "in_path").stdout
    stranger.issued["webhook secret printed"] = re.findall(r"mnw_[\w-]+", printed)[0]
    link = (await ada.call("GET", "/api/v1/bell/link", 200, issues={"picture": "link"})).json()["link"]
    await stranger.call("GET", link, 200)
    stranger.issued["picture"] = stranger.issued["picture"].rpartition("/")[2]


async def vault(ada: Listener) -> None:
    """Plugins that do all they can to let their secrets slip: one has them from the environment, one is given them here."""
    wrong, path = PASSWORDS["wrong"], "/api/v1/plugins/vault_leaky/settings"
    for address in ("http://auth.vault", "http://odd.vault", "http://crash.vault"):
        tried = {"values": {"address": address, "token": SAVED}}
        assert (await ada.call("POST", f"{path}/test", 200, json=tried)).json()["passed"] is False
    await ada.call("PUT", path, 400, json={"values": {"token": wrong, "retries": wrong, "nonsense": wrong}})
    await ada.call("PUT", path, 200, json={"values": {"address": "http://vault", "token": SAVED}})
    await ada.call("PUT", "/api/v1/plugins/vault/settings", 409, json={"values": {"token": wrong}})
    for name in ("vault", "vault_leaky"):
        await ada.client.until(f"/api/v1/{name}/seen", lambda reply: reply.status == 200)
        job = (await ada.call("POST", f"/api/v1/{name}/leaks", 200)).json()["id"]
        await ada.client.until(f"/api/v1/jobs/{job}", lambda reply: reply.json()["state"] == "failed")
        diagnostics = f"/api/v1/plugins/{name}/diagnostics"
        await ada.client.until(diagnostics, lambda reply: b"refused" in reply.body)
        diagnosis = (await ada.call("GET", diagnostics, 200)).json()
        assert diagnosis["last_errors"][0]["task"] == "leak"
        assert diagnosis["health"][0]["status"] == "degraded"


async def failures(stranger: Listener, ada: Listener) -> None:
    """Secrets where they do not belong: in the wrong field, the wrong type, the wrong place, the address."""
    wrong, key, login = PASSWORDS["wrong"], PLANTED["secret_key"], "/api/v1/auth/login"
    await stranger.call("POST", login, 401, json={"username": "ada", "password": wrong})
    await stranger.call("POST", login, 401, json={"username": "nobody", "password": wrong})
    for body in (
        {"username": "ada", "password": {"nested": wrong}},
        {"username": "ada", "password": wrong, "unknown": wrong},
        [wrong],
    ):
        await stranger.call("POST", login, 400, json=body)
    half, kind = f'{{"password": "{wrong}"'.encode(), {"Content-Type": "application/json"}
    await stranger.call("POST", login, 400, data=half, headers=kind)
    await stranger.call("POST", "/api/v1/auth/password/reset", 403, json={"token": wrong, "password": wrong})
    for header in (f"Bearer {wrong}", f"Bearer mn_{key}", f"Basic {wrong}"):
        await stranger.call("GET", "/api/v1/auth/session", 401, headers={"Authorization": header})
    await stranger.call("POST", f"/api/v1/hooks/bell/in_path/{wrong.replace(' ', '-')}", 404, json={"event": "ring"})
    settings = {"values": {"url": DEAD, "token": PLANTED["plugins.plex.token"], "nonsense": wrong}}
    await ada.call("PUT", "/api/v1/plugins/plex/settings", (400, 409), json=settings)
    await ada.call("POST", "/api/v1/plugins/plex/settings/test", (200, 400, 409), json=settings)


async def read_everything(stranger: Listener, *people: Listener) -> None:
    """Every address there is to be read, as everybody; figures; live events."""
    document = (await stranger.call("GET", "/api/openapi.json", 200)).json()
    values = {"name": "vault", "widget": "youtube.main.downloads"}
    for path, operations in document["paths"].items():
        if "get" in operations:
            for who in (stranger, *people):
                await who.call("GET", fill(path, values))
    url, token = stranger.client.url, {"Authorization": f"Bearer {PLANTED['metrics.token']}"}
    await stranger.call("GET", "/metrics", 200, headers=token)
    client = socketio.AsyncClient(reconnection=False)
    client.on("*", lambda event, *data: stranger.heard.append(f"{event} {data}".encode()))
    await client.connect(url, auth={"token": people[-1].client.token}, transports=["websocket"])
    await client.disconnect()


def fill(path: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", value)
    return path.replace("{id}", "018f0000-0000-7000-8000-000000000000").replace("{", "").replace("}", "")


async def use_everything(hub: HubProcess, other: str, stranger: Listener) -> None:
    """Drive what handles secrets, the ways that fail too, then read all there is to be read; also at `other` with its URLs."""
    await first_admin(stranger, hub)
    ada, mia = await sign_in(stranger, "ada"), await sign_in(stranger, "mia")
    await people_and_keys(stranger, ada, mia)
    mia = stranger.as_somebody(stranger.issued["API key"])
    await browser(stranger)
    await providers(stranger, hub)
    await webhooks_and_pictures(stranger, ada, hub)
    await vault(ada)
    await failures(stranger, ada)
    await read_everything(stranger, mia, ada)
    there = stranger.at(other)
    await read_everything(there, ada.at(other))
    await asyncio.to_thread(shut_out, hub)
    await ada.client.__class__(ada.client._session, other).until(
        "/api/health", lambda reply: reply.json()["status"] != "ok"
    )
    await there.call("GET", "/api/health", (200, 503))
    await ada.at(other).call("GET", "/api/health", (200, 503))
    token = {"Authorization": f"Bearer {PLANTED['metrics.token']}"}
    await stranger.at(hub.worker_url).call("GET", "/metrics", 200, headers=token)


async def database(hub: HubProcess) -> bytes:
    """Every row of every table, as text."""
    connection = await asyncpg.connect(DataDir(hub.folder / "data").addresses()["MEDIANEST_DATABASE__URL"])
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


def logs(hub: HubProcess) -> bytes:
    """Of all processes, but for the one address that is printed for the operator alone."""
    said = b"\n".join(file.read_bytes() for file in sorted(hub.folder.glob("*.log")))
    return re.sub(rb"/setup#token=[\w-]+", b"", said)


def operators_view(hub: HubProcess, urls: dict[str, str]) -> bytes:
    """What the commands print for an operator to read, or to paste into a forum; with a database that is not there, too."""
    database = urlsplit(urls["MEDIANEST_DATABASE__URL"])._replace(path="/nowhere").geturl()
    away = {**urls, "MEDIANEST_DATABASE__URL": database}
    elsewhere = replace(hub, environment={**hub.environment, **urls})
    nowhere = replace(hub, environment={**hub.environment, **away})
    commands = (("config", "show"), ("plugins", "settings", "vault"), ("users", "list"))
    ended = [one.command(*words, check=False) for one in (hub, elsewhere, nowhere) for words in commands]
    assert [one.returncode for one in ended[:6]] == [0] * 6, ended
    assert ended[-1].returncode != 0
    return "\n".join(one.stdout + one.stderr for one in ended).encode()


@pytest.mark.timeout(180)
async def test_no_planted_secret_is_said_or_kept_anywhere(process: HubProcess, session: aiohttp.ClientSession) -> None:
    issued: dict[str, str] = {}
    stranger = Listener(HubClient(session, process.url), [], issued)
    urls = await asyncio.to_thread(with_passwords, process)
    with ExitStack() as stack:
        other = stack.enter_context(second_web(process, urls))
        await use_everything(process, other, stranger)
        arguments = "\n".join(" ".join(one.cmdline()) for one in family(process)).encode()
    answers = b"\n".join(stranger.heard)
    places = {
        "answers and events": answers,
        "logs": logs(process),
        "process arguments": arguments,
        "commands": await asyncio.to_thread(operators_view, process, urls),
        "database": await database(process),
        "cache": cache(process),
    }
    assert len(stranger.heard) > 200
    for place, word in (("answers and events", b"wrong_credentials"), ("logs", b"request"), ("database", b"bella")):
        assert word in places[place]
    secrets = {**PLANTED, **issued}
    assert len(secrets) > 35
    found = [
        f"{name} in {place}: …{content[max(0, at - 200) : at + 20]!r}"
        for place, content in places.items()
        for name, secret in secrets.items()
        if (name, place) not in BY_DESIGN and (at := content.find(secret.encode())) >= 0
    ]
    assert not found, "\n".join(found)


BY_DESIGN = {
    ("picture", "answers and events"): "the link to a picture is in answers: that is how it is given",
    ("picture", "cache"): "answers that hold it are kept for a moment",
}
