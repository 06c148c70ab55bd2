"""ROUGE: rouge-score as oracle in English, and other scripts, in which it loses every letter."""

from __future__ import annotations

import pytest
from rouge_score.rouge_scorer import RougeScorer

from auditkit.measure.measurement import measure
from auditkit.measure.metrics.summarisation import sentences
from auditkit.measure.scorers.scripts import words
from auditkit.schema import Sample

from ..conftest import card, sample, says
from .test_translation import TEXTS

GOLD = "The committee rejected the plan. Its members had wanted cheaper buses! A new vote follows in May."
SAID = "Members of the committee have rejected plans for buses. They vote again in May."


def value(name: str, golds: tuple[str, ...], text: str, language: str = "en") -> float:
    one: Sample = sample(labels=(), references=golds)
    made = measure(card(metrics=[{"metric": name, "arm": "all"}], request="generate", language=language), [one],
                   {one.id: says(text, rule="text")})
    (found,) = made.estimates
    assert found.value is not None
    return found.value


def test_english_is_rouge_scores() -> None:
    scorer = RougeScorer(["rouge1", "rouge2"], use_stemmer=True)
    expected = scorer.score_multi([GOLD, "A vote follows."], SAID)
    assert value("rouge1", (GOLD, "A vote follows."), SAID) == pytest.approx(expected["rouge1"].fmeasure)
    assert value("rouge2", (GOLD, "A vote follows."), SAID) == pytest.approx(expected["rouge2"].fmeasure)
    lines = RougeScorer(["rougeLsum"], use_stemmer=True).score(
        "The committee rejected the plan.\nIts members had wanted cheaper buses!\nA new vote follows in May.",
        "Members of the committee have rejected plans for buses.\nThey vote again in May.",
    )
    assert value("rouge_lsum", (GOLD,), SAID) == pytest.approx(lines["rougeLsum"].fmeasure)
    assert 0.3 < value("rouge1", (GOLD,), SAID) < 0.9


@pytest.mark.parametrize("language", list(TEXTS))
@pytest.mark.parametrize("name", ["rouge1", "rouge2", "rouge_lsum"])
def test_identical_texts_score_one_in_every_language(name: str, language: str) -> None:
    text = " ".join(TEXTS[language])
    assert value(name, (text,), text, language) == pytest.approx(1.0)
    assert value(name, (text,), "### 000 ###", language) == 0.0


def test_words_of_any_script() -> None:
    assert words("Die Straße, 2x größer!") == ["die", "straße", "2x", "größer"]
    assert words("नहीं है।") == ["नहीं", "है"]
    assert words("猫がAIを") == ["猫", "が", "ai", "を"]
    assert len(words("ที่นี่")) < len("ที่นี่")  # marks stay with their letters


def test_sentences_without_a_model() -> None:
    assert sentences("One. Two? “Three!” Four").split("\n") == ["One.", "Two?", "“Three!", "Four"]
    assert sentences("今天下雨。明天呢？").split("\n") == ["今天下雨。", "明天呢？"]
    assert sentences("3.5 apples\nsecond line. Still second") == "3.5 apples\nsecond line. Still second"


def test_the_signature_names_the_words() -> None:
    one = sample(labels=(), references=("a",))
    uses = [{"metric": "rouge1", "arm": "all"}]
    made = [measure(card(metrics=uses, language=language), [one], {}).estimates[0] for language in ("en-GB", "de")]
    assert "Porter" in made[0].signature["rouge_words"]
    assert made[0].signature["rouge_words"] != made[1].signature["rouge_words"]
