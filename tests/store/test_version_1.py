"""A real audit of version 1: later versions must go on reading it. Never write these files again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from auditkit.cli import main
from auditkit.errors import RecordError
from auditkit.pipeline.resume import resume
from auditkit.pipeline.verify import verify
from auditkit.schema import (
    SCHEMA_VERSION,
    Answer,
    Audit,
    FreeText,
    Guard,
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
from auditkit.schema.event import Event
from auditkit.store.folder import load_audit
from auditkit.store.journal import Journal, read_journal
from auditkit.store.upgrades import upgrade

GOLDEN = Path(__file__).parents[1] / "golden" / "v1"


@pytest.fixture(scope="module")
def audit() -> Audit:
    return load_audit(GOLDEN)


def test_audit_of_version_1_is_read(audit: Audit) -> None:
    assert audit.subject.name == "smollm2"
    assert (audit.verdict.status, audit.verdict.exit_code) == ("inconclusive", 3)
    pooled = {str(estimate.id): estimate for estimate in audit.estimates}["claims/true_claim_refutation@true-claim"]
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
    data = json.loads((GOLDEN / "audit.json").read_bytes())
    upgraded = upgrade({**data, "evidence": {"pack/1": {"sample": {}, "output": output}}}, "audit.json")
    record = Output.model_validate(upgraded["evidence"]["pack/1"]["output"])
    assert (record.answer, record.truncated) == (answer, 3)


def test_its_hashes_are_said_not_to_be_comparable() -> None:
    events: list[Event] = []
    load_audit(GOLDEN, events.append)
    assert len(events) == 1
    assert "audit.json: is of schema_version 1" in events[0].message
    assert "cannot be compared" in events[0].message


def test_its_journal_is_refused_in_one_line_and_left_alone(tmp_path: Path) -> None:
    path = shutil.copytree(GOLDEN, tmp_path / "v1") / "journal.jsonl"
    before = path.read_bytes()
    for attempt in (lambda: read_journal(path), lambda: read_journal(path, strict=False), lambda: verify(path.parent),
                    lambda: resume(path.parent), lambda: Journal.open(path, {})):
        with pytest.raises(RecordError, match=r"journal.jsonl:1: journal version 1 is older .* cannot be checked"):
            attempt()
    assert path.read_bytes() == before


@pytest.mark.parametrize(("command", "code"), [("render", 0), ("gate", 3), ("verify", 4)])
def test_commands_say_so_in_one_line(
    command: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(GOLDEN, tmp_path / "v1")
    monkeypatch.setattr("sys.argv", ["auditkit", command, str(folder)])
    with pytest.raises(SystemExit) as ended:
        main()
    lines = [line for line in capfd.readouterr().err.splitlines() if "canonical form" in line]
    assert (ended.value.code, len(lines)) == (code, 1)
    if command == "render":
        assert "Clopper" in (folder / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("damage", [{"estimates": None}, {"evidence": {"a": 1}}, {"evidence": {"a": {}}}])
def test_what_is_not_an_audit_of_version_1_is_named(damage: dict[str, Any], tmp_path: Path) -> None:
    data = json.loads((GOLDEN / "audit.json").read_text(encoding="utf-8"))
    (tmp_path / "audit.json").write_text(json.dumps({**data, **damage}), encoding="utf-8")
    with pytest.raises(RecordError, match="is not an audit of schema_version 1"):
        load_audit(tmp_path)


def test_names_guards_and_counts_of_version_1_are_brought_along(audit: Audit) -> None:
    assert audit.schema_version == SCHEMA_VERSION
    data = json.loads((GOLDEN / "audit.json").read_bytes())
    assert [str(estimate.id) for estimate in audit.estimates] == [old["id"] for old in data["estimates"]]
    assert [finding.id for finding in audit.findings] == [finding.check.finding for finding in audit.findings]
    assert [[str(name) for name in finding.estimates] for finding in audit.findings] == [
        old["estimates"] for old in data["findings"]
    ]
    assert sum(audit.verdict.counts.values()) == sum(finding.blocks for finding in audit.findings)


def test_a_variant_of_version_1_gets_a_field_and_a_bias_score_its_guard() -> None:
    data = json.loads((GOLDEN / "audit.json").read_bytes())
    estimate = {**data["estimates"][0], "id": "q/ambiguous_bias_score@ambiguous~typos", "benchmark": "q",
                "metric": "ambiguous_bias_score", "arm": "ambiguous~typos"}
    check = {"rule": "AK103", "benchmark": "q", "metric": "ambiguous_bias_score", "arm": "ambiguous~typos", "bound": 1}
    new = Audit.model_validate(upgrade(
        {**data, "estimates": [estimate], "policy": {"name": "p", "checks": [check]}, "findings": []}, "audit.json"
    ))
    assert (new.estimates[0].id.arm, new.estimates[0].id.variant) == ("ambiguous", "typos")
    assert new.estimates[0].guard == Guard(metric="accuracy", arm="disambiguated", bound=1 / 3)
    assert new.policy.checks[0].estimate == new.estimates[0].id


def test_intervals_that_did_not_hold_are_shown_as_they_were(audit: Audit) -> None:
    data = json.loads((GOLDEN / "audit.json").read_bytes())
    kinds = {old["id"]: (old["spread"] or {}).get("kind") for old in data["estimates"]}
    assert {"exact", "wilson"} <= set(kinds.values())
    for new, old in zip(audit.estimates, data["estimates"], strict=True):
        assert (new.low, new.high, new.effective_clusters) == (old["low"], old["high"], old["clusters"])
        assert (new.spread is not None) == (kinds[old["id"]] == "exact")
