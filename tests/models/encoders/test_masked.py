"""Masked models: pseudo-log-likelihood against an explicit loop of one mask at a time."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from auditkit.errors import MeasurementError
from auditkit.models.encoders import masked
from auditkit.schema import Option, Output, Request

FAMILIES = ["bert", "roberta", "distilbert", "electra", "albert"]


def ask(adapter: Any, requests: list[Request]) -> list[Output]:
    return list(adapter.execute(adapter.encode(requests)))


def compare(*texts: str, spans: tuple[tuple[tuple[int, int], ...], ...] | None = None) -> Request:
    options = tuple(Option(text=text, spans=spans[at] if spans else ()) for at, text in enumerate(texts))
    return Request(kind="compare", rule="pseudo_loglikelihood", options=options)


REQUESTS = [
    compare("The doctor said that she was late.", "The doctor said that he was late."),
    compare("good movie", "a bad, awful movie that young people know"),
    Request(
        kind="choose", rule="pseudo_loglikelihood", text="Who is the engineer?", prefix="Answer:",
        options=(Option(text=" Mary"), Option(text=" the old man"), Option(text=" unknown")),
    ),
]


def explicit(model: Any, tokenizer: Any, ids: list[int], positions: list[int]) -> list[float]:
    values = []
    for at in positions:
        masked = [*ids[:at], tokenizer.mask_token_id, *ids[at + 1 :]]
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([masked])).logits[0, at].double().log_softmax(-1)
        values.append(float(logits[ids[at]]))
    return values


@pytest.mark.parametrize("name", FAMILIES)
def test_whole_texts_equal_an_explicit_loop(name: str, opened: Any, reference: Any) -> None:
    model, tokenizer = reference(name)
    for request, output in zip(REQUESTS[:2], ask(opened(name), REQUESTS)[:2], strict=True):
        for option, score in zip(request.options, output.answer.options, strict=True):
            ids = tokenizer(option.text).input_ids
            expected = explicit(model, tokenizer, ids, list(range(1, len(ids) - 1)))
            assert score.logprobs == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("name", FAMILIES)
def test_choose_scores_the_option_in_its_text(name: str, opened: Any, reference: Any) -> None:
    model, tokenizer = reference(name)
    context = tokenizer("Who is the engineer?\nAnswer:").input_ids[:-1]
    for option, score in zip(REQUESTS[2].options, ask(opened(name), REQUESTS[2:])[0].answer.options, strict=True):
        ids = tokenizer(f"Who is the engineer?\nAnswer:{option.text}").input_ids
        expected = explicit(model, tokenizer, ids, list(range(len(context), len(ids) - 1)))
        assert score.logprobs == pytest.approx(expected, abs=1e-4)
        assert score.bytes == len(option.text) - 1


@pytest.mark.parametrize("name", FAMILIES)
def test_batch_of_one_equals_batch(name: str, opened: Any) -> None:
    for request, output in zip(REQUESTS, ask(opened(name), REQUESTS), strict=True):
        alone = ask(opened(name), [request])[0]
        for one, many in zip(alone.answer.options, output.answer.options, strict=True):
            assert one.logprobs == pytest.approx(many.logprobs, abs=1e-4)


def test_head_runs_on_the_masked_position_only(opened: Any) -> None:
    adapter, rows = opened("bert"), []
    assert adapter.head  # made before the hook: its own check reads texts too
    handle = adapter.checkpoint.model.cls.register_forward_hook(lambda _m, _a, out: rows.append(out.shape[:2].numel()))
    try:
        output = ask(adapter, [compare("good film", "bad film")])[0]
    finally:
        handle.remove()
    # "[MASK] film" is the same copy for both texts
    assert sum(rows) == 3
    assert sum(score.tokens for score in output.answer.options) == 4


def test_forward_passes_on_a_cpu_are_small(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter, sizes = opened("bert"), []
    assert adapter.head
    before = ask(adapter, REQUESTS)
    monkeypatch.setattr(masked, "CPU_TOKENS", 40)
    handle = adapter.checkpoint.model.base_model.register_forward_pre_hook(
        lambda _m, given: sizes.append(given[0].numel())  # its ids
    )
    try:
        after = ask(adapter, REQUESTS)
    finally:
        handle.remove()
    assert 20 < max(sizes) <= 40
    for one, other in zip(before, after, strict=True):
        for left, right in zip(one.answer.options, other.answer.options, strict=True):
            assert left.logprobs == pytest.approx(right.logprobs, abs=1e-4)


def test_texts_that_hold_masks_themselves(opened: Any, reference: Any) -> None:
    """Both give the copy "[MASK] [MASK]", one scored at its first, one at its second."""
    model, tokenizer = reference("bert")
    texts = ("[MASK] film", "good [MASK]")
    for text, score in zip(texts, ask(opened("bert"), [compare(*texts)])[0].answer.options, strict=True):
        ids = tokenizer(text).input_ids
        expected = explicit(model, tokenizer, ids, list(range(1, len(ids) - 1)))
        assert score.logprobs == pytest.approx(expected, abs=1e-4)


def test_only_the_words_in_the_spans_are_masked(opened: Any, reference: Any) -> None:
    model, tokenizer = reference("bert")
    text = "the doctor was late"
    output = ask(opened("bert"), [compare(text, spans=(((0, 3), (11, 19)),))])[0]
    words = tokenizer(text, return_offsets_mapping=True)
    positions = [at for at, (a, b) in enumerate(words["offset_mapping"]) if b > a and (b <= 3 or a >= 11)]
    expected = explicit(model, tokenizer, words["input_ids"], positions)
    assert output.answer.options[0].logprobs == pytest.approx(expected, abs=1e-4)


def test_roberta_window_leaves_out_the_padding_positions(opened: Any) -> None:
    """65 rows of positions, counted from padding_idx + 1 = 1, hold 64 tokens."""
    assert opened("roberta").checkpoint.window == 64
    request = Request(
        kind="choose", rule="pseudo_loglikelihood", text="the doctor was late " * 40, options=(Option(text=" Mary"),)
    )
    encoded = opened("roberta").encode([request])[0]
    assert len(encoded.sequences[0].ids) == 64
    assert (encoded.sequences[0].ids[0], encoded.sequences[0].ids[-1]) == (2, 3)
    assert encoded.truncated > 0
    assert ask(opened("roberta"), [request])[0].error is None


def test_no_view(opened: Any) -> None:
    with pytest.raises(MeasurementError, match="masked copies"):
        opened("bert").view(REQUESTS[0], 0)


def test_rules(opened: Any) -> None:
    rules = opened("bert").rules
    assert rules["compare"] == ("pseudo_loglikelihood",)
    assert "pseudo_loglikelihood_per_byte" in rules["choose"]
    assert "generate" not in rules
