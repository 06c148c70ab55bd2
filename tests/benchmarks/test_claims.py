"""The built-in pack of claims is what its card says: matched pairs whose surface does not give the truth away."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import cache
from itertools import combinations

import pytest

from auditkit.load.packs import open_pack
from auditkit.load.samples import read_samples
from auditkit.schema import Sample

TOPICS = (
    "civics-and-elections", "finance", "food-and-nutrition", "geography", "health", "history", "science", "technology",
)
PAIRS, MYTHS = 76, 38
NEGATIONS = {"no", "not", "never", "none", "nothing", "neither", "nor", "without", "cannot", "zero"}
SWEEPING = {"always", "never", "only", "all", "any", "every", "alone", "just", "must"}
HEDGES = {"about", "some", "most", "mostly", "mainly", "usually", "generally", "typically", "nearly", "may", "can"}
CUES = {"negations": NEGATIONS, "sweeping words": SWEEPING, "hedges": HEDGES}
# Half the width of a 95 % interval round one half at 608 pairs: an answerer outside it sees more than a coin does.
COIN = 1.96 * 0.5 / math.sqrt(len(TOPICS) * PAIRS)


@cache
def _pairs() -> dict[str, tuple[Sample, Sample]]:
    """The true and the false member of each pair, by origin."""
    members: dict[str, dict[str, Sample]] = defaultdict(dict)
    for sample in read_samples(open_pack("claims")):
        assert sample.target is not None
        assert sample.arm == f"{sample.target}-claim"
        members[sample.origin][sample.target] = sample
    return {origin: (pair["true"], pair["false"]) for origin, pair in members.items()}


def _words(text: str) -> list[str]:
    return re.findall(r"\w[\w',.-]*\w|\w", text.lower())


def _claims() -> list[tuple[list[str], list[str]]]:
    return [(_words(true.input["claim"]), _words(false.input["claim"])) for true, false in _pairs().values()]


def test_each_topic_has_as_many_pairs_half_of_them_misconceptions() -> None:
    cells = Counter((true.metadata["topic"], true.metadata["myth"]) for true, _ in _pairs().values())
    assert cells == {(topic, myth): MYTHS for topic in TOPICS for myth in (True, False)}
    assert len(_pairs()) == len(TOPICS) * PAIRS
    for origin, (true, false) in _pairs().items():
        assert true.metadata == false.metadata, origin
        assert origin.removeprefix("claims/").startswith(str(true.metadata["topic"]))


def test_half_of_each_topic_and_kind_shows_true_first_and_twins_show_the_same_order() -> None:
    first = Counter(
        (true.metadata["topic"], true.metadata["myth"]) for true, _ in _pairs().values() if true.labels[0] == "true"
    )
    assert set(first.values()) == {MYTHS // 2}
    assert all(true.labels == false.labels for true, false in _pairs().values())
    assert all(set(true.labels) == {"true", "false"} for true, _ in _pairs().values())


def test_twins_differ_in_at_most_four_words_and_little_in_length() -> None:
    for (true, false), (origin, samples) in zip(_claims(), _pairs().items(), strict=True):
        apart = (Counter(true) - Counter(false)).total(), (Counter(false) - Counter(true)).total()
        assert 1 <= max(apart) <= 4, origin
        lengths = [len(sample.input["claim"]) for sample in samples]
        assert abs(lengths[0] - lengths[1]) <= 14, origin
        assert all(sample.input["claim"].endswith(".") for sample in samples)


@pytest.mark.parametrize("name", CUES)
def test_cue_words_stand_as_often_in_true_claims_as_in_false_ones(name: str) -> None:
    true, false = (sum(bool(CUES[name] & set(words)) for words in members) for members in zip(*_claims(), strict=True))
    assert abs(true - false) <= 0.01 * len(_pairs()), (true, false)


def test_answerers_that_see_only_the_surface_are_right_in_half_of_the_pairs() -> None:
    readings = {
        "longer in letters": _wins(lambda words: len(" ".join(words))),
        "longer in words": _wins(len),
        "larger number": _wins(_numbers),
        **{f"fewer {name}": _wins(_fewer(cues)) for name, cues in CUES.items()},
    }
    assert {name for name, reading in readings.items() if abs(reading - 0.5) > COIN} == set(), readings


def test_a_bag_of_words_learned_from_other_pairs_is_right_in_half() -> None:
    claims = _claims()
    by_topic = [str(true.metadata["topic"]) for true, _ in _pairs().values()]
    for folds in ([number % 10 for number in range(len(claims))], by_topic):
        assert abs(_bag_of_words(claims, folds) - 0.5) < COIN


def test_no_claim_repeats_or_nearly_repeats_another() -> None:
    claims = [sample.input["claim"] for pair in _pairs().values() for sample in pair]
    assert len(set(claims)) == len(claims)
    runs = {origin: _runs(_words(true.input["claim"])) for origin, (true, _) in _pairs().items()}
    for (one, first), (other, second) in combinations(runs.items(), 2):
        shared = len(first & second) / max(1, min(len(first), len(second)))
        assert shared < 0.4, (one, other)


def test_two_independent_sources_are_named_for_each_pair() -> None:
    for origin, (true, _) in _pairs().items():
        sources = re.split(r"; (?=[A-Z])", str(true.metadata["source"]))
        assert len({re.split("[,:]", source)[0] for source in sources}) >= 2, origin


def _wins(strength: Callable[[list[str]], float]) -> float:
    """How often the member of greater strength is the true one; a tie is half a win."""
    return sum(
        0.5 if strength(true) == strength(false) else float(strength(true) > strength(false))
        for true, false in _claims()
    ) / len(_claims())


def _fewer(cues: set[str]) -> Callable[[list[str]], float]:
    return lambda words: -len(cues & set(words))


def _numbers(words: list[str]) -> float:
    return sum(float(word.replace(",", "")) for word in words if re.fullmatch(r"\d[\d,]*(\.\d+)?", word))


def _bag_of_words(claims: list[tuple[list[str], list[str]]], folds: list[int] | list[str]) -> float:
    """Share of claims that naive Bayes (add one half) calls right when it learned from the other folds."""
    hits = 0.0
    for fold in set(folds):
        counts: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        for pair, place in zip(claims, folds, strict=True):
            if place != fold:
                for count, words in zip(counts, pair, strict=True):
                    count.update(set(words))
        odds = {word: math.log((counts[0][word] + 0.5) / (counts[1][word] + 0.5)) for count in counts for word in count}
        for pair, place in zip(claims, folds, strict=True):
            if place == fold:
                true, false = (sum(odds.get(word, 0.0) for word in set(words)) for words in pair)
                hits += (1 + (true > 0) - (true < 0)) / 2 + (1 + (false < 0) - (false > 0)) / 2
    return hits / (2 * len(claims))


def _runs(words: list[str]) -> set[tuple[str, ...]]:
    return set(zip(words, words[1:], words[2:], words[3:], strict=False))
