"""The share of samples without an answer."""

from __future__ import annotations

import pytest

from auditkit.measure.metrics.unscored import unscored_share
from auditkit.schema import FreeText, Output, Probabilities, Tags

from ..conftest import sample, says, scored


@pytest.mark.parametrize(
    ("output", "value"),
    [
        (scored(-1, -2, -3), 0.0),
        (scored(-1, -1, -3), 1.0),
        (says("A"), 0.0),
        (says("I'm sorry, but I can't help with that."), 1.0),
        (says("Let us talk about the weather instead."), 1.0),
        (says("B", finish_reason="refusal"), 1.0),
        (says(""), 1.0),
    ],
)
def test_choices(output: Output, value: float) -> None:
    assert unscored_share(sample(), output).value == value


@pytest.mark.parametrize(("text", "value"), [("A summary.", 0.0), ("  ", 1.0), ("I cannot help with that.", 1.0)])
def test_free_text(text: str, value: float) -> None:
    asked = sample(labels=(), target="A summary of it.")
    assert unscored_share(asked, says(text, rule="text")).value == value


def test_several_classes_may_all_be_false() -> None:
    asked = sample(labels=("rude", "loud"), references=())
    assert unscored_share(asked, Output(request="0", rule="probabilities", answer=Probabilities(
        classes={"rude": 0.1, "loud": 0.1}))).value == 0.0
    assert unscored_share(asked, Output(request="0", rule="text", answer=FreeText(text="rude"))).value == 1.0


def test_tags_are_an_answer() -> None:
    asked = sample(labels=(), words=("Ann",), tags=("B-person",))
    assert unscored_share(asked, Output(request="0", rule="tags", answer=Tags(tags=("O",)))).value == 0.0


@pytest.mark.parametrize(
    ("output", "reason"), [(None, "not_run"), (Output(request="0", rule="letter", error="timeout"), "errored")]
)
def test_faults_of_the_run_are_not_the_models(output: Output | None, reason: str) -> None:
    score = unscored_share(sample(), output)
    assert (score.value, score.reason) == (None, reason)
