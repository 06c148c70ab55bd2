"""Encoder-decoders: likelihoods against a plain forward of one text at a time, texts against `generate`."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as t

import auditkit
from auditkit.errors import MeasurementError, ModelError
from auditkit.models.open import open_model
from auditkit.schema import Config, Option, Request

from .conftest import BOS, EOS, FAMILIES, LANGUAGES, ask, beginning, choose, compare, write

REQUESTS = [
    choose("Who is the engineer?", "Answer:"),
    choose("The doctor said that she was late for the meeting", "Answer:"),
    choose("My neighbour can't repair the car", "", ("people know", "the car", "Yes")),
    compare("The nurse said that he was early.", "The nurse said that she was early."),
    choose("", "Answer:"),
    choose("Who is the engineer?", "The engineer is", (" Mary", " John")),
    compare("Yes"),
]


@pytest.mark.parametrize("name", FAMILIES)
def test_equals_a_plain_forward_of_each_text(name: str, opened: Any, plain: Any) -> None:
    model, tokenizer = plain(name)
    begin = beginning(name, tokenizer)
    for request, output in zip(REQUESTS, ask(opened(name), REQUESTS), strict=True):
        source = tokenizer(request.text).input_ids
        for option, score in zip(request.options, output.answer.options, strict=True):
            before = tokenizer(text_target=request.prefix, add_special_tokens=False).input_ids
            ids = tokenizer(text_target=request.prefix + option.text, add_special_tokens=False).input_ids
            with torch.no_grad():
                logits = model(
                    input_ids=torch.tensor([source]), decoder_input_ids=torch.tensor([begin + ids])
                ).logits[0].double().log_softmax(-1)
            start = 0 if request.kind == "compare" else len(before)
            expected = [float(logits[len(begin) + at - 1, ids[at]]) for at in range(start, len(ids))]
            assert score.logprobs == pytest.approx(expected, rel=1e-4), (request, option)
            assert score.sum == pytest.approx(math.fsum(expected), rel=1e-4)
            assert score.tokens == len(expected) > 0


@pytest.mark.parametrize("name", FAMILIES)
def test_greedy_text_equals_generate_with_one_beam(name: str, opened: Any, plain: Any) -> None:
    model, tokenizer = plain(name)
    texts = ["Who is the engineer?", "The nurse said that he was early and the doctor", "Yes", "naïve café people"]
    adapter = opened(name)
    outputs = ask(adapter, [write(text, max_tokens=8) for text in texts])
    begin = beginning(name, tokenizer)
    for text, output in zip(texts, outputs, strict=True):
        inputs = tokenizer(text, return_tensors="pt")
        found = model.generate(
            **inputs, num_beams=1, do_sample=False, max_new_tokens=8, decoder_input_ids=torch.tensor([begin])
        )[0].tolist()[len(begin):]
        ended = found[-1] == model.generation_config.eos_token_id
        assert output.text == tokenizer.decode(found, skip_special_tokens=True)
        assert output.completion_tokens == len(found) - ended
        assert output.finish_reason == ("length" if len(found) == 8 else "stop")
        assert output.prompt_tokens == inputs["input_ids"].shape[1] + len(begin)
    assert len({output.text for output in outputs}) > 1


def test_forced_beginning_equals_what_generate_forces(opened: Any, plain: Any) -> None:
    """BART's forced first token comes from the config here, where the test above hands it over."""
    model, tokenizer = plain("bart")
    output = ask(opened("bart"), [write("Who is the engineer?", max_tokens=6)])[0]
    found = model.generate(
        **tokenizer("Who is the engineer?", return_tensors="pt"), num_beams=1, do_sample=False, max_new_tokens=7
    )[0].tolist()
    assert found[:2] == [EOS, BOS]
    assert output.text == tokenizer.decode(found[2:], skip_special_tokens=True)


