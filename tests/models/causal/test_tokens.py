"""Where a text begins and where an option does: decoders against one plain forward of transformers a request.

The oracle is lm-evaluation-harness's recipe, written down once more: encode the whole text, cut it at the length of
the encoded context without its trailing spaces, begin with BOS where the tokenizer does or where nothing precedes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import transformers
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from auditkit.models.open import open_model
from auditkit.schema import Config, Generation, Option, OptionScore, Output, Request

PAD, BOS, EOS = 0, 1, 2
CORPUS = [
    "The doctor said that she was late, and the nurse said that he was early.",
    "Who is the engineer? Answer: Mary Answer: John Answer: unknown. Yes or no? Yes No",
    "the old man and the young woman  know  the old documents; doctoral doctors",
] * 4
IDS = {"vocab_size": 360, "pad_token_id": PAD, "bos_token_id": BOS, "eos_token_id": EOS}
ADDS = {"nothing": None, "bos": "<s> $A", "bos and eos": "<s> $A </s>", "eos": "$A </s>"}
"""What a tokenizer puts around every text by itself."""
CASES = [
    ("gpt2", "nothing"), ("gpt2", "eos"), ("gpt2", "bos and eos"), ("opt", "bos"), ("opt", "bos and eos"),
    ("opt", "nothing"), ("llama", "bos and eos"),
]
"""Positions that are learnt (GPT-2), learnt with an offset of two (OPT), rotary (Llama)."""


def model(family: str) -> Any:
    """Random weights, large enough that every position and token tells."""
    torch.manual_seed(3)
    if family == "gpt2":
        return transformers.GPT2LMHeadModel(
            transformers.GPT2Config(**IDS, n_positions=96, n_embd=32, n_layer=2, n_head=4, initializer_range=0.4)
        )
    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 96}
    if family == "opt":
        return transformers.OPTForCausalLM(
            transformers.OPTConfig(**IDS, **size, ffn_dim=48, word_embed_proj_dim=32, init_std=0.4)
        )
    return transformers.LlamaForCausalLM(
        transformers.LlamaConfig(**IDS, **size, intermediate_size=48, initializer_range=0.4)
    )


@pytest.fixture(scope="module")
def pair(
    tmp_path_factory: pytest.TempPathFactory, make_tokenizer: Callable[..., Any]
) -> Callable[..., tuple[Any, Any, Any]]:
    """Our adapter, and model and tokenizer as transformers loads them."""
    known: dict[Any, tuple[Any, Any, Any]] = {}

    def get(family: str, adds: str, **changed: Any) -> tuple[Any, Any, Any]:
        key = (family, adds, *changed)
        if key not in known:
            path = tmp_path_factory.mktemp("boundary")
            model(family).eval().save_pretrained(str(path))
            tokenizer = make_tokenizer(template=ADDS[adds], corpus=CORPUS, size=360, **changed)
            tokenizer.save_pretrained(str(path))
            known[key] = (
                open_model(Config(model=str(path), device="cpu", chat="never")),
                transformers.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval(),
                transformers.AutoTokenizer.from_pretrained(path),
            )
        return known[key]

    return get


def choose(context: str, *options: str) -> Request:
    made = tuple(Option(text=option) for option in options)
    return Request(kind="choose", rule="loglikelihood", text=context, options=made)


def scores(adapter: Any, *requests: Request) -> list[tuple[OptionScore, ...]]:
    outputs: list[Output] = list(adapter.execute(adapter.encode(requests)))
    assert [output.error for output in outputs] == [None] * len(requests)
    return [output.answer.options for output in outputs]


def forward(network: Any, ids: list[int], start: int) -> list[float]:
    """Log-probability of each id from `start` on, from one forward of this text alone."""
    with torch.no_grad():
        logits = network(input_ids=torch.tensor([ids])).logits[0].double().log_softmax(-1)
    return [float(logits[at - 1, ids[at]]) for at in range(start, len(ids))]


def recipe(spell: Any, adds: str, context: str, option: str) -> tuple[list[int], int]:
    """The ids that are read, and where the option begins."""
    whole = spell(context + option, add_special_tokens=False).input_ids
    before = spell(context.rstrip(" "), add_special_tokens=False).input_ids
    head = [BOS] if adds.startswith("bos") or not before else []
    return head + whole, len(head) + len(before)


WORDS = st.sampled_from(
    ["The", " doc", "tor", "doctor", " the", "  know", ",", " ", "   ", "é", "\n", "Ans", "wer:", "x"]
)
CONTEXT = st.lists(WORDS, max_size=8).map("".join)
OPTION = st.lists(WORDS, min_size=1, max_size=4).map("".join)


@pytest.mark.parametrize(("family", "adds"), CASES)
@settings(
    max_examples=15, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(asked=st.lists(st.tuples(CONTEXT, OPTION), min_size=1, max_size=6))
@example(asked=[("", "Yes"), ("", " Yes"), ("   ", "Yes"), ("The doc", "tor"), ("The doc ", "tor"), ("Who:  ", " No")])
def test_any_boundary_equals_a_plain_forward(
    family: str, adds: str, asked: list[tuple[str, str]], pair: Callable[..., tuple[Any, Any, Any]]
) -> None:
    adapter, network, spell = pair(family, adds)
    found = scores(adapter, *(choose(context, option) for context, option in asked))
    for (context, option), (score,) in zip(asked, found, strict=True):
        ids, start = recipe(spell, adds, context, option)
        scored = spell.decode(ids[start:], clean_up_tokenization_spaces=False)
        exact = scored == context[len(context.rstrip(" ")) :] + option
        assert exact or score.merged, "tokens that hold more, or less, than the option are told"
        if start < len(ids):
            assert score.logprobs == pytest.approx(forward(network, ids, start), rel=1e-4, abs=1e-4), (context, option)
            assert score.sum == pytest.approx(math.fsum(score.logprobs or ()))
        assert score.tokens == len(score.logprobs or ()) >= 1


@pytest.mark.parametrize(("family", "adds"), CASES)
def test_one_bos_at_most_and_never_an_eos(family: str, adds: str, pair: Callable[..., tuple[Any, Any, Any]]) -> None:
    adapter, _, spell = pair(family, adds)
    texts = ("The doctor", "the nurse")
    whole = Request(kind="compare", rule="loglikelihood", options=tuple(Option(text=text) for text in texts))
    write = Request(kind="generate", rule="text", text="The doctor", generation=Generation(max_tokens=2))
    with_context, without, compared, written = adapter.encode([choose("The", " doctor"), choose("", "x"), whole, write])
    plain = spell("The doctor", add_special_tokens=False).input_ids
    always = [BOS] if adds.startswith("bos") else []
    assert list(with_context.sequences[0].ids) == always + plain
    assert list(without.sequences[0].ids) == [BOS, *spell("x", add_special_tokens=False).input_ids]
    assert list(compared.sequences[0].ids) == [BOS, *plain]
    assert compared.sequences[0].scored == tuple(range(1, 1 + len(plain)))
    assert list(written.sequences[0].ids) == always + plain, "an EOS at its end would end the prompt"


def test_without_bos_an_empty_context_is_one_eos(pair: Callable[..., tuple[Any, Any, Any]]) -> None:
    adapter, network, spell = pair("gpt2", "nothing", bos_token=None)
    assert spell.bos_token_id is None
    for context in ("", "  "):
        ids = [EOS, *spell(f"{context}Yes", add_special_tokens=False).input_ids]
        ((score,),) = scores(adapter, choose(context, "Yes"))
        assert score.logprobs == pytest.approx(forward(network, ids, 1), abs=1e-4)
    assert BOS not in adapter.encode([choose("The", " doctor")])[0].sequences[0].ids


def test_an_option_that_merges_with_its_context_is_told_and_scored_from_there(
    pair: Callable[..., tuple[Any, Any, Any]],
) -> None:
    """The token across the boundary stands in the context's place: what comes after it is scored, as lm-eval does."""
    adapter, network, spell = pair("opt", "bos")
    assert spell.tokenize("The doctor said that") == ["The", "Ġdoctor", "Ġsaid", "Ġthat"]
    ((merged, apart),) = scores(adapter, choose("The doct", "or said that", " said"))
    assert (merged.merged, apart.merged) == (True, False)
    before = len(spell("The doct", add_special_tokens=False).input_ids)
    ids = [BOS, *spell("The doctor said that", add_special_tokens=False).input_ids]
    assert before < len(ids) - 1
    assert merged.logprobs == pytest.approx(forward(network, ids, 1 + before), abs=1e-4)


