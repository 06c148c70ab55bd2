"""Classifiers against transformers' own logits and pipeline."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.errors import MeasurementError, ModelError
from auditkit.models.open import open_model
from auditkit.schema import Config, Output, Request

TEXTS = ["good film", "a bad, awful movie that young people know", "the doctor was late"]
PAIRS = [("the doctor was late", "he was early"), ("good film", "a bad, awful movie that young people know"),
         ("доктор 東京", "naïve café people")]
ENCODERS = ["bert", "roberta", "distilbert", "deberta", "albert", "electra"]


def classify(text: str, pair: str = "", rule: str = "probabilities") -> Request:
    return Request(kind="classify", rule=rule, text=text, text_pair=pair)


def ask(adapter: Any, *requests: Request) -> list[Output]:
    return list(adapter.execute(adapter.encode(list(requests))))


@pytest.mark.parametrize("name", ["bert-classifier", "roberta-classifier", "gpt2-classifier"])
def test_probabilities_equal_softmax_of_single_forwards(name: str, opened: Any, reference: Any) -> None:
    model, tokenizer = reference(name)
    for text, output in zip(TEXTS, ask(opened(name), *map(classify, TEXTS)), strict=True):
        ids = torch.tensor([tokenizer(text).input_ids])
        with torch.no_grad():
            expected = model(input_ids=ids).logits[0].double().softmax(-1)
        assert list(output.answer.classes) == ["negative", "positive", "neutral"]
        assert list(output.answer.classes.values()) == pytest.approx(expected.tolist(), abs=1e-6)


@pytest.mark.parametrize("body", ENCODERS)
def test_pairs_equal_single_forwards_with_the_tokenizers_segments(body: str, opened: Any, reference: Any) -> None:
    model, tokenizer = reference(f"{body}-pairs")
    told = body in ("bert", "albert", "electra")
    for (text, pair), output in zip(PAIRS, ask(opened(f"{body}-pairs"), *(classify(*p) for p in PAIRS)), strict=True):
        batch = tokenizer(text, pair, return_tensors="pt")
        assert batch["token_type_ids"].sum() > 0
        if not told:  # knows one segment, or takes none
            del batch["token_type_ids"]
        with torch.no_grad():
            expected = model(**batch).logits[0].double().softmax(-1)
        assert list(output.answer.classes.values()) == pytest.approx(expected.tolist(), abs=1e-6)


def test_pairs_equal_the_pipeline(opened: Any, reference: Any) -> None:
    model, tokenizer = reference("bert-pairs")
    pipe = transformers.pipeline("text-classification", model=model, tokenizer=tokenizer, top_k=None, device="cpu")
    for (text, pair), output in zip(PAIRS, ask(opened("bert-pairs"), *(classify(*p) for p in PAIRS)), strict=True):
        expected = {each["label"]: each["score"] for each in pipe({"text": text, "text_pair": pair})}
        assert output.answer.classes == pytest.approx(expected, abs=1e-6)


def test_a_pair_is_not_its_two_texts_in_one(opened: Any) -> None:
    pair, turned, one = ask(
        opened("bert-pairs"), classify("good film", "bad movie"), classify("bad movie", "good film"),
        classify("good film bad movie"),
    )
    assert pair.answer.classes != pytest.approx(turned.answer.classes, abs=1e-4)
    assert pair.answer.classes != pytest.approx(one.answer.classes, abs=1e-4)
    assert pair.input_sha256 != turned.input_sha256


READ = [*((text, "") for text in TEXTS), *PAIRS]


@given(st.lists(st.sampled_from(READ), min_size=1, max_size=8), st.integers(8, 300))
@settings(max_examples=20, deadline=None)
def test_probabilities_do_not_depend_on_the_batch(opened: Any, texts: list[tuple[str, str]], budget: int) -> None:
    together = ask(opened("bert-pairs", batch_tokens=budget), *(classify(*each) for each in texts))
    for each, output in zip(texts, together, strict=True):
        alone = ask(opened("bert-pairs"), classify(*each))[0]
        assert output.answer.classes == pytest.approx(alone.answer.classes, abs=1e-5)


def test_multi_label_probabilities_are_independent(opened: Any, reference: Any) -> None:
    model, tokenizer = reference("bert-multilabel")
    output = ask(opened("bert-multilabel"), classify(TEXTS[0]))[0]
    with torch.no_grad():
        expected = model(input_ids=torch.tensor([tokenizer(TEXTS[0]).input_ids])).logits[0].sigmoid()
    assert list(output.answer.classes.values()) == pytest.approx(expected.tolist(), abs=1e-6)
    assert sum(output.answer.classes.values()) != pytest.approx(1.0, abs=1e-3)


def test_multi_label_pairs(opened: Any, reference: Any) -> None:
    model, tokenizer = reference("electra-multilabel")
    output = ask(opened("electra-multilabel"), classify(*PAIRS[0]))[0]
    with torch.no_grad():
        expected = model(**tokenizer(*PAIRS[0], return_tensors="pt")).logits[0].sigmoid()
    assert list(output.answer.classes.values()) == pytest.approx(expected.tolist(), abs=1e-6)


@pytest.mark.parametrize("body", ENCODERS)
def test_a_regression_gives_its_number(body: str, opened: Any, reference: Any) -> None:
    model, tokenizer = reference(f"{body}-regression")
    adapter = opened(f"{body}-regression")
    assert adapter.rules == {"classify": ("number",)}
    for text, output in zip(TEXTS, ask(adapter, *(classify(text, rule="number") for text in TEXTS)), strict=True):
        with torch.no_grad():
            expected = model(input_ids=torch.tensor([tokenizer(text).input_ids])).logits
        assert expected.shape == (1, 1)
        assert output.answer.value == pytest.approx(expected.item(), abs=1e-5)


def test_a_number_that_is_none_is_an_error(own: Any) -> None:
    adapter = open_model(Config(model=str(own("bert-regression")), device="cpu"))
    adapter.checkpoint.model.classifier.bias.data[0] = float("nan")  # type: ignore[attr-defined]
    output = ask(adapter, classify(TEXTS[0], rule="number"))[0]
    assert output.answer is None
    assert "a value that is not a number" in (output.error or "")


def test_labels_that_are_no_class_are_named(opened: Any) -> None:
    opened("bert-pairs").require_labels(["negative", "neutral"])
    with pytest.raises(ModelError, match=r"no class is called stereotype \(id2label has negative, positive, neutral\)"):
        opened("bert-pairs").require_labels(["negative", "stereotype"])
    opened("bert-regression").require_labels(["1.5"])  # a number's target is no class


def test_long_text_loses_its_end_and_says_so(opened: Any) -> None:
    adapter = opened("bert-classifier")
    encoded = adapter.encode([classify("the doctor was late " * 40)])[0]
    short = adapter.encode([classify("the doctor was late")])[0]
    assert len(encoded.sequences[0].ids) == 64
    assert encoded.truncated == 160 + 2 - 64
    assert encoded.sequences[0].ids[:4] == short.sequences[0].ids[:4]
    assert encoded.sequences[0].ids[-1] == short.sequences[0].ids[-1]
    assert next(adapter.execute([encoded])).truncated == encoded.truncated


def test_of_a_long_pair_the_longer_text_is_cut(opened: Any, reference: Any) -> None:
    _, tokenizer = reference("bert-pairs")
    pair = ("good film", "the doctor was late " * 40)
    encoded = opened("bert-pairs").encode([classify(*pair)])[0]
    expected = tokenizer(*pair, truncation="longest_first", max_length=64)
    assert list(encoded.sequences[0].ids) == expected.input_ids
    assert list(encoded.sequences[0].segments) == expected.token_type_ids
    assert encoded.sequences[0].ids[1:3] == tuple(tokenizer("good film", add_special_tokens=False).input_ids)
    assert encoded.truncated == 2 + 160 + 3 - 64
    assert ask(opened("bert-pairs"), classify(*pair))[0].truncated == encoded.truncated


@pytest.mark.parametrize(
    ("text", "pair", "message"),
    [
        ("", "", "the text to classify is empty"), (" \n", "", "the text to classify is empty"),
        ("", "good", "the text to classify is empty"), ("good", "  ", "the second text of the pair is empty"),
        ("\u200b", "", "gives no token"),
    ],
)
def test_empty_texts_are_refused_in_one_line(text: str, pair: str, message: str, opened: Any) -> None:
    with pytest.raises(MeasurementError, match=message) as caught:
        opened("bert-classifier").encode([classify(text, pair)])
    assert "\n" not in str(caught.value)


def test_rules(opened: Any) -> None:
    assert opened("bert-classifier").rules == {"classify": ("probabilities",), "choose": ("label",)}
