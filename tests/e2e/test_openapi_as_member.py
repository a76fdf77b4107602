"""The whole OpenAPI document, driven by a member: nothing undocumented comes back, and nothing breaks."""

from collections.abc import Callable
from pathlib import Path

import pytest

from medianest_hub.testing.hub import PASSWORD, run_hub
from tests.e2e.installed_example import python_path
from tests.e2e.openapi_walk import Walk


@pytest.mark.timeout(300)
@pytest.mark.slow
def test_a_member_gets_documented_answers_from_every_operation(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    settings = {
        "dashboard": {"budget_ms": 100},
        "limits": dict.fromkeys(("youtube", "webhooks", "images", "sign_in"), "100000/second"),
    }
    environment = {"PYTHONPATH": python_path(tmp_path / "installed")}
    with run_hub(tmp_path, settings, environment=environment) as hub:
        hub.command("users", "create", "walker", "--role", "member", "--password-stdin", stdin=PASSWORD)
        walk = Walk(hub, "walker", admin=False)
        walk.run()
    record_property(
        "shown",
        f"schemathesis as member: {walk.operations} operations, {walk.cases} cases, {len(walk.failures)} failures",
    )
    assert not walk.failures, "\n\n".join(walk.failures[:20])
    assert walk.cases > walk.operations * 6
    assert walk.statuses[200] > 100
    for operation in ("POST /api/v1/hooks/hello/postcard", "GET /api/v1/images/{id}", "POST /api/v1/hello/greetings"):
        assert {walk.answers[operation, status] for status in (200, 201)} != {0}, f"{operation} never did its work"
