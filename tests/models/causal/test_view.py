"""Views: the explained score is the served score."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from auditkit.errors import MeasurementError
from auditkit.schema import Option, Request

OPTIONS = (Option(text=" Mary"), Option(text=" the old man and the young woman"))


def choose(rule: str = "loglikelihood", text: str = "Who is the engineer?") -> Request:
    return Request(kind="choose", rule=rule, text=text, prefix="Answer:", options=OPTIONS)


COMPARE = Request(
    kind="compare",
    rule="loglikelihood",
    options=(
        Option(text="The nurse said that he was early", spans=((0, 19), (23, 32))),
        Option(text="The nurse said that she was early", spans=((0, 19), (24, 33))),
    ),
)
FAMILIES = ["llama", "llama-chat", "gpt2", "neox", "gemma2"]


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("rule", ["loglikelihood", "loglikelihood_per_token", "loglikelihood_per_byte"])
def test_choose_equals_served(name: str, rule: str, opened: Any) -> None:
    adapter = opened(name)
    served = next(adapter.execute(adapter.encode([choose(rule)]))).answer.options
    for at, score in enumerate(served):
        divisor = {"loglikelihood": 1, "loglikelihood_per_token": score.tokens, "loglikelihood_per_byte": score.bytes}
        view = adapter.view(choose(rule), at)
        expected = pytest.approx([score.sum / divisor[rule]] * 2, abs=1e-5, rel=1e-5)
        assert view.score(view.embeddings.repeat(2, 1, 1)).tolist() == expected
        assert view.score_ids(view.ids.repeat(2, 1)).tolist() == expected


@pytest.mark.parametrize("name", FAMILIES)
def test_compare_equals_served(name: str, opened: Any) -> None:
    adapter = opened(name)
    served = next(adapter.execute(adapter.encode([COMPARE]))).answer.options
    for at, score in enumerate(served):
        view = adapter.view(COMPARE, at)
        assert float(view.score(view.embeddings[None])[0]) == pytest.approx(score.sum, abs=1e-5, rel=1e-5)
        assert all(view.free)


def test_targets_stay_fixed_when_the_text_changes(opened: Any, reference: Any) -> None:
    model, _ = reference("llama")
    view = opened("llama").view(COMPARE, 0)
    changed = view.embeddings.clone()
    changed[2:] = view.embed(torch.tensor([view.baselines["pad"]]))
    with torch.no_grad():
        logits = model(inputs_embeds=changed[None]).logits[0].double().log_softmax(-1)
    scored = opened("llama").encode([COMPARE])[0].sequences[0].scored
    expected = sum(float(logits[at - 1, view.ids[at]]) for at in scored)
    assert float(view.score(changed[None])[0]) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("name", ["llama", "gpt2", "gemma2"])
def test_gradient_equals_finite_difference(name: str, opened: Any) -> None:
    adapter = opened(name)
    assert next(adapter.execute(adapter.encode([choose()]))).error is None  # serving leaves nothing in the way
    view = adapter.view(choose(), 1)
    start = view.embeddings[None].clone().requires_grad_(True)
    view.score(start).sum().backward()
    direction = torch.randn(view.embeddings.shape, generator=torch.Generator().manual_seed(0))
    step = 1e-3
    with torch.no_grad():
        ahead, behind = (view.score(view.embeddings[None] + sign * step * direction) for sign in (1, -1))
    slope = float((ahead - behind)[0]) / (2 * step)
    assert float((start.grad * direction).sum()) == pytest.approx(slope, rel=2e-2)


def test_positions_of_prompt_are_free_and_those_of_the_option_are_not(opened: Any) -> None:
    view = opened("llama").view(choose(), 1)
    assert "".join(token for token, free in zip(view.tokens, view.free, strict=True) if not free) == OPTIONS[1].text
    assert view.special[0]
    assert not any(view.special[1:])


def test_offsets_refer_to_the_text(opened: Any) -> None:
    view = opened("llama-chat").view(choose(), 0)
    assert "".join(view.text[start:end] for start, end in view.offsets) == view.text
    shown = "".join(token for token, special in zip(view.tokens, view.special, strict=True) if not special)
    assert "Who is the engineer?" in shown
    assert "Answer: Mary" in shown
    assert "user" not in shown
    assert "assistant" not in shown


def test_truncated_view_equals_served(opened: Any) -> None:
    request = choose(text=" ".join(["The doctor said that she was late for the meeting"] * 30))
    adapter = opened("llama")
    output = next(adapter.execute(adapter.encode([request])))
    view = adapter.view(request, 0)
    assert output.truncated > 0
    assert len(view.ids) == len(view.offsets) == len(view.tokens)
    served = output.answer.options[0].sum
    assert float(view.score(view.embeddings[None])[0]) == pytest.approx(served, abs=1e-5, rel=1e-5)


def test_baselines_are_neutral_tokens(opened: Any) -> None:
    assert next(iter(opened("llama").view(choose(), 0).baselines)) == "pad"
    for name in FAMILIES:
        baselines = opened(name).view(choose(), 0).baselines
        assert len(baselines) >= 2
        assert not {1, 2} & set(baselines.values())  # BOS and EOS are document boundaries


def test_generated_text_has_no_view(opened: Any) -> None:
    with pytest.raises(MeasurementError, match="generate"):
        opened("gpt2").view(Request(kind="generate", rule="text", text="Yes"), 0)
