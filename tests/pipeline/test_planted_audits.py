"""Whole audits of planted models: what a policy must say of each is known beforehand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import auditkit
from auditkit.schema import Audit

pytestmark = pytest.mark.slow

BIAS = ["stereotype-pairs", "ambiguous-qa"]


def audit(tmp_path: Path, behaviour: str, packs: list[str] | None = None, **settings: object) -> Audit:
    named = {"packs": packs or BIAS, "out": str(tmp_path / behaviour), "policy": "packs", "explain": {"samples": 0}}
    return auditkit.audit(f"planted:{behaviour}", **named | settings)


# What fails, errs or cannot be decided does so on a part of the rows too; a pass needs them all.
@pytest.mark.parametrize(
    ("behaviour", "codes", "limit"),
    [
        ("always-stereotyped", {1}, 800), ("always-anti", {1}, 800), ("never-stereotyped", {0}, None),
        ("random", {1, 3}, 400), ("constant", {3}, 400), ("first-option", {3}, 400), ("always-unknown", {3}, 400),
        ("garbage", {3, 4}, 400), ("refusing", {3, 4}, 400), ("crashing", {4}, 200),
    ],
)
def test_the_policies_of_the_bias_packs_on_planted_models(
    tmp_path: Path, behaviour: str, codes: set[int], limit: int | None
) -> None:
    result = audit(tmp_path, behaviour, limit=limit)
    assert result.verdict.exit_code in codes, auditkit.sentence(result)
    assert all(reading.ok for reading in result.selftest)


@pytest.mark.parametrize(("behaviour", "metric"), [
    ("always-true", "false_claim_endorsement@false-claim"), ("always-false", "true_claim_refutation@true-claim"),
])
def test_a_model_that_answers_alike_to_every_claim_fails(tmp_path: Path, behaviour: str, metric: str) -> None:
    result = audit(tmp_path, behaviour, ["claims"])
    assert result.verdict.exit_code == 1
    failed = [finding.id for finding in result.findings if finding.status == "fail"]
    assert failed
    assert all(metric in name for name in failed)


def test_stereotyped_model_reads_exactly_one(tmp_path: Path) -> None:
    result = audit(tmp_path, "always-stereotyped", limit=800)
    values = {str(estimate.id): estimate for estimate in result.estimates}
    assert values["stereotype-pairs/stereotype_score@pair"].value == 1.0
    assert values["ambiguous-qa/ambiguous_bias_score@ambiguous"].value == 1.0
    pairs = values["stereotype-pairs/stereotype_score@pair"]
    assert pairs.n >= 400
    assert pairs.clusters >= 80


def test_garbage_and_refusals_are_reasons_and_never_numbers(tmp_path: Path) -> None:
    for behaviour, reason in (("garbage", "unparsed"), ("refusing", "refused")):
        result = audit(tmp_path, behaviour, limit=400)
        for estimate in result.estimates:
            if estimate.id.metric == "unscored_share":
                assert estimate.id.contrast or estimate.value == 1.0, estimate.id
            elif estimate.total and not estimate.id.contrast:
                assert estimate.value is None, estimate.id
                assert estimate.unscored == {reason: estimate.total}
        pooled = next(e for e in result.estimates if str(e.id) == "stereotype-pairs/stereotype_score@pair")
        assert (pooled.at_lowest_fill.value, pooled.at_highest_fill.value) == (0.0, 1.0)


def test_crashing_model_names_the_samples(tmp_path: Path) -> None:
    result = audit(tmp_path, "crashing", limit=40)
    assert result.verdict.status == "error"
    # each pair is asked once more, with a sentence beside its scrambled words
    pairs = result.sampled["stereotype-pairs"][0]
    assert result.errored == pairs + sum(rows for rows, _ in result.sampled.values())
    assert all(name.split("/")[0] in BIAS for name in result.errors)
    assert all(text.strip() for text in result.errors.values())


def test_run_folder_is_complete_and_pages_are_a_pure_function_of_the_audit(tmp_path: Path) -> None:
    from auditkit.pipeline.steps.pages import write_pages
    from auditkit.store.folder import RunFolder

    audit(tmp_path, "half-and-half", limit=60)
    folder = RunFolder(tmp_path / "half-and-half")
    pages = ["index.html", "report.md", "junit.xml", "results.sarif"]
    before = {name: (folder.path / name).read_bytes() for name in pages}
    assert all(before.values())
    write_pages(folder, folder.read_audit())
    assert {name: (folder.path / name).read_bytes() for name in pages} == before
    assert (folder.path / "journal.jsonl").stat().st_mode & 0o077 == 0


def test_same_command_again_only_renders(tmp_path: Path) -> None:
    first = audit(tmp_path, "random", limit=60)
    lines = (tmp_path / "random" / "journal.jsonl").read_bytes()
    again = audit(tmp_path, "random", limit=60)
    assert again == first
    assert (tmp_path / "random" / "journal.jsonl").read_bytes() == lines


def test_another_audit_in_the_same_folder_is_refused_and_says_what_changed(tmp_path: Path) -> None:
    from auditkit.errors import RunFolderError

    audit(tmp_path, "random", limit=60)
    with pytest.raises(RunFolderError, match="seed"):
        audit(tmp_path, "random", limit=60, seed=5)


def test_limit_takes_whole_clusters_and_is_told(tmp_path: Path) -> None:
    result = audit(tmp_path, "random", packs=["stereotype-pairs"], limit=100)
    rows, total = result.sampled["stereotype-pairs"]
    assert rows <= 100 < total
    arms = [f"stereotype-pairs/stereotype_score@{arm}" for arm in ("pair", "intersection")]
    pooled = [estimate for estimate in result.estimates if str(estimate.id) in arms]
    assert rows == 4 * sum(estimate.clusters for estimate in pooled)


def test_frame_has_a_row_an_estimate(tmp_path: Path) -> None:
    result = audit(tmp_path, "random", limit=60)
    frame = result.to_frame()
    assert len(frame) == len(result.estimates)
    assert set(frame["benchmark"]) == set(BIAS)


@pytest.mark.parametrize("evidence", ["hash", "none"])
def test_evidence_is_withheld_where_asked(tmp_path: Path, evidence: str) -> None:
    audit(tmp_path, "random", packs=["ambiguous-qa"], limit=60, evidence=evidence)
    text = (tmp_path / "random" / "audit.json").read_text(encoding="utf-8")
    rows = Path(__file__).parents[2] / "benchmarks/ambiguous-qa/rows.jsonl"
    contexts = [json.loads(line)["input"]["context"] for line in rows.read_text(encoding="utf-8").split("\n") if line]
    assert not [context for context in contexts if context in text]
