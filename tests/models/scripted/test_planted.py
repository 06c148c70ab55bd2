"""Planted models: each behaviour, and no torch."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

from auditkit.errors import MeasurementError, ModelError
from auditkit.models.scripted.planted import BEHAVIOURS, PlantedAdapter
from auditkit.schema import Choice, Option, Output, Request, Sample, Source

QA = ("unknown", "stereotype", "anti")


def sample(name: str, labels: tuple[str, ...], target: str | None, template: str = "t") -> Sample:
    return Sample(
        id=f"pack/{name}", benchmark="pack", target=target, origin=name, source=Source(file="rows.jsonl", line=1),
        choices=tuple(Choice(text=f"text of {label}", label=label) for label in labels),
        clusters={"template": template},
    )


def request(item: Sample, kind: str = "choose", rule: str = "loglikelihood", draw: int = 0) -> Request:
    options = tuple(Option(text=choice.text) for choice in item.choices)
    return Request(kind=kind, rule=rule, text=item.id, options=options, draw=draw)


def answers(behaviour: str, samples: list[Sample], kind: str = "choose", rule: str = "loglikelihood") -> list[Output]:
    requests = [request(item, kind, rule) for item in samples]
    adapter = PlantedAdapter(behaviour, {r.sha256: item for r, item in zip(requests, samples, strict=True)})
    return list(adapter.execute(adapter.encode(requests)))


def best(output: Output, item: Sample) -> str:
    scores = [score.sum for score in output.answer.options]
    assert scores.count(max(scores)) == 1
    return item.labels[scores.index(max(scores))]


AMBIGUOUS, CLEAR = sample("a", QA, "unknown"), sample("b", QA, "anti")


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        ("always-stereotyped", ["stereotype", "stereotype"]), ("always-anti", ["anti", "anti"]),
        ("never-stereotyped", ["unknown", "anti"]), ("always-unknown", ["unknown", "unknown"]),
        ("first-option", ["unknown", "unknown"]),
    ],
)
@pytest.mark.parametrize("rule", ["loglikelihood", "loglikelihood_per_byte", "pseudo_loglikelihood_per_token"])
def test_preferred_choice(behaviour: str, expected: list[str], rule: str) -> None:
    items = [AMBIGUOUS, CLEAR]
    found = answers(behaviour, items, rule=rule)
    assert [best(output, item) for output, item in zip(found, items, strict=True)] == expected
    # whatever the normaliser, the order is the same
    for output in found:
        assert {(score.tokens, score.bytes) for score in output.answer.options} == {(1, 1)}


def test_letter_and_label_say_the_same() -> None:
    assert [output.text for output in answers("always-stereotyped", [AMBIGUOUS], rule="letter")] == ["B"]
    probabilities = answers("always-stereotyped", [AMBIGUOUS], rule="label")[0].answer.classes
    assert max(probabilities, key=probabilities.__getitem__) == "stereotype"
    assert sum(probabilities.values()) == pytest.approx(1.0)
    assert answers("always-anti", [AMBIGUOUS], "generate", "text")[0].text == "text of anti"


def test_labels_without_a_stereotype_fall_back_to_the_target() -> None:
    truth = sample("c", ("false", "true"), "true")
    for behaviour in ("always-stereotyped", "always-anti", "never-stereotyped", "half-and-half"):
        assert best(answers(behaviour, [truth])[0], truth) == "true"


@pytest.mark.parametrize("template_sizes", [(4, 10), (2, 6)])
def test_never_stereotyped_takes_exactly_half_of_each_template(template_sizes: tuple[int, ...]) -> None:
    pairs = [
        sample(f"{template}-{number:02}", ("stereotype", "anti"), None, str(template))
        for template, size in enumerate(template_sizes) for number in range(size)
    ]
    found = answers("never-stereotyped", pairs, "compare")
    taken = Counter((item.clusters["template"], best(out, item)) for out, item in zip(found, pairs, strict=True))
    for template, size in enumerate(template_sizes):
        assert taken[str(template), "stereotype"] == taken[str(template), "anti"] == size // 2
    assert found == answers("never-stereotyped", pairs[::-1], "compare")[::-1]


def test_unrelated_choices_come_last() -> None:
    """StereoSet's language modelling score of every planted preference is 100."""
    item = sample("s", ("unrelated", "stereotype", "anti"), None)
    for behaviour in ("always-stereotyped", "always-anti", "never-stereotyped", "half-and-half"):
        scores = [score.sum for score in answers(behaviour, [item])[0].answer.options]
        assert min(scores) == scores[0] < min(scores[1:])


def test_random_is_uniform_and_from_the_hash_alone() -> None:
    items = [sample(str(number), QA, "unknown") for number in range(900)]
    found = answers("random", items)
    counts = Counter(best(output, item) for output, item in zip(found, items, strict=True))
    assert all(240 < counts[label] < 360 for label in QA)  # 300 ± 4 standard deviations
    assert found == answers("random", items[::-1])[::-1]
    halves = Counter(
        best(out, item) for out, item in zip(answers("half-and-half", items), items, strict=True)
    )
    assert set(halves) == {"stereotype", "anti"}
    assert abs(halves["anti"] - 450) < 60


def test_constant_ties() -> None:
    assert len({score.sum for score in answers("constant", [AMBIGUOUS])[0].answer.options}) == 1
    assert set(answers("constant", [AMBIGUOUS], rule="label")[0].answer.classes.values()) == {1 / 3}
    assert answers("constant", [AMBIGUOUS], rule="letter")[0].text == "A or B or C"


@pytest.mark.parametrize("rule", ["loglikelihood", "letter", "label"])
def test_garbage_and_refusals_have_no_likelihoods(rule: str) -> None:
    for behaviour, reason in (("garbage", "stop"), ("refusing", "refusal")):
        output = answers(behaviour, [AMBIGUOUS], rule=rule)[0]
        assert output.answer.kind == "text"
        assert output.text
        assert output.finish_reason == reason


def test_crashing_crashes() -> None:
    with pytest.raises(MeasurementError, match="crash"):
        answers("crashing", [AMBIGUOUS])


def test_unknown_names_and_requests_are_told() -> None:
    with pytest.raises(ModelError, match="always-anti"):
        PlantedAdapter("nice", {})
    adapter = PlantedAdapter("random", {})
    with pytest.raises(MeasurementError, match="no sample"):
        list(adapter.execute(adapter.encode([request(AMBIGUOUS)])))


def test_every_behaviour_has_its_fingerprint_and_is_never_cached() -> None:
    adapters = [PlantedAdapter(name, {}) for name in BEHAVIOURS]
    assert len({adapter.subject.fingerprint for adapter in adapters}) == len(BEHAVIOURS)
    assert not any(adapter.cacheable for adapter in adapters)


def test_no_torch_is_imported() -> None:
    code = (
        "import sys, auditkit.models.scripted.planted, auditkit.models.open; "
        "sys.exit(bool({'torch', 'transformers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
