"""A mean, or a share, with the spread that fits its kind of score (methods: statistics §1 to §3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from auditkit.errors import MeasurementError
from auditkit.schema import Exact, Pairs, Spread, StudentT, Wilson
from auditkit.stats.clusters import Design, design_effect, effective_size, naive_error, standard_error
from auditkit.stats.columns import Floats, Range
from auditkit.stats.resampling import bootstrap_t

NO_SCORES = "none (no scored samples)"
TOO_FEW = "none (fewer than two clusters)"


@dataclass(frozen=True)
class Reading:
    """A number, what its interval needs, and the name of the method."""

    value: float | None
    """`None` is undefined, never 0."""
    spread: Spread | None
    """`None`: no interval can be given."""
    method: str
    """For people."""
    null: float | None = None
    """What is read on average where there is nothing to find, if that is not the ideal."""


def mean_reading(
    values: Floats,
    clusters: Sequence[npt.NDArray[Any]] = (),
    range: Range = (0.0, 1.0),
    *,
    exact: bool = True,
    skewed: bool = False,
    seed: int = 0,
) -> Reading:
    """The mean of bounded scores.

    Scores at the ends of the range are a share: Clopper–Pearson, or clustered Wilson. Scores of −r, 0 and r in a range
    (−r, r) are pairs: Bonett–Price. Others have Student's t; equal ones the rule of shares, never a width of zero.

    Args:
        values: scores, shape (n,), none missing.
        clusters: one array of shape (n,) a factor, two at most; none: every sample is its own cluster.
        range: the lowest and highest possible score.
        exact: Clopper–Pearson for independent shares; else Wilson, as Newcombe and MOVER-R need it.
        skewed: bootstrap-t over clusters in place of Student's t (one factor only).
        seed: of the bootstrap.

    Raises:
        MeasurementError: a score outside its range.
    """
    values = np.asarray(values, dtype=np.float64)
    if len(values) == 0:
        return Reading(None, None, NO_SCORES)
    check_range(values, range)
    mean = float(values.mean())
    design = Design.of(clusters, len(values))
    if design.count < 2:
        return Reading(mean, None, TOO_FEW)
    # what can only take the ends, or −r, 0 and r, has rules that hold for rare events too
    if is_pairs(values, range):
        return _pairs(values, clusters, design, range)
    if is_share(values, range) or np.ptp(values) == 0:
        return _share(values, design, range, exact)
    error = standard_error(values, design)
    if error <= 1e-12 * (range[1] - range[0]):
        # Clusters whose means are all equal would give a width of zero; n̂ ≤ n of the shares, for scores.
        error = naive_error(values)
    elif skewed and len(design.factors) == 1:
        return Reading(mean, bootstrap_t(values, design.factors[0], range, seed), "bootstrap-t over clusters")
    df = design.count - 1
    spread = StudentT(mean=mean, se=error, df=df, range=range)
    return Reading(mean, spread, _name("Student's t" if design.independent else "clustered Student's t", design, df))


def check_range(values: Floats, range: Range) -> None:
    """Raises MeasurementError where a score lies outside its range."""
    slack = 1e-9 * (range[1] - range[0])
    if len(values) and (values.min() < range[0] - slack or values.max() > range[1] + slack):
        worst = float(values.min() if values.min() < range[0] - slack else values.max())
        raise MeasurementError(f"a score of {worst:g} lies outside the range {range} of its metric; mend either")


def is_share(values: Floats, range: Range) -> bool:
    """All scores lie at an end of the range."""
    return bool(np.isin(values, range).all())


def is_pairs(values: Floats, range: Range) -> bool:
    """The range is (−r, r), the scores are −r, 0 and r, and not all at one end."""
    low, high = range
    if low != -high:
        return False
    return bool(np.isin(values, (low, 0.0, high)).all()) and not (np.ptp(values) == 0 and values[0] != 0)


def _name(name: str, design: Design, df: float) -> str:
    crossed = ", two crossed factors" if len(design.factors) == 2 else ""
    student = "" if name.endswith(" t") else "t, "
    return f"{name} ({student}{df:g} df{crossed})"


def _share(values: Floats, design: Design, range: Range, exact: bool) -> Reading:
    low, high = range
    mean = float(values.mean())
    shares = (values - low) / (high - low)
    share = float(min(max(shares.mean(), 0.0), 1.0))
    at_ends = is_share(values, range)
    if design.independent and at_ends and exact:
        hits = int(np.count_nonzero(values == high))
        return Reading(mean, Exact(hits=hits, n=len(values), range=range), "Clopper–Pearson")
    # equal graded scores say nothing of their spread: as few independent samples as there are clusters
    n_eff = share_size(shares, design) if at_ends else design.kish
    df = None if design.independent else float(design.count - 1)
    name = "Wilson" if df is None else _name("clustered Wilson", design, df)
    return Reading(mean, Wilson(share=share, n_eff=n_eff, df=df, range=range), name)


def share_size(hits: Floats, design: Design) -> float:
    """The effective number of samples behind a clustered share of 0s and 1s; n where all are independent."""
    if design.independent:
        return float(design.n)
    share = float(hits.mean())
    # p(1−p)/SE² independent samples would have this error; more than n is chance
    error = standard_error(hits, design)
    estimated = float(design.n) if error <= 1e-12 else min(float(design.n), share * (1 - share) / error**2)
    informative = min(design.containing(hits == 1), design.containing(hits == 0))
    return effective_size(estimated, design.kish, informative)


def _pairs(values: Floats, clusters: Sequence[npt.NDArray[Any]], design: Design, range: Range) -> Reading:
    n = len(values)
    n_eff = float(n)
    if not design.independent:
        # a design effect below 1 is chance too
        effect = design_effect(values, clusters) or 1.0
        n_eff = effective_size(n / max(effect, 1.0), design.kish, design.containing(values != 0))
    df = None if design.independent else float(design.count - 1)
    name = "Bonett–Price" if df is None else _name("clustered Bonett–Price", design, df)
    b, c = np.count_nonzero(values > 0), np.count_nonzero(values < 0)
    spread = Pairs(b=float(b * n_eff / n), c=float(c * n_eff / n), n_eff=n_eff, df=df, range=range)
    return Reading(float(values.mean()), spread, name)
