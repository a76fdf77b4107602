"""The whole OpenAPI document, driven by an admin: nothing undocumented comes back, and nothing breaks."""

from pathlib import Path

import pytest

from medianest_hub.testing.hub import PASSWORD, run_hub
from tests.e2e.openapi_walk import Walk


@pytest.mark.timeout(300)
@pytest.mark.slow
def test_an_admin_gets_documented_answers_from_every_operation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with run_hub(tmp_path, {"dashboard": {"budget_ms": 100}}) as hub:
        hub.command("users", "create", "ada", "--role", "admin", "--password-stdin", stdin=PASSWORD)

        def real(template: str) -> dict[str, str]:
            return {"name": "youtube"} if "/plugins/{name}" in template else {}

        def after(template: str) -> None:
            if template.startswith("/api/v1/plugins/{name}"):
                hub.command("plugins", "enable", "youtube")

        walk = Walk(hub, "ada", real, after)
        walk.run()
    with capsys.disabled():
        print(
            f"\nschemathesis as admin: {walk.operations} operations, {walk.cases} cases, {len(walk.failures)} failures"
        )
    assert not walk.failures, "\n\n".join(walk.failures[:20])
    assert walk.cases > walk.operations * 6
    assert walk.statuses[200] > 100
