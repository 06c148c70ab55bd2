"""Extractive question answering against an exhaustive search over plain forwards."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.errors import MeasurementError
from auditkit.models.encoders.span import window_of
from auditkit.models.open import open_model
from auditkit.schema import Config, Output, Request

FAMILIES = ["bert-span", "roberta-span", "distilbert-span", "deberta-span", "albert-span", "electra-span"]
SHORT = "The doctor said that she was late for the meeting, and the nurse said that he was early."
LONG = " ".join(f"{SHORT} My neighbour number {at} can't repair the car; good people know {at * 7}." for at in range(8))
SCRIPTS = "Доктор опоздал на встречу в 東京 くるま नमस्ते दुनिया, naïve café. The doctor was late."
QUESTION = "Who is the engineer?"


def extract(question: str, passage: str) -> Request:
    return Request(kind="extract", rule="span", text=question, text_pair=passage)


def ask(adapter: Any, *requests: Request) -> list[Output]:
    return list(adapter.execute(adapter.encode(list(requests))))


def by_hand(model: Any, tokenizer: Any, question: str, passage: str, *, types: bool) -> tuple[float, float, int, int]:
    """Best score, null score and characters: every window by itself, every pair of tokens of the passage."""
    room = 64 - len(tokenizer(question, add_special_tokens=False).input_ids) - 3
    batch = tokenizer(
        question, passage, truncation="only_second", max_length=64, stride=min(128, room // 2),
        return_overflowing_tokens=True, return_offsets_mapping=True,
    )
    best, null, found = -1e9, 1e9, (0, 0)
    for row, ids in enumerate(batch.input_ids):
        inputs = {"input_ids": torch.tensor([ids])}
        if types:
            inputs["token_type_ids"] = torch.tensor([batch.token_type_ids[row]])
        with torch.no_grad():
            output = model(**inputs)
        starts, ends = output.start_logits[0].tolist(), output.end_logits[0].tolist()
        null = min(null, starts[0] + ends[0])
        mine = [at for at, side in enumerate(batch.sequence_ids(row)) if side == 1]
        for first in mine:
            for last in mine:
                if first <= last < first + 30 and starts[first] + ends[last] > best:
                    best = starts[first] + ends[last]
                    found = (batch.offset_mapping[row][first][0], batch.offset_mapping[row][last][1])
    return best, null, *found


@pytest.mark.parametrize("passage", [SHORT, LONG, SCRIPTS], ids=["short", "long", "scripts"])
@pytest.mark.parametrize("name", FAMILIES)
def test_spans_equal_an_exhaustive_search(name: str, passage: str, opened: Any, reference: Any) -> None:
    model, tokenizer = reference(name)
    types = name in ("bert-span", "albert-span", "electra-span")
    best, null, start, end = by_hand(model, tokenizer, QUESTION, passage, types=types)
    span = ask(opened(name), extract(QUESTION, passage))[0].answer
    assert span is not None
    assert span.score == pytest.approx(best, abs=1e-4)
    assert span.null_score == pytest.approx(null, abs=1e-4)
    if null > best:
        assert (span.text, span.start, span.end) == ("", 0, 0)
    else:
        assert (span.start, span.end) == (start, end)
        assert span.text == passage[start:end] != ""


def prefer(adapter: Any, passage: str, wanted: str, null: float) -> Any:
    """Replace the model's forward by one that scores the tokens of one word 5, CLS `null` / 2, and all else 0."""
    tokenizer = adapter.checkpoint.tokenizer
    target = tokenizer(wanted, add_special_tokens=False).input_ids

    def forward(input_ids: torch.Tensor, **_: Any) -> Any:
        logits = torch.zeros(input_ids.shape)
        for token in target:
            logits[input_ids == token] = 5.0
        logits[:, 0] = null / 2
        return type("Output", (), {"start_logits": logits, "end_logits": logits})()

    adapter.checkpoint.model.forward = forward
    return adapter


@pytest.fixture
def fresh(own: Any) -> Any:
    return lambda: open_model(Config(model=str(own("bert-span")), device="cpu"))


def test_an_answer_at_the_end_of_a_long_passage_is_found(fresh: Any) -> None:
    passage = f"{LONG} The engineer was wonderful."
    adapter = prefer(fresh(), passage, "engineer", -3)
    encoded = adapter.encode([extract("Who?", passage)])[0]
    assert len(encoded.sequences) > 4
    assert all(len(sequence) <= 64 for sequence in encoded.sequences)
    span = next(adapter.execute([encoded])).answer
    assert (span.text, span.score, span.null_score) == ("engineer", 10.0, -3.0)
    assert passage[span.start : span.end] == "engineer"
    assert span.start > 600


