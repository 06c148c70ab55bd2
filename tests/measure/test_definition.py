"""Each metric on answers whose score is known by definition, and the metric decorator's promises."""

from __future__ import annotations

import subprocess
import sys

import pytest

from auditkit import registry
from auditkit.errors import MeasurementError
from auditkit.measure.definition import Metric, metric
from auditkit.schema import Output, Sample, Score

from .conftest import sample, scored


def _metric(value: object, **fields: object) -> Metric:
    def function(one: Sample, output: Output) -> Score:
        return Score(sample_id=one.id, metric="odd", value=value)  # type: ignore[arg-type]

    return metric("odd", range=(0, 1), direction="lower", **fields)(function)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (-0.1, r'metric "odd" on p/1: -0\.1 lies outside its range \[0, 1\]'),
        (1.0001, r'metric "odd" on p/1: 1\.0001 lies outside its range'),
        (float("nan"), r'metric "odd" on p/1: "value": Input should be a finite number'),
        ("many", r'metric "odd" on p/1: "value": Input should be a valid number'),
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
        {"range": (1, 1), "direction": "lower"}, {"range": (0, float("inf")), "direction": "lower"},
        {"range": (0, 1), "direction": "middle"},
        {"range": (0, 1), "direction": "lower", "ideal": 0.5},
    ],
)
def test_contradictory_declarations_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(MeasurementError, match='metric "m"'):
        metric("m", **fields)(lambda one, output: None)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", registry.names("metric"))
def test_every_metric_says_its_range_direction_and_source(name: str) -> None:
    found: Metric = registry.get("metric", name)
    assert found.name == name
    text = str(found.__doc__)
    assert f"Range [{found.range[0]}, {found.range[1]}]" in text
    assert {"higher": "higher is better", "lower": "lower is better", "middle": "ideal"}[found.direction] in text
    assert len(found.version) == 8


def test_measuring_imports_no_heavy_library() -> None:
    code = "import sys, auditkit.measure.measurement, auditkit.measure.metrics.bbq; " \
           "sys.exit(bool({'pandas', 'fairlearn', 'torch', 'transformers', 'sklearn'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
