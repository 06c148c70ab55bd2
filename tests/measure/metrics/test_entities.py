"""Entities: seqeval as oracle, schemes, prompted answers, and the trap of ill-formed tags."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from seqeval.metrics import accuracy_score, f1_score
from seqeval.scheme import BILOU, IOB1, IOB2, IOBES

from auditkit.errors import MeasurementError
from auditkit.measure.measurement import measure
from auditkit.measure.scorers import entities
from auditkit.schema import Estimate, Fill, Output, Sample, Tags

from ..conftest import card, sample, says

GOLD = [
    ["B-PER", "I-PER", "O", "B-LOC", "O"], ["O", "O", "O"], ["B-ORG", "B-ORG", "O", "O"],
    ["O", "B-LOC", "I-LOC", "I-LOC"],
]
SAID = [
    ["B-PER", "I-PER", "O", "I-LOC", "O"], ["O", "I-PER", "O"], ["B-ORG", "I-ORG", "O", "O"],
    ["O", "B-LOC", "I-LOC", "I-LOC"],
]


def tagged(name: str, tags: Sequence[str], words: Sequence[str] = ()) -> Sample:
    return sample(name, labels=(), tags=tuple(tags), words=tuple(words or [f"w{i}" for i in range(len(tags))]))


def answered(tags: Sequence[str]) -> Output:
    return Output(request="0", rule="tags", answer=Tags(tags=tuple(tags)))


def measured(name: str, gold: Sequence[Sequence[str]], said: Sequence[Sequence[str] | Output | None]) -> Estimate:
    samples = [tagged(f"{i:03}", tags) for i, tags in enumerate(gold)]
    outputs = {one.id: output if output is None or isinstance(output, Output) else answered(output)
               for one, output in zip(samples, said, strict=True)}
    (found,) = measure(card(metrics=[{"metric": name, "arm": "all"}], request="tag"), samples, outputs).estimates
    return found


def test_strict_and_lenient_are_seqevals_and_differ() -> None:
    strict, lenient = f1_score(GOLD, SAID, mode="strict", scheme=IOB2), f1_score(GOLD, SAID)
    assert measured("entity_f1", GOLD, SAID).value == pytest.approx(strict)
    assert measured("entity_f1_lenient", GOLD, SAID).value == pytest.approx(lenient)
    assert strict != lenient
    assert measured("token_accuracy", GOLD, SAID).value == pytest.approx(accuracy_score(GOLD, SAID))


def test_the_trap_of_a_stray_inside_tag() -> None:
    """One of two entities is ill-formed: lenient reads 1.0, strict 2·1/(1 + 2) = .667."""
    gold, said = [["B-PER", "O", "B-LOC"]], [["B-PER", "O", "I-LOC"]]
    assert measured("entity_f1", gold, said).value == pytest.approx(2 / 3)
    assert measured("entity_f1_lenient", gold, said).value == 1.0


SCHEMES = {"IOB1": IOB1, "IOB2": IOB2, "IOBES": IOBES, "BILOU": BILOU}


@pytest.mark.parametrize("name", list(SCHEMES))
def test_every_scheme_on_random_sequences(name: str) -> None:
    rng = np.random.default_rng(7)
    gold, said = [], []
    for _ in range(60):
        spans, at = [], 0
        while at < 10:
            size = int(rng.integers(1, 4))
            if rng.random() < 0.5 and at + size <= 10:
                spans.append((str(rng.choice(["PER", "LOC"])), at, at + size))
            at += size
        gold.append(entities.tagged(spans, 10, name))
        kept = [(kind if rng.random() < 0.8 else "PER", a, b) for kind, a, b in spans if rng.random() < 0.8]
        said.append(entities.tagged(kept, 10, name))
        if rng.random() < 0.3:
            said[-1][int(rng.integers(10))] = "I-LOC"
    assert entities.read_scheme(gold) == name
    found = measured("entity_f1", gold, said)
    assert found.value == pytest.approx(f1_score(gold, said, mode="strict", scheme=SCHEMES[name]))
    assert found.signature["tag_scheme"] == name
    assert found.signature["types"] == "LOC, PER"
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high
    if name in ("IOB1", "IOB2"):
        assert measured("entity_f1_lenient", gold, said).value == pytest.approx(f1_score(gold, said))


def test_tags_of_another_scheme_are_read_in_the_right_ones_letters() -> None:
    gold = [["B-PER", "I-PER", "O", "B-LOC"]]
    assert measured("entity_f1", gold, [["B-PER", "E-PER", "O", "S-LOC"]]).value == 1.0
    assert measured("entity_f1", gold, [["B-PER", "L-PER", "O", "U-LOC"]]).value == 1.0
    assert measured("entity_f1", gold, [["LABEL_1", "LABEL_2", "O", "B-LOC"]]).value == pytest.approx(2 / 3)


def test_nothing_to_find_is_not_a_perfect_score() -> None:
    found = measured("entity_f1", [["O", "O"], ["O"]], [["O", "O"], ["O"]])
    assert found.value is None
    assert "nothing was there" in found.method


def test_unscored_sentences_leave_no_lower_bound() -> None:
    found = measured("entity_f1", GOLD * 6, [*SAID * 5, *[None] * 4])
    assert found.unscored == {"not_run": 4}
    # 5 rounds of TP 2, gold 5, predicted 3 (strict); the rest all found, or any number invented.
    assert found.value == pytest.approx(2 * 10 / (25 + 15))
    assert found.at_highest_fill.value == pytest.approx(2 * 15 / (30 + 20))
    assert found.at_lowest_fill == Fill(value=None, low=None, high=None, spread=None)


def test_tags_without_entities_are_refused_and_words_can_be_scored() -> None:
    with pytest.raises(MeasurementError, match="use token_accuracy"):
        measured("entity_f1", [["NOUN", "VERB"]], [["NOUN", "VERB"]])
    assert measured("token_accuracy", [["NOUN", "VERB"]], [["NOUN", "NOUN"]]).value == 0.5


def test_another_number_of_tags_than_words_is_an_error() -> None:
    with pytest.raises(MeasurementError, match="2 tags for 3 words"):
        measured("entity_f1", [["B-PER", "O", "O"]], [["B-PER", "O"]])


WORDS = ("Angela", "Merkel", "met", "Joe", "Biden", "in", "São", "Paulo", "'s", "centre", ".")
TAGS = ("B-person", "I-person", "O", "B-person", "I-person", "O", "B-location", "I-location", "O", "O", "O")


def wrote(text: str) -> Estimate:
    one = tagged("1", TAGS, WORDS)
    made = measure(card(metrics=[{"metric": "entity_f1", "arm": "all"}], request="tag"), [one],
                   {one.id: says(text, rule="text")})
    (found,) = made.estimates
    return found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("person: Angela Merkel\nPERSON: joe biden\nlocation: São Paulo", 1.0),
        ("- person: Angela Merkel, Joe Biden\n- location: São Paulo", 1.0),
        ("1. Location: São Paulo", 2 * 1 / (3 + 1)),
        ("person: Merkel", 0.0),  # wrong ends
        ("location: Angela Merkel", 0.0),  # wrong type
        ("person: Angela Merkel\nlocation: Berlin", 2 * 1 / (3 + 2)),  # invented
        ("date: Merkel", 0.0),  # a type that is not known, with words that are
        ("none", 0.0),
        ("person: Angela Merkel, Joe Biden\nlocation: São Paulo\ndate: None.", 1.0),
        ("person: none\nlocation: São Paulo", 2 * 1 / (3 + 1)),
    ],
)
def test_prompted_entities(text: str, value: float) -> None:
    assert wrote(text).value == pytest.approx(value)


@pytest.mark.parametrize("text", ["Sure! Here they are:", "There are three people.", "date: yesterday", "", "person:"])
def test_what_is_no_list_of_entities_is_unparsed(text: str) -> None:
    assert wrote(text).unscored == {"unparsed": 1}


def test_a_refusal_is_refused() -> None:
    assert wrote("I'm sorry, but I can't help with that.").unscored == {"refused": 1}


def test_a_word_is_given_to_one_entity_only() -> None:
    assert entities.parse("PER: Ann\nPER: Ann", ("Ann", "and", "Ann"), ["PER"]) == (
        [("PER", 0, 1), ("PER", 2, 3)], [])
    assert entities.parse("PER: Ann\nPER: Ann", ("Ann",), ["PER"]) == ([("PER", 0, 1)], ["PER"])