CONSTRAINTS: dict[str, Callable[[list[int]], Any]] = {
    "no_repeat_ngram_size": lambda _: 1,
    "repetition_penalty": lambda _: 5.0,
    "suppress_tokens": lambda ids: ids[1:3],
    "begin_suppress_tokens": lambda ids: ids[:1],
    "bad_words_ids": lambda ids: [ids[2:4]],
    "min_length": lambda ids: 8,
}


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_constraints_of_the_generation_config_are_honoured(name: str, saved: Any, tmp_path: Path) -> None:
    """Each constraint is made from what the model writes without it, so that it must change the text."""
    model = t.T5ForConditionalGeneration.from_pretrained(str(saved("t5")))
    tokenizer = t.AutoTokenizer.from_pretrained(str(saved("t5")))
    inputs = tokenizer("Yes or no?", return_tensors="pt")

    def ask_both(folder: str) -> tuple[str, list[int], Any]:
        model.generation_config.save_pretrained(folder)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        adapter = open_model(Config(model=folder, device="cpu"))
        ids = model.generate(**inputs, num_beams=1, max_new_tokens=10)[0].tolist()[1:]
        return ask(adapter, [write("Yes or no?", max_tokens=10)])[0].text or "", ids, adapter

    first = model.generate(**inputs, num_beams=1, max_new_tokens=10)[0].tolist()[1:]
    if name == "min_length":
        model.generation_config.eos_token_id = [EOS, first[3]]
    before, ids, _ = ask_both(str(tmp_path / "before"))
    model.generation_config.update(**{name: CONSTRAINTS[name](first)})
    after, constrained, adapter = ask_both(str(tmp_path / "after"))
    ends = {EOS, first[3]} if name == "min_length" else {EOS}
    assert before == tokenizer.decode(ids[:-1] if ids[-1] in ends else ids, skip_special_tokens=True)
    assert after == tokenizer.decode(
        constrained[:-1] if constrained[-1] in ends else constrained, skip_special_tokens=True
    )
    assert before != after
    assert name in adapter.subject.parts["decoding"]


def test_beams_of_the_config_are_not_followed_and_that_is_said(opened: Any) -> None:
    words = opened("marian").subject.parts["decoding"]
    assert "one beam" in words
    assert "not followed: num_beams 4" in words
    assert "bad_words_ids [[0]]" in words.split("not followed")[0]


@pytest.mark.parametrize("name", ["t5", "bart", "nllb"])
def test_batch_of_one_equals_the_whole_batch(name: str, opened: Any) -> None:
    adapter = opened(name)
    for request, output in zip(REQUESTS, ask(adapter, REQUESTS), strict=True):
        alone = ask(adapter, [request])[0]
        assert alone.input_sha256 == output.input_sha256
        for one, many in zip(alone.answer.options, output.answer.options, strict=True):
            assert one.logprobs == pytest.approx(many.logprobs, rel=1e-4)


def test_each_source_is_encoded_once(opened: Any) -> None:
    adapter, read = opened("t5"), []
    handle = adapter.checkpoint.model.get_encoder().register_forward_pre_hook(
        lambda _m, _a, kwargs: read.append(len(kwargs["input_ids"])), with_kwargs=True
    )
    try:
        ask(adapter, [REQUESTS[0], REQUESTS[5], REQUESTS[1], write("Who is the engineer?", max_tokens=2)])
    finally:
        handle.remove()
    # two prompts for the five options and two requests that share one; the written text reads it again
    assert sum(read) == 3


@pytest.mark.parametrize("name", FAMILIES)
def test_going_on_from_shared_keys_equals_whole_targets(name: str, saved: Any) -> None:
    """With a budget so small that the branches of one source need several batches."""
    adapter = open_model(
        Config(model=str(saved(name)), device="cpu", batch_tokens=40, **LANGUAGES.get(name, {}))
    )
    words = (" Mary", " the old man", " the young woman", " unknown", " the car", " he was early", " Yes", " the")
    requests = [*REQUESTS, choose("Who is the engineer?", "Answer:", words)]
    assert adapter.scorer.forks
    forked = ask(adapter, requests)
    adapter.scorer.forks = False
    whole = ask(adapter, requests)
    for one, other in zip(forked, whole, strict=True):
        for left, right in zip(one.answer.options, other.answer.options, strict=True):
            assert left.logprobs == pytest.approx(right.logprobs, rel=1e-4)


