"""The rows of the built-in pack ambiguous-qa are right by construction, and blind answerers show nothing on them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from itertools import combinations, product

import pytest

from auditkit.load.packs import open_pack
from auditkit.load.samples import read_samples
from auditkit.schema import Sample

from .answerers import ANSWERERS, Answerer, accuracy, bare, bias, by, people, places, remembered, stems, words

NAME = "ambiguous-qa"
TARGETED = {
    "gender": {"female", "male"},
    "race-ethnicity": {"black", "asian", "latino"},
    "religion": {"muslim", "jewish"},
    "age": {"older", "younger"},
    "disability": {"physical-disability", "mental-illness"},
    "nationality": {"mexican", "chinese"},
    "sexual-orientation": {"gay", "lesbian"},
    "socio-economic-status": {"low-ses", "high-ses"},
}
MEN = r"^(man|male [a-z ]+|actor|waiter|uncle)"
WOMEN = r"^(woman|female [a-z ]+|bridesmaid|masseuse)"
WITH_A_MAN = r"(with a (boyfriend|husband|male partner)|dating a man)$"
WITH_A_WOMAN = r"(with a (girlfriend|wife|female partner)|dating a woman)$"
GROUP_WORDS = {
    "black": r"^Black ",
    "asian": r"^Asian ",
    "latino": r"^(Latin[oa]|Hispanic) ",
    "white": r"^(white|Caucasian) ",
    "muslim": r"^Muslim ",
    "jewish": r"^Jewish ",
    "christian": r"^(Christian|Catholic|Protestant|Quaker) ",
    "hindu": r"^Hindu ",
    "buddhist": r"^Buddhist ",
    "atheist": r"^atheist ",
    "mexican": r"Mexic(o$|an )",
    "chinese": r"Chin(a$|ese )",
    "older": r"^([5-7]\d-year-old|elderly|older) ",
    "younger": r"^([1-3]\d-year-old|young|younger) ",
    "gay": rf"^gay (?!female)|{MEN} {WITH_A_MAN}",
    "lesbian": rf"^(lesbian|gay female) |{WOMEN} {WITH_A_WOMAN}",
    "straight": rf"^straight |{MEN} {WITH_A_WOMAN}|{WOMEN} {WITH_A_MAN}",
    "bisexual": r"^bisexual ",
    "female": r"\b(\w*woman|female|girl|girlfriend|\w*mother|sister|niece|aunt|daughter|daughter-in-law|wife|ex-wife"
    r"|bride|queen|heiress|waitress|actress|landlady|schoolgirl)\b",
    "male": r"\b(\w*man|male|boy|boyfriend|\w*father|brother|nephew|uncle|son|son-in-law|husband|ex-husband|groom|king"
    r"|heir|waiter|actor|landlord|schoolboy)\b",
}
GENDERED = frozenset(words("he she him her his hers himself herself"))
MOST_LENGTHS_DIFFER = 8
MOST_OVERLAP = 0.35
"""Share of the shorter template's sequences of three words. The nearest pair has .23: two different situations."""


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return list(read_samples(open_pack(NAME)))


@pytest.fixture(scope="module")
def ambiguous(samples: list[Sample]) -> list[Sample]:
    return [sample for sample in samples if sample.arm == "ambiguous"]


@pytest.fixture(scope="module")
def twins(samples: list[Sample]) -> list[Sample]:
    return [sample for sample in samples if sample.arm == "disambiguated"]


@pytest.fixture(scope="module")
def facts(ambiguous: list[Sample], twins: list[Sample]) -> dict[str, list[tuple[str, str]]]:
    """Origin to its two facts, in order: the option of the person, and the sentence with PERSON in its place."""
    openings = {sample.origin: sample.input["context"] for sample in ambiguous}
    return {twin.origin: _facts(twin, openings[twin.origin]) for twin in twins}


@pytest.fixture(scope="module")
def answerers(samples: list[Sample]) -> dict[str, Answerer]:
    return {name: remembered(answerer, samples) for name, answerer in ANSWERERS.items()}


def template(sample: Sample) -> str:
    """The sample's template."""
    return sample.clusters["template"]


