"""A hub without a Plex server: the plugin is off, nobody is asked for anything, and it is on once it has an address."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from medianest_hub.testing.hub import HubProcess, run_hub

PLUGIN, PROVIDERS = "/api/v1/plugins/plex", "/api/v1/auth/providers"


@pytest.fixture
def hub_process(tmp_path: Path) -> Iterator[HubProcess]:
    """A hub of its own: nobody has set anything up in it."""
    with run_hub(tmp_path / "hub", {"plugins": {"blocked": ["hello", "uptime_kuma", "youtube"]}}) as process:
        yield process


async def test_until_it_has_an_address_it_is_off_and_nothing_is_wrong(hub, plex):
    cards = {one["name"]: one for one in (await hub.admin.get("/api/v1/plugins")).json()["items"]}
    assert cards["plex"]["state"] == "disabled", cards["plex"]
    assert "plex" not in (await hub.stranger.get(PROVIDERS)).body.decode()
    assert (await hub.stranger.post("/api/v1/auth/plex/start", json={})).status == 404
    await hub.admin.until("/api/health", lambda reply: reply.json()["status"] == "ok")
    said = [json.loads(line) for line in hub.process.log.splitlines() if "plex" in line and line.startswith("{")]
    assert [line for line in said if line["level"] not in ("debug", "info")] == []

    values = {"url": plex.server_url, "plex_tv_url": plex.plex_tv_url, "app_url": plex.app_url}
    wrong = await hub.admin.put(f"{PLUGIN}/settings", json={"values": {**values, "token": "not-of-the-owner"}})
    assert (wrong.status, wrong.json()["params"]["reason"]) == (400, "auth_failed"), wrong.body
    assert "not-of-the-owner" not in wrong.body.decode()
    kept = await hub.admin.put(f"{PLUGIN}/settings", json={"values": values})
    assert kept.status == 200, kept.body

    await hub.stranger.until(PROVIDERS, lambda reply: b'"plex"' in reply.body)
    started = await hub.stranger.post("/api/v1/auth/plex/start", json={"client": "native"})
    assert started.json()["url"].startswith(f"{plex.app_url}/auth#?")
    await hub.admin.post(f"{PLUGIN}/disable")
    assert (await hub.stranger.post("/api/v1/auth/plex/start", json={})).status == 404
