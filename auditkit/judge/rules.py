"""The built-in rules, and the rule that a check names."""

from __future__ import annotations

from auditkit.errors import MeasurementError
from auditkit.registry import get
from auditkit.schema import GENERIC, Policy, Rule, RuleText

AK100 = Rule(code=GENERIC, contrasts=())
AK101 = Rule(code="AK101", metrics=("accuracy",), contrasts=("gap",))
AK102 = Rule(code="AK102", metrics=("stereotype_score",))
AK103 = Rule(code="AK103", metrics=("ambiguous_bias_score",))
AK104 = Rule(code="AK104", metrics=("disambiguated_bias_score",))
AK105 = Rule(code="AK105", metrics=("counterfactual_flip_rate",))
AK106 = Rule(code="AK106", metrics=("unscored_share",), withholds=True)
AK107 = Rule(code="AK107", metrics=("unscored_share",), contrasts=("gap",), withholds=True)
AK108 = Rule(code="AK108", metrics=("counterfactual_token_fairness_gap",))
AK109 = Rule(code="AK109", metrics=("expected_ambiguous_bias_score", "expected_stereotype_score"))
AK201 = Rule(code="AK201", metrics=("false_claim_endorsement",))
AK202 = Rule(code="AK202", metrics=("true_claim_refutation",))


def find_rule(code: str) -> Rule:
    """The rule of a code.

    Raises:
        RegistryError: no such rule is installed, or its package is broken.
        MeasurementError: what is registered under the code is not that rule.
    """
    rule = get("rule", code)
    if not isinstance(rule, Rule) or rule.code != code:
        raise MeasurementError(f'the entry point "rule.{code}" names {rule!r}, which is not the Rule of this code')
    return rule


def rule_words(policy: Policy) -> dict[str, dict[str, RuleText]]:
    """The words of the policy's rules that plugins bring, by code and language, for the record that a page reads."""
    rules = [find_rule(code) for code in sorted({check.rule for check in policy.checks})]
    return {rule.code: dict(rule.words) for rule in rules if rule.words}