def group(sample: Sample) -> str:
    """The targeted group."""
    return str(sample.metadata["stereotyped_group"])


def axis(sample: Sample) -> str:
    """The axis."""
    return str(sample.metadata["axis"])


def targeted_first(sample: Sample) -> bool:
    """Whether the context names the targeted person first."""
    first = min(people(sample), key=lambda option: places(sample, option)[0])
    return sample.choices[first].group == group(sample)


def _frame(text: str, sample: Sample, option: int) -> str:
    return re.sub(rf"\b([Tt])he {re.escape(bare(sample, option))}\b", r"\1he PERSON", text)


def _facts(twin: Sample, opening: str) -> list[tuple[str, str]]:
    context = twin.input["context"]
    assert context.startswith(opening + " "), twin.id
    told = context[len(opening) + 1 :]
    splits = []
    for mark in re.finditer(r"(?<!Mr\.)(?<!Mrs\.)(?<!Dr\.)(?<=[.!?\"])\s+(?=[A-Z\"])", told):
        named = [
            [option for option in people(twin) if _frame(part, twin, option) != part]
            for part in (told[: mark.start()], told[mark.end() :])
        ]
        if all(len(options) == 1 for options in named) and named[0] != named[1]:
            splits.append((mark, named[0][0], named[1][0]))
    assert len(splits) == 1, (twin.id, told)
    ((mark, first, second),) = splits
    parts = [(first, told[: mark.start()]), (second, told[mark.end() :])]
    return [(twin.choices[option].text, _frame(part, twin, option)) for option, part in parts]


def test_every_targeted_group_has_32_templates_of_4_origins_in_two_arms(samples: list[Sample]) -> None:
    assert {name: {group(s) for s in part} for name, part in by(samples, axis).items()} == TARGETED
    assert {name: len({template(s) for s in part}) for name, part in by(samples, group).items()} == dict.fromkeys(
        set().union(*TARGETED.values()), 32
    )
    crossed = Counter(product(("negative", "nonnegative"), (True, False), ("ambiguous", "disambiguated")))
    for name, part in by(samples, template).items():
        assert Counter((s.metadata["polarity"], targeted_first(s), s.arm) for s in part) == crossed, name
        assert len({s.origin for s in part}) == 4


def test_groups_are_the_targeted_one_where_the_text_is_silent_and_the_right_ones_where_it_is_not(
    samples: list[Sample],
) -> None:
    for sample in samples:
        options = {choice.label: choice.group for choice in sample.choices}
        assert set(options) == {"stereotype", "anti", "unknown"}, sample.id
        assert options["unknown"] is None, sample.id
        assert group(sample) in options.values(), sample.id
        right = group(sample) if sample.arm == "ambiguous" else options[str(sample.target)]
        assert sample.groups == {axis(sample): right}, sample.id
        negative = sample.metadata["polarity"] == "negative"
        assert (options["stereotype"] == group(sample)) == negative, sample.id


def test_the_two_people_differ_in_words_of_their_groups_alone(ambiguous: list[Sample]) -> None:
    phrases: dict[str, set[str]] = defaultdict(set)
    for sample in ambiguous:
        (left, right) = (sample.choices[option] for option in people(sample))
        split = [re.split(r"[ -]", choice.text.removeprefix("the ")) for choice in (left, right)]
        same = set(split[0]) & set(split[1])
        assert axis(sample) in ("gender", "socio-economic-status") or same, sample.id
        assert abs(len(left.text) - len(right.text)) <= MOST_LENGTHS_DIFFER, sample.id
        assert abs(len(split[0]) - len(split[1])) <= 1, sample.id
        for choice, parts in zip((left, right), split, strict=True):
            pattern = GROUP_WORDS.get(str(choice.group))
            assert pattern is None or re.search(pattern, choice.text.removeprefix("the ")), (sample.id, choice.text)
            if choice.group in ("gay", "lesbian", "straight"):
                continue
            phrases[f"{axis(sample)}: {' '.join(part for part in parts if part not in same)}"].add(str(choice.group))
    assert {phrase: names for phrase, names in phrases.items() if len(names) > 1} == {}


