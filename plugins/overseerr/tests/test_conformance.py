"""The rules every plugin keeps hold for this one, also when it runs."""

from __future__ import annotations

from medianest_hub.testing.conformance import check_plugin


def test_every_rule_is_kept(seerr, tmp_path):
    settings = tmp_path / "overseerr.toml"
    settings.write_text(
        f'url = "{seerr.url}"\napi_key = "{seerr.api_key}"\nposters_url = "{seerr.url}"\npoll_seconds = 15\n'
    )

    report = check_plugin("overseerr", settings)

    assert report.passed, [finding for finding in report.findings if finding.outcome == "broken"]
    assert {finding.rule for finding in report.findings if finding.outcome == "skipped"} == set()
