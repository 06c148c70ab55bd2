"""The short tables of what was measured."""

from __future__ import annotations

from typing import Any

import pytest

from auditkit.config import load_yaml
from auditkit.render.view.index import look_up
from auditkit.render.view.results import MOST_PANELS, MOST_PARTS, results, section, tabled, unchecked
from auditkit.render.write import html, junit, markdown
from auditkit.schema import Audit, DeclaredMetric, DeclaredPart, EstimateId, Policy, SelfTestReading


def unjudged(audit: Audit, **verdict: Any) -> Audit:
    """The audit as if no check had been about what was measured."""
    decision = {"status": "inconclusive", "exit_code": 3, "reasons": (), "counts": {}, "harm": None, **verdict}
    of = {"benchmark": "ambiguous-qa", "arm": "disambiguated", "range": (0.0, 1.0), "mean": True}
    parts = [DeclaredPart(cluster_sizes=((1, 800),))]
    parts += [DeclaredPart(axis="age", group=name, cluster_sizes=((1, 60),)) for name in ("old", "young")]
    accuracy = DeclaredMetric.model_validate({
        **of, "metric": "accuracy", "title": "Accuracy", "direction": "higher", "parts": tuple(parts),
        "contrasts": (("age", "gap"),),
    })
    return audit.model_copy(update={
        "findings": (), "verdict": audit.verdict.model_copy(update=decision), "declared": (accuracy,),
    })


def plain(text: str) -> str:
    """The text with ordinary spaces."""
    return text.replace("\xa0", " ")


def test_what_checks_judged_has_no_table(audit: Audit) -> None:
    assert tabled(audit) == frozenset()
    assert section.view(look_up(audit)) is None
    assert unchecked(look_up(audit)) == ()


def test_each_number_of_the_table_is_its_estimate_s(audit: Audit) -> None:
    bare = unjudged(audit)
    view = results(look_up(bare))
    assert {benchmark.title.partition(",")[0] for benchmark in view.benchmarks} == tabled(bare)
    (pairs,) = [benchmark for benchmark in view.benchmarks if benchmark.title.startswith("stereotype-pairs")]
    row = next(row for row in pairs.rows if row.name.startswith("stereotype score"))
    assert (plain(row.value), plain(row.interval), row.n) == ("61.1 %", "[53.5, 68.4]", "445")


def test_groups_stand_worst_first_and_the_rest_is_counted(audit: Audit) -> None:
    view = results(look_up(unjudged(audit)))
    panels = [panel for benchmark in view.benchmarks for panel in benchmark.panels]
    assert panels
    assert all(len(benchmark.panels) <= MOST_PANELS for benchmark in view.benchmarks)
    assert all(len(panel.rows) <= MOST_PARTS + 1 for panel in panels)
    by_age = next(panel for panel in panels if panel.title == "accuracy, disambiguated arm by age")
    parts = {
        estimate.id.group: estimate.value for estimate in audit.estimates
        if estimate.id.axis == "age" and estimate.id.metric == "accuracy" and estimate.id.group is not None
    }
    listed = [row.name for row in by_age.rows if row.name in parts]
    assert listed == sorted(listed, key=lambda name: parts[name] or 0.0)
    assert listed[0] == min(parts, key=lambda name: parts[name] or 0.0)
    assert by_age.rows[0].name == "largest difference"


def test_baselines_are_what_planted_answerers_read(audit: Audit) -> None:
    name = EstimateId.parse("ambiguous-qa/accuracy@disambiguated")
    of: dict[str, Any] = {"estimate": name, "low": None, "high": None, "ok": True, "n": 3}
    readings = (
        SelfTestReading(planted="majority", expect="not_best", expected=1.0, value=0.4, **of),
        SelfTestReading(planted="random", expect="around", expected=1 / 3, value=0.9, **of),
    )
    bare = unjudged(audit).model_copy(update={"selftest": readings})
    row = next(
        row for benchmark in results(look_up(bare)).benchmarks for row in benchmark.rows
        if row.name == "accuracy, disambiguated arm"
    )
    assert plain(row.baseline) == "majority class 40.0 %, chance 33.3 %, on 3 rows"


def test_policy_lines_are_a_policy(audit: Audit, tmp_path: Any) -> None:
    view = results(look_up(unjudged(audit)))
    path = tmp_path / "policy.yaml"
    path.write_text(view.policy, encoding="utf-8")
    policy = Policy.model_validate(load_yaml(path)[0])
    assert policy.checks
    measured = {estimate.id for estimate in audit.estimates}
    assert all(check.estimate.over_all_rows in measured for check in policy.checks)


def test_who_asks_for_no_judgement_gets_no_policy_lines(audit: Audit) -> None:
    asked = unjudged(audit, status="not_judged", exit_code=0, policy="none")
    asked = asked.model_copy(update={"policy": Policy(name="none", checks=())})
    assert results(look_up(asked)).benchmarks
    assert results(look_up(asked)).policy == ""


@pytest.mark.parametrize("render", [html.render, markdown.render])
def test_pages_that_judge_nothing_open_with_the_results(render: Any, audit: Audit) -> None:
    text = render(unjudged(audit)).decode("utf-8")
    assert "Measured, not judged: no check applies" in text
    assert text.index("largest difference") < text.rindex("ot measured")
    assert "schema_version: 1" in text
    assert "schema_version: 1" not in render(audit).decode("utf-8")


def test_junit_is_red_where_nothing_was_judged(audit: Audit) -> None:
    text = plain(junit.render(unjudged(audit)).decode("utf-8"))
    assert text.count("<error") == 1
    assert '<error type="inconclusive" message="Measured, not judged: no check applies.' in text
    assert text.count("<skipped") == len(audit.estimates)
    assert 'message="Measured, not judged: 61.1 % [53.5, 68.4], n=445"' in text
    passed = unjudged(audit, status="not_judged", exit_code=0)
    assert "<error" not in junit.render(passed).decode("utf-8")