@pytest.mark.parametrize(("null", "text"), [(9.9, "engineer"), (10.0, "engineer"), (10.1, "")])
def test_no_answer_is_given_where_its_score_is_higher(null: float, text: str, fresh: Any) -> None:
    span = ask(prefer(fresh(), SHORT, "engineer", null), extract("Who?", "The engineer is here"))[0].answer
    assert span is not None
    assert (span.text, span.score) == (text, 10.0)
    assert span.null_score == pytest.approx(null)


def test_words_of_the_question_are_no_answer(fresh: Any) -> None:
    span = ask(prefer(fresh(), SHORT, "engineer", -1), extract("Which engineer?", "The doctor is here"))[0].answer
    assert span is not None
    assert span.score == 0.0
    assert span.text == "The"


def test_offsets_count_characters_of_any_script(fresh: Any) -> None:
    passage = "🙂 Доктор 東京 नमस्ते engineer"
    span = ask(prefer(fresh(), passage, "engineer", -1), extract("Кто?", passage))[0].answer
    assert span is not None
    assert (span.start, span.end, span.text) == (passage.index("engineer"), len(passage), "engineer")


@pytest.mark.parametrize(
    ("question", "passage", "message"),
    [
        ("", SHORT, "the question is empty"), ("  ", SHORT, "the question is empty"),
        ("Who?", "", "the passage is empty"), ("Who?", " \n", "the passage is empty"),
        ("Who?", "\u200b", "gives no token"),
        ("who is the engineer " * 20, SHORT, "the question has 80 tokens, which leave no room .* window of 64"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_line(question: str, passage: str, message: str, opened: Any) -> None:
    with pytest.raises(MeasurementError, match=message) as caught:
        opened("bert-span").encode([extract(question, passage)])
    assert "\n" not in str(caught.value)


@given(st.lists(st.sampled_from([SHORT, LONG, SCRIPTS, "good film"]), min_size=1, max_size=4), st.integers(8, 500))
@settings(max_examples=15, deadline=None)
def test_spans_do_not_depend_on_the_batch(opened: Any, passages: list[str], budget: int) -> None:
    together = ask(opened("bert-span", batch_tokens=budget), *(extract(QUESTION, passage) for passage in passages))
    for passage, output in zip(passages, together, strict=True):
        alone = ask(opened("bert-span"), extract(QUESTION, passage))[0].answer
        assert output.answer is not None
        assert alone is not None
        assert (output.answer.text, output.answer.start) == (alone.text, alone.start)
        assert output.answer.score == pytest.approx(alone.score, abs=1e-4)


def test_windows_are_those_of_squad_unless_the_model_reads_more() -> None:
    assert [window_of(most) for most in (64, 384, 512, 4096)] == [64, 384, 384, 4096]


def test_the_subject_says_how_passages_are_read(opened: Any) -> None:
    adapter = opened("bert-span")
    assert adapter.subject.kind == "span"
    assert adapter.subject.parts["span"] == (
        "windows of 64 tokens, overlap 128, answers of up to 30 tokens, no answer where CLS scores higher"
    )
    with pytest.raises(MeasurementError, match="not explained"):
        adapter.view(extract("Who?", SHORT), 0)


def test_a_score_that_is_no_number_is_an_error(fresh: Any) -> None:
    adapter = fresh()
    adapter.checkpoint.model.qa_outputs.bias.data[0] = float("nan")
    output = ask(adapter, extract("Who?", SHORT))[0]
    assert output.answer is None
    assert "not a number" in (output.error or "")


def test_memory_that_does_not_suffice_halves_the_batch(fresh: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = fresh()
    expected = ask(adapter, extract(QUESTION, LONG))[0].answer
    plain, sizes = adapter.checkpoint.model.forward, []

    def tight(input_ids: torch.Tensor, **inputs: Any) -> Any:
        sizes.append(len(input_ids))
        if len(input_ids) > 2:
            raise RuntimeError("CUDA out of memory")
        return plain(input_ids=input_ids, **inputs)

    monkeypatch.setattr(adapter.checkpoint.model, "forward", tight)
    found = ask(adapter, extract(QUESTION, LONG))[0].answer
    assert max(sizes) > 2
    assert found is not None
    assert expected is not None
    assert (found.text, found.start) == (expected.text, expected.start)
    monkeypatch.setattr(adapter.checkpoint.model, "forward", lambda **_: (_ for _ in ()).throw(MemoryError()))
    with pytest.raises(MeasurementError, match="does not fit into memory"):
        ask(adapter, extract(QUESTION, SHORT))
