"""Settings over HTTP: secrets go in and never come out, what is pinned stays, what fails its test is not kept."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import asyncpg
import pytest

from medianest_hub.plugin_api import Role
from medianest_hub.testing import Authority, Hub, Reply

from .conftest import Household

VAULT = "/api/v1/plugins/vault/settings"
PINNED = "/api/v1/plugins/vault_pinned/settings"
TOKEN = "s3cret/token+1"


async def put(hub: Hub, path: str = VAULT, query: str = "", **values: Any) -> Reply:
    return await hub.admin.put(f"{path}{query}", json={"values": values})


async def complete(hub: Hub, **values: Any) -> Reply:
    """Settings that pass, and the plugin running with them."""
    reply = await put(hub, **{"address": "http://vault", "token": TOKEN, **values})
    assert reply.status == 200, reply.body
    generation = reply.json()["generation"]
    await hub.admin.until("/api/v1/plugins", lambda cards: _runs(cards, generation))
    return reply


def _runs(reply: Reply, generation: int) -> bool:
    (card,) = (card for card in reply.json()["items"] if card["name"] == "vault")
    return all(one["state"] == "running" and one["generation"] == generation for one in card["processes"])


async def test_only_admins_see_or_change_plugins(hub: Hub) -> None:
    grace = await hub.person("grace", Role.MEMBER)
    for method, path in (
        ("GET", "/api/v1/plugins"),
        ("GET", VAULT),
        ("PUT", VAULT),
        ("POST", f"{VAULT}/test"),
        ("GET", "/api/v1/plugins/vault/diagnostics"),
        ("POST", "/api/v1/plugins/vault/disable"),
    ):
        assert (await grace.request(method, path, json={"values": {}})).status == 403, path
        assert (await hub.stranger.request(method, path, json={"values": {}})).status == 401, path


async def test_a_form_describes_every_field_and_a_secret_is_write_only(hub: Hub) -> None:
    answer = (await hub.admin.get(VAULT)).json()
    fields = answer["json_schema"]["properties"]
    assert set(fields) == {"address", "token", "second", "retries", "tls"}
    assert fields["token"]["writeOnly"] is True
    assert answer["secrets"] == ["second", "token"]


async def test_whom_to_trust_is_a_part_of_the_form_with_fields_of_its_own(hub: Hub) -> None:
    schema = (await hub.admin.get(VAULT)).json()["json_schema"]
    assert schema["properties"]["tls"]["$ref"] == "#/$defs/TlsTrust"
    parts = schema["$defs"]["TlsTrust"]["properties"]
    assert set(parts) == {"ca", "pinned"}
    assert all(part["title"] and "PEM" in part["description"] for part in parts.values())
    home = Authority()
    kept = await complete(hub, tls={"ca": f"\n{home.pem}"})
    assert kept.json()["values"]["tls"] == {"ca": home.pem, "pinned": ""}


async def test_a_private_key_pasted_for_a_certificate_is_named_kept_nowhere_and_not_repeated(
    hub: Hub, household: Household, database: asyncpg.Connection
) -> None:
    before = await complete(hub)
    body = "MHcCAQEEIHpasted0key0pasted0key0pasted0key0pasted0key"
    key = f"-----BEGIN EC PRIVATE KEY-----\n{body}\n-----END EC PRIVATE KEY-----\n"
    for field in ("ca", "pinned"):
        reply = await put(hub, address="http://vault", tls={field: key})
        assert (reply.status, reply.json()["code"]) == (400, "settings_invalid")
        (problem,) = reply.json()["errors"]
        assert problem["field"] == f"body.values.tls.{field}"
        assert "private key" in problem["message"]
        assert body not in reply.body.decode()
    after = await hub.admin.get(VAULT)
    assert after.json() == before.json()
    assert body not in household.process.log
    kept = await database.fetchval("SELECT settings::text FROM medianest.plugin_wanted WHERE plugin = 'vault'")
    assert body not in kept


async def test_a_secret_is_never_answered_and_lies_sealed_in_the_database(
    hub: Hub, database: asyncpg.Connection
) -> None:
    changed = await complete(hub)
    read = await hub.admin.get(VAULT)
    assert TOKEN not in (changed.body + read.body).decode()
    assert read.json()["values"]["token"] == {"set": True}
    row = await database.fetchrow("SELECT settings, sealed FROM medianest.plugin_wanted WHERE plugin = 'vault'")
    assert row is not None
    assert TOKEN not in row["settings"] + row["sealed"]
    assert "token" not in row["settings"]


async def test_a_secret_left_out_stays_and_null_clears_it(hub: Hub) -> None:
    await complete(hub, second="another")
    await complete(hub, retries=4, token={"set": True})
    seen = (await hub.admin.get("/api/v1/vault/seen")).json()
    assert seen == {"address": "http://vault", "token_length": len(TOKEN), "has_second": True}
    await complete(hub, second=None)
    assert (await hub.admin.get("/api/v1/vault/seen")).json()["has_second"] is False


async def test_a_plain_field_left_out_goes_back_to_its_default(hub: Hub) -> None:
    await complete(hub, retries=9)
    reply = await complete(hub)
    assert reply.json()["values"]["retries"] == 3


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({"adress": "http://vault"}, {"body.values.adress", "body.values.address"}),
        (
            {"bogus": 1, "address": "http://vault", "retries": "many", "token": 7},
            {"body.values.bogus", "body.values.retries", "body.values.token"},
        ),
        ({"address": 7, "retries": "many"}, {"body.values.address", "body.values.retries"}),
        ({"address": "http://vault", "token": 7}, {"body.values.token"}),
        ({"address": "http://vault", "token": None}, {"body.values.token"}),
    ],
)
async def test_every_wrong_field_is_named_and_nothing_is_kept(
    hub: Hub, values: dict[str, Any], fields: set[str]
) -> None:
    before = await complete(hub)
    reply = await put(hub, **values)
    assert reply.status == 400
    assert {problem["field"] for problem in reply.json()["errors"]} == fields
    assert (await hub.admin.get(VAULT)).json()["generation"] == before.json()["generation"]


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("http://auth", "auth_failed"),
        ("http://away", "not_ready"),
        ("http://odd", "config_invalid"),
        ("http://crash", "check_failed"),
        ("http://hang", "timeout"),
    ],
)
async def test_settings_that_fail_their_test_are_kept_only_by_force(hub: Hub, address: str, reason: str) -> None:
    before = (await complete(hub)).json()["generation"]
    tried = await hub.admin.post(f"{VAULT}/test", json={"values": {"address": address}})
    assert (tried.status, tried.json()["passed"], tried.json()["code"]) == (200, False, reason)
    refused = await put(hub, address=address)
    assert refused.status == 400
    assert refused.json()["params"]["reason"] == reason
    assert re.search(r"[^.]\. Send them with \?force", refused.json()["detail"]), "two sentences, parted"
    assert TOKEN not in (tried.body + refused.body).decode()
    assert (await hub.admin.get(VAULT)).json()["generation"] == before
    forced = await put(hub, query="?force", address=address)
    assert (forced.status, forced.json()["values"]["address"]) == (200, address)


async def test_trying_settings_keeps_nothing(hub: Hub) -> None:
    before = (await complete(hub)).json()
    tried = await hub.admin.post(f"{VAULT}/test", json={"values": {"address": "http://other", "token": "other"}})
    assert tried.json()["passed"] is True
    assert (await hub.admin.get(VAULT)).json() == before
    assert (await hub.admin.post(f"{VAULT}/test", json={})).json()["passed"] is True


async def test_a_change_based_on_what_somebody_else_replaced_is_refused(hub: Hub) -> None:
    generation = (await complete(hub)).json()["generation"]
    body = {"values": {"address": "http://vault"}, "generation": generation}
    replies = await asyncio.gather(*(hub.admin.put(VAULT, json=body) for _ in range(4)))
    assert sorted(reply.status for reply in replies) == [200, 409, 409, 409]
    late = await hub.admin.put(
        VAULT, json={"values": {"address": "http://vault"}}, headers={"If-Match": f'"{generation}"'}
    )
    assert (late.status, late.json()["code"]) == (409, "settings_changed")


async def test_a_pinned_field_is_shown_with_its_source_and_cannot_be_changed(hub: Hub) -> None:
    answer = (await hub.admin.get(PINNED)).json()
    assert answer["pinned"] == {
        "address": "env MEDIANEST_PLUGINS__VAULT_PINNED__ADDRESS",
        "token": "env MEDIANEST_PLUGINS__VAULT_PINNED__TOKEN",
    }
    assert answer["values"]["token"] == {"set": True}
    assert answer["json_schema"]["properties"]["address"]["readOnly"] is True
    for field, value in (("address", "http://other"), ("token", "other"), ("token", None)):
        reply = await put(hub, PINNED, **{field: value})
        assert (reply.status, reply.json()["code"]) == (409, "setting_pinned")
        assert reply.json()["errors"][0]["field"] == f"body.values.{field}"


async def test_a_form_may_send_pinned_fields_back_as_they_are(hub: Hub) -> None:
    reply = await put(hub, PINNED, address="http://pinned.example", token={"set": True}, retries=5)
    assert (reply.status, reply.json()["values"]["retries"]) == (200, 5)
    assert "pinned-token" not in reply.body.decode()


async def test_a_plugin_without_its_needed_settings_waits_switched_off(hub: Hub) -> None:
    cards = {card["name"]: card for card in (await hub.admin.get("/api/v1/plugins")).json()["items"]}
    assert cards["vault_leaky"]["state"] in ("disabled", "running")
    problems = (await hub.admin.get("/api/v1/plugins/vault_leaky/settings")).json()["problems"]
    if cards["vault_leaky"]["state"] == "disabled":
        assert {problem["field"] for problem in problems} == {"address", "token"}


async def test_settings_of_what_is_not_there_or_not_loaded(hub: Hub) -> None:
    assert (await hub.admin.get("/api/v1/plugins/nobody/settings")).status == 404
    broken = await hub.admin.get("/api/v1/plugins/raises_at_import/settings")
    assert (broken.status, broken.json()["code"]) == (409, "plugin_not_loaded")


async def test_diagnostics_hold_everything_but_the_secrets(hub: Hub) -> None:
    path = "/api/v1/plugins/vault_leaky"
    saved = await put(hub, f"{path}/settings", address=f"http://me:{TOKEN}@vault", token=TOKEN)
    assert saved.status == 200, saved.body
    job = None

    async def leaked() -> Reply:
        return await hub.admin.post("/api/v1/vault_leaky/leaks")

    reply = await leaked()
    while reply.status == 503:  # it is only just starting
        reply = await leaked()
    job = reply.json()["id"]
    await hub.admin.until(f"/api/v1/jobs/{job}", lambda reply: reply.json()["state"] == "failed")
    found = await hub.admin.until(f"{path}/diagnostics", lambda reply: "refused" in reply.body.decode())
    answer = found.json()
    assert answer["last_errors"][0]["task"] == "leak"
    assert answer["health"][0]["status"] == "degraded"
    assert [sample for sample in answer["metrics"] if sample["name"] == "medianest_vault_leaky_calls_total"]
    assert answer["declares"]["tasks"] == ["leak"]
    assert {one["role"] for one in answer["processes"]} == {"web", "worker"}
    for spelling in (TOKEN, "s3cret%2Ftoken%2B1", "s3cret"):
        assert spelling not in found.body.decode()
    # The name of one plugin begins that of the other, and so do those of its metrics.
    other = (await hub.admin.get("/api/v1/plugins/vault/diagnostics")).json()
    assert [sample for sample in other["metrics"] if "leaky" in sample["name"] + str(sample["labels"])] == []
