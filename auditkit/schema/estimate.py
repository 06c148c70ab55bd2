"""Scores, spreads and estimates: no bare float leaves measurement."""

from __future__ import annotations

from typing import Annotated, Literal, Union

from pydantic import Field, model_validator

from auditkit.schema.base import Record
from auditkit.schema.estimate_id import EstimateId
from auditkit.schema.notebook import decimal, html_table

Reason = Literal["not_run", "refused", "unparsed", "cut", "tied", "errored", "outside"]
"""Why a sample has no score. `cut`: the model did not read all that it was asked. `outside`: parsed, but outside the
metric's denominator (never filled)."""

UNANSWERED: tuple[Reason, ...] = ("refused", "unparsed", "cut", "tied")
"""Reasons of samples that were asked and gave no score."""

Direction = Literal["higher", "lower", "middle"]


class Score(Record):
    """One sample's value of one metric."""

    sample_id: str
    """The sample, or the origin for a metric over twins."""
    metric: str
    """Name of the metric."""
    value: float | None
    """The value, inside the metric's range; `None` means not scored (or, with parts, no value of its own), never 0."""
    reason: Reason | None = None
    """Why there is no value."""
    answer: str | None = None
    """The answer as parsed."""
    parts: dict[str, float | str] = Field(default_factory=dict)
    """What a statistic over the corpus is made of, for metrics that are no means: counts, labels, probabilities.
    Without a score: those of the best possible answer."""

    @model_validator(mode="after")
    def _value_or_reason(self) -> Score:
        if self.value is not None and self.reason is not None:
            raise ValueError("a score has either a value or a reason why it has none")
        if self.value is None and self.reason is None and not self.parts:
            raise ValueError("a score has either a value or a reason why it has none")
        return self


class Exact(Record):
    """Hits among independent samples: Clopper–Pearson. A share in [0, 1], placed by `range`."""

    kind: Literal["exact"] = "exact"
    """Tag of the union."""
    hits: int
    """Samples that scored the upper end of the range."""
    n: int
    """Scored samples."""
    range: tuple[float, float] = (0.0, 1.0)
    """What 0 and 1 stand for."""


class Share(Record):
    """A mean of clustered scores, or another statistic with limits, as a share in [0, 1] that `range` places.

    Its interval is Korn and Graubard's of 1998, with one imagined cluster.
    """

    kind: Literal["share"] = "share"
    """Tag of the union."""
    share: float
    """Mean of the scores, 0 to 1."""
    n: int
    """Scored samples."""
    largest: int
    """Samples of the largest cluster, which is how large the imagined one is."""
    squares: float
    """T = G/(G−1)·Σ_c (S_c − share·n_c)², with S_c the sum and n_c the size of cluster c: n² times the variance."""
    effective_clusters: float
    """G_K = n²/Σ n_c²; t has one degree of freedom less."""
    capped: bool
    """All scores are 0 or 1, so that the samples count for no more than n independent ones."""
    bias: float = 0.0
    """By how much the value errs upward; lower limits are lowered by it."""
    range: tuple[float, float] = (0.0, 1.0)
    """What 0 and 1 stand for."""


class Compound(Record):
    """A quantity made of others. `gap` and `smallest_ratio` take all pairwise contrasts of k groups."""

    kind: Literal["compound"] = "compound"
    """Tag of the union."""
    op: Literal["difference", "ratio", "gap", "smallest_ratio"]
    """difference and ratio: of two parts, by MOVER; gap, smallest_ratio: of differences or ratios."""
    parts: tuple[Spread, ...]
    """The two sides, or the pairwise contrasts."""
    r: float = 0.0
    """Correlation of the two sides, -1 to 1."""


Spread = Annotated[Union[Exact, Share, Compound], Field(discriminator="kind")]
"""What an interval at any level needs."""

ShownOnly = Literal["few_effective_clusters", "crossed_factors", "not_simulated"]
"""Why an interval is shown and decides nothing: for such data its method was not seen to hold its error at the bound.

`few_effective_clusters`: too few for a statistic over the corpus; `crossed_factors`: clusters by two factors;
`not_simulated`: the statistic is in no simulation.
"""


class Fill(Record):
    """An estimate recomputed with every unscored sample set to one end of the range."""

    value: float | None
    """The estimate at this fill; `None` is undefined."""
    low: float | None
    """Lower limit at the estimate's level."""
    high: float | None
    """Upper limit at the estimate's level."""
    spread: Spread | None
    """What an interval at any other level needs."""


class Cited(Record):
    """Samples chosen by a fixed, seeded rule."""

    extreme: tuple[str, ...] = ()
    """The samples that push the estimate furthest in its unfavourable direction."""
    typical: tuple[str, ...] = ()
    """Samples nearest the middle."""
    unscored: tuple[str, ...] = ()
    """Samples without a score."""


