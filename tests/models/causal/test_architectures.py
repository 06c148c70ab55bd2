"""Every decoder architecture: random sets of texts against one plain forward of each, greedy text against argmax."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditkit.models.adapter import Encoded, TokenSequence
from auditkit.models.causal import generation
from auditkit.models.causal.generation import generate
from auditkit.models.causal.scoring import CausalScorer
from auditkit.models.speed.head import Head
from auditkit.models.weights.checkpoint import Checkpoint
from auditkit.schema import Generation, Output, Request

VOCABULARY = 97
WINDOW = 160
SLIDING = 16
"""Tokens that a sliding window sees."""

_IDS = {"vocab_size": VOCABULARY, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
_SIZE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "initializer_range": 0.4}
_WIDE = {"intermediate_size": 48, "max_position_embeddings": WINDOW}
_GPT = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": WINDOW, "initializer_range": 0.4}
_ROTARY = {**_IDS, **_SIZE, **_WIDE}
_SHARED = {**_ROTARY, "num_key_value_heads": 2}
_GEMMA = {**_SHARED, "head_dim": 8}

_SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("Llama", _SHARED),
    "qwen2": ("Qwen2", _SHARED),
    "qwen3": ("Qwen3", _GEMMA),
    "phi": ("Phi", {**_ROTARY, "partial_rotary_factor": 0.5}),
    "phi3": ("Phi3", _SHARED),
    "gemma": ("Gemma", _GEMMA),
    "olmo2": ("Olmo2", _SHARED),
    "stablelm": ("StableLm", _SHARED),
    "granite": ("Granite", {**_SHARED, "logits_scaling": 3.0, "attention_multiplier": 0.2, "residual_multiplier": 0.7}),
    "cohere": ("Cohere", {**_SHARED, "logit_scale": 0.3}),
    "gpt_neox": ("GPTNeoX", _ROTARY),
    "gpt2": ("GPT2", {**_IDS, **_GPT}),
    "gptj": ("GPTJ", {**_IDS, **_GPT, "rotary_dim": 4}),
    "codegen": ("CodeGen", {**_IDS, **_GPT, "rotary_dim": 4}),
    "opt": ("OPT", {
        **_IDS, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "ffn_dim": 48, "init_std": 0.4,
        "max_position_embeddings": WINDOW, "word_embed_proj_dim": 32,
    }),
    "falcon": ("Falcon", {**_IDS, **_SIZE, "alibi": False, "multi_query": True}),
    "falcon-alibi": ("Falcon", {**_IDS, **_SIZE, "alibi": True, "multi_query": True}),
    "bloom": ("Bloom", {**_IDS, "hidden_size": 32, "n_layer": 2, "n_head": 4, "initializer_range": 0.4}),
    "mpt": ("Mpt", {**_IDS, "d_model": 32, "n_layers": 2, "n_heads": 4, "max_seq_len": WINDOW}),
    "gpt_neo": ("GPTNeo", {
        **_IDS, "hidden_size": 32, "num_layers": 2, "num_heads": 4, "max_position_embeddings": WINDOW,
        "attention_types": [[["global", "local"], 1]], "window_size": SLIDING, "initializer_range": 0.4,
    }),
    "mistral": ("Mistral", {**_SHARED, "sliding_window": None}),
    "mistral-sliding": ("Mistral", {**_SHARED, "sliding_window": SLIDING}),
    "gemma2": ("Gemma2", {
        **_GEMMA, "sliding_window": SLIDING, "final_logit_softcapping": 2.0, "attn_logit_softcapping": 5.0,
        "query_pre_attn_scalar": 8,
    }),
    "gemma3": ("Gemma3", {
        **_GEMMA, "sliding_window": SLIDING, "layer_types": ["sliding_attention", "full_attention"],
    }),
    "mixtral": ("Mixtral", {**_SHARED, "num_local_experts": 4, "num_experts_per_tok": 2}),
}

DECODERS = sorted(_SETTINGS)


class Spelling:
    """A tokenizer as far as decoding goes: each id is a letter."""

    eos_token_id = 2
    pad_token_id = 0
    bos_token_id = 1

    def decode(self, ids: Any, **_: Any) -> str:
        """Letters of ids."""
        return "".join(chr(0x100 + int(value)) for value in ids)


def checkpoint(name: str, **settings: Any) -> Checkpoint:
    """A tiny model of an architecture, its weights random but the same each time."""
    family, config = _SETTINGS[name]
    torch.manual_seed(11)
    made = getattr(transformers, f"{family}TextConfig" if family == "Gemma3" else f"{family}Config")(**config)
    model = getattr(transformers, "GPT2LMHeadModel" if family == "GPT2" else f"{family}ForCausalLM")(made)
    subject: Any = SimpleNamespace(name=name, parts={})
    return Checkpoint(model.eval().requires_grad_(False), Spelling(), subject, **settings)

FALLBACK = {"bloom", "mpt", "falcon-alibi", "gpt_neo", "gemma2"}
"""Position is a bias on distance (ALiBi), some layers see a few tokens only, or the soft cap keeps SDPA away."""


@cache
def scorer(name: str) -> CausalScorer:
    with torch.inference_mode():
        return CausalScorer(checkpoint(name, batch_tokens=256))


def plain(model: Any, ids: tuple[int, ...]) -> np.ndarray:
    with torch.inference_mode():
        return np.asarray(model(input_ids=torch.tensor([ids])).logits[0].double().log_softmax(-1))


TOKEN = st.integers(3, VOCABULARY - 1)
FEW = st.integers(3, 5)
"""Tokens that often coincide, so that texts share beginnings."""


@st.composite
def sequences(draw: Any) -> list[TokenSequence]:
    """Texts with a shared beginning of any length, each scored at its end, throughout, or here and there."""
    stem = draw(st.sampled_from([0, 1, 7, 14, 70, 110]))
    beginning = tuple(5 + (at * 7) % 80 for at in range(stem))
    found = []
    for body in draw(st.lists(st.lists(FEW, min_size=2, max_size=12), min_size=1, max_size=10)):
        ids = (*beginning, *body, *draw(st.lists(TOKEN, max_size=3)))
        late = draw(st.integers(max(1, stem), len(ids) - 1))
        scored = draw(st.sampled_from([range(late, len(ids)), range(1, len(ids)), {1, late}]))
        found.append(TokenSequence(ids, tuple(sorted(scored))))
    return found


@pytest.mark.parametrize("name", DECODERS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(asked=sequences())
def test_scores_equal_a_plain_forward_of_each_text(name: str, asked: list[TokenSequence]) -> None:
    with torch.inference_mode():
        found = scorer(name).logprobs(asked)
    for sequence, values in zip(asked, found, strict=True):
        expected = plain(scorer(name)._checkpoint.model, sequence.ids)
        for at, value in zip(sequence.scored, values, strict=True):
            assert value == pytest.approx(expected[at - 1, sequence.ids[at]], rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("name", DECODERS)
def test_trees_are_used_where_they_fit(name: str) -> None:
    assert scorer(name).tree is (name not in FALLBACK)
    assert scorer(name).head._narrow


@pytest.mark.parametrize("name", ["llama", "mistral-sliding"])
def test_a_long_beginning_is_read_once(name: str) -> None:
    """Texts beyond a sliding window are read whole."""
    read: list[int] = []
    stem = tuple(range(10, 80))
    asked = [TokenSequence((*stem, each, 3, 4), (71, 72)) for each in range(90, 97)]
    handle = scorer(name)._checkpoint.model.register_forward_pre_hook(
        lambda _m, _a, inputs: read.append(inputs["input_ids"].numel()), with_kwargs=True
    )
    body = scorer(name)._checkpoint.model.base_model.register_forward_pre_hook(
        lambda _m, _a, inputs: read.append(inputs["input_ids"].numel()), with_kwargs=True
    )
    try:
        with torch.inference_mode():
            scorer(name).logprobs(asked)
            first, read[:] = sum(read) / 2, []
            scorer(name).logprobs(asked)
    finally:
        handle.remove()
        body.remove()
    whole = 7 * 72
    if name == "llama":  # the model and its body are called with the row, the body alone with the header
        assert read == [6 + 7 * 2, 6 + 7 * 2]
        assert first == (64 + 2 * 20) / 2
    else:
        assert sum(read) / 2 == first == whole


def test_a_failure_leaves_no_half_header(monkeypatch: pytest.MonkeyPatch) -> None:
    own = CausalScorer(checkpoint("llama"))
    stem = tuple(range(10, 80))
    asked = [TokenSequence((*stem, each, 3), (71,)) for each in range(90, 97)]
    original = own.head.logits
    failed: list[int] = []

    def short(*given_: Any, **inputs: Any) -> Any:
        if not failed:
            failed.append(1)
            raise torch.OutOfMemoryError("CUDA out of memory")
        return original(*given_, **inputs)

    monkeypatch.setattr(own.head, "logits", short)
    with torch.inference_mode():
        found = own.logprobs(asked)
    assert failed
    for sequence, values in zip(asked, found, strict=True):
        assert values[0] == pytest.approx(plain(own._checkpoint.model, sequence.ids)[70, 3], abs=1e-4)


def prompt(number: int, length: int, **decoding: Any) -> Encoded:
    request = Request(kind="generate", rule="text", text=str(number), generation=Generation(**decoding))
    ids = tuple(3 + (number * 31 + at * at * 7) % 90 for at in range(length))
    return Encoded(request, (TokenSequence(ids, ()),))


LENGTHS = [1, 30, 2, 17, 17, 5, 40, 3, 9, 22, 12]


def write(name: str, batch: list[Encoded]) -> list[Output]:
    loaded = scorer(name)._checkpoint
    with torch.inference_mode():
        return list(generate(loaded, Head(loaded), batch))


@pytest.mark.parametrize("name", DECODERS)
def test_greedy_text_of_refilled_rows_equals_argmax_step_by_step(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "SLOTS", 4)
    batch = [prompt(at, length, max_tokens=1 + (at * 5) % 13) for at, length in enumerate(LENGTHS)]
    model = scorer(name)._checkpoint.model
    for each, output in zip(batch, write(name, batch), strict=True):
        ids, new = each.sequences[0].ids, []
        limit = each.request.generation.max_tokens if each.request.generation else 0
        while len(new) < limit:
            token = int(plain(model, (*ids, *new))[-1].argmax())
            if token == 2:
                break
            new.append(token)
        assert output.text == Spelling().decode(new)
        assert output.completion_tokens == len(new)
        assert output.finish_reason == ("length" if len(new) == limit else "stop")


def test_columns_are_reused_when_rows_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Far more tokens are written than the cache has columns."""
    alone = [write("llama", [prompt(at, 4, max_tokens=40)])[0].text for at in range(12)]
    monkeypatch.setattr(generation, "SLOTS", 2)
    monkeypatch.setattr(generation, "_SPARE", 3)
    assert [output.text for output in write("llama", [prompt(at, 4, max_tokens=40) for at in range(12)])] == alone


