"""The whole OpenAPI document, driven by an admin: nothing undocumented comes back, and nothing breaks."""

from collections.abc import Callable
from pathlib import Path

import pytest

from medianest_hub.testing.hub import PASSWORD, run_hub
from tests.e2e.openapi_walk import Walk


@pytest.mark.timeout(300)
@pytest.mark.slow
def test_an_admin_gets_documented_answers_from_every_operation(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with run_hub(tmp_path, {"dashboard": {"budget_ms": 100}, "limits": {"youtube": "100000/second"}}) as hub:
        hub.command("users", "create", "walker", "--role", "admin", "--password-stdin", stdin=PASSWORD)
        walk = Walk(hub, "walker", admin=True)
        walk.run()
    record_property(
        "shown",
        f"schemathesis as admin: {walk.operations} operations, {walk.cases} cases, {len(walk.failures)} failures",
    )
    assert not walk.failures, "\n\n".join(walk.failures[:20])
    assert walk.cases > walk.operations * 6
    assert walk.statuses[200] > 100
