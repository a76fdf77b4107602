"""The rules every plugin keeps hold for this one, also when it runs."""

from __future__ import annotations

from medianest_hub.testing.conformance import check_plugin


def test_every_rule_is_kept(plex, tmp_path):
    settings = tmp_path / "plex.toml"
    settings.write_text(f'url = "{plex.server_url}"\nplex_tv_url = "{plex.plex_tv_url}"\napp_url = "{plex.app_url}"\n')

    report = check_plugin("plex", settings)

    assert report.passed, [finding for finding in report.findings if finding.outcome == "broken"]
    assert {finding.rule for finding in report.findings if finding.outcome == "skipped"} == set()