def test_the_ambiguous_text_names_both_people_once_with_the_right_article_and_says_no_more_of_them(
    ambiguous: list[Sample],
) -> None:
    for sample in ambiguous:
        context = sample.input["context"]
        for option in people(sample):
            person = bare(sample, option)
            named = re.findall(rf"\b(a|an|the) {re.escape(person)}\b", context, re.IGNORECASE)
            assert [article.lower() for article in named] == [_article(person)], (sample.id, person)
            assert len(places(sample, option)) == 1, (sample.id, person)
        named_people = "|".join(re.escape(bare(sample, option)) for option in people(sample))
        bare_text = re.sub(named_people, "", context, flags=re.IGNORECASE)
        if axis(sample) == "gender":
            assert not GENDERED & set(words(bare_text)), sample.id
        elif axis(sample) in ("race-ethnicity", "religion", "age"):
            for option in people(sample):
                pattern = GROUP_WORDS[str(sample.choices[option].group)].strip("^ ")
                assert not re.search(rf"\b{pattern}\b", bare_text), sample.id


def _article(noun: str) -> str:
    first = re.split(r"[ -]", noun)[0].lower()
    if first[0].isdigit():
        return "an" if first.startswith("8") or first in ("11", "18") else "a"
    if first in ("heir", "heiress", "hour", "honest"):
        return "an"
    return "an" if first[0] in "aeiou" and not re.match(r"(uni[^n]|use|eu|one\b)", first) else "a"


def test_rows_of_a_template_differ_in_polarity_order_and_facts_alone(
    ambiguous: list[Sample], facts: dict[str, list[tuple[str, str]]]
) -> None:
    for name, part in by(ambiguous, template).items():
        texts = {_anonymous(sample) for sample in part}
        assert len(texts) == 1, name
        assert len({frozenset(sample.choices[option].text for option in people(sample)) for sample in part}) == 1, name
        questions = {(sample.metadata["polarity"], sample.input["question"]) for sample in part}
        assert len(questions) == len({question for _, question in questions}) == 2, name
        assert len({frozenset(text for _, text in facts[sample.origin]) for sample in part}) == 1, name
        assert len({sample.metadata["source"] for sample in part}) == 1, name
        assert part[0].metadata["source"], name


def _anonymous(sample: Sample) -> str:
    pattern = "|".join(rf"\b(?:an?) {re.escape(bare(sample, option))}\b" for option in people(sample))
    return re.sub(pattern, "a PERSON", sample.input["context"], flags=re.IGNORECASE)


def test_a_twin_adds_two_facts_of_one_person_each_and_changes_nothing_else(
    ambiguous: list[Sample], twins: list[Sample], facts: dict[str, list[tuple[str, str]]]
) -> None:
    plain = {sample.origin: sample for sample in ambiguous}
    assert plain.keys() == {twin.origin for twin in twins}
    for twin in twins:
        sample = plain[twin.origin]
        assert (sample.choices, sample.input["question"]) == (twin.choices, twin.input["question"])
        assert (sample.metadata, sample.clusters) == (twin.metadata, twin.clusters)
        assert len({person for person, _ in facts[twin.origin]}) == 2, twin.id
        assert len({text for _, text in facts[twin.origin]}) == 2, twin.id
        assert all(text.count("he PERSON") == 1 for _, text in facts[twin.origin]), twin.id


def test_each_question_asks_for_the_person_of_one_and_the_same_fact(
    twins: list[Sample], facts: dict[str, list[tuple[str, str]]]
) -> None:
    for name, part in by(twins, template).items():
        asked: dict[str, set[str]] = defaultdict(set)
        for twin in part:
            (right,) = (choice.text for choice in twin.choices if choice.label == twin.target)
            asked[str(twin.metadata["polarity"])] |= {text for person, text in facts[twin.origin] if person == right}
        assert [len(texts) for texts in asked.values()] == [1, 1], name
        assert asked["negative"] != asked["nonnegative"], name


def test_a_question_shares_no_more_words_with_one_fact_than_with_the_other(
    twins: list[Sample], facts: dict[str, list[tuple[str, str]]]
) -> None:
    unequal = {
        twin.origin
        for twin in twins
        if len({len(stems(twin.input["question"]) & stems(text)) for _, text in facts[twin.origin]}) > 1
    }
    assert unequal == set()


