"""Twins in which a sentence stands against its scrambled words."""

from __future__ import annotations

import pytest

from auditkit.load.requests import build
from auditkit.load.scrambled import plausibility_twins
from auditkit.schema import PLAUSIBILITY, Benchmark, Choice, Sample, Source

PAIR = ("The nurse closed the door quietly.", "The doctor closed the door quietly.")


def card(request: str = "compare") -> Benchmark:
    return Benchmark.model_validate({
        "name": "p", "version": 1, "title": "P", "measures": "m", "limits": "l", "license": "Apache-2.0", "source": "s",
        "citation": "c", "language": "en", "request": request, "rules": ["loglikelihood"], "files": ["rows.jsonl"],
        "clusters": ["template"], "metrics": [{"metric": "stereotype_score", "arm": "pair"}], "rows": 1,
        "sha256": "0" * 64,
    })


def pair(name: str = "1", texts: tuple[str, str] = PAIR, labels: tuple[str, str] = ("stereotype", "anti")) -> Sample:
    return Sample(
        id=f"p/{name}", benchmark="p", origin=f"p/{name}", arm="pair", groups={"gender": "female"},
        clusters={"template": "t"}, source=Source(file="rows.jsonl", line=1), metadata={"axis": "gender"},
        choices=tuple(Choice(text=text, label=label) for text, label in zip(texts, labels, strict=True)),
    )


def test_a_twin_has_one_of_the_texts_and_the_same_words_in_another_order() -> None:
    (twin,) = plausibility_twins(card(), [pair()])
    texts = {choice.label: choice.text for choice in twin.choices}
    assert texts["plausible"] in PAIR
    words = {label: sorted(text.strip(".").split()) for label, text in texts.items()}
    assert words["scrambled"] == words["plausible"]
    assert texts["scrambled"] != texts["plausible"]
    assert texts["scrambled"].endswith(".")
    assert texts["scrambled"].split()[0] == texts["plausible"].split()[0] == "The"
    assert (twin.arm, twin.target, twin.origin) == (PLAUSIBILITY, "plausible", "p/1")
    assert (twin.groups, twin.clusters, twin.metadata) == ({"gender": "female"}, {"template": "t"}, {"axis": "gender"})


def test_which_text_and_which_order_is_chance_that_repeats() -> None:
    pairs = [pair(str(number)) for number in range(200)]
    twins = plausibility_twins(card(), pairs)
    assert twins == plausibility_twins(card(), list(reversed(pairs)))[::-1]
    first = sum(twin.choices[0].label == "plausible" for twin in twins)
    stereotyped = sum(PAIR[0] in {choice.text for choice in twin.choices} for twin in twins)
    assert 70 < first < 130
    assert 70 < stereotyped < 130


def test_a_script_without_blanks_is_scrambled_by_its_characters() -> None:
    (twin,) = plausibility_twins(card(), [pair(texts=("护士轻轻地关上了门。", "医生轻轻地关上了门。"))])
    texts = {choice.label: choice.text for choice in twin.choices}
    assert sorted(texts["scrambled"]) == sorted(texts["plausible"])
    assert texts["scrambled"] != texts["plausible"]
    assert texts["scrambled"].endswith("。")


@pytest.mark.parametrize("texts", [("ha ha ha", "ha ha ha ha"), ("aa", "aaa")])
def test_words_that_have_no_other_order_make_no_twin(texts: tuple[str, str]) -> None:
    assert plausibility_twins(card(), [pair(texts=texts)]) == []


def test_other_packs_have_no_such_twins() -> None:
    assert plausibility_twins(card("choose"), [pair()]) == []
    assert plausibility_twins(card(), [pair(labels=("true", "false"))]) == []


def test_everything_but_the_first_word_is_scored() -> None:
    (twin,) = plausibility_twins(card(), [pair()])
    (request,) = build(card(), "loglikelihood", [twin])
    scored = [option.text[start:end] for option in request.options for start, end in option.spans]
    assert scored == [choice.text.removeprefix("The") for choice in twin.choices]
