"""Variants are measured with what their metric needs to know, as the clean samples are."""

from __future__ import annotations

from pathlib import Path

import pytest
from rouge_score.rouge_scorer import RougeScorer

from auditkit.measure.evaluate_modules import TRUST
from auditkit.measure.robustness import measure_variants
from auditkit.schema import Estimate, Output, Sample

from .conftest import card, sample, says

GOLDS = ("The committee rejected the plan.", "A new vote follows in May.", "The buses were too dear.")


def pairs(golds: tuple[str | None, ...]) -> list[Sample]:
    clean = [
        sample(str(i), labels=(), arm="clean", **({} if gold is None else {"target": gold, "references": (gold,)}))
        for i, gold in enumerate(golds)
    ]
    return clean + [one.model_copy(update={"id": f"{one.id}~typos", "variant": "typos"}) for one in clean]


def measured(name: str, samples: list[Sample], said: dict[str, str], **fields: object) -> list[Estimate]:
    outputs: dict[str, Output | None] = {one: says(text, rule="text") for one, text in said.items()}
    use = {"metric": name, "arm": "clean", **{k: fields.pop(k) for k in ("range", "direction") if k in fields}}
    return list(measure_variants(card(metrics=[use], **{"request": "generate", **fields}), samples, outputs).estimates)


def test_the_difference_of_rouge_is_rouge_scores() -> None:
    samples, cut = pairs(GOLDS), {f"p/{i}~typos": " ".join(gold.split()[2:]) for i, gold in enumerate(GOLDS)}
    _, change = measured("rouge1", samples, {f"p/{i}": gold for i, gold in enumerate(GOLDS)} | cut)
    scorer = RougeScorer(["rouge1"], use_stemmer=True)
    lost = [scorer.score(gold, said)["rouge1"].fmeasure - 1 for gold, said in zip(GOLDS, cut.values(), strict=True)]
    assert change.value == pytest.approx(sum(lost) / 3)


def test_unanswerable_questions_count_in_the_difference() -> None:
    """Two answered alike, and an unanswerable one that the variant answers: (0 + 0 - 1) / 3."""
    samples = pairs(("Ann", "Ben", None))
    said = {"p/0": "Ann", "p/1": "Ben", "p/2": "no answer", "p/0~typos": "Ann", "p/1~typos": "Ben", "p/2~typos": "Cleo"}
    _, change = measured("token_f1", samples, said, request="extract")
    assert (change.n, change.value) == (3, pytest.approx(-1 / 3))


def test_a_module_of_evaluate_is_measured_without_a_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TRUST, "1")
    file = tmp_path / "same.py"
    file.write_text(
        "import datasets, evaluate\n\n\nclass Same(evaluate.Metric):\n"
        "    def _info(self):\n"
        "        text = datasets.Value('string')\n"
        "        return evaluate.MetricInfo(description='', citation='', inputs_description='',\n"
        "            features=datasets.Features({'predictions': text, 'references': text}))\n\n"
        "    def _compute(self, predictions, references):\n"
        "        return {'same': sum(a == b for a, b in zip(predictions, references)) / len(references)}\n",
        encoding="utf-8",
    )
    said = {f"p/{i}{mark}": gold for i, gold in enumerate(GOLDS) for mark in ("", "~typos")}
    (found,) = measured(f"evaluate:{file}", pairs(GOLDS), said, range=[0, 1], direction="higher")
    assert (found.id.arm, found.id.variant, found.value) == ("clean", "typos", 1.0)
