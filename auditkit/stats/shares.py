"""The limits of one quantity: hits among independent samples, and clustered shares.

Everything is computed from the tail probability (half of one minus the level), so that a p-value of 1e-12 is not
lost in `1 - 2e-12`. Sources: Clopper and Pearson 1934; Korn and Graubard 1998 (their interval for complex surveys, here
with one imagined cluster, without which few clusters with hits, or none, would look like certainty).
"""

from __future__ import annotations

import math
from functools import lru_cache

from scipy import special

from auditkit.schema import Exact, Share

_SMALLEST_SIZE = 1e-9
"""Of fewer effective samples nothing is known."""


def quantile(df: float | None, tail: float) -> float:
    """The upper quantile of Student's t, or of the normal where `df` is `None`."""
    return -float(special.ndtri(tail) if df is None else special.stdtrit(df, tail))


def exact_limits(spread: Exact, tail: float) -> tuple[float, float]:
    """Clopper–Pearson, one-sided without a hit or without a miss."""
    hits, n = spread.hits, spread.n
    low = 0.0 if hits == 0 else float(special.betaincinv(hits, n - hits + 1, tail))
    high = 1.0 if hits == n else float(special.betainccinv(hits + 1, n - hits, tail))
    return place(low, spread.range), place(high, spread.range)


def exact_p(spread: Exact, bound: float, above: bool) -> float:
    """The binomial probability of so many hits or more (`above`), or of so many or fewer, at the bound."""
    share = (bound - spread.range[0]) / (spread.range[1] - spread.range[0])
    hits, n = spread.hits, spread.n
    if above:
        return 1.0 if hits == 0 else float(special.betainc(hits, n - hits + 1, share))
    return 1.0 if hits == n else float(special.betaincc(hits + 1, n - hits, share))


@lru_cache(maxsize=4096)
def share_limits(spread: Share, tail: float) -> tuple[float, float]:
    """Korn–Graubard with one imagined cluster: all hits for the upper limit, all misses for the lower one.

    Remembered, since each of k groups has its limits in k − 1 contrasts.
    """
    low, high = 1 - _upper(spread, 1 - spread.share, tail), _upper(spread, spread.share, tail)
    low, high = place(low, spread.range), place(high, spread.range)
    return max(low - spread.bias, spread.range[0]), high


def _upper(spread: Share, share: float, tail: float) -> float:
    if share >= 1:
        return 1.0
    n, largest = spread.n, spread.largest
    shrunken = (n * share + largest) / (n + largest)
    size = shrunken * (1 - shrunken) * (n + largest) ** 2 / (spread.squares + (largest * (1 - shrunken)) ** 2)
    if spread.capped:
        size = min(size, n)
    size *= _few_clusters(spread.effective_clusters - 1, tail)
    if not size > _SMALLEST_SIZE:
        return 1.0
    return float(special.betainccinv(share * size + 1, (1 - share) * size, tail))


def _few_clusters(df: float, tail: float) -> float:
    """(z/t)² at the tail: the samples count for less where the variance rests on few clusters."""
    if tail < 0.5:
        return (quantile(None, tail) / quantile(df, tail)) ** 2 if df > 0 else 0.0
    # both quantiles are 0: the limit is the ratio of the densities there, f_t(0) = Γ((d+1)/2) / (√(πd)·Γ(d/2))
    log_density = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - 0.5 * math.log(math.pi * df)
    return math.exp(2 * log_density) * 2 * math.pi


def place(share: float, range: tuple[float, float]) -> float:
    """A share of 0 to 1 as a value of the range."""
    low, high = range
    return min(max(low + (high - low) * share, low), high)
