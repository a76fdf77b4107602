"""The whole OpenAPI document, driven by an admin: nothing undocumented comes back, and nothing breaks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medianest_hub.testing.hub import PASSWORD, run_hub
from tests.e2e.installed_example import python_path
from tests.e2e.openapi_walk import Walk
from tests.e2e.outside_services import outside_services

DONE = (
    "POST /api/v1/hooks/hello/postcard",
    "GET /api/v1/images/{id}",
    "POST /api/v1/hello/greetings",
    "GET /api/v1/uptime_kuma/monitors/{id}/history",
    "GET /api/v1/plex/items/{id}",
    "GET /api/v1/plex/libraries/{key}/items",
    "GET /api/v1/plex/collections/{id}",
)


@pytest.mark.timeout(480)
@pytest.mark.slow
def test_an_admin_gets_documented_answers_from_every_operation(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with outside_services() as services:
        walk = walked(tmp_path, services)
    record_property(
        "shown",
        f"schemathesis as admin: {walk.operations} operations, {walk.cases} cases, {len(walk.failures)} failures",
    )
    assert not walk.failures, "\n\n".join(walk.failures[:20])
    assert walk.cases > walk.operations * 6
    assert walk.statuses[200] > 100
    for operation in DONE:
        assert {walk.answers[operation, status] for status in (200, 201)} != {0}, f"{operation} never did its work"


def walked(folder: Path, services: dict[str, Any]) -> Walk:
    settings = {
        "plugins": services,
        "dashboard": {"budget_ms": 100},
        "limits": dict.fromkeys(("youtube", "webhooks", "images", "sign_in"), "100000/second"),
    }
    environment = {"PYTHONPATH": python_path(folder / "installed")}
    with run_hub(folder, settings, environment=environment) as hub:
        hub.command("users", "create", "walker", "--role", "admin", "--password-stdin", stdin=PASSWORD)
        walk = Walk(hub, "walker", admin=True)
        walk.run()
        return walk
