"""Two systems, or two sides of a swap, on the same samples (statistics §3 and §4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from auditkit.stats.clusters import Design
from auditkit.stats.columns import Floats, Range
from auditkit.stats.means import Reading, mean_reading

_BLOCK = 4_000_000


def paired_difference(
    new: Floats,
    baseline: Floats,
    clusters: Sequence[npt.NDArray[Any]] = (),
    range: Range = (0.0, 1.0),
) -> Reading:
    """Mean of new − baseline over the pairs: what was won less what was lost, joined by MOVER.

    Args:
        new: scores, shape (n,), none missing; for harmful metrics mirror both sides first.
        baseline: scores of the same samples in the same order.
        clusters: one array of shape (n,) a factor; none: every pair is its own cluster.
        range: of a side's scores; the difference lies within ±(high − low).
    """
    width = range[1] - range[0]
    return mean_reading(np.asarray(new) - np.asarray(baseline), clusters, (-width, width))


def paired_p(
    differences: Floats, clusters: Sequence[npt.NDArray[Any]] = (), *, draws: int = 9_999, seed: int = 0
) -> float:
    """Two-sided p of no difference.

    Exact McNemar for differences of −1, 0 and 1 where every pair is its own cluster (its error is .19 to .34
    otherwise); else sign-flip by cluster, of two factors the one with fewer clusters.

    Args:
        differences: one a pair, shape (n,), none missing.
        clusters: one array of shape (n,) a factor.
        draws: B; the sign-flip is exact where 2^G is at most this.
        seed: of the sampled sign-flip.
    """
    design = Design.of(clusters, len(differences))
    if design.independent and np.isin(differences, (-1, 0, 1)).all():
        return mcnemar(int((differences > 0).sum()), int((differences < 0).sum()))
    codes = min(design.factors, key=lambda factor: int(factor.max(initial=-1)))
    return sign_flip(differences, codes, draws=draws, seed=seed)


def mcnemar(b: int, c: int) -> float:
    """Exact two-sided McNemar: min(1, 2·P(Bin(b+c, ½) ≤ min(b, c))); 1 without discordant pairs.

    Args:
        b: pairs that only the first side got right.
        c: pairs that only the second side got right.
    """
    return 1.0 if b + c == 0 else min(1.0, 2 * float(special.bdtr(min(b, c), b + c, 0.5)))


def sign_flip(
    differences: Floats, clusters: npt.NDArray[Any] | None = None, *, draws: int = 9_999, seed: int = 0
) -> float:
    """Two-sided permutation p on the absolute sum: the sign of each cluster is flipped as a whole.

    Args:
        differences: one a pair, shape (n,).
        clusters: shape (n,); none: every pair is its own.
        draws: B; all 2^G sign patterns where they are no more, else (1 + #)/(1 + B) of a sample.
        seed: of the sample; 0 is a seed too.
    """
    if len(differences) == 0:
        return 1.0
    codes = np.arange(len(differences)) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    sums = np.bincount(codes, differences)
    count = len(sums)
    # a little less than was observed, so that patterns which equal it but for rounding count
    observed = abs(float(sums.sum())) - 1e-9 * float(np.abs(sums).sum())
    # every pattern of signs as the bits of a number; else a sample of them
    if count < 63 and 2**count <= draws:
        patterns = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
        return float((np.abs((1 - 2 * patterns) @ sums) >= observed).mean())
    rng = np.random.default_rng(seed)
    block, extreme = max(1, _BLOCK // count), 0
    for start in range(0, draws, block):
        signs = 1 - 2 * rng.integers(0, 2, size=(min(block, draws - start), count), dtype=np.int8)
        extreme += int((np.abs(signs @ sums) >= observed).sum())
    return (1 + extreme) / (1 + draws)
