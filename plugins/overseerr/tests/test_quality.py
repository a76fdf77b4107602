"""`QUALITY.toml` speaks of every rule up to gold, and says why where one does not apply."""

from __future__ import annotations

import tomllib
from pathlib import Path

RULES = {"bronze": 18, "silver": 10, "gold": 21}


def test_every_rule_up_to_gold_is_done_or_exempt_for_a_reason():
    scale = tomllib.loads((Path(__file__).parents[1] / "QUALITY.toml").read_text())

    assert {tier: len(rules) for tier, rules in scale.items()} == RULES
    for rules in scale.values():
        for rule, state in rules.items():
            assert state == "done" or len(state["exempt"].split()) > 3, rule
