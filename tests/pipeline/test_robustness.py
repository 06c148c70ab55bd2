"""Robustness runs: variants beside the clean samples, never mixed with them, and their paired differences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import auditkit
from auditkit.errors import ConfigError, UsageError
from auditkit.pipeline.export import export_predictions
from auditkit.pipeline.verify import verify
from auditkit.render.write.html import render as html
from auditkit.render.write.markdown import render as markdown
from auditkit.schema import Audit, Estimate
from auditkit.store.journal import read_journal

pytestmark = pytest.mark.slow

ALL = ("formats", "typos", "case", "punctuation")
VARIANTS = ("format-2", "format-3", "format-4", "typos", "case", "punctuation")


def audit(tmp_path: Path, model: str, name: str = "run", **settings: Any) -> Audit:
    given: dict[str, Any] = {"packs": ("ambiguous-qa", "stereotype-pairs", "claims"), "limit": 128, **settings}
    return auditkit.audit(model, out=str(tmp_path / name), **given)


def by_id(result: Audit) -> dict[str, Estimate]:
    return {str(estimate.id): estimate for estimate in result.estimates}


def clean(result: Audit) -> list[Estimate]:
    return [estimate for estimate in result.estimates if not estimate.id.variant]


def test_clean_numbers_requests_and_verdict_do_not_move(tmp_path: Path) -> None:
    without = audit(tmp_path, "planted:random", "without")
    beside = audit(tmp_path, "planted:random", "beside", robustness=ALL)
    assert clean(beside) == list(without.estimates)
    assert (beside.findings, beside.verdict, beside.sampled) == (without.findings, without.verdict, without.sampled)
    assert beside.selftest == without.selftest
    asked, more = (read_journal(tmp_path / name / "journal.jsonl").requests for name in ("without", "beside"))
    assert asked.keys() < more.keys()
    assert not any(card.formats for card in without.benchmarks)
    assert verify(tmp_path / "beside").audit == beside


def test_a_model_that_minds_capitals_is_found_by_capitals_alone(tmp_path: Path) -> None:
    result = audit(tmp_path, "planted:case-sensitive", robustness=ALL)
    found = by_id(result)
    name = "ambiguous-qa/ambiguous_bias_score@ambiguous"
    assert found[name].value == 0
    for variant in VARIANTS:
        expected = 1.0 if variant == "case" else 0.0
        moved, change = found[f"{name}~{variant}"], found[f"{name}~{variant}[difference]"]
        assert (moved.value, change.value) == (expected, expected)
        assert (change.range, change.ideal, change.id.contrast, change.n) == ((-2.0, 2.0), 0.0, "difference", 64)
        assert moved.signature["variant"] == variant
    assert found["ambiguous-qa/accuracy@disambiguated~case[difference]"].value == -0.5
    assert not [one for one in found.values() if one.id.variant and one.id.benchmark == "stereotype-pairs"]
    # claims' metrics over twins: the same origins, counted once a variant
    assert found["claims/matched_pair_accuracy@all~case"].total == found["claims/matched_pair_accuracy@all"].total
    templates = {found[f"{name}~{variant}"].signature["template"] for variant in VARIANTS}
    assert len(templates) == 4, "each format has a signature of its own"


def test_the_difference_is_that_of_the_same_samples_by_cluster(tmp_path: Path) -> None:
    """The mean of the paired differences."""
    result = audit(tmp_path, "planted:random", robustness=("typos",), packs=("ambiguous-qa",), limit=512)
    change = by_id(result)["ambiguous-qa/ambiguous_bias_score@ambiguous~typos[difference]"]
    records = read_journal(tmp_path / "run" / "journal.jsonl")
    asked = {name: sha for sha, names in records.askers.items() for name in names}
    worth = {"stereotype": 1.0, "anti": -1.0, "unknown": 0.0}

    def score(name: str, labels: tuple[str, ...]) -> float:
        sums = [option.sum for option in records.outputs[asked[name]].answer.options]
        return worth[labels[int(np.argmax(sums))]]

    rows = [sample for sample in records.samples if sample.arm == "ambiguous" and not sample.variant]
    differences = np.array([score(f"{row.id}~typos", row.labels) - score(row.id, row.labels) for row in rows])
    assert change.n == len(rows)
    assert change.value == pytest.approx(differences.mean(), abs=1e-12)
    # the interval's own vectors stand in tests/stats: here it is of these clusters
    assert change.clusters == len({row.clusters["template"] for row in rows})
    assert change.spread is not None
    assert change.low is not None
    assert change.high is not None
    assert change.low < change.value < change.high


def test_unscored_variants_are_counted_and_bounded(tmp_path: Path) -> None:
    audit(tmp_path, "planted:always-stereotyped", "run", packs=("ambiguous-qa",), robustness=("case",))
    saved = tmp_path / "saved.jsonl"
    export_predictions(tmp_path / "run", saved)
    lines = [json.loads(line) for line in saved.read_text(encoding="utf-8").splitlines()]
    gone = [line["id"] for line in lines if line["id"].endswith("-a~case")][:5]
    saved.write_text("".join(json.dumps(one) + "\n" for one in lines if one["id"] not in gone), encoding="utf-8")
    again = audit(tmp_path, f"predictions:{saved}", "again", packs=("ambiguous-qa",), robustness=("case",))
    found = by_id(again)
    name = "ambiguous-qa/accuracy@ambiguous"
    assert not found[name].unscored
    for one in (found[f"{name}~case"], found[f"{name}~case[difference]"]):
        assert (one.unscored, one.n) == ({"not_run": 5}, 59)
        assert one.value == 0
        assert one.at_highest_fill.value == pytest.approx(5 / 64)


def test_a_policy_may_gate_a_variant_or_its_difference(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    check = "{rule: AK103, benchmark: ambiguous-qa, metric: ambiguous_bias_score, bound: 0.2, min_clusters: 5"
    policy.write_text(
        f"name: p\nchecks:\n- {check}, arm: ambiguous, variant: case}}\n"
        f"- {check.replace('AK103', 'AK100')}, arm: ambiguous, variant: case, contrast: difference}}\n",
        encoding="utf-8",
    )
    settings: dict[str, Any] = {"packs": ("ambiguous-qa",), "limit": 512, "policy": str(policy)}
    result = audit(tmp_path, "planted:case-sensitive", robustness=("case",), **settings)
    assert [finding.status for finding in result.findings] == ["fail", "fail"]
    assert str(result.findings[1].estimates[0]).endswith("@ambiguous~case[difference]")
    assert b'id="robustness-h"' in html(result)
    with pytest.raises(ConfigError, match='no variant "case" is asked'):
        audit(tmp_path, "planted:case-sensitive", "absent", **settings)


def test_the_report_has_a_section_of_its_own(tmp_path: Path) -> None:
    result = audit(tmp_path, "planted:case-sensitive", robustness=ALL, packs=("ambiguous-qa", "stereotype-pairs"))
    page, short = html(result).decode(), markdown(result).decode()
    assert '<h2 id="robustness-h">Robustness</h2>' in page
    assert "Without variants" in page.replace("\n", " ")
    assert "Over 4 formats: median 100.0\u00a0%, from 100.0\u00a0% to 100.0\u00a0%." in page
    assert "\u2212100.0\u00a0points" in page
    assert "## Robustness" in short
    area = page[page.index('id="area-') : page.index('id="robustness"')]
    assert "~case" not in area, "no variant in the sections of the clean samples"
    plain = audit(tmp_path, "planted:case-sensitive", "plain", packs=("ambiguous-qa",))
    assert b'id="robustness-h"' not in html(plain)
    assert b"## Robustness" not in markdown(plain)


def test_an_unknown_variant_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="robustness"):
        audit(tmp_path, "planted:random", robustness=("typo",))
