"""Token classifiers against transformers' own pipeline, and against one forward a text."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from auditkit.errors import MeasurementError, ModelError
from auditkit.models.encoders.tagger import windows_of
from auditkit.models.open import open_model
from auditkit.schema import Config, Output, Request

FAMILIES = ["bert-tagger", "roberta-tagger", "distilbert-tagger", "deberta-tagger", "albert-tagger", "electra-tagger"]
SENTENCES = [
    ["The", "doctor", "said", "that", "she", "was", "late"],
    ["internationalisation", "neighbourliness", "antidisestablishment"],
    ["Müller", "café", "naïve", "Straße", "мир", "東京", "नमस्ते", "سلام"],
    ["good", "," , "U.S.", "doesn't", "(", "e-mail", ")", "!?"],
]


def tag(words: list[str]) -> Request:
    return Request(kind="tag", rule="tags", words=tuple(words))


def ask(adapter: Any, *requests: Request) -> list[Output]:
    return list(adapter.execute(adapter.encode(list(requests))))


def first_tokens(model: Any, tokenizer: Any, words: list[str]) -> list[str]:
    """The rule by hand: one text, one forward, the prediction at the first token of each word."""
    batch = tokenizer(words, is_split_into_words=True, return_tensors="pt")
    with torch.no_grad():
        best = model(input_ids=batch["input_ids"]).logits[0].argmax(-1).tolist()
    at = batch.word_ids()
    return [model.config.id2label[best[at.index(word)]] for word in range(len(words))]


@pytest.mark.parametrize("name", FAMILIES)
def test_tags_equal_single_forwards(name: str, opened: Any, reference: Any) -> None:
    model, tokenizer = reference(name)
    for words, output in zip(SENTENCES, ask(opened(name), *map(tag, SENTENCES)), strict=True):
        given_words = words
        if name == "roberta-tagger":  # saved without add_prefix_space: in running text all words but the first have one
            given_words = [words[0], *(f" {word}" for word in words[1:])]
        assert output.answer.tags == tuple(first_tokens(model, tokenizer, given_words))


@pytest.mark.parametrize("name", ["bert-tagger", "electra-tagger"])
def test_tags_equal_the_pipeline_without_aggregation(name: str, opened: Any, reference: Any) -> None:
    """The pipeline reads a running text and leaves out nothing here: its first prediction inside a word is the tag."""
    model, tokenizer = reference(name)
    pipe = transformers.pipeline(
        "token-classification", model=model, tokenizer=tokenizer, aggregation_strategy="none", ignore_labels=[],
        device="cpu",
    )
    for words in SENTENCES[:2]:
        found = {each["start"]: each["entity"] for each in pipe(" ".join(words))}
        starts = [sum(len(word) + 1 for word in words[:at]) for at in range(len(words))]
        assert ask(opened(name), tag(words))[0].answer.tags == tuple(found[start] for start in starts)


def test_words_of_many_tokens_have_one_tag_each(opened: Any, reference: Any) -> None:
    _, tokenizer = reference("bert-tagger")
    assert len(tokenizer(SENTENCES[1], is_split_into_words=True).input_ids) > 5 * len(SENTENCES[1])
    encoded = opened("bert-tagger").encode([tag(SENTENCES[1])])[0]
    assert len(encoded.sequences) == 1
    assert len(encoded.sequences[0].scored) == len(SENTENCES[1])
    assert len(ask(opened("bert-tagger"), tag(SENTENCES[1]))[0].answer.tags) == len(SENTENCES[1])


def test_a_byte_level_tokenizer_reads_words_as_in_running_text(opened: Any, reference: Any) -> None:
    _, tokenizer = reference("roberta-tagger")
    sequence = opened("roberta-tagger").encode([tag(SENTENCES[0])])[0].sequences[0]
    assert list(sequence.ids) == tokenizer(" ".join(SENTENCES[0])).input_ids
    assert "with their leading space" in opened("roberta-tagger").subject.parts["tags"]
    assert "as given" in opened("bert-tagger").subject.parts["tags"]


@pytest.mark.parametrize("name", ["bert-tagger", "roberta-tagger"])
def test_long_texts_are_read_in_windows_and_no_word_is_left_out(name: str, opened: Any, reference: Any) -> None:
    model, tokenizer = reference(name)
    words = [word for _ in range(30) for word in SENTENCES[0]]
    adapter = opened(name)
    encoded = adapter.encode([tag(words)])[0]
    assert len(encoded.sequences) > 5
    assert all(len(sequence) <= 64 for sequence in encoded.sequences)
    assert encoded.truncated == 0
    tags = next(adapter.execute([encoded])).answer.tags
    assert len(tags) == len(words)
    # by hand: every start of a window at a word, one forward each; a word's tag is that of its own window
    by_hand: list[str] = []
    for sequence in encoded.sequences:
        with torch.no_grad():
            best = model(input_ids=torch.tensor([sequence.ids])).logits[0].argmax(-1).tolist()
        by_hand += [model.config.id2label[best[at]] for at in sequence.scored]
        assert all(
            tokenizer.convert_ids_to_tokens(sequence.ids[at]).replace("Ġ", "").startswith("##") is False
            for at in sequence.scored
        )
    assert list(tags) == by_hand


@given(st.lists(st.integers(1, 9), min_size=1, max_size=60), st.integers(2, 24))
@settings(max_examples=150, deadline=None)
def test_each_word_is_tagged_once_where_it_has_most_context(lengths: list[int], room: int) -> None:
    windows = windows_of(lengths, room)
    assert [word for window in windows for word in window.tagged] == list(range(len(lengths)))
    begins = [sum(lengths[:at]) for at in range(len(lengths) + 1)]

    def context(word: int, words: range) -> float:
        """Tokens to the nearer end of what is read; an end of the text is no border."""
        before = begins[word] - begins[words.start] if words.start else float("inf")
        after = begins[words.stop] - begins[word + 1] if words.stop < len(lengths) else float("inf")
        return min(before, after)

    for window in windows:
        assert sum(lengths[word] for word in window.words) <= room or len(window.words) == 1
        for word in window.tagged:
            assert word in window.words
            assert context(word, window.words) == max(context(word, w.words) for w in windows if word in w.words)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=6), st.integers(8, 400))
@settings(max_examples=25, deadline=None)
def test_tags_do_not_depend_on_the_batch(opened: Any, picks: list[int], budget: int) -> None:
    adapter = opened("bert-tagger", batch_tokens=budget)
    together = ask(adapter, *(tag(SENTENCES[at]) for at in picks))
    alone = [ask(opened("bert-tagger"), tag(SENTENCES[at]))[0] for at in picks]
    assert [one.answer for one in together] == [one.answer for one in alone]


def test_a_word_without_tokens_is_read_as_the_unknown_token(opened: Any, reference: Any) -> None:
    model, tokenizer = reference("bert-tagger")
    for lost in ("\u200b", "\ufe0f", "\x07"):
        assert tokenizer([lost], is_split_into_words=True, add_special_tokens=False).input_ids == []
        words = ["The", lost, "doctor"]
        output = ask(opened("bert-tagger"), tag(words))[0]
        assert output.answer.tags == tuple(first_tokens(model, tokenizer, ["The", "[UNK]", "doctor"]))


def test_a_word_longer_than_the_window_is_cut_and_counted(opened: Any, reference: Any) -> None:
    _, tokenizer = reference("bert-tagger")
    word = "fp" * 49
    tokens = len(tokenizer([word], is_split_into_words=True, add_special_tokens=False).input_ids)
    assert tokens > 62
    output = ask(opened("bert-tagger"), tag(["good", word, "film"]))[0]
    assert output.truncated == tokens - 62
    assert len(output.answer.tags) == 3


@pytest.mark.parametrize(
    ("words", "message"), [([], "no words to tag"), (["good", " "], "word 2 is empty"), ([""], "word 1 is empty")]
)
def test_what_cannot_be_tagged_is_refused_in_one_line(opened: Any, words: list[str], message: str) -> None:
    with pytest.raises(MeasurementError, match=message) as caught:
        opened("bert-tagger").encode([tag(words)])
    assert "\n" not in str(caught.value)


def test_types_that_the_model_cannot_say_are_named(opened: Any) -> None:
    adapter = opened("bert-tagger")
    adapter.require_labels(["O", "B-person", "I-place"])
    adapter.require_labels(["O", "S-person", "E-place"])  # another scheme is no other type
    with pytest.raises(ModelError, match=r"it has no tag for drug \(id2label has O, person, place\); rename"):
        adapter.require_labels(["O", "B-drug", "I-drug", "B-person"])


def test_the_subject_says_the_scheme(opened: Any) -> None:
    adapter = opened("bert-tagger")
    assert adapter.subject.kind == "tagger"
    assert adapter.subject.parts["scheme"] == "IOB1 or IOB2 (read from id2label)"
    assert adapter.rules == {"tag": ("tags",)}
    with pytest.raises(MeasurementError, match="not explained"):
        adapter.view(tag(["good"]), 0)


def test_two_tags_of_one_name_are_refused(own: Any) -> None:
    path = own("bert-tagger")
    config = json.loads((path / "config.json").read_text())
    config["id2label"]["1"] = "I-person"
    (path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="two tags one name"):
        open_model(Config(model=str(path), device="cpu"))


def test_a_score_that_is_no_number_is_an_error(own: Any) -> None:
    adapter = open_model(Config(model=str(own("bert-tagger")), device="cpu"))
    adapter.checkpoint.model.classifier.bias.data[2] = float("nan")  # type: ignore[attr-defined]
    output = ask(adapter, tag(["good"]))[0]
    assert output.answer is None
    assert "not a number" in (output.error or "")
