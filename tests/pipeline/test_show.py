"""What `auditkit show` prints of a sample's answer."""

from __future__ import annotations

from typing import Any

import pytest

from auditkit.pipeline.show import SampleReport
from auditkit.schema import (
    Choice,
    FreeText,
    Number,
    OptionScore,
    OptionScores,
    Output,
    Probabilities,
    Sample,
    Similarities,
    Source,
    SpanAnswer,
    Tags,
    Vector,
)


def printed(answer: Any, *labels: str, rule: str = "loglikelihood", **fields: Any) -> str:
    choices = tuple(Choice(text=f"text {label}", label=label) for label in labels)
    source = Source(file="rows.jsonl", line=1)
    sample = Sample(id="pack/1", benchmark="pack", origin="1", choices=choices, source=source, **fields)
    output = Output(request="0" * 64, rule=rule, answer=answer) if answer is not None else None
    return "\n".join(SampleReport(sample, None, output, (), ()).lines())


def scores(*sums: float) -> OptionScores:
    return OptionScores(options=tuple(OptionScore(sum=value, tokens=2, bytes=4) for value in sums))


@pytest.mark.parametrize(("answer", "lines"), [
    (scores(-2.0, -1.0), [
        "option 1 (pos): text pos  Log-likelihood −2.000, per token −1.000, Tokens 2",
        "option 2 (neg): text neg  Log-likelihood −1.000, per token −0.500, Tokens 2  <- the answer",
    ]),
    (Similarities(values=(0.75, -0.5)), [
        "option 1 (pos): text pos  Cosine similarity 0.75  <- the answer",
        "option 2 (neg): text neg  Cosine similarity −0.5",
    ]),
    (Probabilities(classes={"pos": 0.98, "neg": 0.02}), [
        "option 1 (pos): text pos  Probability 98.0\u00a0%  <- the answer",
        "option 2 (neg): text neg  Probability 2.0\u00a0%",
    ]),
])
def test_scores_stand_beside_their_options(answer: Any, lines: list[str]) -> None:
    assert printed(answer, "pos", "neg", target="pos").splitlines()[1:] == [f"  {line}" for line in lines]


@pytest.mark.parametrize(("answer", "line"), [
    (Number(value=-1.5), "answered: Value −1.5"),
    (Tags(tags=("B-place", "O")), "answered: Oslo/B-place sleeps/O"),
    (SpanAnswer(text="Oslo", start=3, end=7, score=1.5), "answered: Oslo  First character 3, End 7, Score 1.5"),
    (SpanAnswer(text="", start=0, end=0), "answered: (nothing)"),
    (FreeText(text="In Oslo.\n\x1b[2J"), r"answered: In Oslo.\n\x1b[2J"),
    (Vector(values=(0.5, 0.25)), "answered: Dimensions 2"),
    (None, "answered: nothing; the request did not run"),
])
def test_every_other_answer_has_its_line(answer: Any, line: str) -> None:
    assert printed(answer, words=("Oslo", "sleeps")).splitlines()[1:] == [line]


def test_a_class_without_a_choice_is_shown() -> None:
    lines = printed(Probabilities(classes={"pos": 0.25, "other": 0.75})).splitlines()[1:]
    assert lines == [
        "  class (pos)  Probability 25.0\u00a0%", "  class (other)  Probability 75.0\u00a0%  <- the answer",
    ]


def test_every_class_of_a_multi_label_text_is_an_answer() -> None:
    text = printed(Probabilities(classes={"joy": 0.9, "fear": 0.9, "anger": 0.1}), "joy", "fear", "anger",
                   rule="probabilities")
    assert [line.endswith("<- the answer") for line in text.splitlines()[1:]] == [True, True, False]


@pytest.mark.parametrize(("answer", "rule", "reason"), [
    (scores(-1.0, -1.0), "loglikelihood", "exactly the same"), (FreeText(text="?"), "letter", "could be read"),
    (FreeText(text="I can't help with that."), "letter", "declined"),
])
def test_why_nothing_was_read_is_said(answer: Any, rule: str, reason: str) -> None:
    text = printed(answer, "pos", "neg", rule=rule)
    assert "<- the answer" not in text
    assert reason in text.splitlines()[-1]


def test_a_letter_marks_its_option() -> None:
    assert "option 2 (neg): text neg  <- the answer" in printed(FreeText(text="B"), "pos", "neg", rule="letter")
