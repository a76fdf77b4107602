"""A plugin that cannot be loaded is named with its reason; nothing of it is there, and the hub and the others go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg
import pytest

from benchmarks.synthetic_plugins import write_synthetic_plugins
from medianest_hub.plugin_host.loading import load_plugins
from medianest_hub.testing import Hub

from .conftest import Household
from .faulty_plugins import REFUSED, UNSTARTED


async def cards(hub: Hub) -> dict[str, Any]:
    reply = await hub.admin.get("/api/v1/plugins")
    assert reply.status == 200, reply.body
    return {card["name"]: card for card in reply.json()["items"]}


async def test_every_refused_plugin_is_listed_with_its_reason_in_both_processes(hub: Hub, household: Household) -> None:
    found = await cards(hub)
    for name, words in household.refused.items():
        assert found[name]["state"] == "failed", name
        assert words in found[name]["reason"], name
        assert {one["role"] for one in found[name]["processes"]} == {"web", "worker"}, name
        assert all(words in one["reason"] for one in found[name]["processes"]), name


async def test_what_must_not_be_imported_never_was(hub: Hub) -> None:
    assert not [card for card in (await cards(hub)).values() if "must not be imported" in card["reason"]]


@pytest.mark.parametrize("name", sorted(REFUSED))
async def test_nothing_of_a_refused_plugin_is_mounted(hub: Hub, name: str) -> None:
    assert (await hub.admin.get(f"/api/v1/{name}/word")).status == 404
    paths = (await hub.stranger.get("/api/openapi.json")).json()["paths"]
    assert not [path for path in paths if path.startswith(f"/api/v1/{name}/")]


async def test_a_healthy_plugin_beside_them_runs_everywhere(hub: Hub) -> None:
    healthy = (await cards(hub))["healthy"]
    assert healthy["state"] == "running"
    assert [(one["role"], one["state"]) for one in healthy["processes"]] == [("worker", "running"), ("web", "running")]
    await hub.admin.until("/api/v1/healthy/counts", lambda reply: set(reply.json()["counts"]) == {"ticks", "beats"})


@pytest.mark.parametrize("name", sorted(UNSTARTED))
async def test_a_plugin_that_does_not_start_answers_503_and_says_why_to_admins(hub: Hub, name: str) -> None:
    _, state, words = UNSTARTED[name]
    await hub.admin.until(
        "/api/v1/plugins",
        lambda reply: all(
            one["state"] == state and words in one["reason"]
            for card in reply.json()["items"]
            if card["name"] == name
            for one in card["processes"]
        ),
    )
    grace = await hub.person("grace")
    refused = await grace.get(f"/api/v1/{name}/word")
    assert refused.status == 503
    assert words not in refused.body.decode()


async def test_a_migration_that_fails_half_way_leaves_nothing_and_others_are_migrated(
    hub: Hub, database: asyncpg.Connection
) -> None:
    schemas = {row["nspname"] for row in await database.fetch("SELECT nspname FROM pg_namespace")}
    assert "plugin_half_migrated" not in schemas
    assert {"plugin_healthy", "plugin_switched"} <= schemas
    ran = {row["app"] for row in await database.fetch("SELECT app FROM medianest.migrations")}
    assert "half_migrated" not in ran
    assert (await hub.admin.get("/api/v1/half_migrated/word")).status == 503


def test_a_hundred_plugins_are_loaded_sound(site: Path) -> None:
    names = write_synthetic_plugins(site, 100)
    outcomes = {outcome.found.name: outcome for outcome in load_plugins(["youtube"])}
    assert [name for name in names if outcomes[name].plugin is None] == []
