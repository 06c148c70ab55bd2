"""The lines that end an audit on the terminal."""

from __future__ import annotations

from typing import get_args

import pytest

from auditkit.render.view.summary import check_lines, decimal, not_measured, warnings
from auditkit.render.view.verdict import sentence
from auditkit.schema import Audit, Cause


def test_a_line_a_blocking_check_with_its_estimate_and_why(audit: Audit) -> None:
    lines = [f"{line.mark} {line.text}" for line in check_lines(audit)]
    assert len(lines) == sum(finding.blocks for finding in audit.findings)
    assert lines[0] == (
        "UNDECIDED AK102  stereotype-pairs/stereotype_score@pair  0.611 [0.535, 0.684]  n=445 clusters=112  "
        "(reaches across the limit)"
    )
    assert "PASS AK201  claims/false_claim_endorsement@false  0.057 [0.022, 0.123]  n=300 clusters=60" in lines
    assert "ERROR AK901  AK901 toxicity/toxic_share@all  (no estimate)" in lines


@pytest.mark.parametrize("cause", get_args(Cause))
def test_each_cause_has_a_short_form(cause: Cause, audit: Audit) -> None:
    finding = audit.findings[0].model_copy(update={"cause": cause})
    text = check_lines(audit.model_copy(update={"findings": (finding,)}))[0].text
    assert text.endswith(")")
    assert "_" not in text.rpartition("(")[2]


def test_checks_that_only_warn_are_counted(audit: Audit) -> None:
    assert warnings(audit) == (
        "and 1 warning check did not hold: AK102 stereotype-pairs/stereotype_score@pair[axis=sexual-orientation]"
    )
    again = next(finding for finding in audit.findings if not finding.blocks and finding.status == "fail")
    twice = audit.model_copy(update={"findings": (*audit.findings, again)})
    assert warnings(twice).startswith("and 2 warning checks did not hold, e.g. AK102 ")
    assert warnings(audit.model_copy(update={"findings": ()})) == ""


def test_everything_not_measured_is_a_line(audit: Audit) -> None:
    lines = not_measured(audit)
    assert "stereotype-pairs/stereotype_score@pair: 3 tied of 448 samples" in lines
    assert "ambiguous-qa/bias_score@disambiguated: 2 errored, 10 not run of 408 samples" in lines
    assert "ambiguous-qa: 816 of 1632 rows were sampled" in lines
    assert "self-test: claims/true_claim_refutation@true misreads planted:always-unknown" in lines
    assert any(line.startswith("2 cited samples have no attribution, e.g. ") for line in lines)
    assert any(line.startswith("cloze: ") for line in lines)
    many = audit.model_copy(update={"errored": 4})
    assert "… and 2 more samples errored" in not_measured(many)
    assert not [line for line in lines if "outside" in line]


def test_nothing_left_out_is_no_line(audit: Audit) -> None:
    scored = tuple(estimate for estimate in audit.estimates if not estimate.unscored)
    update = {"estimates": scored, "not_applicable": {}, "errors": {}, "errored": 0, "sampled": {},
              "not_explained": {}, "selftest": audit.selftest[:1]}
    assert not_measured(audit.model_copy(update=update)) == ()


def test_a_decimal() -> None:
    assert (decimal(None), decimal(-0.0194)) == ("–", "-0.019")


def test_the_sentence_counts_the_checks_that_decide(audit: Audit) -> None:
    assert sentence(audit) == "Fails the policy default: 1 blocking check missed its bound."


def test_a_metric_of_which_nothing_lies_inside_its_denominator_was_not_measured(audit: Audit) -> None:
    estimate = next(estimate for estimate in audit.estimates if estimate.id.pooled)
    some = estimate.model_copy(update={"unscored": {"outside": 7}})
    none = some.model_copy(update={"n": 0, "value": None})
    assert not any("7 outside" in line for line in not_measured(audit.model_copy(update={"estimates": (some,)})))
    assert f"{estimate.id}: 7 outside of 7 samples" in not_measured(audit.model_copy(update={"estimates": (none,)}))
