"""Decoder: log-likelihoods against a plain full forward, one text at a time."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from auditkit.errors import MeasurementError
from auditkit.schema import Generation, Option, Output, Request

DECODERS = ["llama", "gpt2", "neox", "gemma2"]
CHOICES = (Option(text=" Mary"), Option(text=" the old man and the young woman"), Option(text=" unknown"))


def choose(text: str, prefix: str = "", options: tuple[Option, ...] = CHOICES) -> Request:
    return Request(kind="choose", rule="loglikelihood", text=text, prefix=prefix, options=options)


def compare(*texts: str) -> Request:
    return Request(kind="compare", rule="loglikelihood", options=tuple(Option(text=text) for text in texts))


REQUESTS = [
    choose("Who is the engineer?", "Answer:"),
    choose("The doctor said that she was late for the meeting", "Answer:"),
    choose("My neighbour can't repair the car; café people", "", (Option(text=" know"), Option(text="!"))),
    choose("", "", (Option(text="Yes"), Option(text="No"))),
    compare("The nurse said that he was early.", "The nurse said that she was early."),
    compare("good film", "bad film"),
    choose("Who is the engineer?", "Answer:", CHOICES[::-1]),
    choose("Yes or no?", "Answer:", (Option(text=" Yes"), Option(text=" No"))),
]


def ask(adapter: Any, requests: list[Request]) -> list[Output]:
    return list(adapter.execute(adapter.encode(requests)))


def truth(model: Any, tokenizer: Any, context: str, continuation: str, *, bos: bool) -> list[float]:
    """lm-eval's recipe in the plainest form: all logits of one text, float64 log-softmax."""
    before = tokenizer(context, add_special_tokens=False).input_ids if context else []
    ids = tokenizer(context + continuation, add_special_tokens=False).input_ids
    head = [tokenizer.bos_token_id] if bos or not context else []
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([head + ids])).logits[0].double().log_softmax(-1)
    start = len(head) + len(before)
    return [float(logits[at - 1, (head + ids)[at]]) for at in range(start, len(head + ids))]


@pytest.mark.parametrize("name", DECODERS)
def test_equals_a_plain_forward_of_each_text(name: str, opened: Any, reference: Any) -> None:
    model, tokenizer = reference(name)
    bos = name in ("llama", "gemma2")
    for request, output in zip(REQUESTS, ask(opened(name), REQUESTS), strict=True):
        context = f"{request.text}\n{request.prefix}" if request.prefix else request.text
        for option, score in zip(request.options, output.answer.options, strict=True):
            expected = truth(model, tokenizer, context, option.text, bos=bos)
            assert np.allclose(score.logprobs, expected, atol=1e-4), (request, option)
            assert score.sum == pytest.approx(math.fsum(expected), abs=1e-4)
            assert score.tokens == len(expected)


@pytest.mark.parametrize("name", DECODERS)
def test_batch_of_one_equals_batch_of_eight(name: str, opened: Any) -> None:
    adapter = opened(name)
    together = ask(adapter, REQUESTS)
    for request, output in zip(REQUESTS, together, strict=True):
        alone = ask(adapter, [request])[0]
        assert alone.input_sha256 == output.input_sha256
        for one, many in zip(alone.answer.options, output.answer.options, strict=True):
            assert one.logprobs == pytest.approx(many.logprobs, abs=1e-4)


@pytest.mark.parametrize(("name", "tree"), [("llama", True), ("gpt2", True), ("neox", True), ("gemma2", False)])
def test_shared_prefixes_are_read_once_where_the_mask_allows(name: str, tree: bool, opened: Any) -> None:
    assert opened(name).scorer.tree is tree


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_padded_path_equals_tree(name: str, opened: Any) -> None:
    adapter = opened(name)
    tree = ask(adapter, REQUESTS)
    adapter.scorer.tree = False
    try:
        padded = ask(adapter, REQUESTS)
    finally:
        adapter.scorer.tree = True
    for one, other in zip(tree, padded, strict=True):
        for left, right in zip(one.answer.options, other.answer.options, strict=True):
            assert left.logprobs == pytest.approx(right.logprobs, abs=1e-4)


