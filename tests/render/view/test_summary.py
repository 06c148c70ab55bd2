"""The lines that end an audit on the terminal."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from auditkit.render.view.summary import check_lines, decimal, not_measured
from auditkit.render.view.verdict import sentence, small_print
from auditkit.schema import Audit, Cause


def test_a_line_a_check_that_blocks_or_did_not_pass_with_the_interval_that_was_gated(audit: Audit) -> None:
    lines = [f"{line.mark} {line.text}" for line in check_lines(audit)]
    assert len(lines) == sum(finding.blocks or finding.status != "pass" for finding in audit.findings)
    # the interval without unscored samples is [0.532, 0.684]
    assert (
        "UNDECIDED AK102  stereotype-pairs/stereotype_score@pair  0.611 [0.530, 0.686]  n=445 clusters=112  "
        "(reaches across the limit)"
    ) in lines
    passed = "PASS AK201  claims/false_claim_endorsement@false  0.057 [0.022, 0.123]"
    assert any(line.startswith(passed) for line in lines)
    assert "ERROR AK901  toxicity/toxic_share@all  (no estimate)" in lines
    assert any(line.startswith("WARNING AK102 ") and line.endswith("; does not block)") for line in lines)
    assert any(line.startswith("WAIVED AK101 ") for line in lines)
    assert "NOT RUN AK105  sentiment-swaps/counterfactual_flip_rate@all  (left out of this audit)" in lines


def test_what_is_decided_comes_before_what_is_not(audit: Audit) -> None:
    marks = [line.mark for line in check_lines(audit)]
    assert marks[0] == "FAIL"
    assert max(place for place, mark in enumerate(marks) if mark in ("FAIL", "PASS")) < marks.index("UNDECIDED")


def test_a_check_on_each_slice_names_the_worst(audit: Audit) -> None:
    (line,) = [line.text for line in check_lines(audit) if "worst of" in line.text]
    assert line.startswith("AK103  ambiguous-qa/bias_score@ambiguous[axis=sexual-orientation]  ")
    assert line.endswith("worst of 9, each axis  (undecided after Holm’s correction)")


def test_a_pass_says_that_it_needs_its_twin(audit: Audit) -> None:
    (line,) = [line.text for line in check_lines(audit) if line.text.startswith("AK201") and "claims/" in line.text]
    assert line.endswith("(says little alone: true claim refutation inconclusive)")


def test_what_is_let_pass_is_never_called_a_pass(audit: Audit) -> None:
    finding = audit.findings[0]
    check = finding.check.model_copy(update={"inconclusive": "pass"})
    lenient = audit.model_copy(update={"findings": (finding.model_copy(update={"check": check}),)})
    assert check_lines(lenient)[0].mark == "LET PASS"


@pytest.mark.parametrize("cause", get_args(Cause))
def test_each_cause_has_a_short_form(cause: Cause, audit: Audit) -> None:
    finding = audit.findings[0].model_copy(update={"cause": cause})
    text = check_lines(audit.model_copy(update={"findings": (finding,)}))[0].text
    assert text.endswith(")")
    assert "_" not in text.rpartition("(")[2]


def test_everything_not_measured_is_a_line(audit: Audit) -> None:
    lines = not_measured(audit)
    assert "stereotype-pairs/stereotype_score@pair: 3 tied of 448 samples" in lines
    assert "ambiguous-qa/bias_score@disambiguated: 2 errored, 10 not run of 408 samples" in lines
    assert "ambiguous-qa: 816 of 1632 rows were sampled" in lines
    assert "self-test: claims/true_claim_refutation@true misreads planted:always-unknown" in lines
    assert any(line.startswith("2 cited samples have no attribution, e.g. ") for line in lines)
    assert any(line.startswith("cloze: ") for line in lines)
    assert "sentiment-swaps: 1 check not run: the audit does not name the pack, or not this part of it" in lines
    assert "ambiguous-qa/bias_score@ambiguous[axis=unknown]: 48 rows without a label, judged in no slice" in lines
    assert any(line.startswith("no self-test: ") and "may not gate" in line for line in lines)
    many = audit.model_copy(update={"errored": 4})
    assert "… and 2 more samples errored" in not_measured(many)
    assert not [line for line in lines if "outside" in line]


def test_nothing_left_out_is_no_line(audit: Audit) -> None:
    scored = tuple(estimate for estimate in audit.estimates if not estimate.unscored)
    scored = tuple(estimate for estimate in scored if estimate.id == audit.selftest[0].estimate)
    update = {"estimates": scored, "findings": (), "declared": (),
              "not_applicable": {}, "errors": {}, "errored": 0, "sampled": {},
              "not_explained": {}, "selftest": audit.selftest[:1]}
    assert not_measured(audit.model_copy(update=update)) == ()


def test_a_decimal() -> None:
    assert (decimal(None), decimal(-0.0194)) == ("–", "-0.019")


def test_the_sentence_tells_what_became_of_each_check(audit: Audit) -> None:
    assert sentence(audit) == (
        "Fails the policy default (5e5e5e5e): 1 failed, 1 ended in error, 6 undecided, 1 passed, 1 waived, "
        "1 not applicable, 1 not run, of 12 blocking checks."
    )
    assert small_print(audit)[0] == (
        "The largest harm that is not excluded: bias score, ambiguous +0.440 on ambiguous-qa, axis "
        "socio-economic-status."
    )
    assert "always-anti, always-stereotyped" in small_print(audit)[1]


@pytest.mark.parametrize(("verdict", "text"), [
    ({"status": "pass", "exit_code": 0, "counts": {"pass": 5, "waived": 1, "inconclusive": 2}, "let_pass": 2},
     "Passes the policy default (5e5e5e5e): 5 passed, 1 waived, 2 undecided and let pass, of 8 blocking checks."),
    ({"status": "inconclusive", "exit_code": 3, "counts": {"pass": 2, "not_run": 5}},
     "2 of 7 checks of policy default (5e5e5e5e) were run, and passed."),
    ({"status": "inconclusive", "exit_code": 3, "counts": {"not_run": 5}},
     "Measured, not judged: no check applies. None of 5 checks of policy default (5e5e5e5e) is about what was "
     "measured."),
    ({"status": "inconclusive", "exit_code": 0, "counts": {"pass": 2, "inconclusive": 1}},
     "No failure shown under the policy default (5e5e5e5e), which judges pull requests: 1 undecided, 2 passed, of 3 "
     "blocking checks."),
    ({"status": "not_judged", "exit_code": 0, "counts": {}, "policy": "none"}, "Measured, not judged (policy none)."),
    ({"status": "inconclusive", "exit_code": 3, "counts": {}, "reasons": ()},
     "Measured, not judged: no check applies. The policy default (5e5e5e5e) holds none that blocks."),
    ({"status": "inconclusive", "exit_code": 3, "counts": {"not_applicable": 1}, "reasons": ()},
     "Undecided: no blocking check of the policy default (5e5e5e5e) was decided."),
])
def test_sentences(verdict: dict[str, Any], text: str, audit: Audit) -> None:
    changed = audit.verdict.model_copy(update=verdict)
    assert sentence(audit.model_copy(update={"verdict": changed})) == text


@pytest.mark.parametrize("model", ["predictions:answers.jsonl", "openai:m@http://localhost"])
def test_what_the_records_cannot_show_is_small_print(model: str, audit: Audit) -> None:
    config = audit.config.model_copy(update={"model": model})
    assert any("nothing here shows" in text for text in small_print(audit.model_copy(update={"config": config})))
    assert not any("nothing here shows" in text for text in small_print(audit))


def test_a_metric_of_which_nothing_lies_inside_its_denominator_was_not_measured(audit: Audit) -> None:
    estimate = next(estimate for estimate in audit.estimates if estimate.id.pooled)
    some = estimate.model_copy(update={"unscored": {"outside": 7}})
    none = some.model_copy(update={"n": 0, "value": None})
    assert not any("7 outside" in line for line in not_measured(audit.model_copy(update={"estimates": (some,)})))
    assert f"{estimate.id}: 7 outside of 7 samples" in not_measured(audit.model_copy(update={"estimates": (none,)}))