def test_an_option_that_its_context_swallows_is_scored_by_the_token_that_holds_it(
    pair: Callable[..., tuple[Any, Any, Any]],
) -> None:
    """By lm-eval's recipe no token would be left, and the option would have the likelihood 1."""
    adapter, network, spell = pair("gpt2", "nothing")
    before, whole = (spell(text, add_special_tokens=False).input_ids for text in ("The docto", "The doctor"))
    assert len(whole) <= len(before)
    assert whole[0] == before[0]
    ((score,),) = scores(adapter, choose("The docto", "r"))
    assert score.merged
    assert score.logprobs == pytest.approx(forward(network, whole, 1), abs=1e-4)


@pytest.mark.parametrize("family", ["gpt2", "opt"])
def test_a_text_has_the_same_score_wherever_the_batch_puts_it(
    family: str, pair: Callable[..., tuple[Any, Any, Any]]
) -> None:
    """Learnt positions count from the text's own beginning, behind a long shared one and in padding too."""
    adapter, network, spell = pair(family, "bos")
    stem = "The doctor said that she was late, and the nurse said that "
    asked = [choose("Who", " is"), choose(stem, "he", "she"), choose(stem + "the old man", " know"), choose("", "Yes")]
    together = scores(adapter, *asked)
    adapter.scorer.tree = False
    try:
        padded = scores(adapter, *asked)
    finally:
        adapter.scorer.tree = True
    for request, *found in zip(asked, together, padded, strict=True):
        for at, option in enumerate(request.options):
            expected = forward(network, *recipe(spell, "bos", request.text, option.text))
            for each in found:
                assert each[at].logprobs == pytest.approx(expected, abs=1e-4)
