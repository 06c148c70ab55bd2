"""The view of a classifier: the explained score is the served probability or number."""

from __future__ import annotations

from typing import Any

import pytest

from auditkit.errors import MeasurementError
from auditkit.schema import Option, Request


@pytest.mark.parametrize("name", ["bert-classifier", "roberta-classifier", "bert-multilabel", "gpt2-classifier"])
def test_classifier_equals_served(name: str, opened: Any) -> None:
    adapter = opened(name)
    request = Request(kind="classify", rule="probabilities", text="a bad, awful movie")
    served = next(adapter.execute(adapter.encode([request]))).answer.classes
    for at, probability in enumerate(served.values()):
        view = adapter.view(request, at)
        assert float(view.score(view.embeddings[None]).exp()[0]) == pytest.approx(probability, abs=1e-5)
        assert view.text[view.offsets[1][0] : view.offsets[-2][1]] in request.text


def test_classifier_finds_the_class_of_an_option(opened: Any) -> None:
    adapter = opened("bert-classifier")
    request = Request(
        kind="classify", rule="probabilities", text="good film", options=(Option(text="neutral"), Option(text="odd"))
    )
    served = next(adapter.execute(adapter.encode([request]))).answer.classes
    view = adapter.view(request, 0)
    assert float(view.score(view.embeddings[None]).exp()[0]) == pytest.approx(served["neutral"], abs=1e-5)
    with pytest.raises(MeasurementError, match="'odd'"):
        adapter.view(request, 1)


@pytest.mark.parametrize("name", ["bert-pairs", "roberta-pairs", "deberta-pairs"])
def test_the_view_of_a_pair_equals_what_was_served(name: str, opened: Any) -> None:
    adapter = opened(name)
    request = Request(kind="classify", rule="probabilities", text="the doctor was late", text_pair="he was early")
    served = next(adapter.execute(adapter.encode([request]))).answer.classes
    for at, label in enumerate(adapter.head.classes):
        view = adapter.view(request, at)
        expected = pytest.approx([served[label]] * 2, abs=1e-6)
        assert view.score(view.embeddings.repeat(2, 1, 1)).exp().tolist() == expected
        assert view.score_ids(view.ids.repeat(2, 1)).exp().tolist() == expected
    assert view.text == "the doctor was late\nhe was early"
    words = [token for token, special in zip(view.tokens, view.special, strict=True) if not special]
    assert "".join(words) == "thedoctorwaslatehewasearly"
    assert sum(view.special) == 3


def test_the_view_of_a_number_equals_what_was_served(opened: Any) -> None:
    adapter = opened("bert-regression")
    request = Request(kind="classify", rule="number", text="the doctor was late")
    served = next(adapter.execute(adapter.encode([request]))).answer.value
    view = adapter.view(request, 0)
    assert view.score(view.embeddings[None]).tolist() == pytest.approx([served], abs=1e-6)
