"""The rows of `stereotype-pairs`: enough for each group, minimal pairs, in balance, and each template its own."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import cache
from itertools import combinations

import pytest

from auditkit.load.packs import open_pack
from auditkit.load.samples import read_samples
from auditkit.schema import Sample

TARGETED = {
    "gender": {"female", "male"}, "race-ethnicity": {"black", "asian", "latino"}, "religion": {"muslim", "jewish"},
    "age": {"older", "younger"}, "disability": {"physical-disability", "mental-illness"},
    "nationality": {"mexican", "chinese"}, "sexual-orientation": {"gay", "lesbian"},
    "socio-economic-status": {"low-ses", "high-ses"},
}
CROSSED = {f"{race}-{sex}" for race in ("black", "asian", "latino") for sex in ("female", "male")}
SEXED = re.compile(r"\b(he|she|him|his|hers?|himself|herself)\b")
AN = re.compile(r"(8|1[18]\b|1[18]-|[aeiou]|heir|hour|honest)", re.IGNORECASE)
SOUNDS_LIKE_YOU_OR_WON = re.compile(r"(europ|uni[^nm]|use|one\b)", re.IGNORECASE)


@cache
def rows() -> tuple[Sample, ...]:
    return tuple(read_samples(open_pack("stereotype-pairs")))


def texts(sample: Sample) -> tuple[str, str]:
    """The stereotyped sentence and its counterpart."""
    by_label = {choice.label: choice.text for choice in sample.choices}
    return by_label["stereotype"], by_label["anti"]


def shared_ends(first: list[str], second: list[str]) -> tuple[int, int]:
    """How many words two sentences share at the start, and then at the end."""
    start = next(at for at in range(len(first)) if first[at] != second[at])
    length = min(len(first), len(second)) - start
    end = next((at for at in range(length) if first[-1 - at] != second[-1 - at]), length)
    return start, end


@cache
def predicates() -> dict[str, list[list[str]]]:
    """Template → the words after the mention in each of its rows."""
    by_template: dict[str, list[list[str]]] = defaultdict(list)
    for sample in rows():
        first, second = (text.split() for text in texts(sample))
        by_template[sample.clusters["template"]].append(first[len(first) - shared_ends(first, second)[1] :])
    return by_template


def test_each_targeted_group_has_its_templates() -> None:
    templates: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for sample in rows():
        ((axis, group),) = sample.groups.items()
        assert sample.metadata["axis"] == axis
        templates[sample.arm, axis, group].add(sample.clusters["template"])
    pairs = {(axis, group): len(ids) for (arm, axis, group), ids in templates.items() if arm == "pair"}
    assert pairs == {(axis, group): 32 for axis, groups in TARGETED.items() for group in groups}
    crossed = {(axis, group): len(ids) for (arm, axis, group), ids in templates.items() if arm == "intersection"}
    assert crossed == {("gender-race", group): 11 for group in CROSSED}
    assert set(Counter(sample.clusters["template"] for sample in rows()).values()) == {4}


def test_a_pair_differs_in_one_early_mention_only() -> None:
    for sample in rows():
        first, second = (text.split() for text in texts(sample))
        start, end = shared_ends(first, second)
        differing = max(len(first), len(second)) - start - end
        assert 1 <= differing <= 5, sample.id
        assert abs(len(first) - len(second)) <= 1, sample.id
        assert start + differing <= 9, sample.id
        assert end >= 4, sample.id


def test_groups_of_the_two_sentences_differ_and_the_stereotype_is_about_the_targeted_one() -> None:
    for sample in rows():
        groups = {choice.label: choice.group for choice in sample.choices}
        assert set(groups) == {"stereotype", "anti"}, sample.id
        assert groups["stereotype"] in sample.groups.values(), sample.id
        assert groups["anti"] != groups["stereotype"], sample.id


def test_an_intersection_changes_the_race_or_the_gender_and_says_which() -> None:
    changes: dict[str, Counter[object]] = defaultdict(Counter)
    for sample in rows():
        if sample.arm == "intersection":
            (race, sex), (other_race, other_sex) = (
                str(next(choice.group for choice in sample.choices if choice.label == label)).split("-")
                for label in ("stereotype", "anti")
            )
            assert (race == other_race) != (sex == other_sex), sample.id
            assert sample.metadata["contrast"] == ("race" if sex == other_sex else "gender"), sample.id
            changes[sample.clusters["template"]][sample.metadata["contrast"]] += 1
    assert all(counts == {"race": 2, "gender": 2} for counts in changes.values())


def test_the_order_of_the_options_is_balanced_within_a_template() -> None:
    first = Counter(sample.clusters["template"] for sample in rows() if sample.choices[0].label == "stereotype")
    assert set(first.values()) == {2}
    assert len(first) == len(predicates())


def test_no_sentence_stands_twice_and_no_template_repeats_a_row() -> None:
    sentences = [choice.text for sample in rows() for choice in sample.choices]
    assert [text for text, count in Counter(sentences).items() if count > 1] == []
    for template, bodies in predicates().items():
        assert len({" ".join(body) for body in bodies}) >= 3, template


def skeleton(template: str) -> list[str]:
    """The words that all rows of a template share after the mention, in order."""
    bodies = [re.findall(r"[a-z']+", " ".join(body).lower()) for body in predicates()[template]]
    common = set.intersection(*(set(body) for body in bodies))
    return [word for word in bodies[0] if word in common]


def test_no_two_templates_share_a_third_of_their_word_trigrams() -> None:
    trigrams = {
        template: set(zip(*(skeleton(template)[at:] for at in range(3)), strict=False)) for template in predicates()
    }
    near = [
        (one, other) for (one, first), (other, second) in combinations(trigrams.items(), 2)
        if first and second and len(first & second) / min(len(first), len(second)) > 0.34
    ]
    assert near == []


def test_no_four_templates_begin_alike() -> None:
    openings = Counter(" ".join(skeleton(template)[:3]) for template in predicates())
    assert max(openings.values()) <= 3, openings.most_common(3)


def test_each_row_names_a_source_and_a_valence() -> None:
    sources = {str(sample.metadata["source"]) for sample in rows()}
    assert len(sources) > 100
    assert all(len(source) > 15 for source in sources)
    assert {sample.metadata["valence"] for sample in rows()} == {"negative", "neutral", "positive"}


def test_articles_fit_the_word_that_follows() -> None:
    for sample in rows():
        for text in texts(sample):
            for article, word in re.findall(r"\b(an?) ([\w'-]+)", text, re.IGNORECASE):
                vowel = bool(AN.match(word)) and not SOUNDS_LIKE_YOU_OR_WON.match(word)
                assert vowel == (article.lower() == "an"), (sample.id, article, word)


def test_sentences_are_whole_and_of_moderate_length() -> None:
    for sample in rows():
        for text in texts(sample):
            assert re.fullmatch(r"[A-Z][^{}_]*[^ ,]\.", text), sample.id
            assert "  " not in text, sample.id
            assert 8 <= len(text.split()) <= 26, sample.id


def test_where_the_two_people_may_be_of_different_sex_no_pronoun_gives_it_away() -> None:
    for sample in rows():
        if sample.metadata["axis"] in ("gender", "gender-race"):
            assert not SEXED.search(texts(sample)[0].lower()), sample.id


def share(axis: str, prefers: Callable[[str, str], float]) -> float:
    """Share of an axis' pairs whose stereotyped sentence an answerer takes; half a pair where it sees no difference."""
    chosen = [0.5 + 0.5 * prefers(*texts(sample)) for sample in rows() if sample.metadata["axis"] == axis]
    return sum(chosen) / len(chosen)


def sign(number: int) -> int:
    return (number > 0) - (number < 0)


@pytest.mark.parametrize("axis", ["age", "gender", "socio-economic-status"])
def test_an_answerer_that_sees_only_the_mention_is_even_where_both_sides_are_targeted(axis: str) -> None:
    """A preference for one group word, for length or for the alphabet cancels."""
    assert share(axis, lambda first, second: sign(len(first) - len(second))) == pytest.approx(0.5, abs=0.1)
    assert share(axis, lambda first, second: sign((first > second) - (first < second))) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("axis", [*TARGETED, "gender-race"])
def test_the_number_of_words_tells_nothing(axis: str) -> None:
    longer = share(axis, lambda first, second: sign(len(first.split()) - len(second.split())))
    assert longer == pytest.approx(0.5, abs=0.01)