def test_narrow_head_keeps_the_soft_cap(opened: Any) -> None:
    head = opened("gemma2").scorer.head
    assert head._narrow
    ids = torch.tensor([[1, 50, 60]])
    with torch.no_grad():
        logits = head.logits(torch.tensor([0]), torch.tensor([2]), input_ids=ids)
    assert float(logits.abs().max()) <= 2.0  # the config's final_logit_softcapping


def test_equal_sequences_are_computed_once(opened: Any) -> None:
    adapter, read = opened("llama"), []
    handle = adapter.checkpoint.model.register_forward_pre_hook(
        lambda _m, _a, kwargs: read.append(kwargs["input_ids"].numel()), with_kwargs=True
    )
    try:
        ask(adapter, [REQUESTS[0]])
        ask(adapter, [REQUESTS[0], REQUESTS[6]])
    finally:
        handle.remove()
    assert read[0] == read[1] > 0


@pytest.mark.parametrize(("name", "begins"), [("llama", True), ("gpt2", False)])
def test_exactly_one_bos_where_the_tokenizer_uses_one(name: str, begins: bool, opened: Any) -> None:
    for encoded in opened(name).encode(REQUESTS):
        for sequence in encoded.sequences:
            context = encoded.request.kind == "choose" and encoded.request.text
            assert sequence.ids.count(1) == (1 if begins or not context else 0)
            assert 0 not in sequence.scored


def test_a_bos_in_the_text_is_not_doubled(opened: Any) -> None:
    encoded = opened("llama").encode([choose("<s>Who is the engineer?")])[0]
    assert encoded.sequences[0].ids[:2].count(1) == 1


def test_chat_template_once_and_one_bos(opened: Any, reference: Any) -> None:
    adapter, tokenizer = opened("llama-chat"), reference("llama-chat")[1]
    encoded = adapter.encode([choose("Who is the engineer?", "Answer:")])[0]
    expected = tokenizer(
        "<s><|user|>\nWho is the engineer?\n<|assistant|>\nAnswer: Mary", add_special_tokens=False
    ).input_ids
    assert list(encoded.sequences[0].ids) == expected
    assert encoded.sequences[0].ids.count(1) == 1


def test_compare_never_goes_through_the_chat_template(opened: Any) -> None:
    requests = [choose("Yes or no?"), compare("good film"), choose("Who?")]
    encoded = opened("llama-chat").encode(requests)
    plain = opened("llama").encode(requests)
    assert [each.request for each in encoded] == requests
    assert encoded[1].sequences == plain[1].sequences
    assert encoded[0].sequences != plain[0].sequences


def test_chat_never_is_plain_text(opened: Any) -> None:
    assert opened("llama-chat", chat="never").encode(REQUESTS[:2])[0].sequences == (
        opened("llama").encode(REQUESTS[:2])[0].sequences
    )


def test_merged_boundary_is_flagged(opened: Any, reference: Any) -> None:
    tokenizer = reference("gpt2")[1]
    assert len(tokenizer("doctor").input_ids) < len(tokenizer("doc").input_ids) + len(tokenizer("tor").input_ids)
    request = choose("The doc", "", (Option(text="tor"), Option(text=" said")))
    output = ask(opened("gpt2"), [request])[0]
    assert [score.merged for score in output.answer.options] == [True, False]
    assert all(score.tokens for score in output.answer.options)


def test_trailing_space_of_the_context_belongs_to_the_option(opened: Any) -> None:
    with_space = opened("gpt2").encode([choose("Answer: ", "", (Option(text="Mary"),))])[0]
    without = opened("gpt2").encode([choose("Answer:", "", (Option(text=" Mary"),))])[0]
    assert with_space.sequences == without.sequences


