"""The rules every plugin keeps hold for this one, also when it runs."""

from __future__ import annotations

from medianest_hub.testing.conformance import check_plugin

from .conftest import PASSWORD, USERNAME


def test_every_rule_is_kept(kuma2, tmp_path):
    kuma2.beat(kuma2.add("Web").id, 1)
    settings = tmp_path / "uptime_kuma.toml"
    settings.write_text(f'url = "{kuma2.url}"\nusername = "{USERNAME}"\npassword = "{PASSWORD}"\n')

    report = check_plugin("uptime_kuma", settings)

    assert report.passed, [finding for finding in report.findings if finding.outcome == "broken"]
    assert {finding.rule for finding in report.findings if finding.outcome == "skipped"} == set()
    assert kuma2.logins == 1
    kuma2.until(lambda: kuma2.connected == 0)