def test_order_polarity_right_person_and_order_of_facts_are_fully_crossed_in_each_group(
    twins: list[Sample], facts: dict[str, list[tuple[str, str]]]
) -> None:
    for name, part in by(twins, group).items():
        cells: Counter[tuple[object, ...]] = Counter()
        for twin in part:
            (right,) = (choice.text for choice in twin.choices if choice.label == twin.target)
            right_fact_first = facts[twin.origin][0][0] == right
            cells[(twin.metadata["polarity"], targeted_first(twin), twin.target, right_fact_first)] += 1
        assert sorted(cells.values()) == [8] * 16, name


def test_the_three_places_and_the_wordings_of_unknown_tell_nothing(samples: list[Sample]) -> None:
    keys: tuple[Callable[[Sample], str], ...] = (
        lambda s: str(s.arm), lambda s: f"{s.arm} {s.target}", lambda s: f"{s.arm} {s.metadata['polarity']}",
        lambda s: f"{s.arm} {s.metadata['polarity']} {s.target}",
    )  # fmt: skip
    for key in keys:
        for name, part in by(samples, key).items():
            orders = Counter(tuple(choice.label for choice in sample.choices) for sample in part)
            wordings = Counter(choice.text for sample in part for choice in sample.choices if choice.label == "unknown")
            assert len(orders) == 6, name
            assert max(orders.values()) - min(orders.values()) <= 8, (name, orders)
            assert sorted(wordings.values()) == [len(part) // 17] * 17, (name, wordings)
    for name, part in by(samples, axis).items():
        places_of_unknown = Counter([choice.label for choice in sample.choices].index("unknown") for sample in part)
        assert max(places_of_unknown.values()) - min(places_of_unknown.values()) <= 8, name


@pytest.mark.parametrize("name", ANSWERERS)
def test_blind_answerers_show_no_bias_and_do_not_beat_one_half(
    name: str, answerers: dict[str, Answerer], ambiguous: list[Sample], twins: list[Sample]
) -> None:
    answerer = answerers[name]
    assert abs(bias(ambiguous, answerer)) <= 0.005
    for key in (axis, group):
        assert all(abs(bias(part, answerer)) <= 0.02 for part in by(ambiguous, key).values())
    assert accuracy(twins, answerer) <= 0.505
    # The words near a person differ by chance from template to template: 32 templates have a standard error of .09.
    assert all(accuracy(part, answerer) <= 0.58 for part in by(twins, group).values())


def test_the_card_tells_the_readings_of_blind_answerers(
    answerers: dict[str, Answerer], ambiguous: list[Sample], twins: list[Sample]
) -> None:
    readings = "; ".join(
        f"{name} {bias(ambiguous, answerer) + 0.0:.3f} and {accuracy(twins, answerer):.3f}"
        for name, answerer in answerers.items()
    ).replace("-0.000", "0.000")
    card = open_pack(NAME).card
    assert readings in " ".join(card.limits.split()), readings
    assert card.version == 2


def test_no_template_is_nearly_another_one(ambiguous: list[Sample], facts: dict[str, list[tuple[str, str]]]) -> None:
    texts: dict[str, list[str]] = defaultdict(list)
    for sample in ambiguous:
        texts[template(sample)] += [_anonymous(sample), sample.input["question"], *(f for _, f in facts[sample.origin])]
    grams = {name: _grams(dict.fromkeys(parts)) for name, parts in texts.items()}
    templates_of: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name, of_template in grams.items():
        for gram in of_template:
            templates_of[gram].append(name)
    shared = Counter(pair for names in templates_of.values() if len(names) < 100 for pair in combinations(names, 2))
    near = {pair: n for pair, n in shared.items() if n > MOST_OVERLAP * min(len(grams[name]) for name in pair)}
    assert near == {}


def _grams(texts: Sequence[str] | dict[str, None]) -> set[tuple[str, ...]]:
    split = [words(text) for text in texts]
    return {tuple(part[start : start + 3]) for part in split for start in range(len(part) - 2)}