@pytest.mark.parametrize("name", ["llama", "gemma2"])
def test_sampling_depends_on_the_request_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = [prompt(at, length, max_tokens=9, temperature=1.5) for at, length in enumerate(LENGTHS)]
    alone = [write(name, [each])[0].text for each in batch]
    monkeypatch.setattr(generation, "SLOTS", 3)
    assert [output.text for output in write(name, batch)] == alone
    assert len(set(alone)) > 5


def test_writing_goes_on_with_half_the_rows_when_memory_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = [prompt(at, length, max_tokens=9) for at, length in enumerate(LENGTHS)]
    expected = [output.text for output in write("llama", batch)]
    seen: list[int] = []
    original = Head.last

    def short(self: Head, rows: torch.Tensor, columns: torch.Tensor, **inputs: Any) -> Any:
        seen.append(len(rows))
        if len(rows) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return original(self, rows, columns, **inputs)

    monkeypatch.setattr(Head, "last", short)
    assert [output.text for output in write("llama", batch)] == expected
    assert max(seen) > 2
    assert seen[-1] <= 2


def test_one_row_too_large_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Head, "last", never)
    with pytest.raises(torch.OutOfMemoryError):
        write("llama", [prompt(0, 4, max_tokens=3), prompt(1, 5, max_tokens=3)])


def test_a_stop_string_over_several_tokens_ends_the_text() -> None:
    whole = write("llama", [prompt(3, 17, max_tokens=30)])[0].text or ""
    stop = whole[2:5]
    assert len(stop) == 3
    output = write("llama", [prompt(3, 17, max_tokens=30, stop=("\0", stop))])[0]
    assert output.text == whole[: whole.find(stop)]
    assert output.finish_reason == "stop"
    assert output.completion_tokens == whole.find(stop) + len(stop)
