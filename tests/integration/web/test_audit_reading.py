"""Admins read the audit log page by page, by filter, or take all of it away, which is in the log itself."""

import csv
import io
import re

import pytest
import pytest_asyncio

from medianest_hub.audit import AuditEntry
from medianest_hub.plugin_api import Role

from .conftest import Install, Site, StartSite, raw
from .test_audit import PLUGIN, told

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(install_once: Install, start_once: StartSite) -> Site:
    install_once("audited", PLUGIN)
    limits = {f"limits__{zone}": "1000000/minute" for zone in ("auth", "youtube", "static", "images")}
    return await start_once(plugins__blocked="[]", **limits)


async def test_admins_read_the_log_page_by_page_and_by_filter(site: Site) -> None:
    ada = await site.person("ada", Role.ADMIN)
    for _ in range(3):
        await site.post("/api/v1/audited/things/page", by=ada)
    path = "/api/v1/audit?action=audited.run&target=page&limit=2"
    first = (await site.get(path, by=ada)).json()
    second = (await site.get(f"{path}&cursor={first['next_cursor']}", by=ada)).json()
    assert [len(page["items"]) for page in (first, second)] == [2, 1]
    assert second["next_cursor"] is None
    assert {item["actor_id"] for item in first["items"]} == {str(ada.id)}
    actions = (await site.get("/api/v1/audit/actions", by=ada)).json()["items"]
    assert "audited.run_thing" in actions
    assert actions == sorted(set(actions))
    for wrong in (
        "since=yesterday",
        "since=2026-01-01T00:00:00",
        "actor=ada",
        "result=good",
        "cursor=x",
        "limit=0",
        "odd=1",
    ):
        assert (await site.get(f"/api/v1/audit?{wrong}", by=ada)).status == 400, wrong


async def test_no_time_and_no_address_is_too_odd_to_ask_for(site: Site) -> None:
    ada = await site.person("ada", Role.ADMIN)
    for odd in ("0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59.999999-14:00", "1969-12-31T23:59:59Z"):
        assert (await site.get(f"/api/v1/audit?since={odd}", by=ada)).status == 200
        assert (await site.get(f"/api/v1/audit?until={odd}", by=ada)).status == 200
    everything = "/api/v1/audit?since=0001-01-01T00:00:00Z&until=9999-12-31T23:59:59Z"
    assert (await site.get(everything, by=ada)).json()["items"]
    assert (await site.get("/api/v1/audit?address=fe80::1%25eth0", by=ada)).status == 200


async def test_taking_the_log_away_is_in_the_log_and_for_admins_alone(site: Site) -> None:
    ada, mia = await site.person("ada", Role.ADMIN), await site.person("mia")
    path = f"/api/v1/audit/export?actor={ada.id}"
    ndjson = await site.get(path, by=ada, headers={"X-Request-ID": "export-1"})
    table = await site.get(f"{path}&format=csv", by=ada)
    refused = await site.get(path, by=mia, headers={"X-Request-ID": "export-2"})
    assert [ndjson.status, table.status, refused.status] == [200, 200, 403]
    items = [AuditEntry.model_validate_json(line) for line in ndjson.body.splitlines()]
    assert items
    assert {item.actor_id for item in items} == {ada.id}
    rows = list(csv.DictReader(io.StringIO(table.body.decode())))
    assert [row["id"] for row in rows[1:]] == [str(item.id) for item in items], "the first is of the export before"
    assert re.match(r'attachment; filename="medianest-audit\.csv"', table.headers["content-disposition"])
    (taken,), (tried,) = await told(site, "export-1"), await told(site, "export-2")
    assert (taken.action, taken.result) == ("audit.export_entries", "ok")
    assert taken.details == {"format": "ndjson", "filters": [f"actor {ada.id}"]}
    assert (tried.actor_name, tried.result) == ("mia", "refused")


async def test_nothing_over_http_changes_the_log(site: Site) -> None:
    assert {one.route.method for one in site.mounted if one.source == "audit"} == {"GET"}
    ada = await site.person("ada", Role.ADMIN)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert (await site.call(method, "/api/v1/audit", by=ada)).status == 405
    assert b"405" in (await raw(site.port, b"DELETE /api/v1/audit HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", until=b"\r\n"))
