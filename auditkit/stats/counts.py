"""Statistics of counts summed over the corpus: micro F1, pooled shares, multi-label F1, BLEU and chrF.

Sources: Papineni et al. 2002 and Post 2018 (BLEU as sacreBLEU sums it); Popović 2015 (chrF).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from auditkit.stats.columns import Floats
from auditkit.stats.corpus import Additive, CorpusStatistic, Fills, Parts, Prepared

ORDERS = 4
"""Longest word n-gram of BLEU."""
CHARACTERS = 6
"""Longest character n-gram of chrF."""
GOLD, PREDICTED = "gold:", "predicted:"
"""Prefixes of the parts (0 or 1) of a multi-label row, a class each."""

_Mask = npt.NDArray[np.bool_]


def _harmonic(hits: Floats, gold: Floats, predicted: Floats) -> Floats:
    size = gold + predicted
    return np.where(size > 0, 2 * hits / np.where(size > 0, size, 1), np.nan)


def _micro(parts: Parts) -> Prepared:
    terms = [parts["true_positives"], parts["gold"], parts["predicted"]]
    return Additive.of(terms, lambda sums: _harmonic(*sums.T))


def _best_alone(parts: Parts, missing: _Mask) -> Fills:
    """Highest: the best possible answers. No lowest is known: a wrong answer may be of any length, and so add any
    number of unmatched n-grams or invented entities to the corpus."""
    return None, parts


def _share(parts: Parts) -> Prepared:
    return Additive.of([parts["correct"], parts["total"]], lambda sums: np.asarray(sums[:, 0] / sums[:, 1]))


def _share_fill(parts: Parts, missing: _Mask) -> Fills:
    return {**parts, "correct": np.where(missing, 0.0, parts["correct"])}, parts


def _classes(parts: Parts) -> list[str]:
    return sorted({name.split(":", 1)[1] for name in parts if name.startswith((GOLD, PREDICTED))})


def _multilabel(parts: Parts, combine: Any) -> Prepared:
    n = len(next(iter(parts.values())))
    absent = np.zeros(n)
    gold = [np.asarray(parts.get(GOLD + name, absent), dtype=np.float64) for name in _classes(parts)]
    predicted = [np.asarray(parts.get(PREDICTED + name, absent), dtype=np.float64) for name in _classes(parts)]
    terms = [*(g * p for g, p in zip(gold, predicted, strict=True)), *gold, *predicted]
    return Additive.of(terms, lambda sums: np.asarray(combine(*np.split(sums, 3, axis=1))))


def _multilabel_macro(hits: Floats, gold: Floats, predicted: Floats) -> Floats:
    present = gold > 0
    f1 = np.where(present, _harmonic(hits, gold, predicted), 0)
    return np.asarray(f1.sum(axis=1) / present.sum(axis=1))


def _multilabel_micro(hits: Floats, gold: Floats, predicted: Floats) -> Floats:
    return _harmonic(hits.sum(axis=1), gold.sum(axis=1), predicted.sum(axis=1))


def _multilabel_fill(parts: Parts, missing: _Mask) -> Fills:
    """Highest: exactly the classes that are true. Lowest: exactly those that are not."""
    absent = np.zeros(len(missing))
    low, high = dict(parts), dict(parts)
    for name in _classes(parts):
        gold, predicted = parts.get(GOLD + name, absent), parts.get(PREDICTED + name, absent)
        low[PREDICTED + name] = np.where(missing, 1 - gold, predicted)
        high[PREDICTED + name] = np.where(missing, gold, predicted)
    return low, high


def _bleu(sums: Floats) -> Floats:
    """Sums of candidate and reference length, matches and n-grams of each order → BLEU, 0 to 100, smoothed 'exp'.

    As sacreBLEU: an order without a match counts ½, ¼ … of one; no n-gram at all of some order, or no match, is 0.
    """
    candidate, reference, matches, totals = sums[:, 0], sums[:, 1], sums[:, 2 : 2 + ORDERS], sums[:, 2 + ORDERS :]
    halvings = np.where(matches > 0, 0, 1).cumsum(axis=1)
    counted = np.where(matches > 0, matches, 0.5**halvings)
    possible = (totals > 0).all(axis=1) & (matches > 0).any(axis=1)
    logs = np.log(100 * counted / np.where(totals > 0, totals, 1)).mean(axis=1)
    length = np.where(candidate > 0, candidate, 1)
    brevity = np.where(candidate < reference, np.exp(1 - reference / length), 1.0)
    return np.asarray(np.where(possible, brevity * np.exp(logs), 0.0))


BLEU_PARTS = (
    "candidate", "reference",
    *(f"{what}_{order}" for what in ("matches", "total") for order in range(1, ORDERS + 1)),
)
"""Names of BLEU's parts, in the order of sacreBLEU's statistics."""
CHRF_PARTS = tuple(
    f"{what}_{order}" for order in range(1, CHARACTERS + 1) for what in ("candidate", "reference", "matches")
)
"""Names of chrF's parts, in the order of sacreBLEU's statistics."""


def _chrf(sums: Floats) -> Floats:
    """Sums of candidate n-grams, reference n-grams and matches of each order → chrF2, 0 to 100."""
    candidate, reference, matches = (sums[:, i::3] for i in range(3))
    known = (candidate > 0) & (reference > 0)
    orders = np.maximum(known.sum(axis=1), 1)
    precision, recall = (
        np.where(known, matches / np.where(known, size, 1), 0).sum(axis=1) / orders for size in (candidate, reference)
    )
    below = 4 * precision + recall
    return np.where(below > 0, 100 * 5 * precision * recall / np.where(below > 0, below, 1), 0.0)


def _of(names: tuple[str, ...], combine: Any) -> Any:
    return lambda parts: Additive.of([parts[name] for name in names], combine)


pooled_f1 = CorpusStatistic("pooled_f1", _micro, _best_alone, undefined="nothing was there and nothing was found")
pooled_share = CorpusStatistic("pooled_share", _share, _share_fill)
multilabel_macro_f1 = CorpusStatistic(
    "multilabel_macro_f1", lambda parts: _multilabel(parts, _multilabel_macro), _multilabel_fill,
    undefined="no row has a class",
)
multilabel_micro_f1 = CorpusStatistic(
    "multilabel_micro_f1", lambda parts: _multilabel(parts, _multilabel_micro), _multilabel_fill,
    undefined="no row has a class, and none was predicted",
)
bleu = CorpusStatistic("bleu", _of(BLEU_PARTS, _bleu), _best_alone)
chrf = CorpusStatistic("chrf", _of(CHRF_PARTS, _chrf), _best_alone)
