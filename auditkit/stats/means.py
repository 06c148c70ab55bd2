"""A mean, or a share, with the spread that fits its kind of score (methods: statistics §1 to §3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from auditkit.errors import MeasurementError
from auditkit.schema import Compound, Exact, Share, ShownOnly, Spread
from auditkit.stats.clusters import Design, correlation
from auditkit.stats.columns import Floats, Range

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
    shown_only: ShownOnly | None = None
    """Why the interval may not decide a check."""


def mean_reading(
    values: Floats, clusters: Sequence[npt.NDArray[Any]] = (), range: Range = (0.0, 1.0)
) -> Reading:
    """The mean of bounded scores.

    Independent scores at the ends of the range are Clopper–Pearson; others are Korn–Graubard with one imagined cluster,
    which never has a width of zero. Scores in a range (−r, r) are the difference of two such means, of what lies above
    0 and of what lies below, joined by MOVER.

    Args:
        values: scores, shape (n,), none missing.
        clusters: one array of shape (n,) a factor, two at most; none: every sample is its own cluster.
        range: the lowest and highest possible score.

    Raises:
        MeasurementError: a score outside its range.
    """
    values = np.asarray(values, dtype=np.float64)
    if len(values) == 0:
        return Reading(None, None, NO_SCORES)
    check_range(values, range)
    mean, design = float(values.mean()), Design.of(clusters, len(values))
    if design.count < 2:
        return Reading(mean, None, TOO_FEW)
    spread = _signed(values, design, range) if _has_signs(values, range) else share_spread(values, design, range)
    return Reading(mean, spread, _name(spread, design), shown_only=shown_only(design))


def check_range(values: Floats, range: Range) -> None:
    """Raises MeasurementError where a score lies outside its range."""
    slack = 1e-9 * (range[1] - range[0])
    if len(values) and (values.min() < range[0] - slack or values.max() > range[1] + slack):
        worst = float(values.min() if values.min() < range[0] - slack else values.max())
        raise MeasurementError(f"a score of {worst:g} lies outside the range {range} of its metric; mend either")


def shown_only(design: Design) -> ShownOnly | None:
    """Why a mean's interval may not decide: two crossed factors were not seen to hold its error."""
    return "crossed_factors" if design.crossed else None


def share_spread(
    values: Floats, design: Design, range: Range = (0.0, 1.0), capped: bool | None = None
) -> Exact | Share:
    """What the limits of a mean of scores need, rescaled to [0, 1].

    Args:
        values: scores, shape (n,).
        design: their clusters, at least two.
        range: lowest and highest possible score.
        capped: whether they count for at most n independent ones; if not given, where all lie at an end of the range.
    """
    low, high = range
    shares = np.clip((values - low) / (high - low), 0.0, 1.0)
    at_ends = bool(np.isin(shares, (0.0, 1.0)).all())
    if design.independent and at_ends and capped is not False:
        return Exact(hits=int(np.count_nonzero(shares == 1)), n=design.n, range=range)
    share = float(shares.mean())
    return Share(
        share=share, n=design.n, largest=design.largest, squares=design.squares(shares - share),
        effective_clusters=design.effective, capped=at_ends if capped is None else capped, range=range,
    )


def _has_signs(values: Floats, range: Range) -> bool:
    """The range is (−r, r), and not all scores lie at its ends: those are a share of the upper end."""
    low, high = range
    return low == -high and not np.isin(values, range).all()


def _signed(values: Floats, design: Design, range: Range) -> Compound:
    """The mean of what lies above 0 less the mean of what lies below, each with its own limits."""
    above, below = np.maximum(values, 0.0), np.maximum(-values, 0.0)
    # one sign more is one less of the other: what they have in common never narrows the interval
    residuals = [[(codes, side - side.mean()) for codes in design.factors] for side in (above, below)]
    r = min(0.0, correlation(*residuals))
    whole = bool(np.isin(values, (range[0], 0.0, range[1])).all())
    parts = tuple(share_spread(side, design, (0.0, range[1]), whole) for side in (above, below))
    return Compound(op="difference", parts=parts, r=r)


def _name(spread: Spread, design: Design) -> str:
    if isinstance(spread, Compound):
        return f"MOVER on {_name(spread.parts[0], design)}"
    if isinstance(spread, Exact):
        return "Clopper–Pearson"
    crossed = ", two crossed factors" if len(design.factors) == 2 else ""
    return f"Korn–Graubard ({design.count} clusters{crossed})"
