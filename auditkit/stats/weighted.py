"""What a statistic over a corpus is made of: columns of parts, and a value under any weights of the rows.

A metric that is not a mean of scores (macro F1, BLEU, a correlation) hands over its parts, one row a sample, and a
function of weights. Whole clusters are resampled, or left out, by weighting their rows: so that a formula is written
once and is drawn thousands of times without copying rows (`stats/corpus.py` makes the interval).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from auditkit.stats.columns import Codes, Floats

Parts = Mapping[str, npt.NDArray[Any]]
"""Name to numbers or strings, shape (n,)."""
Weigh = Callable[[Floats], Floats]
"""Weights, shape (b, units), to the statistic under each, shape (b,); NaN where it is undefined."""
Fills = tuple[Parts | None, Parts] | None
"""Parts at the lowest and at the highest value; `None` for a lowest, or for both, that is not known."""


class Prepared(Protocol):
    """A statistic of certain rows, waiting for weights."""

    def over(self, codes: Codes, count: int) -> Weigh:
        """The statistic as a function of the weights of `count` clusters; `codes` (n,) says whose the rows are."""
        ...


@dataclass(frozen=True, eq=False)
class Additive:
    """A function of sums over the rows: the sums of each cluster are made once, and every draw only weights them."""

    sums: Callable[[Codes, int], Floats]
    """From the rows' cluster numbers, shape (n,), and the number of clusters G to sums, shape (G, k)."""
    combine: Weigh
    """From sums, shape (b, k), to values, shape (b,)."""

    @staticmethod
    def of(terms: Sequence[npt.NDArray[Any]], combine: Weigh) -> Additive:
        """Sums of k columns of shape (n,)."""
        return Additive(
            lambda codes, count: np.column_stack([np.bincount(codes, term, count) for term in terms]), combine
        )

    def over(self, codes: Codes, count: int) -> Weigh:
        """See `Prepared`."""
        sums = self.sums(codes, count)
        return lambda weights: self.combine(weights @ sums)


@dataclass(frozen=True, eq=False)
class Weighted:
    """A function of the rows' weights, which no sums replace: ranks, bins of equal mass."""

    compute: Weigh
    """From weights, shape (b, n), to values, shape (b,)."""

    def over(self, codes: Codes, count: int) -> Weigh:
        """See `Prepared`."""
        return lambda weights: self.compute(weights[:, codes])
