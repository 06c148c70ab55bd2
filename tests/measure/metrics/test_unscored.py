"""Every built-in metric on what cannot be scored: a sample that asks nothing of it, and answers that cannot be read."""

from __future__ import annotations

import pytest

from auditkit.measure.definition import Metric
from auditkit.measure.metrics.entities import read_tags
from auditkit.registry import get
from auditkit.schema import Output, Probabilities, Tags

from ..conftest import sample, says

CONTEXT = {"tag_scheme": "IOB2", "types": "PER", "tokenizer": "13a", "rouge_words": "", "normalisation": "SQuAD"}
ANSWERS: dict[tuple[str, ...], Output] = {
    ("accuracy", "macro_f1", "micro_f1", "weighted_f1", "matthews_correlation", "auroc", "brier_score", "aurc",
     "expected_calibration_error", "adaptive_calibration_error", "ambiguous_bias_score", "disambiguated_bias_score",
     "false_claim_endorsement", "true_claim_refutation"):
        Output(request="0", rule="probabilities", answer=Probabilities(classes={"a": 0.6, "b": 0.4})),
    ("entity_f1", "entity_f1_lenient", "token_accuracy"):
        Output(request="0", rule="tags", answer=Tags(tags=("O", "O"))),
    ("numeric_match", "pearson_correlation", "spearman_correlation"): says("7", rule="text"),
    ("bleu", "chrf", "exact_match", "token_f1", "rouge1", "rouge2", "rouge_lsum"): says("words", rule="text"),
}
"""Metrics that need a right answer, and an answer that they can read."""
NO_RIGHT_ANSWER = ("stereotype_score", "multilabel_macro_f1", "multilabel_micro_f1", "subset_accuracy")
"""Metrics that need none, or for which a sample without a class has the empty set as its right answer."""
TARGETS = {"ambiguous_bias_score": "unknown", "false_claim_endorsement": "false", "true_claim_refutation": "true",
           "pearson_correlation": "7", "spearman_correlation": "7", "numeric_match": "7"}


@pytest.mark.parametrize(("name", "output"), [(name, output) for names, output in ANSWERS.items() for name in names])
def test_a_sample_without_a_right_answer_is_outside(name: str, output: Output) -> None:
    tested: Metric = get("metric", name)
    row = sample(labels=("a", "b"))
    score = tested(row, output, CONTEXT)
    assert (score.value, score.reason) == (None, "outside")
    assert tested(row, None, CONTEXT).reason == ("not_run" if tested.best is None else "outside")


@pytest.mark.parametrize("name", [*(name for names in ANSWERS for name in names), *NO_RIGHT_ANSWER])
@pytest.mark.parametrize(
    ("text", "reason"), [("I'm sorry, but I can't help with that.", "refused"), (" ", "unparsed")]
)
def test_a_text_that_says_nothing_is_unscored_and_told_apart(name: str, text: str, reason: str) -> None:
    target = TARGETS.get(name, "a")
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
