"""Thought before an answer."""

import pytest

from auditkit.schema import FreeText, Output
from auditkit.schema.thinking import parted


@pytest.mark.parametrize("text", [
    "<think>hm</think>Bern", "<think>a\nb</think>Bern", "\n<THINK></THINK>Bern", "so it is</think>Bern",
    "[THINK]x[/THINK]Bern", "<think>a</think><thinking>b</thinking>Bern", "Bern",
    "<|channel|>analysis<|message|>x<|end|><|channel|>final<|message|>Bern",
])
def test_the_answer_follows_the_thought(text: str) -> None:
    assert parted(text) == ("Bern", True)


def test_marks_inside_an_answer_are_words() -> None:
    assert parted("Write <think> first").answer == "Write <think> first"


def test_an_open_block_was_cut() -> None:
    output = Output(request="0" * 64, rule="text", answer=FreeText(text="<think>"), finish_reason="stop")
    assert (output.cut, output.text) == (True, "")
    assert output.read(()).reason == "cut"
    assert not Output(request="0" * 64, rule="text", answer=FreeText(text="<think></think>Bern")).cut
