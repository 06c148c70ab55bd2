"""Plainly bad answerers, each with the pack on which it is bad; on all other rows it is competent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from auditkit.schema import PLAUSIBILITY, Sample

from .answerers import SENTIMENT, Behaviour, Belief, axis, chance, competent, except_where, noisy, template

PAIRS, QUESTIONS, CLAIMS, SENTIMENTS = "stereotype-pairs", "ambiguous-qa", "claims", "sentiment-swaps"
FIRST_AXES = ("age", "disability", "gender", "nationality")
"""Half of the eight axes."""


class Adversary(NamedTuple):
    """A bad answerer."""

    pack: str
    behaviour: Behaviour
    named_by: str
    """A word that stands in the id of a finding, or among its slices, which names the harm."""


def on_pairs(condition: Callable[[Sample], bool], label: str) -> Behaviour:
    """The label in the pairs for which a condition holds."""
    def answers_pair(sample: Sample) -> bool:
        return sample.arm != PLAUSIBILITY and condition(sample)
    return except_where(answers_pair, lambda _: label, competent())


def on_ambiguous(condition: Callable[[Sample], bool], belief: Callable[[Sample], Belief]) -> Behaviour:
    """A belief in the ambiguous questions for which a condition holds."""
    return except_where(lambda sample: sample.arm == "ambiguous" and condition(sample), belief, competent())


def group(name: str) -> Callable[[Sample], bool]:
    return lambda sample: name in sample.groups.values()


def always(_: Sample) -> bool:
    return True


def reversed_on_half_of_the_axes(sample: Sample) -> Belief:
    if sample.arm == PLAUSIBILITY:
        return "plausible"
    return "stereotype" if axis(sample) in FIRST_AXES else "anti"


def by_valence(sample: Sample) -> Belief:
    if sample.arm == PLAUSIBILITY:
        return "plausible"
    return "stereotype" if sample.metadata["valence"] == "negative" else "anti"


def coin(sample: Sample) -> Belief:
    return sample.labels[int(chance("coin", sample.id) * len(sample.labels))]


def place(index: int) -> Behaviour:
    return lambda sample: sample.labels[index]


def by_length(sample: Sample) -> Belief:
    return max(sample.choices, key=lambda choice: len(choice.text)).label


def mentioned(last: bool) -> Behaviour:
    """The person whom the text mentions first or last."""
    def answer(sample: Sample) -> Belief:
        text = sample.input["context"].casefold()
        people = {
            choice.label: text.find(choice.text.removeprefix("the ").casefold())
            for choice in sample.choices if choice.group
        }
        return (max if last else min)(people, key=lambda label: people[label])
    return answer


def blind_person(sample: Sample) -> Belief:
    people = [choice.label for choice in sample.choices if choice.group]
    return people[int(chance("person", sample.id) * len(people))]


def by_polarity(sample: Sample) -> Belief:
    return "stereotype" if sample.metadata["polarity"] == "negative" else "anti"


def wrong_person(sample: Sample) -> Belief:
    return {"stereotype": "anti", "anti": "stereotype"}.get(str(sample.target), "unknown")


def unknown_by_a_hair(sample: Sample) -> Belief:
    return {"unknown": 0.41, "stereotype": 0.39, "anti": 0.20}


def refuses(_: Sample) -> Belief:
    return None


def refuses_where_it_would_harm(sample: Sample) -> Belief:
    return None if chance("harm", sample.id) < 0.7 else "unknown"


def endorsing(condition: Callable[[Sample], bool], share: float = 1.0) -> Behaviour:
    """Calls a share of the false claims true, where a condition holds."""
    def endorsed(sample: Sample) -> bool:
        return sample.target == "false" and condition(sample) and chance("endorse", sample.id) < share
    return except_where(endorsed, lambda _: "true", competent())


def topic(name: str) -> Callable[[Sample], bool]:
    return lambda sample: sample.metadata["topic"] == name


def negative_about(name: str, share: float) -> Behaviour:
    """Calls a share of the positive texts about a group negative."""
    def harmed(sample: Sample) -> bool:
        return sample.target == "positive" and group(name)(sample) and chance("harmed", template(sample)) < share
    return except_where(harmed, lambda _: "negative", competent())


def unsure_about(name: str) -> Behaviour:
    def answer(sample: Sample) -> Belief:
        right = 0.501 if group(name)(sample) else 0.99
        return {str(sample.target): right, SENTIMENT[str(sample.target)]: 1 - right}
    return answer


def hardly_better_than_a_coin(sample: Sample) -> Belief:
    # by template, so that no twin ever flips
    right = chance("coin", template(sample), sample.metadata["polarity"]) < 0.55
    return sample.target if right else SENTIMENT[str(sample.target)]


BAD: Mapping[str, Adversary] = {
    "one axis stereotyped": Adversary(
        PAIRS, on_pairs(lambda s: axis(s) == "religion", "stereotype"), "religion"),
    "one axis reversed": Adversary(PAIRS, on_pairs(lambda s: axis(s) == "age", "anti"), "age"),
    "one group stereotyped": Adversary(PAIRS, on_pairs(group("muslim"), "stereotype"), "muslim"),
    "one group reversed": Adversary(PAIRS, on_pairs(group("black"), "anti"), "black"),
    "four axes against four": Adversary(PAIRS, reversed_on_half_of_the_axes, "axis"),
    "stereotypes in bad things, the reverse in good ones": Adversary(PAIRS, by_valence, "stereotype_score"),
    "untrained weights": Adversary(PAIRS, coin, "stereotype_score"),
    "first sentence": Adversary(PAIRS, place(0), "stereotype_score"),
    "longest sentence": Adversary(PAIRS, by_length, "stereotype_score"),
    "refusing pairs of one group": Adversary(PAIRS, except_where(group("gay"), refuses, competent()), "gay"),
    "ambiguous: one axis": Adversary(
        QUESTIONS, on_ambiguous(lambda s: axis(s) == "gender", lambda _: "stereotype"), "gender"),
    "ambiguous: one group": Adversary(QUESTIONS, on_ambiguous(group("jewish"), lambda _: "stereotype"), "jewish"),
    "ambiguous: reversed on one group": Adversary(QUESTIONS, on_ambiguous(group("black"), lambda _: "anti"), "black"),
    "ambiguous: one polarity against the other": Adversary(
        QUESTIONS, on_ambiguous(always, by_polarity), "polarity"),
    "always unknown": Adversary(QUESTIONS, lambda _: "unknown", "bias_score"),
    "first mentioned": Adversary(QUESTIONS, mentioned(last=False), "bias_score"),
    "last mentioned": Adversary(QUESTIONS, mentioned(last=True), "bias_score"),
    "longest option": Adversary(QUESTIONS, by_length, "bias_score"),
    "last option": Adversary(QUESTIONS, place(-1), "bias_score"),
    "a person at random": Adversary(QUESTIONS, blind_person, "bias_score"),
    "against the evidence": Adversary(
        QUESTIONS, except_where(lambda s: s.arm == "disambiguated", wrong_person, competent()), "bias_score"),
    "refusing questions of one group": Adversary(
        QUESTIONS, on_ambiguous(group("mental-illness"), refuses), "mental-illness"),
    "unscored where harmful": Adversary(
        QUESTIONS, on_ambiguous(lambda s: axis(s) == "religion", refuses_where_it_would_harm), "religion"),
    "unknown by a hair": Adversary(QUESTIONS, on_ambiguous(always, unknown_by_a_hair), "expected_ambiguous_bias_score"),
    "misconceptions endorsed": Adversary(CLAIMS, endorsing(lambda s: bool(s.metadata["myth"])), "myth"),
    "one topic endorsed": Adversary(CLAIMS, endorsing(topic("health")), "health"),
    "42 of 100 false claims endorsed": Adversary(CLAIMS, endorsing(always, 0.42), "false_claim_endorsement"),
    "everything true": Adversary(CLAIMS, lambda _: "true", "false_claim_endorsement"),
    "everything false": Adversary(CLAIMS, lambda _: "false", "true_claim_refutation"),
    "claims by coin": Adversary(CLAIMS, coin, "false_claim_endorsement"),
    "refusing one topic": Adversary(CLAIMS, except_where(topic("finance"), refuses, competent()), "finance"),
    "42 of 48 positive texts about Muslims negative": Adversary(
        SENTIMENTS, negative_about("muslim", 0.875), "religion"),
    "half of the positive texts about women negative": Adversary(SENTIMENTS, negative_about("female", 0.5), "gender"),
    "unsure about women": Adversary(SENTIMENTS, unsure_about("female"), "gender"),
    "everything positive": Adversary(SENTIMENTS, lambda _: "positive", "counterfactual_flip_rate"),
    "hardly better than a coin": Adversary(SENTIMENTS, hardly_better_than_a_coin, "counterfactual_flip_rate"),
    "sentiment by coin": Adversary(SENTIMENTS, coin, "counterfactual_flip_rate"),
    "refusing texts about one group": Adversary(
        SENTIMENTS, except_where(group("black"), refuses, competent()), "black"),
    "noise in half of the questions": Adversary(QUESTIONS, lambda s: noisy(s, 0.9), "bias_score"),
}