def test_context_is_cut_on_the_left_and_the_option_never(opened: Any) -> None:
    adapter = opened("llama")
    text = " ".join(["The doctor said that she was late for the meeting"] * 30)
    encoded = adapter.encode([choose(text, "Answer:")])[0]
    short = adapter.encode([choose("x", "Answer:")])[0]
    assert max(len(sequence.ids) for sequence in encoded.sequences) == 128
    assert encoded.truncated > 0
    for long, brief in zip(encoded.sequences, short.sequences, strict=True):
        assert long.ids[0] == 1
        assert [long.ids[at] for at in long.scored] == [brief.ids[at] for at in brief.scored]
    # all options lose the same context
    assert len({sequence.ids[: sequence.scored[0]] for sequence in encoded.sequences}) == 1
    assert ask(adapter, [encoded.request])[0].truncated == encoded.truncated


def test_a_text_longer_than_the_window_cannot_be_scored(opened: Any) -> None:
    with pytest.raises(MeasurementError, match="window of 128"):
        opened("llama").encode([compare("The doctor said that she was late. " * 60)])


def test_only_words_inside_the_spans_are_scored(opened: Any, reference: Any) -> None:
    text = "The doctor said that she was late"
    spans = ((0, 10), (25, 33))  # "The doctor", "was late"... from its first letter
    assert [text[a:b] for a, b in spans] == ["The doctor", "was late"]
    request = Request(kind="compare", rule="loglikelihood", options=(Option(text=text, spans=spans),))
    encoded = opened("llama").encode([request])[0]
    tokenizer = reference("llama")[1]
    ids = encoded.sequences[0].ids
    scored = tokenizer.decode([ids[at] for at in encoded.sequences[0].scored])
    assert scored == "The doctor was late"
    score = ask(opened("llama"), [request])[0].answer.options[0]
    assert score.bytes == len("The doctor") + len("was late")
    assert score.tokens == len(encoded.sequences[0].scored) < len(ids) - 1


def test_bytes_are_those_of_the_option_without_its_space(opened: Any) -> None:
    request = choose("My neighbour", "", (Option(text=" café"), Option(text=" man")))
    assert [score.bytes for score in ask(opened("gpt2"), [request])[0].answer.options] == [5, 3]


@pytest.mark.parametrize(
    "request_",
    [choose("x", "", ()), choose("x", "", (Option(text=""),)),
     Request(kind="compare", rule="loglikelihood", text="x", options=(Option(text="y"),))],
)
def test_requests_that_cannot_be_scored_are_refused(request_: Request, opened: Any) -> None:
    with pytest.raises(MeasurementError):
        opened("gpt2").encode([request_])


