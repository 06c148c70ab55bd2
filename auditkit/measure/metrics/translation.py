"""Translations: BLEU and chrF by sacreBLEU, 0 to 100 as they are published.

sacreBLEU counts n-grams, sentence by sentence; the corpus formulas stand here too, since they are needed under any
weights of the sentences. Sources: Papineni et al. 2002 and Post 2018 (BLEU); Popović 2015 (chrF).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from auditkit.measure.answers import read_text, right_texts
from auditkit.measure.definition import Context, metric
from auditkit.measure.evaluate_form import Computed, EvaluateForm
from auditkit.measure.scorers.refusal import refuses
from auditkit.measure.scorers.scripts import main_script
from auditkit.schema import Benchmark, Output, Sample, Score
from auditkit.stats.columns import Floats, Mask
from auditkit.stats.corpus import statistic
from auditkit.stats.weighted import Additive, Fills, Parts

_READ_FOR_SCRIPT = 2_000
"""Samples whose references tell the script."""
ORDERS = 4
"""Longest word n-gram of BLEU."""
CHARACTERS = 6
"""Longest character n-gram of chrF."""
BLEU_PARTS = (
    "candidate", "reference",
    *(f"{count}_{order}" for count in ("matches", "total") for order in range(1, ORDERS + 1)),
)
"""Names of BLEU's parts, in the order of sacreBLEU's statistics."""
CHRF_PARTS = tuple(
    f"{count}_{order}" for order in range(1, CHARACTERS + 1) for count in ("candidate", "reference", "matches")
)
"""Names of chrF's parts, in the order of sacreBLEU's statistics."""

# The corpus formulas


def _best_alone(parts: Parts, missing: Mask) -> Fills:
    """Highest: the references themselves. No lowest is known: a wrong text may be of any length, and so add any number
    of unmatched n-grams to the corpus."""
    return None, parts


def _bleu_of_sums(sums: Floats) -> Floats:
    """Sums of candidate and reference length, matches and n-grams of each order → BLEU, 0 to 100, smoothed 'exp'.

    As sacreBLEU: an order without a match counts ½, ¼ … of one; no n-gram at all of some order, or no match, is 0.
    """
    candidate, reference, matches, totals = sums[:, 0], sums[:, 1], sums[:, 2 : 2 + ORDERS], sums[:, 2 + ORDERS :]
    halvings = np.where(matches > 0, 0, 1).cumsum(axis=1)
    counted = np.where(matches > 0, matches, 0.5**halvings)
    possible = (totals > 0).all(axis=1) & (matches > 0).any(axis=1)
    # the geometric mean of the precisions (Papineni et al. 2002, §2.3), in per cent
    logs = np.log(100 * counted / np.where(totals > 0, totals, 1)).mean(axis=1)
    length = np.where(candidate > 0, candidate, 1)
    brevity = np.where(candidate < reference, np.exp(1 - reference / length), 1.0)
    return np.asarray(np.where(possible, brevity * np.exp(logs), 0.0))


def _chrf_of_sums(sums: Floats) -> Floats:
    """Sums of candidate n-grams, reference n-grams and matches of each order → chrF2, 0 to 100.

    Precision and recall are averaged over the orders of which both texts have an n-gram; β = 2, so that F is
    5·P·R/(4·P + R) (Popović 2015, eq. 1).
    """
    candidate, reference, matches = (sums[:, i::3] for i in range(3))
    counted = (candidate > 0) & (reference > 0)
    orders = np.maximum(counted.sum(axis=1), 1)
    precision, recall = (
        np.where(counted, matches / np.where(counted, size, 1), 0).sum(axis=1) / orders
        for size in (candidate, reference)
    )
    below = 4 * precision + recall
    return np.where(below > 0, 100 * 5 * precision * recall / np.where(below > 0, below, 1), 0.0)


@statistic(fill=_best_alone, holds=True)
def corpus_bleu(parts: Parts) -> Additive:
    """BLEU of the corpus from `BLEU_PARTS`."""
    return Additive.of([parts[name] for name in BLEU_PARTS], _bleu_of_sums)


@statistic(fill=_best_alone, holds=True)
def corpus_chrf(parts: Parts) -> Additive:
    """chrF2 of the corpus from `CHRF_PARTS`."""
    return Additive.of([parts[name] for name in CHRF_PARTS], _chrf_of_sums)


# sacreBLEU: its tokenizer by script, its counts and its signature


def tokenizer(texts: Sequence[str]) -> str:
    """sacreBLEU's tokenizer for the script that texts are written in.

    13a splits at spaces, so that a Chinese sentence would be one word: `zh` for Han, `ja-mecab` for Japanese where
    MeCab is installed, else `char`, and `char` for Thai, Lao, Tibetan, Myanmar and Khmer.
    """
    script = main_script(texts)
    japanese = "ja-mecab" if find_spec("MeCab") and find_spec("ipadic") else "char"
    return {"spaced": "13a", "han": "zh", "kana": japanese}.get(script, "char")


def _numbers(samples: Sequence[Sample]) -> int:
    counts = {len(right_texts(sample)) for sample in samples} - {0}
    return counts.pop() if len(counts) == 1 else -1


def _bleu_context(card: Benchmark, samples: Sequence[Sample]) -> Context:
    name = tokenizer([text for sample in samples[:_READ_FOR_SCRIPT] for text in right_texts(sample)])
    return {"bleu": _signature(bleu_scorer(name), samples), "tokenizer": name}


def _chrf_context(card: Benchmark, samples: Sequence[Sample]) -> Context:
    return {"chrf": _signature(chrf_scorer(), samples)}


def _signature(scorer: Any, samples: Sequence[Sample]) -> str:
    scorer.num_refs = _numbers(samples)
    return str(scorer.get_signature())


@cache
def bleu_scorer(name: str) -> Any:
    """sacreBLEU's BLEU with a tokenizer; all else as published."""
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(tokenize=name)


