"""Every cause in words, with the parameters that the judge gives."""

from __future__ import annotations

import re
from typing import Any, get_args

import pytest

from auditkit.render.view.findings import finding_views
from auditkit.render.view.index import look_up
from auditkit.render.view.reasons import finding_reason
from auditkit.schema import Audit, Cause, Estimate, Finding, Guard

GIVEN: dict[str, float | int | str | None] = {
    "value": 0.611, "low": 0.532, "high": 0.684, "worst_low": 0.529, "worst_high": 0.686, "bound": 0.1, "n": 445,
    "clusters": 112, "unscored_share": 0.0067, "errored": 12, "total": 448, "selftest": "always-anti, random",
    "guard_low": 0.31, "guard_bound": 1 / 3, "n_to_decide": 19200,
    "family": 110, "largest_family": 2, "rows": "0123456789ab", "reason": "the model offers another rule",
}
HOLDS: dict[Cause, str] = {
    "cleared": "The whole worst-case interval [52.9, 68.6] lies inside the limit (between 40.0 % and 60.0 %).",
    "missed": "The whole worst-case interval [52.9, 68.6] lies outside the limit (between 40.0 % and 60.0 %).",
    "straddles": "The worst-case interval [52.9, 68.6] reaches across the limit (between 40.0 % and 60.0 %)",
    "too_few_samples": "Scored samples: 445; the check asks for at least 30.",
    "too_few_clusters": "Independent clusters among the scored samples: 112; the check asks for at least 20.",
    "too_many_unscored": "0.7 % of the samples have no score; the check allows at most 10.0 %.",
    "undefined": "it could lie anywhere in [52.9, 68.6].",
    "shown_only": "[52.9, 68.6] is shown and decides nothing: for this statistic no simulation has shown",
    "selftest": "(always-anti, random)",
    "guard": "the lower limit of accuracy, disambiguated arm is 31.0 %, which is not above 33.3 %.",
    "holm": "It would have failed in a family of up to 2 checks.",
    "no_estimate": "does not hold: stereotype score on stereotype-pairs, pair arm, all rows.",
    "errored": "12 of 448 samples errored or were not run; the check allows at most 1.0 %.",
    "not_applicable": "This model cannot answer the requests of this benchmark.",
    "withheld": "by themselves, but a pass is withheld.",
    "no_selftest": "No planted model was read by this metric on these rows",
    "not_sampled": "No row of it was among those asked",
    "other_rows": "(sha256 0123456789ab…)",
    "left_out": "The audit left this out, so it was not run. The model offers another rule.",
    "scorer": "The error rates of the scorer that reads the answers are not known well enough to decide.",
}


def _finding(audit: Audit, **more: Any) -> Finding:
    return audit.findings[0].model_copy(update={"parameters": GIVEN, **more})


def _estimate(finding: Finding, audit: Audit) -> Estimate:
    guard = Guard(metric="accuracy", arm="disambiguated", bound=1 / 3)
    more = {"guard": guard, "shown_only": "not_simulated"}
    return look_up(audit).estimates[finding.check.estimate].model_copy(update=more)


def _spaces(text: str) -> str:
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize("cause", get_args(Cause))
def test_each_cause_has_its_sentence_with_numbers(cause: Cause, audit: Audit) -> None:
    finding = _finding(audit, cause=cause)
    text = _spaces(finding_reason(finding, _estimate(finding, audit), audit))
    assert HOLDS[cause] in text
    assert not re.findall(r"[{}]|unknown|undefined,|None", text)


def test_a_waiver_names_who_accepted_what(audit: Audit) -> None:
    finding = _finding(audit, status="waived", cause="straddles", waived_by="the fairness board")
    waiver = audit.policy.waivers[0].model_copy(update={"finding": finding.id})
    policy = audit.policy.model_copy(update={"waivers": (waiver,)})
    waived = audit.model_copy(update={"policy": policy})
    text = _spaces(finding_reason(finding, _estimate(finding, audit), waived))
    assert "the fairness board accepted that up to a bound of 0.2 until 2031-05-01, because: small sample" in text


def test_a_check_on_each_slice_tells_the_worst_and_the_largest_harm(audit: Audit) -> None:
    finding = next(finding for finding in audit.findings if finding.slices)
    text = _spaces(finding_reason(finding, look_up(audit).estimates.get(finding.about), audit))
    assert text.startswith("Judged on each of 9 slices (axis): 6 inconclusive, 3 passes. The worst is axis ")
    assert ": On its own the check would fail" in text
    assert "The largest harm that is not excluded: " in text


@pytest.mark.parametrize("cause", get_args(Cause))
def test_each_cause_renders_with_no_parameter_at_all(cause: Cause, audit: Audit) -> None:
    finding = _finding(audit, cause=cause, parameters={})
    for estimate in (None, _estimate(finding, audit)):
        text = finding_reason(finding, estimate, audit)
        assert text
        assert not re.findall(r"[{}]", text)


def test_no_number_of_samples_helps_only_where_the_fills_differ(audit: Audit) -> None:
    finding = _finding(audit, cause="straddles", parameters={**GIVEN, "n_to_decide": None})
    estimate = _estimate(finding, audit)
    assert "No number of samples would decide it" in finding_reason(finding, estimate, audit)
    scored = estimate.model_copy(update={"at_highest_fill": estimate.at_lowest_fill})
    assert "No number of samples" not in finding_reason(finding, scored, audit)


def test_a_number_never_looks_equal_to_a_bound_that_it_misses(audit: Audit) -> None:
    finding = audit.findings[0]
    estimate = _estimate(finding, audit)
    fill = estimate.at_highest_fill.model_copy(update={"high": 0.60001})
    near = estimate.model_copy(update={"value": 0.6, "high": 0.60001, "at_highest_fill": fill})
    estimates = tuple(near if item.id == near.id else item for item in audit.estimates)
    view = next(
        view for view in finding_views(look_up(audit.model_copy(update={"estimates": estimates})))
        if view.id == finding.id
    )
    facts = {fact.name: _spaces(fact.text) for fact in view.facts}
    assert facts["95 % interval".replace(" ", "\u00a0", 1)].endswith("60.001]")
    assert facts["Limit"] == "between 40.000 % and 60.000 %"


def test_unequal_clusters_are_said(audit: Audit) -> None:
    counts = {"clusters": 30, "effective_clusters": 3.76}
    finding = _finding(audit, cause="too_few_clusters", parameters={**GIVEN, **counts})
    text = _spaces(finding_reason(finding, _estimate(finding, audit), audit))
    assert "30, which tell as much as 3.8 of equal size; the check asks for at least 20." in text
