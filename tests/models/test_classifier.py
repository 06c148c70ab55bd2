"""Classifiers against transformers' own logits."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from auditkit.errors import MeasurementError, ModelError
from auditkit.schema import Request

TEXTS = ["good film", "a bad, awful movie that young people know", "the doctor was late"]


def classify(text: str) -> Request:
    return Request(kind="classify", rule="probabilities", text=text)


@pytest.mark.parametrize("name", ["bert-classifier", "roberta-classifier", "gpt2-classifier"])
def test_probabilities_equal_softmax_of_single_forwards(name: str, opened: Any, reference: Any) -> None:
    model, tokenizer = reference(name)
    adapter = opened(name)
    outputs = list(adapter.execute(adapter.encode([classify(text) for text in TEXTS])))
    for text, output in zip(TEXTS, outputs, strict=True):
        ids = torch.tensor([tokenizer(text).input_ids])
        with torch.no_grad():
            expected = model(input_ids=ids).logits[0].double().softmax(-1)
        assert list(output.probabilities or {}) == ["negative", "positive", "neutral"]
        assert list((output.probabilities or {}).values()) == pytest.approx(expected.tolist(), abs=1e-6)


def test_multi_label_probabilities_are_independent(opened: Any, reference: Any) -> None:
    model, tokenizer = reference("bert-multilabel")
    adapter = opened("bert-multilabel")
    output = next(adapter.execute(adapter.encode([classify(TEXTS[0])])))
    with torch.no_grad():
        expected = model(input_ids=torch.tensor([tokenizer(TEXTS[0]).input_ids])).logits[0].sigmoid()
    assert list((output.probabilities or {}).values()) == pytest.approx(expected.tolist(), abs=1e-6)
    assert sum((output.probabilities or {}).values()) != pytest.approx(1.0, abs=1e-3)


def test_labels_that_are_no_class_are_named(opened: Any) -> None:
    opened("bert-classifier").require_labels(["negative", "neutral"])
    with pytest.raises(ModelError, match=r"no class is called stereotype \(id2label has negative, positive, neutral\)"):
        opened("bert-classifier").require_labels(["negative", "stereotype"])


def test_long_text_loses_its_end_and_says_so(opened: Any) -> None:
    adapter = opened("bert-classifier")
    encoded = adapter.encode([classify("the doctor was late " * 40)])[0]
    short = adapter.encode([classify("the doctor was late")])[0]
    assert len(encoded.sequences[0].ids) == 64
    assert encoded.truncated > 0
    assert encoded.sequences[0].ids[:4] == short.sequences[0].ids[:4]
    assert encoded.sequences[0].ids[-1] == short.sequences[0].ids[-1]
    assert next(adapter.execute([encoded])).truncated == encoded.truncated


def test_no_text_is_refused(opened: Any) -> None:
    with pytest.raises(MeasurementError, match="no text"):
        opened("bert-classifier").encode([classify("")])


def test_rules(opened: Any) -> None:
    assert opened("bert-classifier").rules == {"classify": ("probabilities",), "choose": ("label",)}
