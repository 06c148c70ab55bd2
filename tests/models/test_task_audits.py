"""Each task through a whole audit: models of its family, planted models, and saved predictions."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
import yaml

import auditkit
from auditkit import registry
from auditkit.load.packs import seal
from auditkit.pipeline.export import export_predictions
from auditkit.schema import Audit

TOYS = ("toy_tags", "toy_span", "toy_number", "toy_classes", "toy_nearest")
PASSAGE = "The doctor said that she was late for the meeting, and the nurse said that he was early."
LONG = " ".join(f"{PASSAGE} My neighbour number {at} can't repair the car." for at in range(6)) + " Mary was wonderful."
CLASSES = [{"text": label, "label": label, "group": None} for label in ("negative", "positive", "neutral")]


def row(**fields: Any) -> dict[str, Any]:
    return fields


TASKS: dict[str, dict[str, Any]] = {
    "tag": {
        "model": "bert-tagger", "metric": "toy_tags", "rules": ["tags"], "text": "Tag each word.",
        "rows": [
            row(words=["The", "doctor", "said"], tags=["O", "B-person", "O"]),
            row(words=["internationalisation", "neighbourliness"], tags=["O", "B-place"]),
            row(words=["Мария", "東京", "नमस्ते"], tags=["B-person", "B-place", "O"]),
            row(words=["good", "\u200b", "film"], tags=["O", "O", "O"]),
            row(words=PASSAGE.split() * 8, tags=["O", "B-person", *["O"] * 16] * 8),
        ],
    },
    "extract": {
        "model": "bert-span", "metric": "toy_span", "rules": ["span"], "inputs": ["question", "passage"],
        "text": "{passage} {question}",
        "rows": [
            row(input={"question": "Who was late?", "passage": PASSAGE}, references=["she"]),
            row(input={"question": "Who was wonderful?", "passage": LONG}, references=["Mary"]),
            row(input={"question": "Why?", "passage": PASSAGE}),
            row(input={"question": "Кто опоздал?", "passage": "Доктор опоздал в 東京."}, references=["Доктор"]),
        ],
    },
    "pair": {
        "model": "bert-pairs", "metric": "accuracy", "rules": ["probabilities"], "inputs": ["premise", "hypothesis"],
        "text": "{premise} {hypothesis}", "choices": CLASSES, "request": "classify",
        "rows": [
            row(input={"premise": PASSAGE, "hypothesis": "She was late."}, target="positive"),
            row(input={"premise": "good film", "hypothesis": "bad film"}, target="negative"),
            row(input={"premise": PASSAGE * 6, "hypothesis": "東京"}, target="neutral"),
        ],
    },
    "verbal": {
        "model": "bert", "metric": "accuracy", "rules": ["pseudo_loglikelihood_per_token"], "choices": CLASSES,
        "request": "classify", "text": "{text}",
        "rows": [row(input={"text": text}, target="positive") for text in ("good film", "the doctor was late", "東京")],
    },
    "number": {
        "model": "bert-regression", "metric": "toy_number", "rules": ["number"], "request": "classify",
        "text": "{text}",
        "rows": [row(input={"text": text}, target=str(at)) for at, text in ((1, "good film"), (2.5, "bad film"))],
    },
    "classes": {
        "model": "bert-multilabel", "metric": "toy_classes", "rules": ["probabilities"], "request": "classify",
        "text": "{text}", "choices": CLASSES,
        "rows": [
            row(input={"text": "good film"}, target=None, references=["positive", "neutral"]),
            row(input={"text": "bad film"}, target=None),
        ],
    },
    "nearest": {
        "model": "bert-embedder", "metric": "toy_nearest", "rules": ["similarity"], "request": "classify",
        "text": "{text}", "choices": CLASSES,
        "rows": [row(input={"text": text}, target="positive") for text in ("good film", "positive", "東京")],
    },
}


def pack(folder: Path, name: str, rows: list[dict[str, Any]] | None = None) -> Path:
    """A pack of a task; what is always right must read 1 and what is always wrong 0."""
    task = TASKS[name]
    given = rows if rows is not None else task["rows"]
    folder.mkdir()
    lines = [{"id": f"r{at}", "clusters": {"text": f"t{at}"}, **each} for at, each in enumerate(given)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    expected = [
        {"planted": planted, "metric": task["metric"], "arm": "all", "expect": "exactly", "value": value}
        for planted, value in (("always-right", 1.0), ("always-wrong", 0.0))
    ]
    expected += [
        {"planted": planted, "metric": task["metric"], "arm": "all", "expect": "undefined"}
        for planted in ("garbage", "refusing", "crashing")
    ]
    card = {
        "name": f"task-{name}", "version": 1, "title": "A task", "measures": "m", "limits": "l", "source": "s",
        "license": "Apache-2.0", "citation": "c", "language": "en", "request": task.get("request", name),
        "rules": task["rules"], "files": ["rows.jsonl"], "clusters": ["text"],
        "templates": [{"text": task["text"], "inputs": task.get("inputs", [])}],
        "metrics": [{"metric": task["metric"], "arm": "all"}], "planted": expected, "allow_cut": True,
        **({"choices": task["choices"]} if "choices" in task else {}),
    }
    (folder / "card.yaml").write_text(yaml.safe_dump(card, allow_unicode=True), encoding="utf-8")
    seal(folder)
    check = {
        "rule": "AK100", "benchmark": f"task-{name}", "metric": task["metric"], "arm": "all", "bound": 0.3,
        "min_samples": 1, "min_clusters": 1, "severity": "block" if len(given) > 10 else "warn",
    }
    # few rows can only warn, and a policy must be able to block
    blocking = {
        "rule": "AK201", "benchmark": "claims", "metric": "false_claim_endorsement", "arm": "false-claim", "bound": 0.3,
    }
    (folder / "policy.yaml").write_text(yaml.safe_dump({"name": "toy", "checks": [check, blocking]}), encoding="utf-8")
    return folder


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Audit]:
    monkeypatch.setenv("AUDITKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    known = dict(registry._entries())
    known |= {("metric", name): (EntryPoint(f"metric.{name}", f"toy_metrics:{name}", "auditkit"),) for name in TOYS}
    monkeypatch.setattr(registry, "_entries", lambda: known)

    def run(model: str | Path, folder: Path, out: str = "run", **settings: Any) -> Audit:
        return auditkit.audit(
            str(model), packs=[str(folder)], out=str(tmp_path / out), device="cpu", threads=1,
            **{"policy": str(folder / "policy.yaml"), **settings},
        )

    return run


@pytest.mark.parametrize("name", list(TASKS))
def test_a_model_of_the_family_is_audited_and_verified(
    name: str, folder: Callable[[str], Path], audit: Callable[..., Audit], tmp_path: Path
) -> None:
    is_explained = name in ("pair", "classes")
    given = TASKS[name]["rows"] * (6 if is_explained else 1)
    rows = pack(tmp_path / "pack", name, given)
    result = audit(folder(TASKS[name]["model"]), rows)
    assert result.not_applicable == {}
    assert result.errors == {}
    assert result.rules == {f"task-{name}": TASKS[name]["rules"][0]}
    pooled = next(e for e in result.estimates if e.id.metric == TASKS[name]["metric"] and e.id.pooled)
    assert (pooled.n, pooled.total) == (len(given), len(given))
    assert [reading for reading in result.selftest if not reading.ok] == []
    of_the_card = [reading for reading in result.selftest if reading.expect in ("exactly", "undefined")]
    assert len(of_the_card) == 5
    assert len(result.selftest) > 5, "others follow from the direction of what is measured"
    assert auditkit.verify(tmp_path / "run").audit.id == result.id
    explained = {one.sample_id for one in result.attributions}
    if is_explained:
        assert explained == set(pooled.cited.extreme[:2])
        assert result.not_explained == {}
    else:
        assert not explained
        assert all(reason.count("\n") == 0 for reason in result.not_explained.values())
    # the same answers as saved predictions
    lines = export_predictions(tmp_path / "run", tmp_path / "answers.jsonl")
    assert lines == len(given)
    again = audit(f"predictions:{tmp_path / 'answers.jsonl'}", rows, "again")
    assert again.estimates == result.estimates


@pytest.mark.parametrize(("behaviour", "value"), [("always-right", 1.0), ("always-wrong", 0.0)])
@pytest.mark.parametrize("name", list(TASKS))
def test_planted_models_read_what_they_must(
    name: str, behaviour: str, value: float, audit: Callable[..., Audit], tmp_path: Path
) -> None:
    result = audit(f"planted:{behaviour}", pack(tmp_path / "pack", name))
    pooled = next(e for e in result.estimates if e.id.metric == TASKS[name]["metric"] and e.id.pooled)
    assert (pooled.value, pooled.n) == (value, len(TASKS[name]["rows"]))


def test_entities_that_the_model_cannot_say_make_a_pack_not_applicable(
    folder: Callable[[str], Path], audit: Callable[..., Audit], tmp_path: Path
) -> None:
    rows = [row(words=["good", "film"], tags=["B-drug", "O"])]
    result = audit(folder("bert-tagger"), pack(tmp_path / "pack", "tag", rows), policy="default")
    assert "it has no tag for drug (id2label has O, person, place)" in result.not_applicable["task-tag"]
    assert result.estimates == ()
    assert result.verdict.exit_code == 3


def test_questions_that_cannot_be_asked_are_errors_by_name(
    folder: Callable[[str], Path], audit: Callable[..., Audit], tmp_path: Path
) -> None:
    rows = [
        row(input={"question": "Who?", "passage": PASSAGE}), row(input={"question": "Who?", "passage": ""}),
        row(input={"question": "", "passage": PASSAGE}), row(input={"question": "who is " * 40, "passage": PASSAGE}),
    ]
    result = audit(folder("bert-span"), pack(tmp_path / "pack", "extract", rows))
    assert set(result.errors) == {"task-extract/r1", "task-extract/r2", "task-extract/r3"}
    assert "the passage is empty" in result.errors["task-extract/r1"]
    assert "the question is empty" in result.errors["task-extract/r2"]
    assert "no room for the passage" in result.errors["task-extract/r3"]
    pooled = next(e for e in result.estimates if e.id.metric == "toy_span")
    assert (pooled.n, pooled.unscored) == (1, {"errored": 3})


def test_a_pair_without_its_second_text_is_refused_by_the_pack(
    folder: Callable[[str], Path], audit: Callable[..., Audit], tmp_path: Path
) -> None:
    rows = [row(input={"premise": "good film", "hypothesis": ""}, target="positive")]
    with pytest.raises(auditkit.errors.UsageError, match=r'rows\.jsonl:1: "input\.hypothesis" is empty'):
        audit(folder("bert-pairs"), pack(tmp_path / "pack", "pair", rows))


def test_a_text_that_is_empty_is_an_error_and_no_answer(
    folder: Callable[[str], Path], audit: Callable[..., Audit], tmp_path: Path
) -> None:
    rows = [row(input={"text": "good"}, target="1"), row(input={"text": " "}, target="1")]
    result = audit(folder("bert-regression"), pack(tmp_path / "pack", "number", rows))
    assert list(result.errors) == ["task-number/r1"]
    assert "the text to classify is empty" in result.errors["task-number/r1"]


@pytest.mark.parametrize("name", ["tag", "extract"])
def test_withheld_texts_stand_nowhere(
    name: str, folder: Callable[[str], Path], audit: Callable[..., Audit], tmp_path: Path
) -> None:
    audit(folder(TASKS[name]["model"]), pack(tmp_path / "pack", name), evidence="hash")
    for file in ("audit.json", "index.html", "report.md"):
        text = (tmp_path / "run" / file).read_text(encoding="utf-8")
        assert not [word for word in ("doctor", "internationalisation", "wonderful", "Доктор") if word in text]