class Guard(Record):
    """What a model must show before a pass of another metric counts, since one that sees nothing passes that too."""

    metric: str
    """Name of the guarding metric, of the same benchmark."""
    arm: str
    """Its arm, or `all`; clean samples."""
    slice: dict[str, str] = Field(default_factory=dict)
    """Metadata key to value: the rows on which it must be shown; empty for all rows of the arm."""
    axis: str | None = None
    """The demographic axis, where it must be shown on the rows of one group."""
    group: str | None = None
    """That group."""
    bound: float
    """What the best answerer without the evidence reaches on these rows: the lower limit at the lowest fill must lie
    above it."""
    blind: str = ""
    """Which answerer that is, e.g. `first-option`."""

    def estimate(self, benchmark: str) -> EstimateId:
        """The estimate that must clear the bound."""
        return EstimateId(
            benchmark=benchmark, metric=self.metric, arm=self.arm, slice=self.slice, axis=self.axis, group=self.group
        )


class Estimate(Record):
    """A number with everything that is needed to defend it."""

    id: EstimateId
    """What it is of."""
    value: float | None
    """The point estimate; `None` is undefined, never 0."""
    low: float | None
    """Lower limit at `level`."""
    high: float | None
    """Upper limit at `level`."""
    null: float | None = None
    """What would be read on average if there were nothing to find: the calibration error of a perfectly calibrated
    model, which is above 0; `None` where that is the ideal itself."""
    level: float = 0.95
    """Coverage of the two-sided interval, 0 to 1."""
    method: str
    """Name of the interval method, for people."""
    n: int
    """Scored samples."""
    clusters: int
    """Clusters among the scored samples."""
    effective_clusters: float
    """G_K = n²/Σ n_c²: as many clusters of equal size tell as much. Of a contrast: of the group that has fewest."""
    unscored: dict[Reason, int] = Field(default_factory=dict)
    """Samples not scored, by reason."""
    spread: Spread | None
    """What an interval at any other level needs; `None` where there is no interval."""
    shown_only: ShownOnly | None = None
    """Why the interval may not decide a check; `None`: it may."""
    at_lowest_fill: Fill
    """Had every unscored sample scored the lowest value; without a value where no bound is known (BLEU, entity F1)."""
    at_highest_fill: Fill
    """Had every unscored sample scored the highest value."""
    direction: Direction
    """higher or lower is better, or the ideal lies in the middle."""
    ideal: float | None = None
    """The ideal value where direction is `middle`."""
    range: tuple[float, float]
    """What the value can be."""
    guard: Guard | None = None
    """What the metric asked for, when it was measured, before a pass counts."""
    not_applicable: str | None = None
    """Why the model's answers can have no such number: a text has no probabilities. `None` where they can."""
    cited: Cited = Cited()
    """Samples to look at."""
    between: tuple[str, str] | None = None
    """Of a contrast over the groups of an axis: the group with the highest value of what is contrasted, and the one
    with the lowest; `None` where all are equal, or none has a value."""
    signature: dict[str, str] = Field(default_factory=dict)
    """Instrument half: these parts must be equal for two numbers to be compared."""

    def _repr_html_(self) -> str:
        """As a notebook shows it."""
        return html_table([self.cells])

    @property
    def cells(self) -> tuple[str, ...]:
        """As a row of a notebook's table: value and interval in the metric's own unit."""
        interval = f"[{decimal(self.low)}, {decimal(self.high)}]"
        return str(self.id), decimal(self.value), interval, str(self.n), str(sum(self.unscored.values()))

    @property
    def total(self) -> int:
        """All samples, scored or not."""
        return self.n + sum(self.unscored.values())

    @property
    def worst_case(self) -> tuple[float, float]:
        """The interval had every unscored sample gone either way: lower limit at the lowest fill, upper at the highest.

        A limit that the data cannot give leaves the metric's whole range open on that side, as it does in the gate.
        """
        low, high = self.at_lowest_fill.low, self.at_highest_fill.high
        return (self.range[0] if low is None else low), (self.range[1] if high is None else high)

    @property
    def lost(self) -> int:
        """Samples that errored or were not run."""
        return self.unscored.get("errored", 0) + self.unscored.get("not_run", 0)

    @property
    def unanswered_share(self) -> float:
        """Share of the samples inside the denominator that were refused, unparsed, cut or tied, 0 to 1."""
        missing = sum(self.unscored.get(reason, 0) for reason in UNANSWERED)
        asked = self.total - self.unscored.get("outside", 0)
        return missing / asked if asked else 0.0


Compound.model_rebuild()
