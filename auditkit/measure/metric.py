"""What a metric is: a function from a sample and its output to a score, with its range and direction declared."""

from __future__ import annotations

import hashlib
import inspect
import io
import sys
import tokenize
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Literal

from pydantic import ValidationError

from auditkit.errors import AuditkitError, MeasurementError
from auditkit.measure import answers
from auditkit.measure.scorers import letters, refusal
from auditkit.schema import Benchmark, Direction, Guard, Output, Sample, Score
from auditkit.stats.corpus import CorpusStatistic
from auditkit.stats.estimates import Statistic, find_statistic

Context = Mapping[str, str]
"""What all samples of a benchmark together say, e.g. the tag scheme: part of the signature."""
Best = Callable[[Sample, Context], dict[str, float | str] | None]
Unit = Literal["sample", "origin"]


@dataclass(frozen=True)
class Metric:
    """A per-sample score and how it is read."""

    name: str
    function: Callable[..., Score]
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
    guard: Guard | None = None
    """Unless this clears its bound, a pass is withheld."""
    statistic: str | Statistic = "mean"
    """Name of the statistic over scores, or the statistic."""
    best: Best | None = None
    """For statistics over the corpus: the parts of the best possible answer to a sample, from which unscored ones are
    filled; `None` where no answer counts (the sample is outside)."""
    context: Callable[[Benchmark, Sequence[Sample]], Context] | None = None
    """What the function also needs to know, read from card and samples; the function's third argument."""

    def __post_init__(self) -> None:
        """Check range and ideal.

        Raises:
            MeasurementError: an empty range, or an ideal that does not fit the direction.
        """
        low, high = self.range
        if not low < high:
            raise MeasurementError(f'metric "{self.name}": range {self.range} is empty; give (lowest, highest)')
        if (self.direction == "middle") != (self.ideal is not None):
            raise MeasurementError(f'metric "{self.name}": an ideal belongs to direction="middle", and only there')

    def __call__(self, sample: Sample, output: Output | None, context: Context | None = None) -> Score:
        """Score one sample (unit `sample`). What was not run, or errored, is never handed to the function.

        Args:
            sample: the sample.
            output: the model's answer.
            context: for metrics that read one.

        Raises:
            MeasurementError: the function raised, or gave a value outside the range.
        """
        if output is None or output.error is not None:
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
        """Score all arms of one origin (unit `origin`); aligned sequences.

        Raises:
            MeasurementError: as for a sample.
        """
        return self._checked(samples[0].origin, tuple(samples), tuple(outputs))

    @cached_property
    def corpus(self) -> CorpusStatistic | None:
        """The statistic, where it is over the corpus and no mean of scores.

        Raises:
            RegistryError: no such statistic.
        """
        found = find_statistic(self.statistic)
        return found if isinstance(found, CorpusStatistic) else None

    @cached_property
    def version(self) -> str:
        """8 hex digits of a hash over the code that makes the score: comments, docstrings and spaces do not count.

        That is the function's module, what it takes from `auditkit.measure`, and the statistic's module.
        """
        home = inspect.getmodule(self.function)
        taken = {str(getattr(value, "__module__", "")) for value in vars(home).values()} if home else set()
        used = {name for name in taken if name.startswith("auditkit.measure.") and name != __name__}
        if home is not None:
            used.discard(home.__name__)
        used -= {module.__name__ for module in (answers, letters, refusal)}
        code = [_code(home), *(_code(module) for module in (answers, letters, refusal))]
        code += [_code(sys.modules[name]) for name in sorted(used)]
        if self.corpus is not None:
            code.append(_code(inspect.getmodule(self.corpus.prepare)))
        return hashlib.sha256("\0".join(code).encode()).hexdigest()[:8]

    def _checked(self, unit_id: str, *arguments: Any) -> Score:
        try:
            score = self.function(*arguments)
        except AuditkitError:
            raise
        except ValidationError as error:
            detail = error.errors()[0]
            raise MeasurementError(
                f'metric "{self.name}" on {unit_id}: {detail["msg"]} (given: {detail["input"]!r}); '
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
                "mend the metric or declare the range"
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
    guard: Guard | None = None,
    statistic: str | Statistic = "mean",
    best: Best | None = None,
    context: Callable[[Benchmark, Sequence[Sample]], Context] | None = None,
) -> Callable[[Callable[..., Score]], Metric]:
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
        guard: the metric, arm and bound that must be cleared before a pass counts.
        statistic: name of the statistic over scores, or the statistic.
        best: parts of the best possible answer, for statistics over the corpus.
        context: what the function also needs, from card and samples; handed over as its third argument.

    Raises:
        MeasurementError: an empty range, or an ideal that does not fit the direction.
    """

    def make(function: Callable[..., Score]) -> Metric:
        """The metric of this function, with its docstring."""
        shown = title or name.replace("_", " ").capitalize()
        made = Metric(name, function, range, direction, ideal, unit, shown, guard, statistic, best, context)
        object.__setattr__(made, "__doc__", function.__doc__)
        return made

    return make


@cache
def _code(module: Any) -> str:
    try:
        source = inspect.getsource(module)
    except (OSError, TypeError):
        return "no source"
    kept: list[str] = []
    blank = (tokenize.COMMENT, tokenize.NL, tokenize.ENCODING)
    tokens = [t for t in tokenize.generate_tokens(io.StringIO(source).readline) if t.type not in blank]
    marks = {tokenize.INDENT: "{", tokenize.DEDENT: "}", tokenize.NEWLINE: ";"}
    for i, token in enumerate(tokens):
        starts = i == 0 or tokens[i - 1].type in marks
        if starts and token.type == tokenize.STRING and tokens[i + 1].type == tokenize.NEWLINE:
            continue
        kept.append(marks.get(token.type) or "".join(token.string.split()))
    return "".join(kept)