def test_the_decoder_reads_what_options_share_once(opened: Any) -> None:
    adapter, read = opened("t5"), []
    request = choose("Who is the engineer?", "The engineer is", (" the old man", " the young woman", " unknown people"))
    targets = [sequence.ids[sequence.source : max(sequence.scored)] for sequence in
               adapter.encode([request])[0].sequences]
    handle = adapter.checkpoint.model.get_decoder().register_forward_pre_hook(
        lambda _m, _a, kwargs: read.append(kwargs["input_ids"].shape), with_kwargs=True
    )
    try:
        ask(adapter, [request])
    finally:
        handle.remove()
    shared = next(
        at for at in range(99) if len({target[at : at + 1] for target in targets}) > 1
    )
    assert shared > 3
    assert read[0] == (1, shared)
    assert read[1:] == [(sum(len(target) > shared for target in targets), max(map(len, targets)) - shared)]


def test_sampling_does_not_depend_on_the_batch_but_on_the_draw(opened: Any) -> None:
    draws = [write("Who is the engineer?", max_tokens=8, temperature=1.0, draw=draw) for draw in range(4)]
    together = [output.text for output in ask(opened("bart"), draws)]
    assert together == [ask(opened("bart"), [request])[0].text for request in draws]
    assert len(set(together)) > 1


def test_stop_string_and_prefix(opened: Any, plain: Any) -> None:
    adapter, (model, tokenizer) = opened("bart"), plain("bart")
    request = write("Who is the engineer?", "Answer:", max_tokens=8)
    whole = ask(adapter, [request])[0].text or ""
    ids = [EOS, BOS, *tokenizer("Answer:", add_special_tokens=False).input_ids]
    found = model.generate(
        **tokenizer("Who is the engineer?", return_tensors="pt"), num_beams=1, max_new_tokens=8,
        decoder_input_ids=torch.tensor([ids]),
    )[0].tolist()[len(ids):]
    assert whole == tokenizer.decode(found, skip_special_tokens=True)
    stop = whole[2:4]
    output = ask(adapter, [write("Who is the engineer?", "Answer:", max_tokens=8, stop=(stop,))])[0]
    assert output.text == whole[: whole.find(stop)]
    assert output.finish_reason == "stop"


@pytest.mark.parametrize("kind", ["tag", "extract"])
def test_tags_and_spans_are_asked_for_in_words(kind: str, opened: Any) -> None:
    adapter = opened("t5")
    assert adapter.rules[kind] == ("text",)
    asked = write("Yes or no?", max_tokens=4).model_copy(update={"kind": kind})
    outputs = ask(adapter, [asked, REQUESTS[0]])
    assert outputs[0].text == ask(adapter, [write("Yes or no?", max_tokens=4)])[0].text
    assert outputs[1].answer.options


def test_only_words_inside_the_spans_are_scored(opened: Any, plain: Any) -> None:
    text, spans = "The doctor said that she was late", ((0, 10), (25, 33))
    request = Request(kind="compare", rule="loglikelihood", options=(Option(text=text, spans=spans),))
    sequence = opened("t5").encode([request])[0].sequences[0]
    assert plain("t5")[1].decode([sequence.ids[at] for at in sequence.scored]) == "The doctor was late"
    assert sequence.ids[: sequence.source] == (EOS,)


def test_an_option_without_prefix_begins_the_target(opened: Any) -> None:
    one, other = opened("bart").encode([choose("x", "", (" Mary",)), choose("x", "", ("Mary",))])
    assert one.sequences == other.sequences


