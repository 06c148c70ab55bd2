"""What is simulated: data whose truth is known, and the reading whose interval should hold it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from auditkit.stats.columns import ScoreColumn
from auditkit.stats.contrasts import difference, gap, ratio, smallest_ratio
from auditkit.stats.means import Reading, mean_reading
from auditkit.stats.paired import paired_difference

Rng = np.random.Generator
Draw = Callable[[Rng], Reading]


@dataclass(frozen=True)
class Cell:
    """One line of the table."""

    rule: str
    """What is read; lines of one rule stand together."""
    data: str
    """Which data, in words."""
    truth: float
    """What the reading is of."""
    draw: Draw
    """One world, read."""


SIZES: Mapping[str, np.ndarray] = {
    "every row alone, 60": np.ones(60, dtype=int),
    "20 of 4": np.full(20, 4),
    "40 of 4": np.full(40, 4),
    "64 of 8": np.full(64, 8),
    "24 of 1 to 8": np.tile(np.arange(1, 9), 3),
    "30 of 1 and 10 of 8": np.repeat([1, 8], [30, 10]),
    "1 of 300 and 29 of 10": np.repeat([300, 10], [1, 29]),
}
"""Sizes of clusters by their words."""

DEPENDENCE = {"independent": 0.0, "correlation .3": 0.3, "all or none": 1.0}
"""Correlation of hits within a cluster by its words."""


def chances(rng: Rng, p: float, correlation: float, count: int) -> np.ndarray:
    """Chances of a hit, a cluster, with mean p: beta, or 0 and 1, or all p; shape (count,)."""
    if correlation == 0:
        return np.full(count, p)
    if correlation == 1:
        return (rng.random(count) < p).astype(float)
    return rng.beta(p * (1 - correlation) / correlation, (1 - p) * (1 - correlation) / correlation, count)


def hits(rng: Rng, p: float, correlation: float, sizes: np.ndarray) -> np.ndarray:
    """0s and 1s, cluster after cluster."""
    return (rng.random(int(sizes.sum())) < np.repeat(chances(rng, p, correlation, len(sizes)), sizes)).astype(float)


def codes_of(sizes: np.ndarray, first: int = 0) -> np.ndarray:
    """Cluster numbers of the rows."""
    return np.repeat(np.arange(first, first + len(sizes)), sizes)


def as_column(values: np.ndarray, codes: np.ndarray) -> ScoreColumn:
    """Scores, all there, with one cluster factor."""
    return ScoreColumn(values, np.full(len(values), "", dtype=object), (codes,))


def share_cells() -> Iterator[Cell]:
    """Shares: rare and common hits, in every sort of clusters."""
    for words, sizes in SIZES.items():
        for kind, correlation in DEPENDENCE.items():
            if (sizes == 1).all() and correlation:
                continue
            for p in (0.01, 0.05, 0.2, 0.5):
                yield Cell("share of hits", f"{words}, {kind}", p, _share(p, correlation, sizes))


def _share(p: float, correlation: float, sizes: np.ndarray) -> Draw:
    codes = codes_of(sizes)
    return lambda rng: mean_reading(hits(rng, p, correlation, sizes), (codes,))


def graded_cells() -> Iterator[Cell]:
    """Scores between the ends: a long tail, and clusters that collapse once in a while."""
    sizes = SIZES["40 of 4"]
    codes = codes_of(sizes)
    yield Cell("graded scores", "40 of 4, beta(.3, 3) a cluster", 0.3 / 3.3,
               lambda rng: mean_reading(np.repeat(rng.beta(0.3, 3, 40), 4), (codes,)))
    for rate in (0.02, 0.1):
        def collapsing(rng: Rng, rate: float = rate) -> Reading:
            """Scores around .9; now and then a whole cluster has none."""
            values = np.clip(0.9 + 0.03 * rng.standard_normal(160), 0, 1)
            return mean_reading(np.where(np.repeat(rng.random(40) < rate, 4), 0.0, values), (codes,))

        data = f"40 of 4 around .9, one cluster in {1 / rate:g} has 0"
        yield Cell("graded scores", data, 0.9 * (1 - rate), collapsing)


def signed_cells() -> Iterator[Cell]:
    """Scores of −1, 0 and +1, as of a bias score, and differences of pairs."""
    for words in ("every row alone, 60", "40 of 4", "24 of 1 to 8", "30 of 1 and 10 of 8", "1 of 300 and 29 of 10"):
        sizes = SIZES[words]
        for kind, correlation in DEPENDENCE.items():
            if (sizes == 1).all() and correlation:
                continue
            for plus, minus in ((0.01, 0.01), (0.1, 0.02), (0.3, 0.3), (0.5, 0.2)):
                yield Cell("scores of −1, 0, +1", f"{words}, {kind}, +1 in {plus:g} and −1 in {minus:g}", plus - minus,
                           _signed(plus, minus, correlation, sizes))


def _signed(plus: float, minus: float, correlation: float, sizes: np.ndarray) -> Draw:
    codes = codes_of(sizes)

    def draw(rng: Rng) -> Reading:
        """What is not 0, and which sign it has, each by cluster."""
        signs = 2 * hits(rng, plus / (plus + minus), correlation, sizes) - 1
        return mean_reading(hits(rng, plus + minus, correlation, sizes) * signs, (codes,), (-1, 1))

    return draw


def paired_cells() -> Iterator[Cell]:
    """Two models on the same rows."""
    for words in ("40 of 4", "24 of 1 to 8"):
        sizes = SIZES[words]
        for first, second in ((0.6, 0.6), (0.7, 0.6), (0.98, 0.97)):
            yield Cell("two models, same rows", f"{words}, hard rows in common, {first:g} and {second:g}",
                       first - second, _paired(first, second, sizes))

    def collapsing(rng: Rng) -> Reading:
        """Nearly the same scores; in one cluster of 30 the new model has none."""
        sizes, old = SIZES["40 of 4"], np.clip(0.8 + 0.05 * rng.standard_normal(160), 0, 1)
        lost = np.repeat(rng.random(40) < 1 / 30, 4)
        return paired_difference(np.where(lost, 0.0, old), old, (codes_of(sizes),))

    yield Cell("two models, same rows", "40 of 4, graded, one cluster in 30 lost", -0.8 / 30, collapsing)


def _paired(first: float, second: float, sizes: np.ndarray) -> Draw:
    codes = codes_of(sizes)

    def draw(rng: Rng) -> Reading:
        """One rank a cluster says how hard its rows are for both; beta by its quantiles, as powers."""
        ease = np.repeat(rng.random(len(sizes)), sizes)
        # P(hit) = ease^(1/p − 1) has the mean p
        new, old = ((rng.random(len(ease)) < ease ** (1 / p - 1)).astype(float) for p in (first, second))
        return paired_difference(new, old, (codes,))

    return draw


def group_cells() -> Iterator[Cell]:
    """Differences and ratios of two groups; their true difference is often 0."""
    for words in ("20 of 4", "40 of 4", "24 of 1 to 8", "1 of 300 and 29 of 10"):
        sizes = SIZES[words]
        for kind, correlation in (("independent", 0.0), ("correlation .3", 0.3), ("all or none", 1.0)):
            for p_a, p_b in ((0.02, 0.02), (0.3, 0.3), (0.5, 0.3)):
                data = f"{words} each, {kind}, {p_a:g} and {p_b:g}"
                yield Cell("two groups apart", data, p_a - p_b, _apart(p_a, p_b, correlation, sizes))
                if words == "40 of 4":
                    yield Cell("ratio of two groups", data, p_a / p_b, _apart(p_a, p_b, correlation, sizes, ratio))
    for kind, turned in (("alike", False), ("opposite", True)):
        for p_a, p_b in ((0.02, 0.02), (0.1, 0.1), (0.5, 0.3)):
            data = f"40 templates of 2 and 2, {kind}, {p_a:g} and {p_b:g}"
            yield Cell("two groups, same templates", data, p_a - p_b, _crossed(p_a, p_b, turned))
            yield Cell("ratio, same templates", data, p_a / p_b, _crossed(p_a, p_b, turned, ratio))


def _apart(p_a: float, p_b: float, correlation: float, sizes: np.ndarray, contrast=difference) -> Draw:
    a, b = codes_of(sizes), codes_of(sizes, len(sizes))

    def draw(rng: Rng) -> Reading:
        """No cluster has rows of both."""
        groups = ((hits(rng, p, correlation, sizes), codes) for p, codes in ((p_a, a), (p_b, b)))
        return contrast(*(as_column(values, codes) for values, codes in groups))

    return draw


def _crossed(p_a: float, p_b: float, turned: bool, contrast=difference) -> Draw:
    codes = codes_of(np.full(40, 2))

    def draw(rng: Rng) -> Reading:
        """One rank a template: easy for both, or for one where it is hard for the other."""
        ease = rng.random(40)
        sides = ((ease, p_a), (1 - ease if turned else ease, p_b))
        values = [(rng.random(80) < np.repeat(e ** (1 / p - 1), 2)).astype(float) for e, p in sides]
        return contrast(*(as_column(v, codes) for v in values))

    return draw


def gap_cells() -> Iterator[Cell]:
    """The largest gap and the smallest ratio of several groups."""
    for count, size in ((2, 4), (4, 4), (8, 4), (12, 2)):
        data = f"{count} groups of 32 clusters of {size}, correlation .2"
        for shares, words in ((np.full(count, 0.3), "all .3"), (np.linspace(0.2, 0.5, count), ".2 to .5"),
                              (np.array([0.5] + [0.3] * (count - 1)), "one .5, others .3")):
            yield Cell("largest gap", f"{data}, {words}", float(np.ptp(shares)), _gap(shares, size, gap))
            yield Cell("smallest ratio", f"{data}, {words}", float(shares.min() / shares.max()),
                       _gap(shares, size, smallest_ratio))
    sizes = SIZES["1 of 300 and 29 of 10"]

    def dominated(rng: Rng) -> Reading:
        """Four groups alike, in each of which one author wrote half."""
        return gap({str(i): as_column(hits(rng, 0.3, 0.3, sizes), codes_of(sizes, 30 * i)) for i in range(4)})

    yield Cell("largest gap", "4 groups of 1 of 300 and 29 of 10, correlation .3, all .3", 0.0, dominated)


def _gap(shares: np.ndarray, size: int, contrast) -> Draw:
    sizes = np.full(32, size)

    def draw(rng: Rng) -> Reading:
        """Groups in clusters of their own."""
        groups = {str(i): as_column(hits(rng, p, 0.2, sizes), codes_of(sizes, 32 * i)) for i, p in enumerate(shares)}
        return contrast(groups)

    return draw


def crossed_cells() -> Iterator[Cell]:
    """Names × templates, both of which say how often a row is a hit."""
    for rows, columns in ((25, 30), (60, 24)):
        name, template = (grid.ravel() for grid in np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"))
        for weight in (0.3, 0.6):
            for p in (0.05, 0.3):
                data = f"{rows} × {columns}, copied with chance {weight:g}"
                yield Cell("share of hits, two crossed factors", data, p, _by_two(p, weight, name, template))


def _by_two(p: float, weight: float, name: np.ndarray, template: np.ndarray) -> Draw:
    def draw(rng: Rng) -> Reading:
        """A row takes the hit of its name, of its template, or one of its own: every one has the chance p."""
        sources = rng.random((3, len(name))) < p
        taken = rng.choice(3, len(name), p=[weight / 2, weight / 2, 1 - weight])
        values = np.choose(taken, [sources[0][name], sources[1][template], sources[2]]).astype(float)
        return mean_reading(values, (name, template))

    return draw