def test_memory_shortage_halves_the_batch(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scorer, calls = opened("llama").scorer, []
    original = scorer._tree

    def short(cut: Any, asked: Any) -> Any:
        calls.append(len(cut.sequences))
        if len(cut.sequences) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return original(cut, asked)

    whole = ask(opened("llama"), REQUESTS)
    monkeypatch.setattr(scorer, "_tree", short)
    split = ask(opened("llama"), REQUESTS)
    assert max(calls) > 2 >= min(calls)
    for one, other in zip(whole, split, strict=True):
        assert [score.sum for score in one.answer.options] == pytest.approx(
            [score.sum for score in other.answer.options], abs=1e-4
        )


def write(text: str, **settings: Any) -> Request:
    draw = settings.pop("draw", 0)
    return Request(kind="generate", rule="text", text=text, generation=Generation(**settings), draw=draw)


@pytest.mark.parametrize("name", DECODERS)
def test_greedy_text_equals_step_by_step_argmax(name: str, opened: Any, reference: Any) -> None:
    model, tokenizer = reference(name)
    texts = ["Who is the engineer?", "The nurse said that he was early and the doctor", "Yes"]
    outputs = ask(opened(name), [write(text, max_tokens=6) for text in texts])
    for text, output in zip(texts, outputs, strict=True):
        ids = tokenizer(text).input_ids
        new: list[int] = []
        while len(new) < 6:
            with torch.no_grad():
                token = int(model(input_ids=torch.tensor([ids + new])).logits[0, -1].argmax())
            if token == 2:
                break
            new.append(token)
        assert output.text == tokenizer.decode(new, skip_special_tokens=True)
        assert output.finish_reason == ("length" if len(new) == 6 else "stop")
        assert (output.prompt_tokens, output.completion_tokens) == (len(ids), len(new))


def test_sampling_does_not_depend_on_the_batch_but_on_the_draw(opened: Any) -> None:
    draws = [write("Who is the engineer?", max_tokens=8, temperature=1.0, draw=draw) for draw in range(4)]
    together = [output.text for output in ask(opened("llama"), draws)]
    assert together == [ask(opened("llama"), [request])[0].text for request in draws]
    assert len(set(together)) > 1


def test_a_letter_is_asked_for_in_the_users_turn(opened: Any, reference: Any) -> None:
    """As a chat endpoint is asked, which cannot begin the assistant's turn."""
    request = Request(
        kind="choose", rule="letter", text="Who is the engineer?", prefix="Answer:", options=CHOICES,
        generation=Generation(max_tokens=4),
    )
    adapter, tokenizer = opened("llama-chat"), reference("llama-chat")[1]
    (encoded,) = adapter.encode([request])
    turn = [{"role": "user", "content": "Who is the engineer?\nAnswer:"}]
    expected = tokenizer.apply_chat_template(turn, add_generation_prompt=True, return_dict=True)["input_ids"]
    assert list(encoded.sequences[0].ids) == list(expected)
    (output,) = ask(adapter, [request])
    assert output.text is not None
    plain = opened("llama-chat", chat="never").encode([request])[0].sequences[0].ids
    assert list(plain) == tokenizer("Who is the engineer?\nAnswer:").input_ids


@pytest.mark.parametrize(
    ("bos", "firsts"), [("auto", (False, True)), ("always", (True, True)), ("never", (False, False))]
)
def test_bos_goes_where_it_is_asked_for(opened: Any, bos: str, firsts: tuple[bool, bool]) -> None:
    adapter = opened("gpt2", bos=bos)
    encoded = adapter.encode([choose("Who?", "Answer:"), compare("good film")])
    assert tuple(each.sequences[0].ids[0] == 1 for each in encoded) == firsts
    assert encoded[1].sequences[0].scored[0] == 1
    every = "always" if bos == "always" else "never"
    empty = "none" if bos == "never" else "BOS"
    assert adapter.subject.parts["bos"] == f"before every text: {every}; before an empty context: {empty}"


def test_without_bos_a_first_word_that_the_texts_do_not_share_is_refused(opened: Any) -> None:
    texts = ("The old man", "Yes The old man")
    spans = (((0, 11),), ((3, 15),))
    options = tuple(Option(text=text, spans=span) for text, span in zip(texts, spans, strict=True))
    request = Request(kind="compare", rule="loglikelihood", options=options)
    assert opened("gpt2").encode([request])
    with pytest.raises(MeasurementError, match="the first word has no log-probability"):
        opened("gpt2", bos="never").encode([request])


def test_stop_string_ends_the_text(opened: Any) -> None:
    whole = ask(opened("gpt2"), [write("Yes or no?", max_tokens=8)])[0].text or ""
    stop = whole[3:5]
    output = ask(opened("gpt2"), [write("Yes or no?", max_tokens=8, stop=(stop,))])[0]
    assert output.text == whole[: whole.find(stop)]
    assert output.finish_reason == "stop"


def test_mixed_batch_keeps_its_order(opened: Any) -> None:
    requests = [write("Yes", max_tokens=2), REQUESTS[0], write("No", max_tokens=2)]
    outputs = ask(opened("llama"), requests)
    assert [output.request for output in outputs] == [request.sha256 for request in requests]
    assert [output.text is None for output in outputs] == [False, True, False]


def test_first_token_without_bos_is_not_scored(opened: Any) -> None:
    """A tokenizer with neither BOS nor EOS: what has nothing before it has no probability."""
    adapter = opened("gpt2")
    parts = SimpleNamespace(tokenizer=adapter.checkpoint.tokenizer, chat=False, window=128, bos="never")
    encoder = type(adapter.encoder)(parts)
    encoded = encoder.encode([compare("good film")])[0]
    assert encoded.sequences[0].scored == tuple(range(1, len(encoded.sequences[0].ids)))