@cache
def chrf_scorer() -> Any:
    """sacreBLEU's chrF2: character 6-grams, β = 2, no words."""
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()


def _counts(scorer: Any, names: tuple[str, ...], text: str, golds: tuple[str, ...]) -> dict[str, float | str]:
    """The sums that a sentence adds to the corpus, as sacreBLEU counts them."""
    counts = scorer._extract_corpus_statistics([text], [[gold] for gold in golds])[0]
    return dict(zip(names, (float(count) for count in counts), strict=True))


def _best_bleu(sample: Sample, context: Context) -> dict[str, float | str] | None:
    golds = right_texts(sample)
    return _counts(bleu_scorer(context["tokenizer"]), BLEU_PARTS, golds[0], golds) if golds else None


def _best_chrf(sample: Sample, context: Context) -> dict[str, float | str] | None:
    golds = right_texts(sample)
    return _counts(chrf_scorer(), CHRF_PARTS, golds[0], golds) if golds else None


def _by_sacrebleu(scorer_of: Callable[[str], Any]) -> EvaluateForm:
    """The same by sacreBLEU's own corpus score, with its signature."""

    def compute(predictions: list[str], references: list[list[str]], tokenize: str | None = None) -> Computed:
        """References are lists of right texts, of which a sentence may have fewer than another."""
        most = max(len(golds) for golds in references)
        streams = [[golds[i] if i < len(golds) else None for golds in references] for i in range(most)]
        scorer = scorer_of(tokenize or tokenizer([gold for golds in references for gold in golds]))
        value = float(scorer.corpus_score(predictions, streams).score)
        return value, {"signature": str(scorer.get_signature())}

    return EvaluateForm(compute, "text", "texts", "https://github.com/mjpost/sacrebleu")


# The metrics


def _translated(name: str, sample: Sample, output: Output) -> str | Score:
    if not right_texts(sample):
        return Score(sample_id=sample.id, metric=name, value=None, reason="outside")
    answer = read_text(output)
    # where the right text reads as a refusal, a translation of it does too
    expected = output.finish_reason != "refusal" and any(refuses(gold) for gold in right_texts(sample))
    if answer.reason is not None and not (answer.reason == "refused" and expected):
        return Score(sample_id=sample.id, metric=name, value=None, reason=answer.reason)
    return answer.text


@metric("bleu", range=(0, 100), direction="higher", statistic=corpus_bleu, best=_best_bleu, context=_bleu_context,
        title="BLEU", evaluate=_by_sacrebleu(bleu_scorer))
def bleu(sample: Sample, output: Output, context: Context) -> Score:
    """Corpus BLEU of sacreBLEU: geometric mean of 1- to 4-gram precision, times a brevity penalty.

    Range [0, 100], higher is better. The tokenizer follows the script of the references; its signature stands in the
    estimate's. A sentence scores sacreBLEU's sentence BLEU (effective order). Unscored ones are filled with the
    reference itself; how low they could bring it is not known, since a wrong text may be of any length. Sources:
    Papineni et al. 2002; Post 2018.
    """
    text = _translated("bleu", sample, output)
    if isinstance(text, Score):
        return text
    scorer = bleu_scorer(context["tokenizer"])
    parts = _counts(scorer, BLEU_PARTS, text, right_texts(sample))
    sums = [int(value) for value in parts.values()]
    value = scorer.compute_bleu(sums[2:6], sums[6:], sums[0], sums[1], smooth_method="exp", effective_order=True).score
    return Score(sample_id=sample.id, metric="bleu", value=min(100.0, value), answer=text, parts=parts)


@metric("chrf", range=(0, 100), direction="higher", statistic=corpus_chrf, best=_best_chrf, context=_chrf_context,
        title="chrF2", evaluate=_by_sacrebleu(lambda tokenizer_name: chrf_scorer()))
def chrf(sample: Sample, output: Output, context: Context) -> Score:
    """Corpus chrF2 of sacreBLEU: F of character 1- to 6-grams, recall counting twice as much as precision.

    Range [0, 100], higher is better; it needs no tokenizer. A sentence scores its own. Unscored ones are filled as for
    BLEU. Source: Popović 2015; sacreBLEU's signature stands in the estimate's.
    """
    text = _translated("chrf", sample, output)
    if isinstance(text, Score):
        return text
    parts = _counts(chrf_scorer(), CHRF_PARTS, text, right_texts(sample))
    value = chrf_scorer()._compute_f_score(list(parts.values()))
    return Score(sample_id=sample.id, metric="chrf", value=min(100.0, value), answer=text, parts=parts)
