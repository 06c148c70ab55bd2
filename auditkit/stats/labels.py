"""Statistics of classification: parts `gold` and `predicted` (class names), or `gold` and `p:CLASS` (probabilities).

Equal to scikit-learn's on the same rows (tests hold them so), with two conventions of its own: a mean over classes is
over those that are gold of a row (scikit-learn: `labels=` those), and what scikit-learn calls 0 for want of a
denominator is undefined.
"""

from __future__ import annotations

import heapq
from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from auditkit.stats.clusters import Codes
from auditkit.stats.columns import Floats
from auditkit.stats.corpus import Additive, CorpusStatistic, Fills, Parts, Prepared, Weighted

PROBABILITY = "p:"
"""Prefix of a part that holds the probability of a class."""

_Mask = npt.NDArray[np.bool_]


def ties(ordered: Floats) -> Codes:
    """Where each run of equal numbers begins."""
    return np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))


def _coded(parts: Parts) -> tuple[Codes, Codes, Floats, int]:
    """Gold and predicted class as numbers, whether they agree, and the number of classes."""
    n = len(parts["gold"])
    classes, codes = np.unique(np.concatenate([parts["gold"], parts["predicted"]]), return_inverse=True)
    gold, predicted = codes[:n], codes[n:]
    hit = (gold == predicted).astype(np.float64)
    return gold, predicted, hit if "hit" not in parts else hit * parts["hit"], len(classes)


def _tables(parts: Parts, combine: Any) -> Additive:
    """Sums of hits, gold and predicted rows, a class each: shape (G, 3K)."""
    gold, predicted, hit, k = _coded(parts)

    def sums(codes: Codes, count: int) -> Floats:
        """Hits, gold and predicted rows a class, a draw each: shape (count, 3K)."""
        tables = [
            np.bincount(codes * k + column, weights, count * k).reshape(count, k)
            for column, weights in ((gold, hit), (gold, None), (predicted, None))
        ]
        return np.concatenate(tables, axis=1)

    def of(totals: Floats) -> Floats:
        """The statistic of each draw: (G, 3K) to (G,)."""
        found: Floats = combine(*np.split(totals, 3, axis=1))
        return found

    return Additive(sums, of)


def _macro(hits: Floats, gold: Floats, predicted: Floats) -> Floats:
    present = gold > 0
    f1 = np.where(present, 2 * hits / np.where(present, gold + predicted, 1), 0)
    return np.asarray(f1.sum(axis=1) / present.sum(axis=1))


def _weighted(hits: Floats, gold: Floats, predicted: Floats) -> Floats:
    f1 = np.where(gold > 0, 2 * hits / np.where(gold > 0, gold + predicted, 1), 0)
    return np.asarray((gold * f1).sum(axis=1) / gold.sum(axis=1))


def _matthews(hits: Floats, gold: Floats, predicted: Floats) -> Floats:
    """R_K of Gorodkin 2004; for two classes the correlation of both columns."""
    n = gold.sum(axis=1)
    above = hits.sum(axis=1) * n - (gold * predicted).sum(axis=1)
    below = (n**2 - (gold**2).sum(axis=1)) * (n**2 - (predicted**2).sum(axis=1))
    return np.where(below > 0, above / np.sqrt(np.where(below > 0, below, 1)), np.nan)


