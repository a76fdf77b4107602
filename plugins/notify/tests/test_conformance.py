"""The rules every plugin keeps hold for this one, also when it runs."""

from __future__ import annotations

from medianest_hub.testing.conformance import check_plugin


def test_every_rule_is_kept(tmp_path):
    settings = tmp_path / "notify.toml"
    settings.write_text('private_addresses = ["127.0.0.1"]\n')

    report = check_plugin("notify", settings)

    assert report.passed, [finding for finding in report.findings if finding.outcome == "broken"]
    assert {finding.rule for finding in report.findings if finding.outcome == "skipped"} == set()
