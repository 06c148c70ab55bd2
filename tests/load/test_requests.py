"""Templates are filled once, options follow the rule, and compared texts are scored on what they share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditkit.errors import PackError
from auditkit.load.packs import Pack
from auditkit.load.prompts import fill, named
from auditkit.load.requests import build, choose_rule
from auditkit.load.samples import read_samples
from auditkit.load.shared_words import shared

from .conftest import CARD, row

Make = Callable[..., Pack]


def words(text: str, spans: tuple[tuple[int, int], ...]) -> list[str]:
    return [text[start:end] for start, end in spans]


def test_fill_is_one_pass() -> None:
    assert fill("{a}{b} {{a}}", {"a": "{b}", "b": "{{a}} {0.__class__}"}) == "{b}{{a}} {0.__class__} {a}"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{contex}", 'unknown field "{contex}"; did you mean "{context}"?'),
        ("{context.upper}", 'unknown field "{context.upper}"'),
        ("{context!r}", 'unknown field "{context!r}"'),
        ("{}", 'unknown field "{}"'),
        ("a } b", 'single "}"; write "}}" for a brace'),
        ("a { b", 'single "{"; write "{{" for a brace'),
    ],
)
def test_fill_refuses_everything_but_known_names(template: str, expected: str) -> None:
    with pytest.raises(PackError) as caught:
        fill(template, {"context": "x"})
    assert expected in str(caught.value)


def test_named_fields_in_order_of_appearance() -> None:
    assert named("{b} {{no}} {a} {b}") == ["b", "a"]


def test_hostile_rows_are_text(make: Make) -> None:
    pack = make([row(0, input={"context": "{option_2} {{ {nope}", "question": "{context}"})])
    (request,) = build(pack.card, "loglikelihood", read_samples(pack))
    assert request.text == "{option_2} {{ {nope} {context} Anna or Tom?"


def test_choose_by_likelihood(make: Make) -> None:
    pack = make([row(0)])
    (request,) = build(pack.card, "loglikelihood", read_samples(pack))
    assert (request.text, request.prefix) == ("Context 0. Who? Anna or Tom?", "Answer:")
    assert [option.text for option in request.options] == [" Anna", " Tom", " Unknown"]
    assert request.generation is None


def test_choose_by_letter_shows_letters_and_decodes_greedily(make: Make) -> None:
    pack = make([row(0)])
    (request,) = build(pack.card, "letter", read_samples(pack))
    assert request.text == "Context 0. Who? A. Anna or B. Tom?"
    assert request.generation is not None
    assert request.generation.temperature == 0.0


def test_a_classifier_reads_the_input_alone_in_the_templates_order(make: Make) -> None:
    pack = make([row(0, input={"question": "Who?", "context": "C."})])
    (request,) = build(pack.card, "label", read_samples(pack))
    assert (request.text, request.prefix) == ("C.\nWho?", "")


def test_the_cards_order_decides_the_rule(make: Make) -> None:
    card = make([row(0)]).card
    assert choose_rule(card, ("label", "letter")) == "letter"
    assert choose_rule(card, ("pseudo_loglikelihood",)) is None


def test_compare_scores_the_shared_words() -> None:
    a = "The elderly man struggled, again, with it."
    b = "The young woman struggled, again, with it."
    first, second = shared([a, b])
    assert words(a, first) == ["The", " struggled, again, with it."]
    assert words(b, second) == ["The", " struggled, again, with it."]


def test_punctuation_belongs_to_the_word() -> None:
    a, b = 'He said "no," loudly.', 'She said "yes," loudly.'
    first, second = shared([a, b])
    assert words(a, first) == [" said", " loudly."]
    assert words(b, second) == [" said", " loudly."]


def test_moved_words_and_repeated_words_stay_aligned() -> None:
    a, b = "a a b a tail", "a b a a tail"
    first, second = shared([a, b])
    assert "".join(words(a, first)).split() == "".join(words(b, second)).split()


def test_shared_words_do_not_depend_on_the_order_of_the_texts() -> None:
    texts = ["My poor aunt paid the bill late.", "My rich aunt paid a bill late.", "My aunt paid the bill quite late."]
    forward = shared(texts)
    assert shared(texts[::-1]) == forward[::-1]
    assert {" ".join("".join(words(text, spans)).split()) for text, spans in zip(texts, forward, strict=True)} == {
        "My aunt paid bill late."
    }


@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=8).map(" ".join), min_size=2, max_size=3, unique=True))
def test_all_texts_share_the_same_words_in_the_same_order(texts: list[str]) -> None:
    spans = shared(texts)
    assert len({" ".join("".join(words(text, found)).split()) for text, found in zip(texts, spans, strict=True)}) == 1
    for found in spans:
        assert [*found] == sorted(found)


PAIRS = CARD.replace("request: choose   # kind", "request: compare").replace(
    'templates:\n  - text: "{context} {question} {option_1} or {option_2}?"\n    prefix: "Answer:"\n', ""
)


def test_compare_needs_shared_words(make: Make) -> None:
    choices = [{"text": "Women cook.", "label": "stereotype"}, {"text": "Men drive!", "label": "anti"}]
    pack = make([row(0, choices=choices, target=None)], card=PAIRS)
    with pytest.raises(PackError, match=r'small/rows\.jsonl:1: "small/r-0": its texts share no word'):
        build(pack.card, "loglikelihood", read_samples(pack))