def _f1_fill(weighted: bool) -> Any:
    def fill(parts: Parts, missing: _Mask) -> Fills:
        """Highest: each missing row right. Lowest: each wrong, and given to the classes whose F1 suffers most.

        The F1 of a class falls ever more slowly with each wrong prediction of it, so that the greedy choice is the
        worst one; a row may be given even to its own class (as wrong), which bounds what it could be.
        """
        gold = parts["gold"]
        scored = ~missing
        hits = Counter(gold[scored & (gold == parts["predicted"])].tolist())
        size = Counter(gold.tolist())
        size.update(parts["predicted"][scored].tolist())
        support = Counter(gold.tolist())
        heap = [(-_loss(hits[c], size[c], support[c] if weighted else 1), c) for c in support]
        heapq.heapify(heap)
        wrong = parts["predicted"].copy().astype(object)
        for row in np.flatnonzero(missing):
            _, worst = heapq.heappop(heap)
            wrong[row] = worst
            size[worst] += 1
            heapq.heappush(heap, (-_loss(hits[worst], size[worst], support[worst] if weighted else 1), worst))
        right = np.where(missing, gold, parts["predicted"])
        return (
            {"gold": gold, "predicted": wrong.astype(str), "hit": scored.astype(np.float64)},
            {"gold": gold, "predicted": right},
        )

    return fill


def _loss(hits: int, size: int, weight: float) -> float:
    """By how much F1 falls when a class is wrongly predicted once more."""
    return weight * 2 * hits * (1 / size - 1 / (size + 1))


def _matthews_fill(parts: Parts, missing: _Mask) -> Fills:
    """With two classes every right answer raises it and every wrong one lowers it. With more, no bound is known."""
    gold, predicted = parts["gold"], parts["predicted"]
    classes = np.unique(np.concatenate([gold, predicted[~missing]]))
    if len(classes) != 2:
        return None
    other = np.where(gold == classes[0], classes[1], classes[0])
    return (
        {"gold": gold, "predicted": np.where(missing, other, predicted)},
        {"gold": gold, "predicted": np.where(missing, gold, predicted)},
    )


def _auroc(parts: Parts) -> Prepared:
    gold = parts["gold"]
    classes = np.unique(gold).tolist()
    columns = [np.asarray(parts.get(PROBABILITY + name, np.zeros(len(gold))), dtype=np.float64) for name in classes]
    if len(classes) == 2 and np.allclose(columns[0] + columns[1], 1.0, rtol=0, atol=1e-9):
        classes = classes[:1]  # both classes rank the rows alike
    prepared = []
    for name, column in zip(classes, columns, strict=False):
        order = np.argsort(column, kind="stable")
        starts = ties(column[order])
        prepared.append((order, starts, (gold[order] == name).astype(np.float64)))

    def compute(weights: Floats) -> Floats:
        """Mann–Whitney: the share of pairs ranked rightly, ties counting one half; the mean over classes."""
        found = np.full((len(prepared) + 1, len(weights)), np.nan)
        for i, (order, starts, positive) in enumerate(prepared):
            ordered = weights[:, order]
            up = np.add.reduceat(ordered * positive, starts, axis=1)
            down = np.add.reduceat(ordered * (1 - positive), starts, axis=1)
            below = down.cumsum(axis=1) - down / 2
            found[i] = (up * below).sum(axis=1) / (up.sum(axis=1) * down.sum(axis=1))
        known = ~np.isnan(found)
        return np.asarray(np.where(known, found, 0).sum(axis=0) / known.sum(axis=0))

    return Weighted(compute)


def _auroc_fill(parts: Parts, missing: _Mask) -> Fills:
    low, high = dict(parts), dict(parts)
    for name in parts:
        if name.startswith(PROBABILITY):
            right = (parts["gold"] == name.removeprefix(PROBABILITY)).astype(np.float64)
            low[name], high[name] = np.where(missing, 1 - right, parts[name]), np.where(missing, right, parts[name])
    return low, high


macro_f1 = CorpusStatistic("macro_f1", lambda parts: _tables(parts, _macro), _f1_fill(weighted=False))
weighted_f1 = CorpusStatistic("weighted_f1", lambda parts: _tables(parts, _weighted), _f1_fill(weighted=True))
matthews_correlation = CorpusStatistic(
    "matthews_correlation", lambda parts: _tables(parts, _matthews), _matthews_fill,
    undefined="all rows are of one class, or all answers are",
)
auroc = CorpusStatistic("auroc", _auroc, _auroc_fill, undefined="all rows are of one class")
