"""Statistics over a corpus: worlds of unequal clusters that differ in difficulty, with rare classes and high values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np

from auditkit.measure.metrics.auroc import pairs_ranked_rightly
from auditkit.measure.metrics.calibration import equal_mass_error, equal_width_error, risk_over_coverage
from auditkit.measure.metrics.classification import class_correlation, mean_f1, size_weighted_f1
from auditkit.measure.metrics.entities import pooled_f1, share_of_words
from auditkit.measure.metrics.multilabel import GOLD, PREDICTED, f1_of_decisions
from auditkit.measure.metrics.multilabel import mean_f1 as labels_f1
from auditkit.measure.metrics.regression import linear_correlation, rank_correlation
from auditkit.measure.metrics.translation import corpus_bleu, corpus_chrf
from auditkit.stats.columns import ScoreColumn
from auditkit.stats.corpus import CorpusStatistic
from auditkit.stats.means import Reading

from .cells import Cell, Draw, Rng, codes_of

Parts = dict[str, Any]
World = Callable[[Rng, np.ndarray], Parts]

SIZES: dict[str, Callable[[Rng], np.ndarray]] = {
    "60 of 3 to 40": lambda rng: rng.integers(3, 41, 60),
    "300 by Zipf": lambda rng: np.maximum(1, np.round(48 / np.arange(1, 301) ** 0.9)).astype(int),
    "1 of 75 and 80 of 4": lambda rng: np.repeat([75, 4], [1, 80]),
    "20 of 8": lambda rng: np.full(20, 8),
}
"""Sizes of clusters by their words; at least 20 effective ones."""


def classes(shares: list[float], accuracy: float, alike: float = 4.0) -> World:
    """Classes of these shares, answered rightly in a share of the rows that differs between clusters."""
    names = np.array(list("abcdef")[: len(shares)])

    def world(rng: Rng, sizes: np.ndarray) -> Parts:
        n = int(sizes.sum())
        gold = rng.choice(len(shares), n, p=shares)
        easy = np.repeat(rng.beta(alike * accuracy, alike * (1 - accuracy), len(sizes)), sizes)
        said = np.where(rng.random(n) < easy, gold, rng.choice(len(shares), n))
        return {"gold": names[gold], "predicted": names[said]}

    return world


def ranked(rng: Rng, sizes: np.ndarray) -> Parts:
    """Scores that are higher for one class."""
    n = int(sizes.sum())
    positive = rng.random(n) < 0.3
    score = rng.normal(0, 1, n) + positive + np.repeat(rng.normal(0, 0.5, len(sizes)), sizes)
    chance = 1 / (1 + np.exp(-score))
    return {"gold": np.where(positive, "b", "a"), "p:b": chance, "p:a": 1 - chance}


def confident(gap: float) -> World:
    """Right less often than the model is confident, by so much on average."""
    def world(rng: Rng, sizes: np.ndarray) -> Parts:
        n = int(sizes.sum())
        confidence = rng.uniform(0.5, 1, n)
        shift = np.repeat(rng.uniform(-0.1, 0.1, len(sizes)), sizes)
        right = rng.random(n) < np.clip(confidence - gap + shift, 0, 1)
        return {"confidence": confidence, "correct": right.astype(float)}

    return world


def numbers(rng: Rng, sizes: np.ndarray) -> Parts:
    """Two columns of correlation .6."""
    n = int(sizes.sum())
    common = np.repeat(rng.normal(0, 0.7, (2, len(sizes))), sizes, axis=1)
    x = common[0] + rng.normal(0, 0.7, n)
    return {"predicted": x, "gold": 0.6 * x + 0.8 * (common[1] + rng.normal(0, 0.7, n))}


def entities(rate: float, alike: float = 6.0) -> World:
    """Entities that are found in a share that differs between clusters, and some that are not there."""
    def world(rng: Rng, sizes: np.ndarray) -> Parts:
        n = int(sizes.sum())
        easy = np.repeat(rng.beta(alike * rate, alike * (1 - rate), len(sizes)), sizes)
        gold = rng.poisson(1.3, n)
        found = rng.binomial(gold, easy)
        predicted = found + rng.poisson(0.25 * (1 - rate), n)
        return {"true_positives": found.astype(float), "gold": gold.astype(float), "predicted": predicted.astype(float)}

    return world


def translations(rng: Rng, sizes: np.ndarray) -> Parts:
    """Sentences whose n-grams match more often in some clusters."""
    n = int(sizes.sum())
    length = rng.integers(8, 35, n)
    quality = np.repeat(rng.beta(6, 4, len(sizes)), sizes)
    parts = {"candidate": length.astype(float), "reference": (length + rng.integers(-3, 5, n)).astype(float)}
    for order in range(1, 5):
        parts[f"total_{order}"] = (length - order + 1).astype(float)
        parts[f"matches_{order}"] = rng.binomial(length - order + 1, quality ** (0.8 * order)).astype(float)
    return parts


def characters(rng: Rng, sizes: np.ndarray) -> Parts:
    """Sentences whose character n-grams match more often in some clusters."""
    n = int(sizes.sum())
    length = rng.integers(40, 160, n)
    quality = np.repeat(rng.beta(6, 4, len(sizes)), sizes)
    parts = {}
    for order in range(1, 7):
        parts[f"candidate_{order}"] = (length - order + 1).astype(float)
        parts[f"reference_{order}"] = (length + rng.integers(-15, 20, n) - order + 1).astype(float)
        matches = rng.binomial(length - order + 1, quality ** (0.4 * order))
        parts[f"matches_{order}"] = np.minimum(matches, parts[f"reference_{order}"]).astype(float)
    return parts


def tagged(rng: Rng, sizes: np.ndarray) -> Parts:
    """Sentences of words, of which most are right."""
    n = int(sizes.sum())
    words = rng.integers(4, 30, n)
    easy = np.repeat(rng.beta(18, 2, len(sizes)), sizes)
    return {"correct": rng.binomial(words, easy).astype(float), "total": words.astype(float)}


def several_labels(rng: Rng, sizes: np.ndarray) -> Parts:
    """Rows that are of any of three classes, the last of which is rare."""
    n = int(sizes.sum())
    easy = np.repeat(rng.beta(9, 1, len(sizes)), sizes)
    parts = {}
    for name, share in (("a", 0.5), ("b", 0.3), ("c", 0.05)):
        gold = rng.random(n) < share
        parts[GOLD + name] = gold.astype(float)
        parts[PREDICTED + name] = np.where(rng.random(n) < easy, gold, rng.random(n) < share).astype(float)
    return parts


WORLDS: list[tuple[str, CorpusStatistic, World, tuple[float, float]]] = [
    ("macro F1, four classes", mean_f1, classes([0.4, 0.3, 0.2, 0.1], 0.7), (0, 1)),
    ("macro F1, a class of 5 %", mean_f1, classes([0.6, 0.35, 0.05], 0.8), (0, 1)),
    ("macro F1, few errors", mean_f1, classes([0.6, 0.35, 0.05], 0.98), (0, 1)),
    ("macro F1, clusters alike", mean_f1, classes([0.4, 0.3, 0.2, 0.1], 0.7, 400), (0, 1)),
    ("weighted F1", size_weighted_f1, classes([0.6, 0.35, 0.05], 0.8), (0, 1)),
    ("macro F1 of several labels", labels_f1, several_labels, (0, 1)),
    ("micro F1 of several labels", f1_of_decisions, several_labels, (0, 1)),
    ("Matthews correlation", class_correlation, classes([0.6, 0.4], 0.7), (-1, 1)),
    ("Matthews correlation, few errors", class_correlation, classes([0.9, 0.1], 0.98, 20), (-1, 1)),
    ("entity F1", pooled_f1, entities(0.8), (0, 1)),
    ("entity F1, few errors", pooled_f1, entities(0.97), (0, 1)),
    ("share of words", share_of_words, tagged, (0, 1)),
    ("BLEU", corpus_bleu, translations, (0, 100)),
    ("chrF", corpus_chrf, characters, (0, 100)),
    ("AUROC", pairs_ranked_rightly, ranked, (0, 1)),
    ("Pearson correlation", linear_correlation, numbers, (-1, 1)),
    ("Spearman correlation", rank_correlation, numbers, (-1, 1)),
    ("calibration error, calibrated", equal_width_error, confident(0.0), (0, 1)),
    ("calibration error .05", equal_width_error, confident(0.05), (0, 1)),
    ("calibration error .15", equal_width_error, confident(0.15), (0, 1)),
    ("calibration error, equal mass, .15", equal_mass_error, confident(0.15), (0, 1)),
    ("risk over coverage", risk_over_coverage, confident(0.1), (0, 1)),
]


def corpus_cells() -> Iterator[Cell]:
    """Every world with every sort of clusters."""
    for words, statistic, world, range in WORLDS:
        for sizes_words, sizes in SIZES.items():
            yield Cell(words, sizes_words, _truth(statistic, world), _drawn(statistic, world, sizes, range))


@cache
def _truth(statistic: CorpusStatistic, world: World) -> float:
    """The statistic of very many clusters."""
    value = statistic.value(world(np.random.default_rng(99), np.full(20_000, 8)))
    if value is None:
        raise ValueError(f"{statistic.name}: undefined in a world of 160,000 rows")
    return value


def _drawn(
    statistic: CorpusStatistic, world: World, sizes: Callable[[Rng], np.ndarray], range: tuple[float, float]
) -> Draw:
    def draw(rng: Rng) -> Reading:
        clusters = sizes(rng)
        codes = codes_of(clusters)
        n = len(codes)
        column = ScoreColumn(np.full(n, np.nan), np.full(n, "", dtype=object), (codes,), world(rng, clusters))
        return statistic.read(column, range, 0)

    return draw
