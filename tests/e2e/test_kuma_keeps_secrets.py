"""What Uptime Kuma tells an admin in confidence stays out of the database, the logs, the diagnostics and every answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from medianest_hub.infrastructure.data_dir import DataDir
from medianest_hub.testing.hub import Hub, HubProcess, run_hub
from tests.simulators.uptime_kuma.server import KumaSimulator
from tests.simulators.uptime_kuma.world import PUSH

API = "/api/v1/uptime_kuma"
PLANTED = {
    "pushToken": "planted-push-token",
    "basic_auth_pass": "planted-basic-password",
    "bearer_token": "planted-bearer-token",
    "oauth_client_secret": "planted-oauth-secret",
    "databaseConnectionString": "mysql://root:planted-database-password@db/x",
    "mqttPassword": "planted-mqtt-password",
    "radiusSecret": "planted-radius-secret",
    "tlsKey": "-----BEGIN PRIVATE KEY-----\nplanted-tls-key\nplanted-tls-line\n-----END PRIVATE KEY-----\n",
    "headers": '{"X-Api-Key": "planted-header-key", "Authorization": "Bearer planted-header-word"}',
    "grpcBody": "user=ada&password=planted-form%21password",
    "body": '{"login": {"password": "planted-body-password"}}',
}
PARTS = (
    *("planted-header-word refused", "line 3: planted-tls-line", "planted-form!password or planted-form%21password"),
    *("planted-url%40password is not planted-url@password",),
)
"""As messages repeat parts of them, in other forms."""
URL = "https://user:planted-url%40password@service.example/path?token=planted-query-token"
PASSWORD = "planted-login-password"


@pytest.fixture
def kuma() -> Iterator[KumaSimulator]:
    with KumaSimulator().running() as simulator:
        simulator.world.change_password(PASSWORD)
        yield simulator


@pytest.fixture
def process(short_folder: Path, kuma: KumaSimulator) -> Iterator[HubProcess]:
    values = {"url": kuma.url, "username": "admin", "password": PASSWORD, "members_see": "everything"}
    plugins = {"blocked": ["youtube", "plex", "hello"], "uptime_kuma": values}
    with run_hub(short_folder, {"plugins": plugins, "log": {"level": "debug"}}) as hub:
        yield hub


async def test_no_secret_of_a_monitor_is_found_anywhere(process: HubProcess, kuma: KumaSimulator) -> None:
    async with Hub(process) as hub:
        mia = await hub.person("mia")
        await hub.admin.until(
            f"{API}/summary", lambda reply: reply.status == 200 and not reply.json()["freshness"]["stale"]
        )
        words = " ".join((*PARTS, *PLANTED.values()))
        monitor = kuma.add("Backup", PUSH, url=URL, tags=[("owner", "ada")], **PLANTED)
        kuma.beat(monitor.id, 0, f"could not reach {URL}: {words}")
        kuma.faults.set("heartbeat", "half")
        kuma.beat(monitor.id, 0, words)
        kuma.faults.set("monitor_list", "half")
        kuma.change(monitor.id, name=f"Backup to {URL} with {PLANTED['pushToken']}")
        kuma.faults.clear()
        kuma.beat(monitor.id, 1, words)
        found = await hub.admin.until(f"{API}/monitors?status=up", lambda reply: bool(reply.json()["items"]), within=20)
        path = f"{API}/monitors/{found.json()['items'][0]['id']}"
        kuma.change_password("another one")  # a log-in that is refused, with words about it
        await hub.admin.until(
            "/api/v1/plugins", lambda reply: b"refuses this user" in reply.body or b"refused" in reply.body, within=20
        )

        paths = [
            f"{API}/monitors",
            path,
            f"{path}/history?step=beat",
            f"{API}/summary",
            "/api/v1/dashboard",
            "/api/health",
        ]
        own = [f"/api/v1/plugins/uptime_kuma/{name}" for name in ("diagnostics", "settings")]
        asked = (
            [(hub.admin, one) for one in (*paths, *own)] + [(mia, one) for one in paths] + [(hub.stranger, "/metrics")]
        )
        seen = [(await client.get(one)).body.decode() for client, one in asked]
        seen += [process.log, *await _tables(process)]
    secrets = {*re.findall(r"planted[a-z-]+", json.dumps([PLANTED, URL])), PASSWORD}
    assert len(secrets) == len(PLANTED) + 5
    for text in seen:
        for secret in secrets:
            at = text.find(secret)
            assert at < 0, f"…{text[max(at - 200, 0) : at + 60]}…"


async def _tables(process: HubProcess) -> list[str]:
    """Every row of every table as text."""
    url = DataDir(process.folder / "data").addresses()["MEDIANEST_DATABASE__URL"]
    connection = await asyncpg.connect(url)
    try:
        names = await connection.fetch(
            """SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables
                WHERE table_schema = 'medianest' OR table_schema LIKE 'plugin%'"""
        )
        return [str(await connection.fetch(f"SELECT t::text FROM {row[0]} t")) for row in names]
    finally:
        await connection.close()
