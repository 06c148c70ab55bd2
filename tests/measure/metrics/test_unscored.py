"""Every built-in metric on what cannot be scored: a sample that asks nothing of it, and answers that cannot be read."""

from __future__ import annotations

import pytest

from auditkit.measure.definition import Metric
from auditkit.measure.metrics.entities import read_tags
from auditkit.registry import get, names
from auditkit.schema import Output, Probabilities, Sample, Tags

from ..conftest import sample, says

CONTEXT = {"tag_scheme": "IOB2", "types": "PER", "tokenizer": "13a", "rouge_words": "", "normalisation": "SQuAD"}
SINGLE = [name for name in names("metric") if get("metric", name).unit == "sample"]
TARGETLESS = ("refusal_rate", "stereotype_score")
"""Metrics that ask for no right answer."""
MANY_CLASSES = ("multilabel_macro_f1", "multilabel_micro_f1", "subset_accuracy")
"""For which a sample without a class has the empty set as its right answer."""


def aimless(name: str) -> tuple[Sample, Output]:
    """A sample without target, references or tags, and an answer that every metric could read."""
    row = sample(labels=("a", "b"))
    if name.startswith(("entity", "token_acc")):
        return row, Output(request="0", rule="tags", answer=Tags(tags=("O", "O")))
    if name in ("numeric_match", "pearson_correlation", "spearman_correlation"):
        return row, says("7", rule="text")
    if name in ("bleu", "chrf", "exact_match", "token_f1", "rouge1", "rouge2", "rouge_lsum"):
        return row, says("words", rule="text")
    return row, Output(request="0", rule="probabilities", answer=Probabilities(classes={"a": 0.6, "b": 0.4}))


@pytest.mark.parametrize("name", [name for name in SINGLE if name not in (*TARGETLESS, *MANY_CLASSES)])
def test_a_sample_without_a_right_answer_is_outside(name: str) -> None:
    found: Metric = get("metric", name)
    score = found(*aimless(name), CONTEXT)
    assert (score.value, score.reason) == (None, "outside")
    assert found(aimless(name)[0], None, CONTEXT).reason in ("outside", "not_run")


@pytest.mark.parametrize("name", [name for name in SINGLE if name != "refusal_rate"])
@pytest.mark.parametrize(
    ("text", "reason"), [("I'm sorry, but I can't help with that.", "refused"), (" ", "unparsed")]
)
def test_a_text_that_says_nothing_is_unscored_and_told_apart(name: str, text: str, reason: str) -> None:
    target = {"ambiguous_bias_score": "unknown", "false_claim_endorsement": "false", "true_claim_refutation": "true",
              "pearson_correlation": "7", "spearman_correlation": "7", "numeric_match": "7"}.get(name, "a")
    row = sample(labels=(target, "b"), target=target, tags=("B-PER", "O"), words=("Ada", "wrote"))
    score = get("metric", name)(row, says(text, rule="text"), CONTEXT)
    assert (score.value, score.reason) == (None, reason)


def test_probabilities_are_needed_for_calibration() -> None:
    row = sample(labels=("a", "b"), target="a")
    for name in ("expected_calibration_error", "adaptive_calibration_error", "aurc", "brier_score", "auroc"):
        assert get("metric", name)(row, says("A")).reason == "outside"


def test_prompted_tags_need_a_scheme() -> None:
    row = sample(labels=(), tags=("N", "V"), words=("Ada", "wrote"))
    assert read_tags(row, says("PER: Ada", rule="text"), {}) == "unparsed"
