"""Planted models on tasks with a known truth: right, wrong, random and constant in every kind of answer."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2

from auditkit.errors import MeasurementError
from auditkit.models.scripted.planted import PlantedAdapter
from auditkit.schema import Choice, Option, Output, Probabilities, Request, Sample, Source

WORDS = ("Mary", "Ann", "lives", "in", "Oslo", "now")
TAGGED = ("B-person", "I-person", "O", "O", "B-place", "O")


def sample(name: str, **fields: Any) -> Sample:
    return Sample(id=f"p/{name}", benchmark="p", origin=name, source=Source(file="rows.jsonl", line=1), **fields)


def answer(behaviour: str, kind: str, rule: str, *items: tuple[Sample, dict[str, Any]]) -> list[Output]:
    requests = [
        Request(kind=kind, rule=rule, options=tuple(Option(text=c.text) for c in item.choices), **fields)  # type: ignore[arg-type]
        for item, fields in items
    ]
    adapter = PlantedAdapter(behaviour, {r.sha256: item for r, (item, _) in zip(requests, items, strict=True)})
    assert rule in adapter.rules[kind]
    return list(adapter.execute(adapter.encode(requests)))


NER = [
    (sample("1", words=WORDS, tags=TAGGED), {"words": WORDS}),
    (sample("2", words=("Oslo",), tags=("B-place",)), {"words": ("Oslo",)}),
    (sample("3", words=("no", "names"), tags=("O", "O")), {"words": ("no", "names")}),
]


def test_right_tags_score_one_and_wrong_ones_zero_in_either_reading() -> None:
    gold = [list(item.tags) for item, _ in NER]
    right, wrong = (
        [list(output.answer.tags) for output in answer(f"always-{manner}", "tag", "tags", *NER)]
        for manner in ("right", "wrong")
    )
    assert right == gold
    assert f1_score(gold, wrong, mode="strict", scheme=IOB2, zero_division=0) == 0
    assert f1_score(gold, wrong, zero_division=0) == 0
    for row, said in zip(gold, wrong, strict=True):
        assert not any(one == other for one, other in zip(row, said, strict=True))


def test_tags_without_entities_have_wrong_ones_too() -> None:
    items = [(sample("1", words=("a", "b"), tags=("DET", "NOUN")), {"words": ("a", "b")})]
    assert answer("always-wrong", "tag", "tags", *items)[0].answer.tags == ("NOUN", "DET")
    assert answer("constant", "tag", "tags", *items)[0].answer.tags == ("DET", "DET")
    bare = [(sample("1", words=("a",), tags=("O",)), {"words": ("a",)})]
    assert answer("always-wrong", "tag", "tags", *bare)[0].answer.tags == ("B-planted",)


def test_constant_and_random_tags() -> None:
    assert {tag for output in answer("constant", "tag", "tags", *NER) for tag in output.answer.tags} == {"O"}
    words = tuple("x" * 1200)
    item = (sample("1", words=words, tags=("B-a", "I-a", "O") * 400), {"words": words})
    counts = Counter(answer("random", "tag", "tags", item)[0].answer.tags)
    assert set(counts) == {"B-a", "I-a", "O"}
    assert all(335 < count < 465 for count in counts.values())  # 400 ± 4 standard deviations


def test_tags_are_written_as_lists() -> None:
    texts = [output.text for output in answer("always-right", "tag", "text", *NER)]
    assert texts == ["person: Mary Ann\nplace: Oslo", "place: Oslo", "none"]


PASSAGE = "The doctor from Oslo was late."
QA = [
    (sample("1", references=("Oslo", "the city of Oslo")), {"text": "Where from?", "text_pair": PASSAGE}),
    (sample("2"), {"text": "Why?", "text_pair": PASSAGE}),
]


def test_spans() -> None:
    right = [output.answer for output in answer("always-right", "extract", "span", *QA)]
    assert [(s.text, s.start, s.end) for s in right if s] == [("Oslo", 16, 20), ("", 0, 0)]
    assert [s.null_score > s.score for s in right if s and s.null_score is not None] == [False, True]
    wrong = [output.answer for output in answer("always-wrong", "extract", "span", *QA)]
    assert [s.text for s in wrong if s] == ["", "The"]
    assert [o.answer.text for o in answer("constant", "extract", "span", *QA) if o.answer] == ["The", "The"]
    for output in answer("random", "extract", "span", *QA):
        assert output.answer is not None
        assert PASSAGE[output.answer.start : output.answer.end] == output.answer.text in PASSAGE.split()


def test_written_answers() -> None:
    assert [o.text for o in answer("always-right", "extract", "text", *QA)] == ["Oslo", "no answer"]
    items = [
        (sample("1", target="The house is red."), {"text": "a"}), (sample("2", target="#### 1,234"), {"text": "b"}),
        (sample("3", references=("one", "two")), {"text": "c"}),
    ]
    assert [o.text for o in answer("always-right", "generate", "text", *items)] == [
        "The house is red.", "#### 1,234", "one"
    ]
    assert [o.text for o in answer("always-wrong", "generate", "text", *items)] == [
        "flurb dax wug zorp", "1235", "flurb dax wug zorp"
    ]
    assert {o.text for o in answer("constant", "generate", "text", *items)} == {"planted"}
    assert {o.text for o in answer("random", "generate", "text", *items)} <= {
        "The house is red.", "#### 1,234", "one", "two"
    }


def test_numbers() -> None:
    items = [(sample(str(at), target=str(at / 2)), {"text": str(at)}) for at in range(-3, 4)]
    for behaviour, sign in (("always-right", 1), ("always-wrong", -1)):
        values = [output.answer.value for output in answer(behaviour, "classify", "number", *items)]
        assert values == [sign * at / 2 for at in range(-3, 4)]
    assert {o.answer.value for o in answer("constant", "classify", "number", *items)} == {0.0}
    drawn = [o.answer.value for o in answer("random", "classify", "number", *items)]
    assert len(set(drawn)) == 7
    assert all(0 <= number < 1 for number in drawn if number is not None)
    with pytest.raises(MeasurementError, match="is not a number"):
        answer("always-right", "classify", "number", (sample("1", target="high"), {"text": "x"}))


CLASSES = tuple(Choice(text=label, label=label) for label in ("sad", "happy", "angry"))


def test_several_classes() -> None:
    items = [
        (sample("1", choices=CLASSES, references=("sad", "angry")), {"text": "a"}),
        (sample("2", choices=CLASSES), {"text": "b"}),
    ]

    def said(behaviour: str) -> list[set[str]]:
        outputs = answer(behaviour, "classify", "probabilities", *items)
        return [{label for label, p in o.answer.classes.items() if p > 0.5} for o in outputs]

    assert said("always-right") == [{"sad", "angry"}, set()]
    assert said("always-wrong") == [{"happy"}, {"sad", "happy", "angry"}]
    assert said("constant") == [set(), set()]


@pytest.mark.parametrize("rule", ["probabilities", "similarity", "loglikelihood", "letter"])
def test_one_class(rule: str) -> None:
    item = (sample("1", choices=CLASSES, target="happy"), {"text": "a"})

    def best(behaviour: str) -> str:
        output = answer(behaviour, "classify", rule, item)[0]
        if output.text is not None:
            return item[0].labels["ABC".index(output.text)]
        if isinstance(output.answer, Probabilities):
            values = list(output.answer.classes.values())
        else:
            values = list(output.answer.by(rule))
        assert values.count(max(values)) == 1
        return item[0].labels[values.index(max(values))]

    assert best("always-right") == "happy"
    assert best("always-wrong") == "sad"


def test_vectors() -> None:
    items = [(sample(str(at)), {"text": str(at)}) for at in range(3)]
    found = [o.answer.values for o in answer("random", "embed", "vector", *items)]
    assert len(set(found)) == 3
    assert {o.answer.values for o in answer("constant", "embed", "vector", *items)} == {(1.0,) * 8}


@pytest.mark.parametrize("behaviour", ["always-right", "always-wrong"])
def test_without_a_truth_nothing_is_right_or_wrong(behaviour: str) -> None:
    with pytest.raises(MeasurementError, match="has no tags"):
        answer(behaviour, "tag", "tags", (sample("1", words=("a",)), {"words": ("a",)}))
    pair = sample("1", choices=(Choice(text="a", label="stereotype"), Choice(text="b", label="anti")))
    with pytest.raises(MeasurementError, match="no choice that is known"):
        answer(behaviour, "compare", "loglikelihood", (pair, {}))


@pytest.mark.parametrize(("kind", "rule"), [("tag", "tags"), ("extract", "span"), ("classify", "number")])
def test_garbage_refusals_and_crashes(kind: str, rule: str) -> None:
    item = (sample("1", words=("a",), tags=("O",), target="1"), {"text": "q", "text_pair": "p", "words": ("a",)})
    for behaviour, reason in (("garbage", "stop"), ("refusing", "refusal")):
        output = answer(behaviour, kind, rule, item)[0]
        assert output.answer.kind == "text"
        assert (bool(output.text), output.finish_reason) == (True, reason)
    with pytest.raises(MeasurementError, match="crash"):
        answer("crashing", kind, rule, item)
