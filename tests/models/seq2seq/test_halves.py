"""The two halves of an encoder-decoder: long sources are read once, the head on scored positions only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from auditkit.models.open import open_model
from auditkit.models.seq2seq import halves
from auditkit.schema import Config

from .conftest import ask, choose, write


@pytest.fixture
def readings(opened: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, list[tuple[int, int]]]]:
    """T5 that keeps sources of 12 tokens and more, and the shape of what its encoder reads."""
    monkeypatch.setattr(halves, "KEPT_LEAST", 12)
    adapter, read = opened("t5"), []
    adapter.halves._readings.clear()
    handle = adapter.checkpoint.model.get_encoder().register_forward_pre_hook(
        lambda _m, _a, kwargs: read.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True
    )
    yield adapter, read
    handle.remove()
    adapter.halves._readings.clear()


LONG = "The doctor said that she was late for the meeting, and the nurse said that"


OTHER = "My neighbour can't repair the car; people know the old man and the young woman"


def test_long_sources_are_read_once_for_several_batches(readings: Any, plain: Any) -> None:
    adapter, read = readings
    assert len(plain("t5")[1](LONG).input_ids) >= 12
    ask(adapter, [choose(LONG), choose("Yes")])
    ask(adapter, [write(LONG, max_tokens=2), choose(LONG, "Answer:"), choose("Yes")])
    # the short source is read again
    assert [rows for rows, length in read] == [1, 1, 1]
    assert sum(length >= 12 for _, length in read) == 1


def test_readings_that_are_kept_change_no_bit(readings: Any, saved: Any) -> None:
    adapter, _ = readings
    ask(adapter, [choose(LONG), choose(OTHER), choose("Who is the engineer?")])
    after = ask(adapter, [choose(OTHER, "Answer:"), write(LONG, max_tokens=4)])
    fresh = open_model(Config(model=str(saved("t5")), device="cpu"))
    assert after == ask(fresh, [choose(OTHER, "Answer:"), write(LONG, max_tokens=4)])


def test_readings_used_longest_ago_are_let_go(readings: Any, plain: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter, read = readings
    one, two = (len(plain("t5")[1](text).input_ids) for text in (LONG, OTHER))
    third = LONG + " he was early"
    monkeypatch.setattr(halves, "KEPT_TOKENS", max(one, two) + len(plain("t5")[1](third).input_ids))
    for text in (LONG, OTHER, LONG, third):  # the third takes the place of OTHER, which was used before LONG
        ask(adapter, [choose(text)])
    assert len(read) == 3
    ask(adapter, [choose(LONG)])
    assert len(read) == 3
    ask(adapter, [choose(OTHER)])
    assert len(read) == 4
    assert sum(len(ids) for ids in adapter.halves._readings) <= halves.KEPT_TOKENS


@pytest.mark.parametrize("name", ["t5", "marian", "nllb"])
def test_the_head_sees_scored_positions_only(name: str, opened: Any) -> None:
    adapter, seen = opened(name), []
    assert adapter.halves._narrow
    handle = adapter.checkpoint.model.lm_head.register_forward_pre_hook(lambda _m, args: seen.append(args[0].shape))
    try:
        output = ask(adapter, [choose("Who is the engineer?", "Answer:", (" Mary",))])[0]
    finally:
        handle.remove()
    assert sum(shape[0] * shape[1] for shape in seen) == output.answer.options[0].tokens
