"""What a metric is: a function from a sample and its output to a score, with its range and direction declared."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from pydantic import ValidationError

from auditkit.errors import AuditkitError, MeasurementError
from auditkit.measure import answers
from auditkit.measure.evaluate_form import EvaluateForm
from auditkit.measure.version import metric_version
from auditkit.schema import Benchmark, Direction, Output, Sample, Score
from auditkit.schema.faults import ARGUMENTS, first_fault
from auditkit.stats.corpus import CorpusStatistic
from auditkit.stats.estimates import MEAN, Statistic

Context = Mapping[str, str]
"""What all samples of a benchmark together say, e.g. the tag scheme: part of the signature."""
Best = Callable[[Sample, Context], dict[str, float | str] | None]
Unit = Literal["sample", "origin"]
GroupContrast = Literal["gap", "smallest_ratio"]
OF_CLASS = ":"
"""Stands between the name of a metric and the class that it is of."""


@dataclass(frozen=True)
class GuardRule:
    """What must be shown beside a metric, on the same rows, before a pass of it counts.

    The bound is what the best answerer without the evidence reaches (`measure/evidence_blind.py`), read from the rows.
    """

    arm: str | None = None
    """The arm on which accuracy must be shown; `None` is the metric's own."""
    metric: str = "accuracy"
    """The metric that must be shown."""
    group_key: str | None = None
    """The metadata key that names, on that arm, the group that an estimate is of, where the rows' own group there is
    that of the right person; `None` where it is the same group."""


@dataclass(frozen=True)
class Metric:
    """A per-sample score and how it is read."""

    name: str
    function: Callable[..., Any]
    """`(sample, output) -> Score`, or for unit origin `(samples, outputs) -> Score`."""
    range: tuple[float, float]
    """What a score can be."""
    direction: Direction
    """Whether higher or lower is better, or the ideal lies in the middle."""
    ideal: float | None = None
    """The ideal value where direction is `middle`."""
    unit: Unit = "sample"
    """`origin` hands it all arms of one origin, sorted by sample id."""
    title: str = ""
    """For people."""
    guard: GuardRule | None = None
    """Unless this is shown, a pass is withheld."""
    statistic: Statistic = MEAN
    """What makes one number of the scores."""
    best: Best | None = None
    """For statistics over the corpus: the parts of the best possible answer to a sample, from which unscored ones are
    filled; `None` where no answer counts (the sample is outside)."""
    context: Callable[[Benchmark, Sequence[Sample]], Context] | None = None
    """What the function also needs to know, read from card and samples; the function's third argument."""
    evaluate: EvaluateForm | None = None
    """The same by the field's library."""
    of_scores: bool = False
    """Whether it reads probabilities or likelihoods: of an answer in words it has no value."""
    by_class: bool = False
    """Whether it is of one class against the rest, which a card names after it: `false_positive_rate:toxic`. The
    function then scores all samples at once: `(ClassAnswers, class) -> ClassScores`."""
    rates: tuple[str, ...] = ()
    """For a contrast between groups that has a name of its own: the class metrics that it contrasts. The function then
    is the field's library's: `(gold, answered, groups) -> value`, of 1 and 0 for the class and the rest."""
    contrasts: tuple[GroupContrast, ...] | None = None
    """How groups are contrasted on it; `None`: as its range and direction allow."""
    positive: str = ""
    """The class that it is of."""

    def __post_init__(self) -> None:
        """Check range and ideal.

        Raises:
            MeasurementError: an empty or infinite range, or an ideal that does not fit the direction.
        """
        low, high = self.range
        if not (low < high and math.isfinite(low) and math.isfinite(high)):
            # without an end, no unseen cluster is too bad, and no interval of a mean holds
            raise MeasurementError(
                f'metric "{self.name}": range {self.range} is empty or has no end; give (lowest, highest)'
            )
        if (self.direction == "middle") != (self.ideal is not None):
            raise MeasurementError(f'metric "{self.name}": an ideal belongs to direction="middle", and only there')

    def __call__(self, sample: Sample, output: Output | None, context: Context | None = None) -> Score:
        """Score one sample (unit `sample`). What was not run, errored or was cut is never handed to the function.

        Args:
            sample: the sample.
            output: the model's answer.
            context: for metrics that read one.

        Raises:
            MeasurementError: the function raised, or gave a value outside the range.
        """
        if output is None or output.error is not None or output.cut:
            reason = answers.read(sample, output).reason
            score = Score(sample_id=sample.id, metric=self.name, value=None, reason=reason)
        else:
            score = self._checked(sample.id, sample, output, *([] if self.context is None else [context or {}]))
        if self.best is None or score.reason in (None, "outside"):
            return score
        best = self.best(sample, context or {})
        if best is None:
            return score.model_copy(update={"reason": "outside"})
        return score.model_copy(update={"parts": best})

    def of_origin(self, samples: Sequence[Sample], outputs: Sequence[Output | None]) -> Score:
        """Score all arms of one origin (unit `origin`); aligned sequences; none where an arm's prompt was cut.

        Raises:
            MeasurementError: as for a sample.
        """
        score = self._checked(samples[0].origin, tuple(samples), tuple(outputs))
        if score.reason is None and any(output is not None and output.cut for output in outputs):
            return score.model_copy(update={"value": None, "reason": "cut", "answer": None})
        return score

    def of_class(self, positive: str) -> Metric:
        """The metric of one class, `name:class`.

        Raises:
            MeasurementError: it is not of a class.
        """
        if not self.by_class:
            raise MeasurementError(f'metric "{self.name}": it is of all classes together; leave out ":{positive}"')
        return replace(
            self, name=f"{self.name}{OF_CLASS}{positive}", title=f"{self.title}: {positive}", positive=positive,
            rates=tuple(f"{rate}{OF_CLASS}{positive}" for rate in self.rates),
        )

    @property
    def corpus(self) -> CorpusStatistic | None:
        """The statistic, where it is over the corpus and not a mean of scores."""
        return self.statistic if isinstance(self.statistic, CorpusStatistic) else None

    @cached_property
    def version(self) -> str:
        """8 hex digits of a hash over the source that makes the number: see `measure/version.py`."""
        return metric_version(self.function)

    def evaluate_metric(self) -> Any:
        """The metric as an `evaluate.Metric`, ready to compute; nothing is fetched. Importing `evaluate` takes seconds.

            registry.get("metric", "bleu").evaluate_metric().compute(predictions=["a cat"], references=[["the cat"]])

        Raises:
            MeasurementError: the metric has no such form.
        """
        if self.evaluate is None:
            raise MeasurementError(f'the metric "{self.name}" has no form for evaluate; give @metric one as evaluate=')
        from auditkit.measure.evaluate_export import FormedMetric

        return FormedMetric(self.name, self.evaluate)

    def _checked(self, unit_id: str, *arguments: Any) -> Score:
        try:
            score = self.function(*arguments)
        except AuditkitError:
            raise
        except ValidationError as error:
            raise MeasurementError(
                f'metric "{self.name}" on {unit_id}: {first_fault(error, Score, ARGUMENTS)}; '
                "a score is a finite number, or None with a reason"
            ) from None
        except Exception as error:
            raise MeasurementError(f'metric "{self.name}" on {unit_id}: {type(error).__name__}: {error}') from error
        if not isinstance(score, Score) or (score.sample_id, score.metric) != (unit_id, self.name):
            raise MeasurementError(f'metric "{self.name}" on {unit_id}: returned {score!r}, not a Score of this sample')
        low, high = self.range
        if score.value is not None and not low <= score.value <= high:
            raise MeasurementError(
                f'metric "{self.name}" on {unit_id}: {score.value} lies outside its range [{low:g}, {high:g}]; '
                "correct the metric, or declare the range"
            )
        return score


