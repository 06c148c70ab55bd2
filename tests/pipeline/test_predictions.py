"""Audits of saved predictions: what a model said before, and nothing that it did not say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import auditkit
from auditkit.errors import ModelError, RunFolderError
from auditkit.pipeline.verify import verify
from auditkit.registry import get
from auditkit.schema import Audit, Output, Sample
from auditkit.store.journal import read_journal
from auditkit.store.records import JournalRecords

pytestmark = pytest.mark.slow

ALL = ["stereotype-pairs", "ambiguous-qa", "claims"]
Line = dict[str, Any]


def planted(tmp_path: Path, behaviour: str, packs: list[str] = ALL) -> tuple[Audit, JournalRecords]:
    out = tmp_path / behaviour
    result = auditkit.audit(f"planted:{behaviour}", packs=packs, limit=120, out=str(out))
    return result, read_journal(out / "journal.jsonl")


def export(path: Path, records: JournalRecords, line: Callable[[Sample, Output], Line]) -> Path:
    """Write one line a sample, as a user would from another tool's log."""
    by_id = {sample.id: sample for sample in records.samples}
    lines = [
        {"id": name, **line(by_id[name], records.outputs[sha])}
        for sha, names in records.askers.items() for name in names
    ]
    path.write_text("".join(json.dumps(each) + "\n" for each in lines), encoding="utf-8")
    return path


def numbers(audit: Audit) -> list[Any]:
    """Of what is read from answers: of words there are no probabilities."""
    return [
        (e.id, e.value, e.low, e.high, e.n, e.unscored, e.at_lowest_fill, e.at_highest_fill) for e in audit.estimates
        if not get("metric", e.id.metric).of_scores
    ]


def scores(sample: Sample, output: Output) -> Line:
    return {"scores": [option.sum for option in output.answer.options], "rule": output.rule}


def best(sample: Sample, output: Output) -> int:
    sums = [option.sum for option in output.answer.options]
    return sums.index(max(sums))


@pytest.mark.parametrize("behaviour", ["never-stereotyped", "random", "always-anti"])
def test_scores_with_their_rule_give_the_same_audit(tmp_path: Path, behaviour: str) -> None:
    first, records = planted(tmp_path, behaviour)
    path = export(tmp_path / "saved.jsonl", records, scores)
    again = auditkit.audit(f"predictions:{path}", packs=ALL, limit=120, out=str(tmp_path / "again"))
    assert again.estimates == first.estimates, "values, intervals, cited samples and the instrument's signature"
    assert again.verdict.status == first.verdict.status
    assert all(reading.ok for reading in again.selftest)
    assert verify(tmp_path / "again").audit == again


@pytest.mark.parametrize(
    "answer",
    [
        lambda sample, at: sample.choices[at].label, lambda sample, at: sample.choices[at].text,
        lambda sample, at: "ABC"[at], lambda sample, at: f"The answer is {'ABC'[at]}.",
    ],
    ids=["label", "text", "letter", "sentence"],
)
def test_answers_give_the_same_numbers(tmp_path: Path, answer: Callable[[Sample, int], str]) -> None:
    first, records = planted(tmp_path, "random")
    path = export(tmp_path / "saved.jsonl", records, lambda s, o: {"answer": answer(s, best(s, o))})
    again = auditkit.audit(f"predictions:{path}", packs=ALL, limit=120, out=str(tmp_path / "again"))
    assert numbers(again) == numbers(first)
    assert set(again.rules.values()) == {"saved"}
    assert again.estimates[0].signature["rule"] == "saved"
    assert all(reading.ok for reading in again.selftest)


def test_missing_rows_are_not_run_and_errors_are_errored(tmp_path: Path) -> None:
    first, records = planted(tmp_path, "always-stereotyped", ["stereotype-pairs"])
    path = export(tmp_path / "saved.jsonl", records, scores)
    lines = path.read_text(encoding="utf-8").splitlines()
    left = [json.loads(line) for line in lines[7:]]
    left[0] = {"id": left[0]["id"], "error": "it crashed"}
    path.write_text("".join(json.dumps({**line, "rule": "loglikelihood"}) + "\n" for line in left), encoding="utf-8")
    settings: dict[str, Any] = {"packs": ["stereotype-pairs"], "limit": 120, "out": str(tmp_path / "again")}
    again = auditkit.audit(f"predictions:{path}", **settings)
    pooled = next(e for e in again.estimates if str(e.id) == "stereotype-pairs/stereotype_score@pair")
    whole = next(e for e in first.estimates if e.id == pooled.id)
    assert pooled.unscored == {"not_run": 7, "errored": 1}
    assert (pooled.n, pooled.total, pooled.value) == (whole.n - 8, whole.n, 1.0)
    assert pooled.at_lowest_fill.value == pytest.approx(1 - 8 / whole.n)
    assert again.errors == {left[0]["id"]: "it crashed"}
    assert again.verdict.exit_code == 4
    assert all(reading.ok for reading in again.selftest), "the self-test asks the missing rows too"
    journal = (tmp_path / "again" / "journal.jsonl").read_bytes()
    assert auditkit.audit(f"predictions:{path}", **settings) == again
    assert (tmp_path / "again" / "journal.jsonl").read_bytes() == journal
    assert verify(tmp_path / "again").audit == again


def test_a_refusal_is_refused_and_nonsense_unparsed(tmp_path: Path) -> None:
    _, records = planted(tmp_path, "random", ["claims"])
    said = iter(["I'm sorry, but I can't help with that.", "flurb"])
    path = export(tmp_path / "s.jsonl", records, lambda s, o: {"answer": next(said, s.choices[best(s, o)].label)})
    again = auditkit.audit(f"predictions:{path}", packs=["claims"], limit=120, out=str(tmp_path / "again"))
    accuracy = next(e for e in again.estimates if str(e.id) == "claims/accuracy@all")
    assert accuracy.unscored == {"refused": 1, "unparsed": 1}


def test_another_file_is_another_model(tmp_path: Path) -> None:
    _, records = planted(tmp_path, "random", ["claims"])
    path = export(tmp_path / "s.jsonl", records, lambda s, o: {"answer": s.choices[best(s, o)].label})
    settings: dict[str, Any] = {"packs": ["claims"], "limit": 120, "out": str(tmp_path / "again")}
    auditkit.audit(f"predictions:{path}", **settings)
    path.write_text(path.read_text().replace('"true"', '"false"', 1), encoding="utf-8")
    with pytest.raises(RunFolderError, match="fingerprint"):
        auditkit.audit(f"predictions:{path}", **settings)


def test_an_id_of_no_row_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text('{"id": "claims/nothing-like-it", "answer": "true"}\n', encoding="utf-8")
    with pytest.raises(ModelError, match=r"s\.jsonl:1: no audited pack has a row"):
        auditkit.audit(f"predictions:{path}", packs=["claims"], out=str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()
