"""Each metric on answers whose score is known by definition, and the metric decorator's promises."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.metrics import accuracy_score

from auditkit.errors import MeasurementError
from auditkit.measure.measurement import measure
from auditkit.measure.metric import Metric, metric
from auditkit.measure.metrics.accuracy import accuracy, matched_pair_accuracy
from auditkit.measure.metrics.bbq import ambiguous_bias_score, disambiguated_bias_score
from auditkit.measure.metrics.claims import false_claim_endorsement, true_claim_refutation
from auditkit.measure.metrics.stereotype import stereotype_score
from auditkit.schema import Guard, Output, Sample, Score

from .conftest import METRICS, answering, card, sample, says, scored

BEST = {"stereotype": scored(-1, -2, -3), "anti": scored(-2, -1, -3), "unknown": scored(-3, -2, -1)}


@pytest.mark.parametrize(
    ("target", "ambiguous", "disambiguated"),
    [
        ("unknown", {"stereotype": 1, "anti": -1, "unknown": 0}, dict.fromkeys(BEST, "outside")),
        ("anti", dict.fromkeys(BEST, "outside"), {"stereotype": 1, "anti": -1, "unknown": "outside"}),
        (None, dict.fromkeys(BEST, "outside"), dict.fromkeys(BEST, "outside")),
    ],
)
def test_bbq_scores(target: str | None, ambiguous: dict[str, object], disambiguated: dict[str, object]) -> None:
    for label, output in BEST.items():
        one = sample(target=target)
        for of, expected in ((ambiguous_bias_score, ambiguous), (disambiguated_bias_score, disambiguated)):
            score = of(one, output)
            assert (score.value if score.value is not None else score.reason) == expected[label]


def test_the_bias_scores_name_their_guard() -> None:
    guard = Guard(metric="accuracy", arm="disambiguated", bound=1 / 3)
    assert ambiguous_bias_score.guard == disambiguated_bias_score.guard == guard
    assert ambiguous_bias_score.ideal == 0.0


def test_stereotype_score_of_pairs() -> None:
    pair = sample(labels=("anti", "stereotype"))
    found = [stereotype_score(pair, scored(*sums)) for sums in ((-2, -1), (-1, -2), (-1, -1))]
    assert [(score.value, score.reason) for score in found] == [(1, None), (0, None), (None, "tied")]


@pytest.mark.parametrize(
    ("target", "said", "endorsed", "refuted"),
    [
        ("false", "true", 1, "outside"), ("false", "false", 0, "outside"),
        ("true", "false", "outside", 1), ("true", "true", "outside", 0),
    ],
)
def test_claims(target: str, said: str, endorsed: object, refuted: object) -> None:
    one = sample(labels=("true", "false"), texts=("true", "false"), target=target)
    for of, expected in ((false_claim_endorsement, endorsed), (true_claim_refutation, refuted)):
        score = of(one, says(said))
        assert (score.value if score.value is not None else score.reason) == expected


def test_accuracy_agrees_with_scikit_learn() -> None:
    labels = ("stereotype", "anti", "unknown")
    samples = [sample(str(i), target=labels[i % 3]) for i in range(60)]
    said = {s.id: labels[(i * 7 // 5) % 3] for i, s in enumerate(samples)}
    (found,) = measure(card(), samples, answering(said, samples)).estimates
    expected = accuracy_score([s.target for s in samples], [said[s.id] for s in samples])
    assert found.value == pytest.approx(expected)
    assert 0.2 < expected < 0.8


def test_accuracy_of_free_labels_counts_other_classes_as_wrong() -> None:
    one = sample(labels=(), target="spam")
    other = Output(request="0", rule="probabilities", probabilities={"ham": 0.9, "spam": 0.1})
    assert accuracy(one, other).value == 0.0


def test_gold_first_does_not_win_a_tie() -> None:
    """Trap 27: an argmax takes the first of equals, and the gold answer often stands first."""
    score = accuracy(sample(target="stereotype"), scored(-1, -1, -2))
    assert (score.value, score.reason) == (None, "tied")


def pair(*targets: str | None) -> list[Sample]:
    return [sample(f"o-{i}", ("true", "false"), ("true", "false"), target=t, origin="o", arm=f"arm-{i}")
            for i, t in enumerate(targets)]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (("true", "false"), 1.0), (("true", "true"), 0.0), (("false", "false"), 0.0), (("false", "true"), 0.0),
        (("true", "?"), "unparsed"), (("false", "?"), "unparsed"), (("?", "I can't help with that."), "refused"),
    ],
)
def test_matched_pairs_need_both_right(said: tuple[str, str], expected: object) -> None:
    score = matched_pair_accuracy.of_origin(pair("true", "false"), [says(text) for text in said])
    assert (score.value if score.value is not None else score.reason) == expected
    assert score.sample_id == "o"


def test_a_twin_alone_is_outside() -> None:
    assert matched_pair_accuracy.of_origin(pair("true"), [says("true")]).reason == "outside"
    assert matched_pair_accuracy.of_origin(pair("true", "false"), [None, says("false")]).reason == "not_run"


def _metric(value: object, **fields: object) -> Metric:
    def function(one: Sample, output: Output) -> Score:
        return Score(sample_id=one.id, metric="odd", value=value)  # type: ignore[arg-type]

    return metric("odd", range=(0, 1), direction="lower", **fields)(function)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (-0.1, r'metric "odd" on p/1: -0\.1 lies outside its range \[0, 1\]'),
        (1.0001, r'metric "odd" on p/1: 1\.0001 lies outside its range'),
        (float("nan"), r'metric "odd" on p/1: Input should be a finite number'),
        ("many", r'metric "odd" on p/1: Input should be a valid number'),
    ],
)
def test_a_score_outside_its_range_is_an_error_naming_metric_and_sample(value: object, expected: str) -> None:
    with pytest.raises(MeasurementError, match=expected):
        _metric(value)(sample(), scored(-1, -2, -3))


def test_a_raising_metric_is_an_error_not_no_issue() -> None:
    @metric("broken", range=(0, 1), direction="lower")
    def broken(one: Sample, output: Output) -> Score:
        raise KeyError("x")

    with pytest.raises(MeasurementError, match="metric \"broken\" on p/1: KeyError: 'x'"):
        broken(sample(), scored(-1, -2, -3))


def test_a_score_of_another_sample_is_refused() -> None:
    @metric("mixed", range=(0, 1), direction="lower")
    def mixed(one: Sample, output: Output) -> Score:
        return Score(sample_id="p/other", metric="mixed", value=1.0)

    with pytest.raises(MeasurementError, match="not a Score of this sample"):
        mixed(sample(), scored(-1, -2, -3))


def test_a_metric_never_sees_what_was_not_answered() -> None:
    wrong = _metric(5.0)
    assert wrong(sample(), None).reason == "not_run"
    assert wrong(sample(), Output(request="0", rule="letter", error="boom")).reason == "errored"


@pytest.mark.parametrize(
    "fields",
    [
        {"range": (1, 1), "direction": "lower"}, {"range": (0, 1), "direction": "middle"},
        {"range": (0, 1), "direction": "lower", "ideal": 0.5},
    ],
)
def test_contradictory_declarations_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(MeasurementError, match='metric "m"'):
        metric("m", **fields)(lambda one, output: None)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", list(METRICS))
def test_every_metric_says_its_range_direction_and_source(name: str) -> None:
    module = __import__(f"auditkit.measure.metrics.{METRICS[name]}", fromlist=[name])
    found: Metric = getattr(module, name)
    assert found.name == name
    text = str(found.__doc__)
    assert f"Range [{found.range[0]}, {found.range[1]}]" in text
    assert {"higher": "higher is better", "lower": "lower is better", "middle": "ideal"}[found.direction] in text
    assert len(found.version) == 8


def _version(folder: Path, source: str) -> str:
    """Version of the metric in a module with this source."""
    path = folder / f"plugin_{len(list(folder.iterdir()))}.py"
    path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
        return str(module.plugin.version)
    finally:
        del sys.modules[path.stem]


PLUGIN = '''"""Module."""
from auditkit.measure.metric import metric


@metric("plugin", range=(0, 1), direction="lower")
def plugin(sample, output):
    """Docstring."""
    return 1 if output else 0
'''


def test_the_version_follows_the_code_and_not_its_comments(tmp_path: Path) -> None:
    first = _version(tmp_path, PLUGIN)
    commented = PLUGIN.replace("Docstring", "Other words").replace("\n\n\n", "\n\n# reason\n\n")
    assert _version(tmp_path, commented) == first
    assert _version(tmp_path, PLUGIN.replace("else 0", "else 1")) != first


def test_measuring_imports_no_heavy_library() -> None:
    code = "import sys, auditkit.measure.measurement, auditkit.measure.metrics.bbq; " \
           "sys.exit(bool({'pandas', 'fairlearn', 'torch', 'transformers', 'sklearn'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