def test_a_long_source_loses_its_end_and_keeps_its_task(opened: Any, plain: Any) -> None:
    adapter, tokenizer = opened("bart"), plain("bart")[1]
    text = "Answer: " + "The doctor said that she was late. " * 80
    encoded = adapter.encode([choose(text)])[0]
    whole = tokenizer(text).input_ids
    sequence = encoded.sequences[0]
    assert (sequence.source, encoded.truncated) == (256, len(whole) - 256)
    assert sequence.ids[:256] == (*whole[:255], EOS)


@pytest.mark.parametrize(
    ("request_", "message"),
    [(choose("x", "", ()), "needs options"), (choose("x", "", (" ",)), "no token"),
     (compare("The doctor was late. " * 90), "window of 256"), (write("x", max_tokens=300), "window of 256")],
)
def test_requests_that_cannot_be_answered_are_refused(request_: Request, message: str, opened: Any) -> None:
    with pytest.raises(MeasurementError, match=message):
        opened("bart").encode([request_])


@pytest.mark.parametrize("name", ["nllb", "mbart", "mbart50"])
def test_languages_stand_where_the_model_cards_put_them(name: str, opened: Any, plain: Any) -> None:
    tokenizer = plain(name)[1]
    source, target = (tokenizer.convert_tokens_to_ids(code) for code in LANGUAGES[name].values())
    sequence = opened(name).encode([choose("Yes", "", ("Yes",))])[0].sequences[0]
    encoder, decoder = sequence.ids[: sequence.source], sequence.ids[sequence.source :]
    assert {"nllb": encoder[0], "mbart": encoder[-1], "mbart50": encoder[0]}[name] == source
    assert decoder[: len(beginning(name, tokenizer))].index(target) == len(beginning(name, tokenizer)) - 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [({}, "target_language: is missing; this model has deu_Latn, eng_Latn, fra_Latn"),
     ({"target_language": "de"}, 'target_language: "de" is none of its codes; this model has deu_Latn'),
     ({"target_language": "deu_Latn", "source_language": "en"}, 'source_language: "en" is none')],
)
def test_a_wrong_or_missing_code_lists_those_there_are(settings: dict[str, str], message: str, saved: Any) -> None:
    with pytest.raises(ModelError, match=message):
        open_model(Config(model=str(saved("nllb")), device="cpu", **settings))


def test_a_code_for_a_model_without_codes_is_refused(saved: Any) -> None:
    with pytest.raises(ModelError, match="no language codes"):
        open_model(Config(model=str(saved("t5")), device="cpu", target_language="de"))


def test_languages_and_forced_tokens_are_in_the_fingerprint(saved: Any, opened: Any, tmp_path: Path) -> None:
    other = open_model(Config(model=str(saved("nllb")), device="cpu", source_language="eng_Latn",
                              target_language="fra_Latn"))
    assert other.subject.fingerprint != opened("nllb").subject.fingerprint
    changed = {key for key, value in other.subject.parts.items() if value != opened("nllb").subject.parts[key]}
    assert changed == {"languages", "decoder"}
    assert opened("bart").subject.parts["decoder"] == "starts with [2, 1], given text with [2, 1]"


def test_whole_audit(saved: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITKIT_CACHE", str(tmp_path / "cache"))
    result = auditkit.audit(
        str(saved("t5")), packs=("stereotype-pairs", "claims"), limit=16, device="cpu", threads=1,
        out=str(tmp_path / "run"),
    )
    assert result.subject.kind == "seq2seq"
    assert result.errored == 0
    assert result.rules == {"stereotype-pairs": "loglikelihood", "claims": "loglikelihood"}
    assert {str(estimate.id): estimate for estimate in result.estimates}["claims/accuracy@all"].n == 16
    assert auditkit.verify(tmp_path / "run").audit.id == result.id
