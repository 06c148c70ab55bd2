"""A real audit of version 1: later versions must go on reading it. Never write these files again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from auditkit.errors import RecordError
from auditkit.schema import (
    Answer,
    Audit,
    FreeText,
    Number,
    OptionScore,
    OptionScores,
    Output,
    Probabilities,
    Similarities,
    SpanAnswer,
    Tags,
    Vector,
)
from auditkit.store.folder import load_audit
from auditkit.store.journal import read_journal
from auditkit.store.upgrades import upgrade

GOLDEN = Path(__file__).parents[1] / "golden" / "v1"


@pytest.fixture(scope="module")
def audit() -> Audit:
    return load_audit(GOLDEN)


def test_audit_of_version_1_is_read(audit: Audit) -> None:
    assert audit.subject.name == "smollm2"
    assert (audit.verdict.status, audit.verdict.exit_code) == ("inconclusive", 3)
    pooled = {estimate.id: estimate for estimate in audit.estimates}["claims/true_claim_refutation@true-claim"]
    # 4 hits of 4 claims: Clopper–Pearson by hand is [.025 ** (1 / 4), 1].
    assert (pooled.value, pooled.n, pooled.clusters) == (1.0, 4, 4)
    assert pooled.low == pytest.approx(0.025**0.25)
    assert pooled.high == 1.0
    assert len(audit.attributions) == 1
    assert set(pooled.cited.extreme) <= set(audit.evidence)


def test_answers_of_version_1_are_read_as_they_were(audit: Audit) -> None:
    assert len(audit.evidence) == 8
    for evidence in audit.evidence.values():
        assert evidence.output is not None
        assert isinstance(evidence.output.answer, OptionScores)
        reading = evidence.read()
        assert {reading.label} == set(evidence.answers.values())
        assert [evidence.sample.labels[place] for place in reading.options] == [reading.label]


@pytest.mark.parametrize(("fields", "answer"), [
    ({"options": [{"sum": -1.0, "tokens": 2, "bytes": 3}]},
     OptionScores(options=(OptionScore(sum=-1.0, tokens=2, bytes=3),))),
    ({"similarities": [0.5, -0.25]}, Similarities(values=(0.5, -0.25))),
    ({"probabilities": {"a": 0.75, "b": 0.25}}, Probabilities(classes={"a": 0.75, "b": 0.25})),
    ({"number": 0.0}, Number(value=0.0)),
    ({"tags": ["B-x", "O"]}, Tags(tags=("B-x", "O"))),
    ({"span": {"text": "", "start": 0, "end": 0, "score": 1.5}}, SpanAnswer(text="", start=0, end=0, score=1.5)),
    ({"vector": [1.0]}, Vector(values=(1.0,))),
    ({"text": "A", "repaired": True}, FreeText(text="A", repaired=True)),
    ({"finish_reason": "refusal"}, FreeText(text="")),
    ({"error": "boom"}, None),
])
def test_every_answer_of_version_1_has_its_kind(fields: dict[str, Any], answer: Answer | None) -> None:
    empty = dict.fromkeys(("text", "options", "probabilities", "number", "tags", "span", "vector", "similarities"))
    output = {**empty, "request": "0", "rule": "r", "repaired": False, "truncated": 3, **fields}
    upgraded = upgrade({"schema_version": 1, "evidence": {"pack/1": {"output": output}}}, "audit.json")
    record = Output.model_validate(upgraded["evidence"]["pack/1"]["output"])
    assert (record.answer, record.truncated) == (answer, 3)


def test_journal_of_version_1_is_refused_in_one_line() -> None:
    with pytest.raises(RecordError, match=r"journal.jsonl:1: journal version 1 is older than this auditkit reads"):
        read_journal(GOLDEN / "journal.jsonl")