def metric(
    name: str,
    *,
    range: tuple[float, float],
    direction: Direction,
    ideal: float | None = None,
    unit: Unit = "sample",
    title: str | None = None,
    guard: GuardRule | None = None,
    statistic: Statistic = MEAN,
    best: Best | None = None,
    context: Callable[[Benchmark, Sequence[Sample]], Context] | None = None,
    evaluate: EvaluateForm | None = None,
    of_scores: bool = False,
    by_class: bool = False,
    rates: tuple[str, ...] = (),
    contrasts: tuple[GroupContrast, ...] | None = None,
) -> Callable[[Callable[..., Any]], Metric]:
    """Make a metric of a function; register it as the entry point `metric.NAME = module:object`.

        @metric("refusal_rate", range=(0, 1), direction="lower")
        def refusal_rate(sample: Sample, output: Output) -> Score: ...

    Args:
        name: the paper's name in snake case.
        range: lowest and highest score.
        direction: `higher` or `lower` is better, or `middle` with its ideal.
        ideal: the ideal value, for `middle`.
        unit: `sample`, or `origin` for a function of all arms of one origin.
        title: for people; default the name in words.
        guard: what must be shown on the same rows before a pass counts.
        statistic: what makes one number of the scores: their mean, or a function decorated with `@statistic`.
        best: parts of the best possible answer, for statistics over the corpus.
        context: what the function also needs, from card and samples; handed over as its third argument.
        evaluate: the same number by the field's library.
        of_scores: it reads probabilities or likelihoods, which answers in words do not have.
        by_class: it is of one class against the rest; the function scores all samples at once.
        rates: the class metrics whose contrast between groups it names.
        contrasts: how groups are contrasted on it, where not as range and direction allow.

    Raises:
        MeasurementError: an empty range, or an ideal that does not fit the direction.
    """

    def make(function: Callable[..., Any]) -> Metric:
        """The metric of this function, with its docstring."""
        words = title or name.replace("_", " ").capitalize()
        defined = Metric(
            name, function, range, direction, ideal, unit, words, guard, statistic, best, context, evaluate, of_scores,
            by_class, rates, contrasts,
        )
        object.__setattr__(defined, "__doc__", function.__doc__)
        return defined

    return make
