"""Dynamic int8: near the float answers, another model, and a whole audit."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_

import auditkit
from auditkit import registry
from auditkit.errors import ModelError
from auditkit.models.open import open_model
from auditkit.models.weights.quantise import quantise
from auditkit.schema import Config, Option, Request

QUESTIONS = [
    Request(
        kind="choose", rule="loglikelihood", text=text, prefix="Answer:",
        options=(Option(text=" Mary"), Option(text=" the old man"), Option(text=" unknown")),
    )
    for text in ("Who is the engineer?", "The doctor said that she was late for the meeting", "Yes or no?")
]


def sums(adapter: Any, requests: list[Request] = QUESTIONS) -> list[float]:
    return [score.sum for output in adapter.execute(adapter.encode(requests)) for score in output.answer.options]


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_answers_are_near_and_not_the_same(name: str, opened: Any) -> None:
    whole, small = sums(opened(name)), sums(opened(name, quantise="int8"))
    assert small == pytest.approx(whole, rel=0.05)
    assert small != pytest.approx(whole, rel=1e-5)


def test_equals_torchao_on_a_plain_forward(opened: Any, folder: Any) -> None:
    """Row by row: rounding to 8 bits turns the last digits of float32, which depend on the batch, into steps."""
    model = transformers.AutoModelForCausalLM.from_pretrained(str(folder("llama")), dtype=torch.float32).eval()
    quantize_(model, Int8DynamicActivationInt8WeightConfig())
    adapter = opened("llama", quantise="int8")
    for request in QUESTIONS:
        (encoded,) = adapter.encode([request.model_copy(update={"options": request.options[:1]})])
        (score,) = next(iter(adapter.execute([encoded]))).answer.options
        ids, scored = encoded.sequences[0].ids, encoded.sequences[0].scored
        with torch.no_grad():
            # the last token is scored, not read
            logits = model(input_ids=torch.tensor([ids[:-1]])).logits[0].double().log_softmax(-1)
        assert score.logprobs == pytest.approx([float(logits[at - 1, ids[at]]) for at in scored], rel=1e-3)


def test_the_same_batch_gives_the_same_answers(folder: Any) -> None:
    made = [open_model(Config(model=str(folder("llama")), device="cpu", quantise="int8")) for _ in range(2)]
    assert sums(made[0]) == sums(made[1])


def test_the_subject_names_the_layers(opened: Any) -> None:
    whole, small = opened("llama").subject, opened("llama", quantise="int8").subject
    words = small.parts["quantisation"]
    assert words.startswith(f"int8 dynamic, torchao {version('torchao')}: 15 linear layers (model.layers.*.self_attn")
    assert "model.layers.*.mlp.down_proj × 2" in words
    assert "lm_head × 1" in words
    assert {key for key in whole.parts if whole.parts[key] != small.parts[key]} == {"quantisation"}
    assert whole.fingerprint != small.fingerprint
    assert whole.parameters == small.parameters
    # GPT-2's layers are no torch.nn.Linear: they are made so
    assert "transformer.h.*.attn.c_attn × 2" in opened("gpt2", quantise="int8").subject.parts["quantisation"]


def test_what_cannot_be_quantised_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="device: cpu"):
        quantise(torch.nn.Linear(2, 2), torch.device("cuda"))
    with pytest.raises(ModelError, match="no linear layer"):
        quantise(torch.nn.ReLU(), torch.device("cpu"))
    monkeypatch.setattr(registry, "find_spec", lambda _: None)
    with pytest.raises(ModelError, match=re.escape(registry.FEATURES["quantise"].command)):
        quantise(torch.nn.Linear(2, 2), torch.device("cpu"))


def test_whole_audit(folder: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITKIT_CACHE", str(tmp_path / "cache"))
    runs = {
        how: auditkit.audit(
            str(folder("llama")), packs=("claims",), limit=16, device="cpu", threads=1, quantise=how,
            out=str(tmp_path / how), explain={"samples": 1, "max_steps": 32},
        )
        for how in ("none", "int8")
    }
    whole, small = runs["none"], runs["int8"]
    assert small.errored == 0
    assert small.observed is not None
    assert small.observed.cache_hits == 0
    assert [e.id for e in small.estimates] == [e.id for e in whole.estimates]
    # gradients do not pass through integers: said, not shown
    assert whole.attributions
    assert not small.attributions
    assert all("int8" in reason for reason in small.not_explained.values())
    assert small.not_explained
    assert auditkit.verify(tmp_path / "int8").audit.id == small.id


def test_an_encoder_can_be_quantised(folder: Callable[[str], Path]) -> None:
    request = Request(kind="classify", rule="probabilities", text="good film")
    found = []
    for how in ("none", "int8"):
        adapter = open_model(Config(model=str(folder("bert-classifier")), device="cpu", quantise=how))
        found.append(next(iter(adapter.execute(adapter.encode([request])))).answer.classes)
    assert list(found[1].values()) == pytest.approx(list(found[0].values()), abs=0.05)
    assert found[0] != found[1]
